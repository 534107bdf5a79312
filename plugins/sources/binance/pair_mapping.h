// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tidemill/result.h>

#include <QHash>
#include <QList>
#include <QSet>
#include <QStringList>

namespace tidemill::binance {

// Which pairs the largest coins trade as. Takes what CoinGecko and Binance answered; no network in here.

// The pairs of one quote asset that can be traded now: base asset -> symbol.
using TradablePairs = QHash<QString, QString>;

// From Binance's exchangeInfo.
Result<TradablePairs> decodeExchangeInfo(const QByteArray &body, const QString &quote);
// From a page of CoinGecko's /coins/markets: symbols in upper case, in its order, the largest first. A coin
// without a symbol is an empty one, so that the length tells whether the page is full.
Result<QStringList> decodeCoins(const QByteArray &body);

struct PairRules
{
    qsizetype limit = 0;
    QSet<QString> excluded; // base assets: stablecoins
};

// The pairs of these coins in their order, at most as many as the limit says. Different coins may have the
// same symbol: the first, being the largest, is meant.
QStringList choosePairs(const QStringList &coins, const TradablePairs &tradable, const PairRules &rules);

// Those of `always` are there whatever the limit was: they come behind what was chosen.
QStringList withAlways(const QStringList &chosen, const QStringList &always);

} // namespace tidemill::binance
