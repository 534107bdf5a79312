// SPDX-License-Identifier: Apache-2.0
#include "catalogue.h"

namespace tidemill::exchange {

namespace {

constexpr const char *largest[] = {"BTC", "ETH", "USDT", "XRP",  "BNB", "SOL", "USDC", "DOGE",
                                   "ADA", "TRX", "LINK", "AVAX", "XLM", "SUI", "DAI",  "LTC",
                                   "DOT", "BCH", "UNI",  "AAVE", "ETC", "FIL", "ATOM", "ALGO"};

ListedSymbol pair(const QByteArray &base, const QByteArray &quote)
{
    return {base + quote, base, quote};
}

} // namespace

QByteArrayList coinsByMarketCap(int count)
{
    QByteArrayList coins;
    for (const char *coin : largest) {
        if (coins.size() < count)
            coins.append(coin);
    }
    while (coins.size() < count)
        coins.append("COIN" + QByteArray::number(coins.size() + 1));
    return coins;
}

QList<ListedSymbol> listedSymbols(int count)
{
    QList<ListedSymbol> listed;
    int rank = 0;
    for (const QByteArray &coin : coinsByMarketCap(count + 1)) {
        ++rank;
        if (coin == "USDT")
            continue;
        if (rank % 7 == 6) {
            listed.append(pair(coin, "BTC")); // not against USDT at all
            continue;
        }
        listed.append(pair(coin, "USDT"));
        if (rank % 10 == 0)
            listed.last().status = "HALT";
        else if (rank % 25 == 12)
            listed.last().spot = false;
        if (rank % 5 == 0)
            listed.append(pair(coin, "EUR"));
    }
    return listed.mid(0, count);
}

QByteArrayList tradingSymbols(int count)
{
    QByteArrayList names;
    for (const ListedSymbol &symbol : listedSymbols(count)) {
        if (symbol.status == "TRADING")
            names.append(symbol.name);
    }
    return names;
}

} // namespace tidemill::exchange
