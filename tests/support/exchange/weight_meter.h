// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "settings.h"

namespace tidemill::exchange {

// The request weight of the one client address there is, by the wall clock's minute, and what becomes of
// those who use more than the limit: 429, and a ban when they do not stop then.
class WeightMeter
{
public:
    explicit WeightMeter(const Limits &limits) : m_limits(limits) {}

    struct Verdict
    {
        int status = 200; // 429 or 418 when it is refused
        int retryAfter = 0;
        qint64 used = 0; // in this minute, for X-MBX-USED-WEIGHT-1M
    };

    // `nowMs` is the wall clock.
    Verdict charge(int weight, qint64 nowMs);

private:
    const Limits &m_limits;
    qint64 m_minute = 0;
    qint64 m_used = 0;
    int m_ignored = 0; // requests sent although told to wait
    qint64 m_bannedUntilMs = 0;
};

} // namespace tidemill::exchange
