// SPDX-License-Identifier: Apache-2.0
#include "coinbase_advanced/rest.h"

#include "exchange/rest_query.h"
#include "exchange/wire_text.h"

#include <QRegularExpression>

namespace tidemill::exchange::coinbase_advanced {

namespace {

constexpr qint64 second = 1'000'000;
constexpr int maxCandles = 350;

HttpResponse failure(int status, const QByteArray &error, const QByteArray &message)
{
    HttpResponse response;
    response.status = status;
    response.body = "{\"error\":\"" + error + "\",\"code\":3,\"message\":\"" + message + "\"}";
    return response;
}

qint64 secondsOf(const QByteArray &granularity)
{
    static const QHash<QByteArray, qint64> lengths{
        {"ONE_MINUTE", 60}, {"FIVE_MINUTE", 300}, {"FIFTEEN_MINUTE", 900}, {"THIRTY_MINUTE", 1800},
        {"ONE_HOUR", 3600}, {"TWO_HOUR", 7200},   {"SIX_HOUR", 21'600},    {"ONE_DAY", 86'400}};
    return lengths.value(granularity);
}

} // namespace

Rest::Rest(const Settings &settings)
    : RestApi(settings)
    , m_bucket(settings.limits.requestsPerSecond, settings.limits.requestBurst)
{}

std::optional<HttpResponse> Rest::refuse(const HttpRequest &request)
{
    if (m_bucket.take())
        return std::nullopt;
    violate(QStringLiteral("REST: 429 for %1").arg(QString::fromUtf8(request.path)));
    return failure(429, "too many requests", "rate limit exceeded");
}

HttpResponse Rest::carryOut(const HttpRequest &request)
{
    static const QRegularExpression form(
        QStringLiteral("^/api/v3/brokerage/market/products/([^/]+)/candles$"));
    const auto match = form.match(QString::fromUtf8(request.path));
    const QByteArray product = match.captured(1).toUtf8();
    if (request.method != "GET" || !data() || !match.hasMatch() || !data()->symbols().contains(product))
        return failure(404, "NOT_FOUND", "no such product or path");
    const qint64 length = secondsOf(request.parameter("granularity"));
    bool hasStart = false;
    bool hasEnd = false;
    const qint64 start = request.parameter("start").toLongLong(&hasStart);
    const qint64 end = request.parameter("end").toLongLong(&hasEnd);
    const QByteArray limitText = request.parameter("limit");
    const int limit = limitText.isEmpty() ? maxCandles : limitText.toInt();
    if (length == 0 || !hasStart || !hasEnd || limit < 1 || limit > maxCandles)
        return failure(400, "INVALID_ARGUMENT", "start, end and a known granularity are required");
    if ((end - start) / length > maxCandles)
        return failure(400, "INVALID_ARGUMENT", "number of candles requested should be less than 350");

    QByteArrayList list;
    const QList<CandleRow> rows = data()->buckets(product, length * second);
    for (auto row = rows.crbegin(); row != rows.crend() && list.size() < limit; ++row) {
        if (row->openUs < start * second || row->openUs > end * second)
            continue;
        list.append("{\"start\":\"" + QByteArray::number(row->openUs / second) + "\",\"low\":\"" +
                    shortText(row->low.digits) + "\",\"high\":\"" + shortText(row->high.digits) +
                    "\",\"open\":\"" + shortText(row->open.digits) + "\",\"close\":\"" +
                    shortText(row->close.digits) + "\",\"volume\":\"" + shortText(row->volume.digits) +
                    "\"}");
    }
    return jsonAnswer("{\"candles\":[" + list.join(',') + "]}");
}

} // namespace tidemill::exchange::coinbase_advanced
