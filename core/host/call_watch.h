// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <QString>

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

namespace tidemill::host {

// Ends the process with exit code 1 when a call into a plugin in the main thread does not come back: nobody
// can interrupt it and nothing else runs meanwhile, so whoever started the process must hear of it. Watches
// from a thread of its own.
class CallWatch
{
public:
    // `culprit` says what has not come back, for the log; called in the watching thread.
    CallWatch(std::chrono::milliseconds limit, std::function<QString()> culprit);
    ~CallWatch();
    CallWatch(const CallWatch &) = delete;
    CallWatch &operator=(const CallWatch &) = delete;

    // Around each call; the time runs anew for each.
    void begin();
    void end();

private:
    enum class Phase { Idle, Called, Over };

    void setPhase(Phase phase);
    void watch();

    const std::chrono::milliseconds m_limit;
    const std::function<QString()> m_culprit;
    std::mutex m_lock;
    std::condition_variable m_changed;
    Phase m_phase = Phase::Idle;
    quint64 m_calls = 0;
    std::thread m_thread;
};

} // namespace tidemill::host
