// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <QString>
#include <QThread>

#include <chrono>
#include <functional>
#include <map>
#include <memory>

namespace tidemill::host {

// Runs a function in the thread that `context` lives in and waits for it, but not for ever. False if it had
// not come back in time: then it may still run, so it must own what it uses.
bool runIn(QObject *context, std::chrono::milliseconds limit, std::function<void()> function);

// The threads that nodes live in, by name; nodes of the same name share one. "main" is the thread of the
// host. Main thread only.
class NodeThreads
{
public:
    ~NodeThreads();

    QThread *thread(const QString &name);
    // Ends all of them; false if one did not end within the limit. Such a thread is left alone.
    bool stop(std::chrono::milliseconds limit);

private:
    std::map<QString, std::unique_ptr<QThread>> m_threads;
};

} // namespace tidemill::host
