// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tidemill/net/continuity.h>
#include <tidemill/net/rest_client.h>

namespace tidemill::coinbase_exchange {

// Trades and candles from the exchange's REST API. Pages of trades go backwards from an id there; as ids are
// consecutive, the page that begins with a given one is the page before that id plus its size.
class History
{
public:
    using Answer = net::Continuity<Trade>::Answer;
    using CandleAnswer = std::function<void(const Result<std::vector<Candle>> &)>;

    static constexpr qint64 candlesPerPage = 300; // more are refused

    // Candles that opened at `from` or later, and before `to`; both are openings of candles.
    struct CandleRange
    {
        Symbol product;
        Symbol interval;
        std::chrono::seconds length;
        Timestamp from;
        Timestamp to;
    };

    // `rest` and `context` outlive this object.
    History(net::RestClient &rest, QObject *context) : m_rest(rest), m_context(context) {}
    void setUrl(const QUrl &url) { m_url = url; }

    // The trades with ids first..last (last 0: up to now), as far as one answer reaches.
    void fetch(Symbol product, qint64 first, qint64 last, const Answer &answer);

    // At most a page. None for a time without trades. Answers once.
    void fetchCandles(const CandleRange &range, CandleAnswer answer);

    // A page as sent, newest first; its trades come back oldest first.
    static Result<std::vector<Trade>> decode(const QByteArray &body, Symbol product);
    // A page as sent, in any order and with more than was asked for; each once, oldest first, without
    // ts_recv.
    static Result<std::vector<Candle>> decodeCandles(const QByteArray &body, const CandleRange &range);

private:
    struct Wanted
    {
        Symbol product;
        qint64 first;
        qint64 last;
        qint64 reached; // an id that history was seen to have; 0: not looked at
        Answer answer;
    };

    void fetchPage(const Wanted &wanted);
    void findReach(const Wanted &wanted, qint64 below);
    // The page of trades below `below` (0: the newest).
    void get(Symbol product, qint64 below, std::function<void(Result<std::vector<Trade>>)> answer);

    net::RestClient &m_rest;
    QObject *m_context;
    QUrl m_url;
};

} // namespace tidemill::coinbase_exchange
