// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "thread_end.h"

#include <QString>
#include <QThread>

#include <chrono>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>

namespace tidemill::host {

// A thread with an event loop that runs functions for others. What crosses is in a queue behind a mutex; the
// event that wakes the loop is empty, so that ThreadSanitizer can follow everything without Qt's being
// instrumented.
class NodeThread final : public QThread
{
public:
    NodeThread();
    ~NodeThread() override; // after wait()

    // Any thread. Functions run in the order in which they came; those still waiting when the thread ends
    // never do.
    void post(std::function<void()> function);

protected:
    void run() override;

private:
    class Receiver;

    void runWaiting();

    std::mutex m_lock;
    std::deque<std::function<void()>> m_waiting;
    std::unique_ptr<Receiver> m_receiver;
    ThreadEnd m_end;
};

// Runs a function in the thread that `context` lives in and waits for it, but not for ever. False if it had
// not come back in time: then it may still run, so it must own what it uses. That thread is the calling one
// or a NodeThread.
bool runIn(QObject *context, std::chrono::milliseconds limit, std::function<void()> function);
bool runIn(QThread *thread, std::chrono::milliseconds limit, std::function<void()> function);

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
    std::map<QString, std::unique_ptr<NodeThread>> m_threads;
};

} // namespace tidemill::host
