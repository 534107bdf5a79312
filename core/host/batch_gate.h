// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <QtGlobal>

#include <chrono>
#include <optional>

namespace tidemill::host {

// Says when the records that wait for a sink are enough to begin a group: at once without a linger; with one
// when they fill a group, or when the first of them has waited for so long. A plain value; whoever has it
// keeps the time.
class BatchGate
{
public:
    using Clock = std::chrono::steady_clock;

    struct Settings
    {
        quint64 rows = 5'000;
        quint64 bytes = 4 << 20;
        std::chrono::milliseconds linger{0};
    };

    explicit BatchGate(const Settings &settings) : m_settings(settings) {}

    bool lingers() const { return m_settings.linger.count() > 0; }
    // Nothing: a group may begin. Otherwise how long to wait unless more comes.
    std::optional<std::chrono::milliseconds> timeLeft(quint64 waitingRows, quint64 waitingBytes,
                                                      Clock::time_point now = Clock::now());
    // A group has gone out that was begun then: what waits now may have waited since.
    void noteGroup(Clock::time_point begun) { m_since = begun; }
    // A shutdown: nothing waits any more.
    void open() { m_settings.linger = {}; }

private:
    Settings m_settings;
    std::optional<Clock::time_point> m_since; // the first of those that wait
};

} // namespace tidemill::host
