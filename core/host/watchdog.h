// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <QString>

#include <chrono>
#include <functional>
#include <thread>

namespace tidemill::host {

class HostStatus;

// Ends the process with exit code 1 if it has not ended by itself some time after it was told to: a plugin
// that never returns must not keep a service from stopping. Waits in a thread of its own, asleep until then.
class Watchdog
{
public:
    // `culprit` says what has not come back, for the log; called in the watchdog's thread.
    Watchdog(std::chrono::milliseconds limit, std::function<QString()> culprit);
    ~Watchdog();
    Watchdog(const Watchdog &) = delete;
    Watchdog &operator=(const Watchdog &) = delete;

    // The time runs from the first call. Any thread, also within a signal handler.
    void begin() const noexcept;

private:
    void wait();

    std::chrono::milliseconds m_limit;
    std::function<QString()> m_culprit;
    int m_begun = -1; // eventfds
    int m_ended = -1;
    std::thread m_thread;
};

// The nodes that are being created or within start() or stop() now, or that it must be something else.
QString describeStuck(const HostStatus &status);

} // namespace tidemill::host
