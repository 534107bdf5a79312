// SPDX-License-Identifier: Apache-2.0
#include <tidemill/backoff.h>

#include <algorithm>

namespace tidemill {

using std::chrono::milliseconds;

// Settings come from pipeline files; whatever they say, the delays stay positive and finite.
static BackoffSettings usable(BackoffSettings settings)
{
    settings.initial = std::max(settings.initial, milliseconds(1));
    settings.max = std::max(settings.max, settings.initial);
    settings.factor = std::max(1.0, settings.factor); // in this order NaN becomes 1
    return settings;
}

Backoff::Backoff(const BackoffSettings &settings) : Backoff(settings, QRandomGenerator::system()->generate())
{}

Backoff::Backoff(const BackoffSettings &settings, quint32 seed) : m_settings(usable(settings)), m_random(seed)
{
    reset();
}

// The shortest delay of the next draw, in ms.
static double least(const BackoffSettings &settings, double bound)
{
    switch (settings.jitter) {
    case Jitter::Full:
        return std::max(1.0, static_cast<double>(settings.initial.count()) / 10);
    case Jitter::Equal:
        return std::max(1.0, bound / 2);
    case Jitter::None:
        break;
    }
    return bound;
}

milliseconds Backoff::next(std::optional<milliseconds> atLeast)
{
    const double shortest = least(m_settings, m_bound);
    const double drawn = shortest + m_random.generateDouble() * (m_bound - shortest);
    m_bound = std::min(m_bound * m_settings.factor, static_cast<double>(m_settings.max.count()));
    ++m_attempts;
    return std::max(atLeast.value_or(milliseconds(0)), milliseconds(0)) +
           milliseconds(static_cast<milliseconds::rep>(drawn));
}

void Backoff::reset()
{
    m_bound = static_cast<double>(m_settings.initial.count());
    m_attempts = 0;
}

} // namespace tidemill
