// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "programs.h"

#include <QMap>

namespace tidemill::testing {

// Trades as the exchange made them: id -> "price quantity", digit by digit.
using TradesById = QMap<qint64, QByteArray>;

inline TradesById tradesOf(ExchangeProgram &exchange, const QString &symbol)
{
    TradesById trades;
    // A hundred thousand of them take their time under a sanitizer.
    const HttpResult answer =
        request(exchange.rest + QStringLiteral("/__truth/trades?symbol=") + symbol, "GET", {}, 60000);
    if (answer.status != 200)
        qWarning("the exchange does not tell its trades of %s: status %d", qPrintable(symbol), answer.status);
    for (const QByteArray &line : answer.body.split('\n')) {
        const QJsonObject trade = QJsonDocument::fromJson(line).object();
        if (!trade.isEmpty())
            trades.insert(trade["t"].toInteger(),
                          trade["p"].toString().toLatin1() + ' ' + trade["q"].toString().toLatin1());
    }
    return trades;
}

// A piece that a Gap record says is missing, both ends included.
struct MissingRange
{
    qint64 first;
    qint64 last;
};

// What is wrong with `stored`: from its first id to its last, each trade of the exchange must be there with
// the same digits unless it lies in a range, and nothing else may be there. Empty when all is well.
inline QString wrongTrades(const TradesById &truth, const TradesById &stored,
                           const QList<MissingRange> &missing = {})
{
    if (stored.isEmpty())
        return QStringLiteral("nothing is stored");
    QStringList wrong;
    for (auto it = truth.lowerBound(stored.firstKey()); it != truth.end() && it.key() <= stored.lastKey();
         ++it) {
        const bool excused = std::any_of(missing.begin(), missing.end(), [&](const MissingRange &range) {
            return range.first <= it.key() && it.key() <= range.last;
        });
        if (excused == stored.contains(it.key()))
            wrong.append(
                QStringLiteral("%1 %2").arg(it.key()).arg(excused ? "is stored and in a gap" : "is missing"));
        else if (!excused && stored.value(it.key()) != it.value())
            wrong.append(QStringLiteral("%1 differs").arg(it.key()));
    }
    for (auto it = stored.begin(); it != stored.end(); ++it) {
        if (!truth.contains(it.key()))
            wrong.append(QStringLiteral("%1 was never sent").arg(it.key()));
    }
    return wrong.mid(0, 20).join(QLatin1String("; "));
}

} // namespace tidemill::testing
