// SPDX-License-Identifier: Apache-2.0
#include "rest_api.h"

#include "exchange_info.h"
#include "rest_query.h"

#include <QDateTime>
#include <QJsonDocument>

#include <algorithm>

namespace tidemill::exchange {

namespace {

constexpr qsizetype maxViolations = 1000;
constexpr qint64 staleBy = 1'000'000; // update ids
const QByteArray prefix = "/api/v3/";

} // namespace

RestApi::RestApi(const Settings &settings) : m_settings(settings), m_weights(settings.limits)
{
    m_clock.start();
    m_endpoints = {
        {"ping", {}, &RestApi::ping},
        {"time", {}, &RestApi::time},
        {"exchangeInfo",
         {"symbol", "symbols", "permissions", "showPermissionSets", "symbolStatus"},
         &RestApi::exchangeInfo},
        {"depth", {"symbol", "limit", "symbolStatus"}, &RestApi::depth},
        {"trades", {"symbol", "limit"}, &RestApi::trades},
        {"historicalTrades", {"symbol", "limit", "fromId"}, &RestApi::historicalTrades},
        {"aggTrades", {"symbol", "fromId", "startTime", "endTime", "limit"}, &RestApi::aggTrades},
        {"klines", {"symbol", "interval", "startTime", "endTime", "timeZone", "limit"}, &RestApi::candles},
        {"uiKlines", {"symbol", "interval", "startTime", "endTime", "timeZone", "limit"}, &RestApi::candles},
    };
}

void RestApi::inject(const Fault &fault)
{
    const qint64 until = m_clock.elapsed() + fault.duration.count();
    if (fault.kind == Fault::Rest) {
        m_statusFault = fault;
        m_statusUntilMs = until;
    } else if (fault.kind == Fault::Slow) {
        m_slowFault = fault;
        m_slowUntilMs = until;
    } else if (fault.kind == Fault::Truncate) {
        m_truncate = fault.number;
    } else if (fault.kind == Fault::Stale) {
        m_stale = fault.number;
    }
}

std::optional<HttpResponse> RestApi::faulty()
{
    if (!m_statusFault || m_clock.elapsed() >= m_statusUntilMs)
        return std::nullopt;
    // As a proxy or firewall answers: not JSON.
    HttpResponse response;
    response.status = m_statusFault->number;
    response.type = "text/html";
    response.body = "<html><body><h1>" + QByteArray::number(response.status) + "</h1></body></html>";
    if (m_statusFault->retryAfter >= 0)
        response.headers.append({"Retry-After", QByteArray::number(m_statusFault->retryAfter)});
    return response;
}

int RestApi::weight(const HttpRequest &request)
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

HttpResponse RestApi::answer(const HttpRequest &request)
{
    ++m_requests;
    const auto verdict = m_weights.charge(weight(request), QDateTime::currentMSecsSinceEpoch());
    HttpResponse response;
    if (verdict.status != 200) {
        response =
            apiError(-1003,
                     "Too much request weight used; current limit is " +
                         QByteArray::number(m_settings.limits.weightPerMinute) +
                         " request weight per 1 MINUTE. Please use WebSocket Streams for live updates to "
                         "avoid polling the API.",
                     verdict.status);
        response.headers.append({"Retry-After", QByteArray::number(verdict.retryAfter)});
        if (m_violations.size() < maxViolations)
            m_violations.append(
                QStringLiteral("REST: %1 for %2").arg(verdict.status).arg(QString::fromUtf8(request.path)));
    } else if (const auto fault = faulty()) {
        response = *fault;
    } else {
        response = carryOut(request);
    }
    response.headers.append({"X-MBX-USED-WEIGHT-1M", QByteArray::number(verdict.used)});
    response.delay = m_settings.restDelay;
    if (m_slowFault && m_clock.elapsed() < m_slowUntilMs)
        response.delay = m_slowFault->delay;
    if (m_truncate > 0) {
        --m_truncate;
        response.truncated = true;
    }
    return response;
}

HttpResponse RestApi::carryOut(const HttpRequest &request)
{
    if (!m_data)
        return apiError(-1000, "There is no market data.", 503);
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

HttpResponse RestApi::ping(const HttpRequest &)
{
    return jsonAnswer("{}");
}

HttpResponse RestApi::time(const HttpRequest &request)
{
    return jsonAnswer("{\"serverTime\":" + timeText(m_data->nowUs(), RestQuery(request).unit()) + '}');
}

HttpResponse RestApi::exchangeInfo(const HttpRequest &request)
{
    return exchangeInfoAnswer(request, m_data->symbols(), m_data->nowUs(), m_settings.limits);
}

HttpResponse RestApi::depth(const HttpRequest &request)
{
    RestQuery query(request);
    const QByteArray symbol = query.symbol(m_data->symbols());
    const int limit = query.limit(100, 5000);
    if (query.error)
        return *query.error;
    const auto book = m_data->depth(symbol, limit);
    if (!book)
        return apiError(-1121, "Invalid symbol.");
    if (m_stale == 0)
        return jsonAnswer(*book);
    // As from a cache: older than any event that a client can have seen.
    --m_stale;
    QJsonObject old = QJsonDocument::fromJson(*book).object();
    old[u"lastUpdateId"] = std::max<qint64>(1, old[u"lastUpdateId"].toInteger() - staleBy);
    return jsonAnswer(QJsonDocument(old).toJson(QJsonDocument::Compact));
}

HttpResponse RestApi::trades(const HttpRequest &request)
{
    RestQuery query(request);
    const QByteArray symbol = query.symbol(m_data->symbols());
    const RowQuery rows{query.integer("fromId"), {}, {}, query.limit(500, 1000)};
    if (query.error)
        return *query.error;
    return jsonAnswer(tradesJson(m_data->history(symbol)->trades(rows), query.unit()));
}

HttpResponse RestApi::historicalTrades(const HttpRequest &request)
{
    if (!m_settings.dataHost)
        return trades(request);
    HttpResponse response;
    response.status = 404;
    response.type = "text/html";
    response.body = "<html><body><h1>404 Not found</h1></body></html>";
    return response;
}

HttpResponse RestApi::aggTrades(const HttpRequest &request)
{
    RestQuery query(request);
    const QByteArray symbol = query.symbol(m_data->symbols());
    const RowQuery rows{query.integer("fromId"), query.time("startTime", false), query.time("endTime", true),
                        query.limit(500, 1000)};
    if (query.error)
        return *query.error;
    if (rows.fromId && (rows.startUs || rows.endUs))
        return apiError(-1128, "Combination of optional parameters invalid.");
    return jsonAnswer(aggTradesJson(m_data->history(symbol)->aggTrades(rows), query.unit()));
}

HttpResponse RestApi::candles(const HttpRequest &request)
{
    RestQuery query(request);
    const QByteArray symbol = query.symbol(m_data->symbols());
    const QByteArray interval = request.parameter("interval");
    if (!query.error && interval.isEmpty())
        return apiError(-1102, "Mandatory parameter 'interval' was not sent, was empty/null, or malformed.");
    if (!query.error && !m_data->candleIntervals().contains(interval))
        return apiError(-1120, "Invalid interval.");
    const RowQuery rows{
        {}, query.time("startTime", false), query.time("endTime", true), query.limit(500, 1000)};
    if (query.error)
        return *query.error;
    return jsonAnswer(candlesJson(m_data->candles(symbol, interval, rows), query.unit()));
}

} // namespace tidemill::exchange
