// SPDX-License-Identifier: Apache-2.0
#include "kraken/rest.h"

#include "exchange/rest_query.h"
#include "exchange/wire_text.h"

#include <algorithm>
#include <limits>

namespace tidemill::exchange::kraken {

namespace {

constexpr qint64 second = 1'000'000;
constexpr int maxTrades = 1000;
constexpr qsizetype maxCandles = 720;
constexpr int candleMinutes[] = {1, 5, 15, 30, 60, 240, 1440, 10080, 21600};

struct Pair
{
    QByteArray symbol;  // "BTC/USD" on WebSocket v2
    QByteArray altname; // "XBTUSD"
    QByteArray key;     // "XXBTZUSD"
    int decimals;       // of prices
};

Pair pairOf(const QByteArray &symbol)
{
    QByteArray base = symbol.left(symbol.indexOf('/'));
    const QByteArray quote = symbol.mid(symbol.indexOf('/') + 1);
    base = base == "BTC" ? "XBT" : base;
    const bool old = (base == "XBT" || base == "ETH" || base == "XRP") && (quote == "USD" || quote == "EUR");
    return {symbol, base + quote, old ? 'X' + base + 'Z' + quote : base + quote,
            quote == "USD" && (base == "XBT" || base == "ETH") ? 2 : 4};
}

HttpResponse failure(const QByteArray &error)
{
    return jsonAnswer("{\"error\":[\"" + error + "\"]}");
}

HttpResponse result(const QByteArray &key, const QByteArrayList &rows, const QByteArray &last)
{
    return jsonAnswer("{\"error\":[],\"result\":{\"" + key + "\":[" + rows.join(',') + "],\"last\":" + last +
                      "}}");
}

// Buckets without a trade are there too, at the price of the one before.
QList<CandleRow> filled(const QList<CandleRow> &rows, qint64 lengthUs)
{
    QList<CandleRow> all;
    for (const CandleRow &row : rows) {
        while (!all.isEmpty() && all.last().openUs + lengthUs < row.openUs) {
            CandleRow quiet;
            quiet.openUs = all.last().openUs + lengthUs;
            quiet.open = quiet.high = quiet.low = quiet.close = all.last().close;
            all.append(quiet);
        }
        all.append(row);
    }
    return all;
}

QByteArray candleJson(const CandleRow &row, int decimals)
{
    __extension__ using Wide = __int128;
    const qint64 average =
        row.volume.digits > 0 ? qint64(Wide(row.quoteVolume.digits) * 100'000'000 / row.volume.digits) : 0;
    return '[' + QByteArray::number(row.openUs / second) + ",\"" + fixedText(row.open.digits, decimals) +
           "\",\"" + fixedText(row.high.digits, decimals) + "\",\"" + fixedText(row.low.digits, decimals) +
           "\",\"" + fixedText(row.close.digits, decimals) + "\",\"" + fixedText(average, decimals) +
           "\",\"" + fixedText(row.volume.digits, 8) + "\"," + QByteArray::number(row.count) + ']';
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
    violate(QStringLiteral("REST: too many requests, the last for %1").arg(QString::fromUtf8(request.path)));
    return failure("EGeneral:Too many requests");
}

HttpResponse Rest::carryOut(const HttpRequest &request)
{
    if (!data())
        return failure("EService:Unavailable");
    if (request.path == "/0/public/AssetPairs")
        return pairs();
    const bool wantsTrades = request.path == "/0/public/Trades";
    if (!wantsTrades && request.path != "/0/public/OHLC")
        return failure("EGeneral:Unknown method");
    const QByteArray asked = request.parameter("pair");
    for (const QByteArray &symbol : data()->symbols()) {
        const Pair pair = pairOf(symbol);
        if (asked == pair.symbol || asked == pair.altname || asked == pair.key)
            return wantsTrades ? trades(symbol, request) : candles(symbol, request);
    }
    return failure("EQuery:Unknown asset pair");
}

HttpResponse Rest::pairs() const
{
    QByteArrayList list;
    for (const QByteArray &symbol : data()->symbols()) {
        const Pair pair = pairOf(symbol);
        const QByteArray quote = symbol.mid(symbol.indexOf('/') + 1);
        list.append('"' + pair.key + "\":{\"altname\":\"" + pair.altname + "\",\"wsname\":\"" +
                    pair.altname.chopped(quote.size()) + '/' + quote + "\",\"pair_decimals\":" +
                    QByteArray::number(pair.decimals) + ",\"lot_decimals\":8,\"status\":\"online\"}");
    }
    return jsonAnswer("{\"error\":[],\"result\":{" + list.join(',') + "}}");
}

// After `since` (nanoseconds), oldest first. A page never ends between two trades of one instant: `last`
// could not tell them apart.
HttpResponse Rest::trades(const QByteArray &symbol, const HttpRequest &request) const
{
    const QByteArray countText = request.parameter("count");
    const int count = countText.isEmpty() ? maxTrades : countText.toInt();
    if (count < 1 || count > maxTrades)
        return failure("EGeneral:Invalid arguments:count");
    const qint64 since = request.parameter("since").toLongLong();
    RowQuery query{{}, {}, {}, std::numeric_limits<int>::max()};
    if (!request.parameter("since").isEmpty())
        query.startUs = since / 1000 + 1;
    else
        query.limit = maxTrades;
    QByteArrayList list;
    qint64 lastUs = since / 1000;
    const int decimals = pairOf(symbol).decimals;
    for (const TradeRow &row : data()->history(symbol)->trades(query)) {
        if (list.size() >= count && row.timeUs != lastUs)
            break;
        lastUs = row.timeUs;
        list.append("[\"" + fixedText(row.price.digits, decimals) + "\",\"" + row.quantity.text() + "\"," +
                    Number{row.timeUs, 6}.text() + ",\"" + (row.buyerIsMaker ? 's' : 'b') + "\",\"l\",\"\"," +
                    QByteArray::number(row.id) + ']');
    }
    return result(pairOf(symbol).key, list, '"' + QByteArray::number(lastUs * 1000) + '"');
}

HttpResponse Rest::candles(const QByteArray &symbol, const HttpRequest &request) const
{
    const QByteArray text = request.parameter("interval");
    const int minutes = text.isEmpty() ? 1 : text.toInt();
    if (std::find(std::begin(candleMinutes), std::end(candleMinutes), minutes) == std::end(candleMinutes))
        return failure("EGeneral:Invalid arguments:interval");
    const qint64 since = request.parameter("since").toLongLong();
    const qint64 lengthUs = minutes * 60 * second;
    const Pair pair = pairOf(symbol);
    QList<CandleRow> rows = filled(data()->buckets(symbol, lengthUs), lengthUs);
    rows = rows.mid(std::max<qsizetype>(0, rows.size() - maxCandles));
    QByteArrayList list;
    for (const CandleRow &row : std::as_const(rows)) {
        if (row.openUs > since * second)
            list.append(candleJson(row, pair.decimals));
    }
    const qint64 lastClosed = rows.size() > 1 ? rows[rows.size() - 2].openUs / second : since;
    return result(pair.key, list, QByteArray::number(lastClosed));
}

} // namespace tidemill::exchange::kraken
