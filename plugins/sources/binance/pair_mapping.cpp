// SPDX-License-Identifier: Apache-2.0
#include "pair_mapping.h"

#include <tidemill/net/json_values.h>

namespace tidemill::binance {

using namespace net::json;

namespace {

struct Listing
{
    std::string_view symbol;
    std::string_view status;
    std::string_view base;
    std::string_view quote;
    bool isSpot = false;
};

bool readListing(ondemand::value value, Listing &listing)
{
    return eachMember(value, [&listing](std::string_view name, ondemand::value member) {
        if (name == "symbol")
            return readText(member, listing.symbol);
        if (name == "status")
            return readText(member, listing.status);
        if (name == "baseAsset")
            return readText(member, listing.base);
        if (name == "quoteAsset")
            return readText(member, listing.quote);
        return name != "isSpotTradingAllowed" || readBool(member, listing.isSpot);
    });
}

QString string(std::string_view text)
{
    return QString::fromUtf8(bytes(text));
}

} // namespace

Result<TradablePairs> decodeExchangeInfo(const QByteArray &body, const QString &quote)
{
    const simdjson::padded_string padded(body.constData(), std::size_t(body.size()));
    ondemand::parser parser;
    ondemand::document document;
    ondemand::object object;
    if (parser.iterate(padded).get(document) != simdjson::SUCCESS ||
        document.get_object().get(object) != simdjson::SUCCESS)
        return malformed(QStringLiteral("exchangeInfo: expected a JSON object"));
    TradablePairs pairs;
    const std::string wanted = quote.toStdString();
    bool hasSymbols = false;
    const bool good = eachMember(object, [&](std::string_view name, ondemand::value member) {
        if (name != "symbols")
            return true;
        hasSymbols = true;
        return eachElement(member, [&](ondemand::value entry) {
            Listing listing;
            if (!readListing(entry, listing))
                return false;
            if (listing.quote == wanted && listing.status == "TRADING" && listing.isSpot &&
                !listing.base.empty())
                pairs.insert(string(listing.base), string(listing.symbol));
            return true;
        });
    });
    if (!good || !hasSymbols)
        return malformed(
            QStringLiteral("exchangeInfo: expected symbols with status, baseAsset and quoteAsset"));
    return pairs;
}

Result<QStringList> decodeCoins(const QByteArray &body)
{
    const simdjson::padded_string padded(body.constData(), std::size_t(body.size()));
    ondemand::parser parser;
    ondemand::document document;
    ondemand::value list;
    QStringList coins;
    if (parser.iterate(padded).get(document) != simdjson::SUCCESS ||
        document.get_value().get(list) != simdjson::SUCCESS || !eachElement(list, [&](ondemand::value coin) {
            coins.append(QString());
            return eachMember(coin, [&coins](std::string_view name, ondemand::value member) {
                std::string_view symbol;
                if (name == "symbol" && readText(member, symbol))
                    coins.last() = string(symbol).toUpper();
                return true;
            });
        }))
        return malformed(QStringLiteral("coins: expected a JSON list of coins with a symbol"));
    return coins;
}

QStringList choosePairs(const QStringList &coins, const TradablePairs &tradable, const PairRules &rules)
{
    QStringList pairs;
    QSet<QString> seen;
    for (const QString &base : coins) {
        if (pairs.size() >= rules.limit)
            break;
        if (base.isEmpty() || seen.contains(base) || rules.excluded.contains(base))
            continue;
        seen.insert(base);
        if (const auto pair = tradable.constFind(base); pair != tradable.constEnd())
            pairs.append(*pair);
    }
    return pairs;
}

QStringList withAlways(const QStringList &chosen, const QStringList &always)
{
    QStringList pairs = chosen;
    QSet<QString> seen(chosen.begin(), chosen.end());
    for (const QString &pair : always) {
        if (!seen.contains(pair))
            pairs.append(pair);
        seen.insert(pair);
    }
    return pairs;
}

} // namespace tidemill::binance
