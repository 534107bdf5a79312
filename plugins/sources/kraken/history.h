// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tidemill/net/continuity.h>
#include <tidemill/net/json_values.h>
#include <tidemill/net/rest_client.h>

namespace tidemill::kraken {

// Trades from Kraken's REST API. It is asked by time, not by id, so a fill begins at the time of the last
// trade in front of the hole.
class History
{
public:
    using Answer = net::Continuity<Trade>::Answer;

    // `rest` and `context` outlive this object.
    History(net::RestClient &rest, QObject *context) : m_rest(rest), m_context(context) {}
    void setUrl(const QUrl &url) { m_url = url; }

    // The trades with ids first..last (last 0: up to now), as far as one answer of the exchange reaches.
    // `since`: a guess at the time of the last trade in front of them; null: none.
    void fetch(Symbol symbol, Timestamp since, qint64 first, qint64 last, const Answer &answer);

    // A page as Kraken sends it: its trades in order, oldest first. The result's key is Kraken's own name of
    // the pair, whatever was asked for, so it is not looked at.
    static Result<std::vector<Trade>> decode(const QByteArray &body, Symbol symbol);
    // The name of a symbol over there: XBTUSD for BTC/USD.
    static QByteArray pairName(Symbol symbol);

private:
    struct Request
    {
        Symbol symbol;
        Timestamp since;
        qint64 first;
        qint64 last;
        std::chrono::minutes back{1}; // by how much to go back if `since` was too late
        Answer answer;
    };

    void get(const Request &request);
    void take(Request request, std::vector<Trade> trades);

    net::RestClient &m_rest;
    QObject *m_context;
    QUrl m_url;
};

} // namespace tidemill::kraken
