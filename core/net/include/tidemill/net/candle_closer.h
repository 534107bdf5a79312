// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tidemill/records.h>

#include <map>
#include <optional>
#include <utility>
#include <vector>

namespace tidemill::net {

// For exchanges that never say that a candle is closed: it is, once the next one begins. Keeps the newest
// candle of one stream.
class CandleCloser
{
public:
    // The candle before, now closed, if `candle` begins a new one; emit it first. A candle that is older than
    // the newest is closed, whatever else it says.
    std::optional<Candle> add(Candle &candle)
    {
        if (m_newest && candle.ts_open < m_newest->ts_open) {
            candle.closed = true;
            return {};
        }
        std::optional<Candle> closed;
        if (m_newest && candle.ts_open > m_newest->ts_open && m_isWhole && !m_newest->closed) {
            closed = m_newest;
            closed->closed = true;
            closed->ts_recv = candle.ts_recv;
        }
        m_newest = candle;
        m_isWhole = true;
        return closed;
    }

    // The connection is lost: the newest candle may change unseen, so it is not called closed unless it comes
    // again.
    void interrupted() { m_isWhole = false; }

private:
    std::optional<Candle> m_newest;
    bool m_isWhole = false;
};

// Candles by the number of their stream.
using StreamCandles = std::vector<std::pair<int, Candle>>;

// Of candles that came together (a snapshot), all but the newest of each stream are closed. They need not be
// in order.
inline void closeFollowed(StreamCandles &candles)
{
    std::map<int, Timestamp> newest;
    for (const auto &[stream, candle] : candles) {
        Timestamp &open = newest[stream];
        open = std::max(open, candle.ts_open);
    }
    for (auto &[stream, candle] : candles)
        candle.closed = candle.ts_open < newest[stream];
}

} // namespace tidemill::net
