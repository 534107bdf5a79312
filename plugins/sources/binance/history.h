// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "rest_decoder.h"

#include <tidemill/net/continuity.h>
#include <tidemill/net/rest_client.h>

namespace tidemill::binance {

// Asks Binance's REST API for what has happened. Trades by id come from an address of their own: the host for
// market data alone does not have them.
class History
{
public:
    static constexpr qint64 pageSize = 1000; // more records are not in one answer

    // The candles of one answer, in order. `next` is where it goes on; null: that was the last.
    struct CandlePage
    {
        std::vector<Candle> candles;
        Timestamp next;
    };

    // These outlive this object.
    History(net::RestClient &rest, net::RestClient &tradesRest, QObject *context)
        : m_rest(rest)
        , m_tradesRest(tradesRest)
        , m_context(context)
    {}
    void setUrls(const QUrl &url, const QUrl &tradesUrl);

    // One page of ids first..last (last 0: up to now), as net::Continuity asks for them.
    void fetchTrades(Symbol symbol, qint64 first, qint64 last, net::Continuity<Trade>::Answer answer);
    void fetchAggTrades(Symbol symbol, qint64 first, qint64 last, net::Continuity<AggTrade>::Answer answer);
    // A page of the closed candles that open at `from` or later, and before `to`, which is in the past.
    void fetchCandles(Symbol symbol, const StreamSpec &spec, Timestamp from, Timestamp to,
                      std::function<void(const Result<CandlePage> &)> answer);

private:
    net::RestClient &m_rest;
    net::RestClient &m_tradesRest;
    QObject *m_context;
    QUrl m_url;
    QUrl m_tradesUrl;
};

// `path` of the API at `base`, with the symbol and whatever `query` has.
QUrl apiUrl(const QUrl &base, const char *path, Symbol symbol,
            const QList<std::pair<const char *, QString>> &query);

} // namespace tidemill::binance
