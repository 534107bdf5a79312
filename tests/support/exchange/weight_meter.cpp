// SPDX-License-Identifier: Apache-2.0
#include "weight_meter.h"

namespace tidemill::exchange {

namespace {

constexpr qint64 minuteMs = 60'000;
constexpr int patience = 5; // requests after the first 429 until the ban

int secondsUntil(qint64 thenMs, qint64 nowMs)
{
    return int((thenMs - nowMs + 999) / 1000);
}

} // namespace

WeightMeter::Verdict WeightMeter::charge(int weight, qint64 nowMs)
{
    if (const qint64 minute = nowMs / minuteMs; minute != m_minute) {
        m_minute = minute;
        m_used = 0;
        m_ignored = 0;
    }
    if (nowMs < m_bannedUntilMs)
        return {418, secondsUntil(m_bannedUntilMs, nowMs), m_used};
    if (m_used + weight <= m_limits.weightPerMinute) {
        m_used += weight;
        return {200, 0, m_used};
    }
    if (++m_ignored > patience) {
        m_bannedUntilMs = nowMs + std::chrono::milliseconds(m_limits.banTime).count();
        return {418, secondsUntil(m_bannedUntilMs, nowMs), m_used};
    }
    return {429, secondsUntil((m_minute + 1) * minuteMs, nowMs), m_used};
}

} // namespace tidemill::exchange
