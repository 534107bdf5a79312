// SPDX-License-Identifier: Apache-2.0
#include "binance_rest.h"

#include "exchange_info.h"
#include "market_json.h"
#include "rest_query.h"

#include <QDateTime>
#include <QJsonDocument>

#include <algorithm>

namespace tidemill::exchange {

namespace {

constexpr qint64 staleBy = 1'000'000; // update ids
const QByteArray prefix = "/api/v3/";
const QByteArray archives = "/data/spot/";
const QByteArray coins = "/api/v3/coins/markets";

bool isBinance(const HttpRequest &request)
{
    return request.path.startsWith(prefix) && request.path != coins;
}

} // namespace

BinanceRest::BinanceRest(const Settings &settings)
    : RestApi(settings)
    , m_weights(settings.limits)
    , m_coins(settings)
{
    m_endpoints = {
        {"ping", {}, &BinanceRest::ping},
        {"time", {}, &BinanceRest::time},
        {"exchangeInfo",
         {"symbol", "symbols", "permissions", "showPermissionSets", "symbolStatus"},
         &BinanceRest::exchangeInfo},
        {"depth", {"symbol", "limit", "symbolStatus"}, &BinanceRest::depth},
        {"trades", {"symbol", "limit"}, &BinanceRest::trades},
        {"historicalTrades", {"symbol", "limit", "fromId"}, &BinanceRest::historicalTrades},
        {"aggTrades", {"symbol", "fromId", "startTime", "endTime", "limit"}, &BinanceRest::aggTrades},
        {"klines",
         {"symbol", "interval", "startTime", "endTime", "timeZone", "limit"},
         &BinanceRest::candles},
        {"uiKlines",
         {"symbol", "interval", "startTime", "endTime", "timeZone", "limit"},
         &BinanceRest::candles},
    };
}

int BinanceRest::weight(const HttpRequest &request)
{
    const QByteArray name = request.path.mid(prefix.size());
    if (name == "depth") {
        const int limit = request.parameter("limit").isEmpty() ? 100 : request.parameter("limit").toInt();
        return limit <= 100 ? 5 : limit <= 500 ? 25 : limit <= 1000 ? 50 : 250;
    }
    if (name == "trades" || name == "historicalTrades")
        return 25;
    if (name == "exchangeInfo")
        return 20;
    if (name == "aggTrades")
        return 4;
    return name.endsWith("lines") ? 2 : 1;
}

std::optional<HttpResponse> BinanceRest::refuse(const HttpRequest &request)
{
    if (!isBinance(request))
        return std::nullopt;
    m_verdict = m_weights.charge(weight(request), QDateTime::currentMSecsSinceEpoch());
    if (m_verdict.status == 200)
        return std::nullopt;
    HttpResponse response =
        apiError(-1003,
                 "Too much request weight used; current limit is " +
                     QByteArray::number(settings().limits.weightPerMinute) +
                     " request weight per 1 MINUTE. Please use WebSocket Streams for live updates to "
                     "avoid polling the API.",
                 m_verdict.status);
    response.headers.append({"Retry-After", QByteArray::number(m_verdict.retryAfter)});
    violate(QStringLiteral("REST: %1 for %2").arg(m_verdict.status).arg(QString::fromUtf8(request.path)));
    return response;
}

void BinanceRest::finish(const HttpRequest &request, HttpResponse &response)
{
    if (isBinance(request))
        response.headers.append({"X-MBX-USED-WEIGHT-1M", QByteArray::number(m_verdict.used)});
}

HttpResponse BinanceRest::carryOut(const HttpRequest &request)
{
    if (request.path == coins || request.path == "/__coins")
        return m_coins.answer(request);
    if (!data())
        return apiError(-1000, "There is no market data.", 503);
    if (request.path.startsWith(archives))
        return archiveAnswer(request.path.mid(archives.size()), *data());
    for (const Endpoint &endpoint : std::as_const(m_endpoints)) {
        if (request.path != prefix + endpoint.path)
            continue;
        if (request.method != "GET")
            return apiError(-1000, "Only GET.", 405);
        const auto sent = request.query.queryItems();
        qsizetype read = 0;
        for (const auto &[name, value] : sent)
            read += endpoint.parameters.contains(name.toUtf8()) ? 1 : 0;
        if (read < sent.size())
            return apiError(-1104, "Not all sent parameters were read; read '" + QByteArray::number(read) +
                                       "' parameter(s) but was sent '" + QByteArray::number(sent.size()) +
                                       "'.");
        return (this->*endpoint.handler)(request);
    }
    return apiError(-1000, "No such path.", 404);
}

HttpResponse BinanceRest::ping(const HttpRequest &)
{
    return jsonAnswer("{}");
}

HttpResponse BinanceRest::time(const HttpRequest &request)
{
    return jsonAnswer("{\"serverTime\":" + timeText(data()->nowUs(), RestQuery(request).unit()) + '}');
}

HttpResponse BinanceRest::exchangeInfo(const HttpRequest &request)
{
    return exchangeInfoAnswer(request, data()->symbols(), data()->nowUs(), settings());
}

HttpResponse BinanceRest::depth(const HttpRequest &request)
{
    RestQuery query(request);
    const QByteArray symbol = query.symbol(data()->symbols());
    const int limit = query.limit(100, 5000);
    if (query.error)
        return *query.error;
    const auto book = data()->depth(symbol, limit);
    if (!book)
        return apiError(-1121, "Invalid symbol.");
    if (!takeStale())
        return jsonAnswer(*book);
    // As from a cache: older than any event that a client can have seen.
    QJsonObject old = QJsonDocument::fromJson(*book).object();
    old[u"lastUpdateId"] = std::max<qint64>(1, old[u"lastUpdateId"].toInteger() - staleBy);
    return jsonAnswer(QJsonDocument(old).toJson(QJsonDocument::Compact));
}

HttpResponse BinanceRest::trades(const HttpRequest &request)
{
    RestQuery query(request);
    const QByteArray symbol = query.symbol(data()->symbols());
    const RowQuery rows{query.integer("fromId"), {}, {}, query.limit(500, 1000)};
    if (query.error)
        return *query.error;
    return jsonAnswer(tradesJson(data()->history(symbol)->trades(rows), query.unit()));
}

HttpResponse BinanceRest::historicalTrades(const HttpRequest &request)
{
    if (!settings().dataHost)
        return trades(request);
    HttpResponse response;
    response.status = 404;
    response.type = "text/html";
    response.body = "<html><body><h1>404 Not found</h1></body></html>";
    return response;
}

HttpResponse BinanceRest::aggTrades(const HttpRequest &request)
{
    RestQuery query(request);
    const QByteArray symbol = query.symbol(data()->symbols());
    const RowQuery rows{query.integer("fromId"), query.time("startTime", false), query.time("endTime", true),
                        query.limit(500, 1000)};
    if (query.error)
        return *query.error;
    if (rows.fromId && (rows.startUs || rows.endUs))
        return apiError(-1128, "Combination of optional parameters invalid.");
    return jsonAnswer(aggTradesJson(data()->history(symbol)->aggTrades(rows), query.unit()));
}

HttpResponse BinanceRest::candles(const HttpRequest &request)
{
    RestQuery query(request);
    const QByteArray symbol = query.symbol(data()->symbols());
    const QByteArray interval = request.parameter("interval");
    if (!query.error && interval.isEmpty())
        return apiError(-1102, "Mandatory parameter 'interval' was not sent, was empty/null, or malformed.");
    if (!query.error && !data()->candleIntervals().contains(interval))
        return apiError(-1120, "Invalid interval.");
    const RowQuery rows{
        {}, query.time("startTime", false), query.time("endTime", true), query.limit(500, 1000)};
    if (query.error)
        return *query.error;
    return jsonAnswer(candlesJson(data()->candles(symbol, interval, rows), query.unit()));
}

} // namespace tidemill::exchange
