// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tidemill/records.h>

#include <optional>

namespace tidemill::binance {

// Keeps the candles of one stream complete: each is closed once, so when one begins and the one before was
// never seen closed, it is in a hole that history has to fill. No network in here.
class CandleFill
{
public:
    // From the opening of the first candle that is missing to that of the first one behind.
    struct Hole
    {
        Timestamp from;
        Timestamp to;
    };

    struct Verdict
    {
        bool isNew = false; // false: it repeats or is older than what was taken
        std::optional<Hole> hole;
    };

    Verdict take(const Candle &candle);
    // There is an answer for the first of the holes that were told, and for all before `next`, which is where
    // the first begins that has none; null: none is left.
    void filled(Timestamp next = {}) { m_firstHole = next; }
    // The connection is gone: what comes next need not follow on.
    void interrupted() { m_lastEvent = {}; }

    // Up to there all closed candles went out: the opening of the first that did not. Null before the first.
    Timestamp completeTo() const { return m_firstHole.isNull() ? m_next : m_firstHole; }
    // Goes on there; before the first candle.
    void resume(Timestamp completeTo) { m_next = completeTo; }

    // Calendar months have no length of their own, so the next opening is told by the close.
    static Timestamp nextOpen(const Candle &candle);

private:
    Timestamp m_next; // opening of the first candle that was not seen closed
    Timestamp m_lastEvent;
    Timestamp m_firstHole; // of those not answered yet, where it begins
};

} // namespace tidemill::binance
