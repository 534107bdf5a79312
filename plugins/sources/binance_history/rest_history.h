// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "rows.h"

#include <tidemill/net/rest_client.h>

#include <functional>

namespace tidemill::binance_history {

// What Binance's REST API has of the past, page by page. Trouble that passes is RestClient's, a page that is
// none included; what comes back is an answer, or an error that asking again would not change.
class RestHistory
{
public:
    static constexpr qsizetype pageSize = 1000; // the most the exchange gives at once

    struct Hosts
    {
        QUrl url;
        QUrl historyUrl; // for raw trades, which the market data host does not have
    };

    template<typename T>
    using Answer = std::function<void(const Result<T> &)>;

    // `rest` and `context` outlive this object.
    RestHistory(net::RestClient &rest, QObject *context) : m_rest(rest), m_context(context) {}
    void setHosts(const Hosts &hosts) { m_hosts = hosts; }
    static net::RestSettings restSettings(bool microseconds);

    // Rows from the key `next` on (of candles: that open then or later), or, if it is -1, from a time on. The
    // answer begins nowhere before that, and has pageSize rows at the most; none means that there are no
    // more.
    void page(const Series &series, qint64 next, Timestamp since, const Answer<Rows> &answer);
    // The id of the first trade at or after a time; -1: there is none yet.
    void firstTradeId(Symbol symbol, Timestamp since, const Answer<qint64> &answer);
    // The exchange's clock: ours may be wrong, and a candle is over when the exchange says so.
    void serverTime(const Answer<Timestamp> &answer);

    void cancel() { m_rest.cancel(m_context); }

private:
    using Parameters = QList<std::pair<const char *, QByteArray>>;
    template<typename T>
    using Decode = std::function<Result<T>(const QByteArray &body)>;
    // `decode` fails with kind Config where the exchange refuses; anything else is no answer.
    template<typename T>
    void get(const QUrl &host, const char *endpoint, const Parameters &parameters, int weight,
             const Decode<T> &decode, const Answer<T> &answer);

    net::RestClient &m_rest;
    QObject *m_context;
    Hosts m_hosts;
};

} // namespace tidemill::binance_history
