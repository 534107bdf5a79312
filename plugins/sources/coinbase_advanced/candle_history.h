// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tidemill/net/feed_source.h>
#include <tidemill/net/json_values.h>

#include <QSet>

namespace tidemill::coinbase_advanced {

// A snapshot holds the last hundred candles of a product. Behind a longer time away, or a restart, the
// exchange's REST API has those before. Buckets without a trade have no candle, so a hole within a snapshot
// or within its answer is none.
class CandleHistory
{
public:
    // These outlive this object; `rest` is the source's.
    CandleHistory(net::FeedSource &source, net::RestClient &rest) : m_source(source), m_rest(rest) {}

    // Of a longer hole only the newest so many candles are asked for; 0: none.
    void configure(const QUrl &url, qint64 limit);
    // Goes on behind a position() of an earlier run; before the first candle.
    void resume(int stream, const QByteArray &position);

    // The candles of a frame go out, of which `oldest` is that stream's first, and `newest` its last.
    void follow(int stream, bool isSnapshot, const Candle &oldest, const Candle &newest);
    // Calls function(stream, position) for each stream that has got on since the last call.
    template<typename Function>
    void eachMoved(Function function)
    {
        for (const int stream : std::exchange(m_moved, {}))
            function(stream, QByteArray::number(m_states[stream].completeTo().ns));
    }

    // An answer, newest first; its candles come back oldest first.
    static Result<std::vector<Candle>> decode(const QByteArray &body, Symbol product, Timestamp received);

private:
    struct State
    {
        Timestamp newest; // the running candle's opening: what was before it went out
        Timestamp hole;   // the first of those that are being filled; null: none
        int filling = 0;  // so many
        Timestamp completeTo() const { return hole.isNull() ? newest : hole; }
    };

    // What opened at `from` or later, and before `to`.
    struct Hole
    {
        int stream;
        Timestamp from;
        Timestamp to;
        Gap gap; // if it comes to that
    };

    void fill(const Hole &hole, Timestamp from);
    void end(const Hole &hole, QByteArrayView missing);

    net::FeedSource &m_source;
    net::RestClient &m_rest;
    QUrl m_url;
    qint64 m_limit = 0;
    QHash<int, State> m_states;
    QSet<int> m_moved;
};

// A candle's members, in a frame or in an answer; `product` stays as it is where there is none.
bool readCandle(simdjson::ondemand::value value, std::string_view &product, Candle &candle);

} // namespace tidemill::coinbase_advanced
