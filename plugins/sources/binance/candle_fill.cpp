// SPDX-License-Identifier: Apache-2.0
#include "candle_fill.h"

#include <algorithm>

namespace tidemill::binance {

// A candle ends a millisecond before the next, or a microsecond where times are in those.
Timestamp CandleFill::nextOpen(const Candle &candle)
{
    constexpr qint64 millisecond = 1'000'000;
    return {(candle.ts_close.ns / millisecond + 1) * millisecond};
}

CandleFill::Verdict CandleFill::take(const Candle &candle)
{
    const bool isFirst = m_next.isNull();
    if (!isFirst && candle.ts_open < m_next)
        return {};
    // Several connections: one may be behind another, but what closes a candle is news in any case.
    if (!candle.closed && candle.ts_event <= m_lastEvent)
        return {};
    Verdict verdict{true, {}};
    if (!isFirst && candle.ts_open > m_next) {
        verdict.hole = Hole{m_next, candle.ts_open};
        if (m_firstHole.isNull())
            m_firstHole = m_next;
    }
    m_next = candle.closed ? nextOpen(candle) : candle.ts_open;
    m_lastEvent = std::max(m_lastEvent, candle.ts_event);
    return verdict;
}

} // namespace tidemill::binance
