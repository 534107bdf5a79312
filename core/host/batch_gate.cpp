// SPDX-License-Identifier: Apache-2.0
#include "batch_gate.h"

#include <algorithm>

namespace tidemill::host {

using std::chrono::milliseconds;

std::optional<milliseconds> BatchGate::timeLeft(quint64 waitingRows, quint64 waitingBytes,
                                                Clock::time_point now)
{
    if (!lingers())
        return {};
    if (waitingRows == 0) {
        m_since.reset();
        return {};
    }
    if (!m_since)
        m_since = now;
    if (waitingRows >= m_settings.rows || waitingBytes >= m_settings.bytes)
        return {};
    const auto left = std::chrono::ceil<milliseconds>(*m_since + m_settings.linger - now);
    return left > milliseconds(0) ? std::optional(left) : std::nullopt;
}

} // namespace tidemill::host
