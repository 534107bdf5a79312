// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <optional>

namespace tidemill::net {

// How often something comes, learnt from when it came, and from that: after which silence it is worth asking.
//
// Two measures, of which the longer counts. The mean and its deviation, smoothed, say what a steady stream
// does; a multiple of both is what chance alone does not explain. The longest gap, slowly forgotten, says
// what a stream in bursts does, whose mean is that of the bursts. Pure: knows no clock.
class StreamRhythm
{
public:
    using Clock = std::chrono::steady_clock;

    StreamRhythm(std::chrono::milliseconds floor, std::chrono::milliseconds ceiling);

    // Of what comes at the very same time (in one read), only one counts.
    void heard(Clock::time_point now);
    // What came before says nothing about the next gap: after a pause, on a new connection.
    void restart() { m_last.reset(); }
    // The silence was looked into and there was nothing wrong: twice the time, until shorter gaps have been
    // the rule for long.
    void relax();

    bool isLearnt() const;
    // The ceiling until something was learnt. Longer than that only where the stream itself has shown such
    // gaps, or was relaxed.
    std::chrono::milliseconds limit() const;

private:
    void learn(double gap);

    double m_floor; // all in seconds
    double m_ceiling;
    double m_mean = 0;
    double m_deviation = 0;
    double m_longest = 0;
    double m_observed = 0;  // time over which gaps were learnt
    double m_forgotten = 0; // m_observed when the longest gap was last shortened
    int m_gaps = 0;         // learnt, up to the weight of the mean
    std::optional<Clock::time_point> m_last;
};

} // namespace tidemill::net
