// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "history.h"

#include <tidemill/net/feed_source.h>

#include <QSet>

namespace tidemill::binance {

// Fills holes between candles from the exchange's history, and knows how far each stream is complete. What
// nobody has is a Gap without ids.
class CandleBackfill
{
public:
    CandleBackfill(net::FeedSource &source, Streams &streams, History &history)
        : m_source(source)
        , m_streams(streams)
        , m_history(history)
    {}
    // Of a longer hole only the newest so many are asked for; 0: none.
    void setLimit(qint64 candles) { m_limit = candles; }

    // A candle that belongs to the stream; true: it is news and may go out. `before` is when the stream was
    // heard of last.
    bool take(StreamState &stream, const Candle &candle, Timestamp before);
    // Text for CandleFill::resume() of those that got on since the last call.
    QList<std::pair<int, QByteArray>> takeMoved();

private:
    struct Filling
    {
        int id;
        CandleFill::Hole hole;
        Gap gap; // if it comes to that
    };

    void fill(const Filling &filling, Timestamp from);
    void end(const Filling &filling, QByteArrayView missing);

    net::FeedSource &m_source;
    Streams &m_streams;
    History &m_history;
    qint64 m_limit = 0;
    QSet<int> m_moved;
};

} // namespace tidemill::binance
