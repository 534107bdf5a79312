// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tidemill/timestamp.h>

#include <algorithm>
#include <chrono>
#include <optional>

namespace tidemill::net {

// When a recorded moment is due. Pure: takes times.
class ReplayPace
{
public:
    using Clock = std::chrono::steady_clock;

    // So many times as fast as it was; 0: as fast as it goes.
    explicit ReplayPace(double speed) : m_speed(speed) {}

    std::chrono::nanoseconds wait(Timestamp recorded, Clock::time_point now)
    {
        if (m_speed <= 0 || recorded.isNull())
            return {};
        if (!m_from)
            m_from = {recorded, now};
        const auto passed = std::chrono::duration<double, std::nano>(recorded - m_from->recorded) / m_speed;
        const auto due = passed - (now - m_from->now);
        // A recording may have any time in it; who waits that long looks again.
        const std::chrono::duration<double, std::nano> longest(std::chrono::hours(1));
        return std::chrono::duration_cast<std::chrono::nanoseconds>(
            std::clamp(due, std::chrono::duration<double, std::nano>(0), longest));
    }

    // Time stood still: the next moment is due at once.
    void restart() { m_from.reset(); }

private:
    struct From
    {
        Timestamp recorded;
        Clock::time_point now;
    };

    double m_speed;
    std::optional<From> m_from;
};

} // namespace tidemill::net
