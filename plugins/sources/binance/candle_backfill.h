// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "history.h"

#include <tidemill/net/feed_source.h>

#include <QSet>

#include <deque>
#include <map>

namespace tidemill::binance {

// Fills holes between candles from the exchange's history, and knows how far each stream is complete. What
// nobody has is a Gap without ids. One question at a time for a stream: however long there is no answer, what
// waits is bounded.
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
        CandleFill::Hole hole;
        Gap gap;           // if it comes to that
        Timestamp from;    // the first candle that is asked for
        qint64 length;     // of a candle, in nanoseconds
        Timestamp reached; // behind the last candle that has come
    };
    // The open holes of a stream, in the order of time.
    struct Series
    {
        std::deque<Filling> holes;
        std::size_t asked = 0; // so many of them, by the question under way
    };

    void add(StreamState &stream, const Filling &filling);
    void shorten(int id, Filling &filling);
    void ask(int id);
    void fetch(int id, Timestamp from, Timestamp to);
    void fill(Series &series, const Candle &candle);
    void leave(int id);
    void end(int id, const QByteArray &failure);

    net::FeedSource &m_source;
    Streams &m_streams;
    History &m_history;
    qint64 m_limit = 0;
    std::map<int, Series> m_series;
    QSet<int> m_moved;
};

} // namespace tidemill::binance
