// SPDX-License-Identifier: Apache-2.0
#include "exchange_info.h"

#include "catalogue.h"
#include "market_json.h"
#include "rest_query.h"

#include <QJsonArray>
#include <QJsonDocument>

namespace tidemill::exchange {

namespace {

ListedSymbol guessed(const QByteArray &symbol)
{
    for (const char *quote :
         {"USDT", "USDC", "FDUSD", "BUSD", "TUSD", "BTC", "ETH", "BNB", "EUR", "TRY", "RUB", "GBP"}) {
        if (symbol.endsWith(quote) && symbol.size() > qsizetype(qstrlen(quote)))
            return {symbol, symbol.chopped(qsizetype(qstrlen(quote))), quote};
    }
    return {symbol, symbol.chopped(std::min<qsizetype>(3, symbol.size())), symbol.right(3)};
}

QByteArray symbolInfo(const ListedSymbol &symbol)
{
    const QByteArray spot = symbol.spot ? "true" : "false";
    return "{\"symbol\":\"" + symbol.name + "\",\"status\":\"" + symbol.status + "\",\"baseAsset\":\"" +
           symbol.base + "\",\"baseAssetPrecision\":8,\"quoteAsset\":\"" + symbol.quote +
           "\",\"quotePrecision\":8,\"quoteAssetPrecision\":8,\"isSpotTradingAllowed\":" + spot +
           ",\"isMarginTradingAllowed\":true,\"filters\":[{\"filterType\":\"PRICE_FILTER\",\"minPrice\":\"0."
           "00000001\","
           "\"maxPrice\":\"1000000.00000000\",\"tickSize\":\"0.00000001\"},{\"filterType\":\"LOT_SIZE\","
           "\"minQty\":\"0.00000001\",\"maxQty\":\"9000.00000000\",\"stepSize\":\"0.00000001\"}],"
           "\"permissions\":[],\"permissionSets\":[[\"SPOT\",\"MARGIN\"]]}";
}

} // namespace

HttpResponse exchangeInfoAnswer(const HttpRequest &request, const QByteArrayList &symbols, qint64 nowUs,
                                const Settings &settings)
{
    QList<ListedSymbol> all = listedSymbols(settings.symbolsCount);
    QHash<QByteArray, ListedSymbol> byName;
    for (const ListedSymbol &listed : std::as_const(all))
        byName.insert(listed.name, listed);
    for (const QByteArray &symbol : symbols) {
        if (!byName.contains(symbol)) {
            all.append(guessed(symbol));
            byName.insert(symbol, all.last());
        }
    }

    QList<ListedSymbol> wanted = all;
    QByteArrayList named;
    if (const QByteArray one = request.parameter("symbol"); !one.isEmpty()) {
        named = {one};
    } else if (const QByteArray list = request.parameter("symbols"); !list.isEmpty()) {
        const QJsonDocument document = QJsonDocument::fromJson(list);
        if (!document.isArray())
            return apiError(-1100, "Illegal characters found in parameter 'symbols'; expected a JSON list.");
        for (const QJsonValue &name : document.array())
            named.append(name.toString().toUtf8());
    }
    const QByteArray status = request.parameter("symbolStatus");
    if (!status.isEmpty() && status != "TRADING" && status != "HALT" && status != "BREAK")
        return apiError(-1122, "Invalid symbolStatus.");
    if (!named.isEmpty())
        wanted.clear();
    for (const QByteArray &name : std::as_const(named)) {
        if (!byName.contains(name))
            return apiError(-1121, "Invalid symbol.");
        wanted.append(byName.value(name));
    }
    QByteArrayList infos;
    for (const ListedSymbol &symbol : std::as_const(wanted)) {
        if (status.isEmpty() || symbol.status == status)
            infos.append(symbolInfo(symbol));
    }
    return jsonAnswer("{\"timezone\":\"UTC\",\"serverTime\":" + timeText(nowUs, RestQuery(request).unit()) +
                      ",\"rateLimits\":[{\"rateLimitType\":\"REQUEST_WEIGHT\",\"interval\":\"MINUTE\","
                      "\"intervalNum\":1,\"limit\":" +
                      QByteArray::number(settings.limits.weightPerMinute) +
                      "}],\"exchangeFilters\":[],\"symbols\":[" + infos.join(',') + "],\"sors\":[]}");
}

} // namespace tidemill::exchange
