// SPDX-License-Identifier: Apache-2.0
#include "stream_rhythm.h"

#include <algorithm>
#include <cmath>

namespace tidemill::net {

namespace {

constexpr int weight = 32;    // gaps that the mean looks back on
constexpr int firstGaps = 16; // fewer say nothing
// A burst at the beginning (a snapshot and what had waited behind it) is no rhythm yet.
constexpr double firstFloors = 2;
// For arrivals at random (Poisson) the two together are 20 means, which a gap exceeds once in 5e8 times; the
// slack is for what 32 gaps get wrong about the mean.
constexpr double means = 8;
constexpr double deviations = 16;
constexpr double longestGaps = 3;
constexpr double forget = 1.0 / 1024;
// Not for each arrival, as one burst of thousands would forget the pause before it.
constexpr double forgetEvery = 0.1;
constexpr double maxLimit = 24.0 * 3600;

} // namespace

StreamRhythm::StreamRhythm(std::chrono::milliseconds floor, std::chrono::milliseconds ceiling)
    : m_floor(std::chrono::duration<double>(floor).count())
    , m_ceiling(std::chrono::duration<double>(std::max(floor, ceiling)).count())
{}

void StreamRhythm::heard(Clock::time_point now)
{
    if (m_last && now <= *m_last)
        return;
    if (m_last)
        learn(std::chrono::duration<double>(now - *m_last).count());
    m_last = now;
}

void StreamRhythm::learn(double gap)
{
    m_observed += gap;
    m_gaps = std::min(m_gaps + 1, weight);
    // An even average at first, so that the very first gap does not weigh for long.
    const double share = 1.0 / m_gaps;
    m_deviation += (std::abs(gap - m_mean) - m_deviation) * (m_gaps > 1 ? share : 0);
    m_mean += (gap - m_mean) * share;
    if (m_observed - m_forgotten >= forgetEvery) {
        m_longest *= 1 - forget;
        m_forgotten = m_observed;
    }
    m_longest = std::max(m_longest, gap);
}

void StreamRhythm::relax()
{
    m_longest = std::chrono::duration<double>(limit()).count() * 2 / longestGaps;
}

bool StreamRhythm::isLearnt() const
{
    return m_gaps >= firstGaps && m_observed >= firstFloors * m_floor;
}

std::chrono::milliseconds StreamRhythm::limit() const
{
    const double usual =
        isLearnt() ? std::clamp(means * m_mean + deviations * m_deviation, m_floor, m_ceiling) : m_ceiling;
    const double seconds = std::min(std::max(usual, longestGaps * m_longest), std::max(maxLimit, m_ceiling));
    return std::chrono::ceil<std::chrono::milliseconds>(std::chrono::duration<double>(seconds));
}

} // namespace tidemill::net
