// SPDX-License-Identifier: Apache-2.0
#include "coinbase_exchange/rest.h"

#include "coinbase_exchange/products.h"
#include "exchange/rest_query.h"
#include "exchange/wire_text.h"

#include <QDateTime>

#include <algorithm>
#include <limits>

namespace tidemill::exchange::coinbase_exchange {

namespace {

constexpr qint64 second = 1'000'000;
constexpr int maxCandles = 300;
constexpr int maxTrades = 1000;
constexpr qint64 granularities[] = {60, 300, 900, 3600, 21600, 86400};

HttpResponse failure(int status, const QByteArray &message)
{
    HttpResponse response;
    response.status = status;
    response.body = "{\"message\":\"" + message + "\"}";
    return response;
}

QByteArray tradeJson(const TradeRow &row)
{
    return "{\"trade_id\":" + QByteArray::number(row.id) + ",\"side\":\"" +
           (row.buyerIsMaker ? "buy" : "sell") + "\",\"size\":\"" + row.quantity.text() + "\",\"price\":\"" +
           row.price.text() + "\",\"time\":\"" + isoTime(row.timeUs) + "\"}";
}

QByteArray candleJson(const CandleRow &row)
{
    return '[' + QByteArray::number(row.openUs / second) + ',' + shortText(row.low.digits) + ',' +
           shortText(row.high.digits) + ',' + shortText(row.open.digits) + ',' + shortText(row.close.digits) +
           ',' + shortText(row.volume.digits) + ']';
}

} // namespace

std::optional<qint64> parseTime(const QByteArray &text)
{
    bool fine = false;
    const qint64 seconds = text.toLongLong(&fine);
    if (fine)
        return seconds * second;
    QDateTime time = QDateTime::fromString(QString::fromLatin1(text), Qt::ISODateWithMs);
    if (!time.isValid())
        return std::nullopt;
    if (time.timeSpec() == Qt::LocalTime)
        time.setTimeSpec(Qt::UTC);
    return time.toMSecsSinceEpoch() * 1000;
}

Rest::Rest(const Settings &settings)
    : RestApi(settings)
    , m_bucket(settings.limits.requestsPerSecond, settings.limits.requestBurst)
{}

std::optional<HttpResponse> Rest::refuse(const HttpRequest &request)
{
    if (!m_bucket.take()) {
        violate(QStringLiteral("REST: 429 for %1").arg(QString::fromUtf8(request.path)));
        return failure(429, "Public rate limit exceeded");
    }
    if (request.headers.value("user-agent").isEmpty())
        return failure(400, "User-Agent header is required.");
    return std::nullopt;
}

HttpResponse Rest::carryOut(const HttpRequest &request)
{
    if (request.method != "GET")
        return failure(405, "Method Not Allowed");
    if (!data())
        return failure(503, "ServiceUnavailable");
    if (request.path == "/time")
        return jsonAnswer("{\"iso\":\"" + isoTime(data()->nowUs()) +
                          "\",\"epoch\":" + Number{data()->nowUs() / 1000, 3}.text() + '}');
    if (request.path == "/products")
        return products();
    const QByteArrayList parts = request.path.split('/'); // "", products, id, what
    if (parts.size() < 3 || parts[1] != "products" || !data()->symbols().contains(parts[2]))
        return failure(404, "NotFound");
    if (parts.size() == 3)
        return jsonAnswer(productJson(parts[2]));
    if (parts[3] == "trades")
        return trades(parts[2], request);
    if (parts[3] == "candles")
        return candles(parts[2], request);
    return parts[3] == "ticker" ? ticker(parts[2]) : failure(404, "NotFound");
}

HttpResponse Rest::products() const
{
    QByteArrayList list;
    for (const QByteArray &id : data()->symbols())
        list.append(productJson(id));
    return jsonAnswer('[' + list.join(',') + ']');
}

// Newest first. "before" asks for what is newer than an id, "after" for what is older, both exclusively.
HttpResponse Rest::trades(const QByteArray &product, const HttpRequest &request)
{
    const auto number = [&request](const char *name, qint64 fallback) {
        const QByteArray text = request.parameter(name);
        bool fine = true;
        const qint64 value = text.isEmpty() ? fallback : text.toLongLong(&fine);
        return fine && value >= 0 ? std::optional(value) : std::nullopt;
    };
    const auto limit = number("limit", maxTrades);
    const auto before = number("before", 0); // ids begin above
    const auto after = number("after", std::numeric_limits<qint64>::max());
    if (!limit || *limit < 1 || *limit > maxTrades || !after || !before)
        return failure(400, "Invalid pagination");
    QByteArrayList list;
    qint64 newest = 0;
    qint64 oldest = 0;
    const QList<TradeRow> rows =
        data()->history(product)->trades({{}, {}, {}, std::numeric_limits<int>::max()});
    for (auto row = rows.crbegin(); row != rows.crend() && list.size() < *limit; ++row) {
        if (row->id >= *after)
            continue;
        if (row->id <= *before)
            break;
        newest = newest == 0 ? row->id : newest;
        oldest = row->id;
        list.append(tradeJson(*row));
    }
    HttpResponse response = jsonAnswer('[' + list.join(',') + ']');
    if (!list.isEmpty())
        response.headers.append({"CB-BEFORE", QByteArray::number(newest)});
    if (!list.isEmpty() && oldest > rows.first().id)
        response.headers.append({"CB-AFTER", QByteArray::number(oldest)});
    return response;
}

HttpResponse Rest::candles(const QByteArray &product, const HttpRequest &request)
{
    const qint64 granularity =
        request.parameter("granularity").isEmpty() ? 60 : request.parameter("granularity").toLongLong();
    if (std::find(std::begin(granularities), std::end(granularities), granularity) == std::end(granularities))
        return failure(400, "Unsupported granularity");
    const qint64 lengthUs = granularity * second;
    const auto start = parseTime(request.parameter("start"));
    const auto end = parseTime(request.parameter("end"));
    const bool ranged = start && end; // one alone is ignored
    if (ranged && *end < *start)
        return failure(400, "start must be before end");
    if (ranged && (*end - *start) / lengthUs > maxCandles)
        return failure(400, "granularity too small for the requested time range. Count of aggregations "
                            "requested exceeds 300");
    QByteArrayList list;
    const QList<CandleRow> rows = data()->buckets(product, lengthUs);
    for (auto row = rows.crbegin(); row != rows.crend() && list.size() < maxCandles; ++row) {
        if (!ranged || (row->openUs >= *start && row->openUs <= *end))
            list.append(candleJson(*row));
    }
    return jsonAnswer('[' + list.join(',') + ']');
}

HttpResponse Rest::ticker(const QByteArray &product)
{
    const QList<TradeRow> last = data()->history(product)->trades({{}, {}, {}, 1});
    if (last.isEmpty())
        return failure(404, "NotFound");
    return jsonAnswer("{\"trade_id\":" + QByteArray::number(last.first().id) + ",\"price\":\"" +
                      shortText(last.first().price.digits) + "\",\"size\":\"" +
                      shortText(last.first().quantity.digits) + "\",\"time\":\"" +
                      isoTime(last.first().timeUs) + "\"}");
}

} // namespace tidemill::exchange::coinbase_exchange
