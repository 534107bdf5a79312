// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "history.h"

#include <tidemill/net/feed_source.h>

#include <deque>
#include <functional>
#include <map>

namespace tidemill::coinbase_exchange {

// The candles that the exchange makes, and none.
enum class CandleLength : quint8 { None, OneMinute, FiveMinutes, FifteenMinutes, OneHour, SixHours, OneDay };
// As an option has them, in that order.
QStringList candleLengthNames();

// Where trades are missing for good, the candles of that time: prices and volumes at least. A hole that may
// still be filled is waited for, and a candle until it is over. One question at a time, so that trades are
// not kept waiting.
class GapCandles
{
public:
    // Tells a position, of which only the last one of a stream counts; within follow(), tick() and answers.
    using Tell = std::function<void(int stream, const QByteArray &position)>;

    // These outlive this object; `history` is the source's.
    GapCandles(net::FeedSource &source, History &history, Tell tell)
        : m_source(source)
        , m_history(history)
        , m_tell(std::move(tell))
    {}

    // First of all; without a length nothing is ever asked.
    void configure(CandleLength length);
    // A stream of trades, whose own numbers have been resumed; goes on behind a position of an earlier run.
    void addStream(int stream, const QByteArray &position);

    // All that the source emits, as it does.
    void follow(const Batch &batch);
    // A few times a second.
    void tick(Timestamp now);

private:
    // Ids as in its Gap, times rounded to candles: [from, to).
    struct Hole
    {
        Timestamp key; // the Gap's ts_from
        qint64 first = 0;
        qint64 last = 0;
        Timestamp from;
        Timestamp to;
        bool isFilled = false; // by trades after all
    };
    struct TradeAt
    {
        qint64 id = -1;
        Timestamp at;
    };
    struct State
    {
        Symbol symbol;
        std::deque<Hole> holes;       // in the order of time; the first one is being asked about
        Timestamp reached;            // candles that opened before this one went out
        TradeAt last;                 // that went out
        std::deque<TradeAt> jumpedAt; // the last before ids that did not come
    };

    void noteTrade(State &state, const Trade &trade) const;
    void noteGap(State &state, const Gap &gap) const;
    Hole describe(const State &state, const Gap &gap) const;
    bool dropDone(int stream, State &state) const;
    void askNext();
    void ask(int stream, Timestamp from, Timestamp to);
    void take(int stream, Timestamp to, const Result<std::vector<Candle>> &candles);
    void resume(State &state, const QByteArray &position) const;
    QByteArray position(const State &state) const;
    Timestamp opening(Timestamp of) const { return {of.ns - of.ns % m_lengthNs}; }

    net::FeedSource &m_source;
    History &m_history;
    Tell m_tell;
    Symbol m_interval;
    std::chrono::seconds m_length{0}; // none: off
    qint64 m_lengthNs = 0;
    std::map<int, State> m_states; // by stream
    QHash<Symbol, int> m_streams;
    Timestamp m_now;
    bool m_isAsking = false;
};

} // namespace tidemill::coinbase_exchange
