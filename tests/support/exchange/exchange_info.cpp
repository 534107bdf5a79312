// SPDX-License-Identifier: Apache-2.0
#include "exchange_info.h"

#include "market_json.h"
#include "rest_query.h"

#include <QJsonArray>
#include <QJsonDocument>

namespace tidemill::exchange {

namespace {

QByteArray quoteAsset(const QByteArray &symbol)
{
    for (const char *quote :
         {"USDT", "USDC", "FDUSD", "BUSD", "TUSD", "BTC", "ETH", "BNB", "EUR", "TRY", "RUB", "GBP"}) {
        if (symbol.endsWith(quote) && symbol.size() > qsizetype(qstrlen(quote)))
            return quote;
    }
    return symbol.right(3);
}

QByteArray symbolInfo(const QByteArray &symbol)
{
    const QByteArray quote = quoteAsset(symbol);
    return "{\"symbol\":\"" + symbol + "\",\"status\":\"TRADING\",\"baseAsset\":\"" +
           symbol.chopped(quote.size()) + "\",\"baseAssetPrecision\":8,\"quoteAsset\":\"" + quote +
           "\",\"quotePrecision\":8,\"quoteAssetPrecision\":8,\"isSpotTradingAllowed\":true,"
           "\"isMarginTradingAllowed\":true,\"filters\":[{\"filterType\":\"PRICE_FILTER\",\"minPrice\":\"0."
           "00000001\","
           "\"maxPrice\":\"1000000.00000000\",\"tickSize\":\"0.00000001\"},{\"filterType\":\"LOT_SIZE\","
           "\"minQty\":\"0.00000001\",\"maxQty\":\"9000.00000000\",\"stepSize\":\"0.00000001\"}],"
           "\"permissions\":[],\"permissionSets\":[[\"SPOT\",\"MARGIN\"]]}";
}

} // namespace

HttpResponse exchangeInfoAnswer(const HttpRequest &request, const QByteArrayList &symbols, qint64 nowUs,
                                const Limits &limits)
{
    QByteArrayList wanted = symbols;
    if (const QByteArray one = request.parameter("symbol"); !one.isEmpty()) {
        wanted = {one};
    } else if (const QByteArray list = request.parameter("symbols"); !list.isEmpty()) {
        const QJsonDocument document = QJsonDocument::fromJson(list);
        if (!document.isArray())
            return apiError(-1100, "Illegal characters found in parameter 'symbols'; expected a JSON list.");
        wanted.clear();
        for (const QJsonValue &name : document.array())
            wanted.append(name.toString().toUtf8());
    }
    const QByteArray status = request.parameter("symbolStatus");
    if (!status.isEmpty() && status != "TRADING" && status != "HALT" && status != "BREAK")
        return apiError(-1122, "Invalid symbolStatus.");
    if (!status.isEmpty() && status != "TRADING")
        wanted.clear(); // all there is trades
    QByteArrayList infos;
    for (const QByteArray &symbol : std::as_const(wanted)) {
        if (!symbols.contains(symbol))
            return apiError(-1121, "Invalid symbol.");
        infos.append(symbolInfo(symbol));
    }
    return jsonAnswer("{\"timezone\":\"UTC\",\"serverTime\":" + timeText(nowUs, RestQuery(request).unit()) +
                      ",\"rateLimits\":[{\"rateLimitType\":\"REQUEST_WEIGHT\",\"interval\":\"MINUTE\","
                      "\"intervalNum\":1,\"limit\":" +
                      QByteArray::number(limits.weightPerMinute) + "}],\"exchangeFilters\":[],\"symbols\":[" +
                      infos.join(',') + "],\"sors\":[]}");
}

} // namespace tidemill::exchange
