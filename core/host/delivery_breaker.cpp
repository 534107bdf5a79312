// SPDX-License-Identifier: Apache-2.0
#include "delivery_breaker.h"

namespace tidemill::host {

QByteArray breakerStateName(BreakerState state)
{
    switch (state) {
    case BreakerState::Closed:
        return "closed";
    case BreakerState::HalfOpen:
        return "half_open";
    case BreakerState::Open:
        break;
    }
    return "open";
}

void DeliveryBreaker::enter(BreakerState state, Timestamp now)
{
    m_state = state;
    m_since = now;
}

bool DeliveryBreaker::noteFailure(Timestamp now)
{
    ++m_failures;
    const bool opens =
        m_state == BreakerState::HalfOpen ||
        (m_state == BreakerState::Closed && m_settings.failures > 0 && m_failures >= m_settings.failures);
    if (opens)
        enter(BreakerState::Open, now);
    return opens;
}

bool DeliveryBreaker::noteDelivery(Timestamp now)
{
    m_failures = 0;
    if (m_state == BreakerState::Closed)
        return false;
    enter(BreakerState::Closed, now);
    return true;
}

void DeliveryBreaker::endPause(Timestamp now)
{
    if (m_state == BreakerState::Open)
        enter(BreakerState::HalfOpen, now);
}

} // namespace tidemill::host
