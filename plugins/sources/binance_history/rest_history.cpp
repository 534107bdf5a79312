// SPDX-License-Identifier: Apache-2.0
#include "rest_history.h"

#include <QUrlQuery>

namespace tidemill::binance_history {

namespace {

constexpr qint64 nsPerMs = 1'000'000;
constexpr int aggTradesWeight = 4;
constexpr int historicalTradesWeight = 25;
constexpr int klinesWeight = 2;
constexpr qint64 maxBodyBytes = 4LL << 20; // a page has 200 KB

// Up, so that what follows begins at or after it.
QByteArray milliseconds(Timestamp time)
{
    return QByteArray::number((time.ns + nsPerMs - 1) / nsPerMs);
}

Error statusError(const net::HttpReply &reply)
{
    if (reply.error)
        return *reply.error;
    if (const auto refusal = refusalFromJson(reply.body))
        return *refusal;
    const QString body = QString::fromUtf8(reply.body.left(120)).simplified();
    return {Error::Kind::Config, QStringLiteral("HTTP %1 %2").arg(reply.status).arg(body).trimmed()};
}

} // namespace

net::RestSettings RestHistory::restSettings(bool microseconds)
{
    net::RestSettings settings;
    settings.http.maxBodyBytes = maxBodyBytes;
    settings.limits.weight = 6000;
    settings.limits.window = std::chrono::minutes(1);
    settings.limits.wallClock = true;
    settings.limits.usedWeightHeader = "X-MBX-USED-WEIGHT-1M";
    // 403 is its firewall: going on would make it worse.
    settings.limits.blockingStatuses = {429, 418, 403};
    if (microseconds)
        settings.headers.append(qMakePair(QByteArray("X-MBX-TIME-UNIT"), QByteArray("MICROSECOND")));
    return settings;
}

template<typename T>
void RestHistory::get(const QUrl &host, const char *endpoint, const Parameters &parameters, int weight,
                      const Decode<T> &decode, const Answer<T> &answer)
{
    QUrl url = host;
    QString path = url.path();
    while (path.endsWith(u'/'))
        path.chop(1);
    url.setPath(path + QLatin1String("/api/v3/") + QLatin1String(endpoint));
    QUrlQuery query;
    for (const auto &[name, value] : parameters)
        query.addQueryItem(QLatin1String(name),
                           QString::fromUtf8(QUrl::toPercentEncoding(QString::fromUtf8(value))));
    url.setQuery(query);
    auto decoded = std::make_shared<Result<T>>(T());
    // A page of a proxy, half an answer: the next one may be whole.
    const auto unusable = [decode, decoded](const net::HttpReply &reply) {
        *decoded = decode(reply.body);
        const bool isFinal = *decoded || decoded->error().kind == Error::Kind::Config;
        return isFinal ? std::nullopt : std::optional(decoded->error().message);
    };
    m_rest.get({.url = url, .weight = weight, .unusable = unusable}, m_context,
               [decoded, answer](const net::HttpReply &reply) {
                   if (reply.isSuccess())
                       answer(*decoded);
                   else
                       answer(statusError(reply));
               });
}

void RestHistory::page(const Series &series, qint64 next, Timestamp since, const Answer<Rows> &answer)
{
    Parameters parameters{{"symbol", series.symbol.name().toByteArray()},
                          {"limit", QByteArray::number(pageSize)}};
    const bool byId = next >= 0 && series.kind != Kind::Candles;
    if (byId)
        parameters.emplaceBack("fromId", QByteArray::number(next));
    else
        parameters.emplaceBack("startTime", milliseconds(next >= 0 ? Timestamp{next} : since));
    if (series.kind == Kind::Candles)
        parameters.emplaceBack("interval", series.interval);

    const Decode<Rows> decode = [series, next, since, byId](const QByteArray &body) -> Result<Rows> {
        auto rows = rowsFromJson(body, series, Timestamp::now());
        if (!rows)
            return rows;
        if (qsizetype(rows->size()) > pageSize)
            return Error{Error::Kind::Protocol, QStringLiteral("a page of %1 rows").arg(rows->size())};
        // Whoever goes on behind the last row of such a page would go round in circles.
        const Timestamp floor = next >= 0 ? Timestamp{next} : since;
        if (!rows->empty() &&
            (byId ? keyOf(rows->front()) < next : timeOf(rows->front()).ns / nsPerMs < floor.ns / nsPerMs))
            return Error{Error::Kind::Protocol,
                         QStringLiteral("a page that begins before what was asked for")};
        return rows;
    };
    switch (series.kind) {
    case Kind::AggTrades:
        return get(m_hosts.url, "aggTrades", parameters, aggTradesWeight, decode, answer);
    case Kind::Trades:
        return get(m_hosts.historyUrl, "historicalTrades", parameters, historicalTradesWeight, decode,
                   answer);
    case Kind::Candles:
        return get(m_hosts.url, "klines", parameters, klinesWeight, decode, answer);
    }
}

// Raw trades are asked for by id only. An aggregate trade says the time and the id of its first one.
void RestHistory::firstTradeId(Symbol symbol, Timestamp since, const Answer<qint64> &answer)
{
    const Series series{symbol, Kind::AggTrades, {}};
    const Parameters parameters{
        {"symbol", symbol.name().toByteArray()}, {"startTime", milliseconds(since)}, {"limit", "1"}};
    const Decode<qint64> decode = [series](const QByteArray &body) -> Result<qint64> {
        const auto rows = rowsFromJson(body, series, Timestamp::now());
        if (!rows)
            return rows.error();
        return rows->empty() ? qint64(-1) : std::get<AggTrade>(rows->front()).first_trade_id;
    };
    get(m_hosts.url, "aggTrades", parameters, aggTradesWeight, decode, answer);
}

void RestHistory::serverTime(const Answer<Timestamp> &answer)
{
    get(m_hosts.url, "time", {}, 1, Decode<Timestamp>(serverTimeFromJson), answer);
}

} // namespace tidemill::binance_history
