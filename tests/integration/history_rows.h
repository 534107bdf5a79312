// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "programs.h"

#include <QScopeGuard>
#include <QSqlDatabase>
#include <QSqlError>
#include <QSqlQuery>

// What Binance's history has, by REST, and what a store has of it.

namespace tidemill::testing {

constexpr const char *historySymbol = "BTCUSDT";

// By id, or by the opening of a candle in milliseconds, each as text that has all that matters of it.
using Rows = QMap<qint64, QByteArray>;

inline qint64 lastOf(const Rows &rows)
{
    return rows.isEmpty() ? -1 : rows.lastKey();
}

// What is wrong with `stored`, which must have each of `truth` and nothing else.
inline QString wrongRows(const Rows &truth, const Rows &stored)
{
    QStringList wrong;
    for (auto row = truth.begin(); row != truth.end(); ++row) {
        if (!stored.contains(row.key()))
            wrong.append(QStringLiteral("%1 is missing").arg(row.key()));
        else if (stored.value(row.key()) != row.value())
            wrong.append(
                QString::fromLatin1(stored.value(row.key()) + " is stored instead of " + row.value()));
    }
    for (auto row = stored.begin(); row != stored.end(); ++row) {
        if (!truth.contains(row.key()))
            wrong.append(QStringLiteral("%1 was never asked for").arg(row.key()));
    }
    return wrong.mid(0, 20).join(QLatin1String("; "));
}

// The rows of one answer; `query` as in "aggTrades?fromId=7".
inline QJsonArray historyPage(const ExchangeProgram &exchange, const QString &query)
{
    const QString url =
        QStringLiteral("%1/api/v3/%2&symbol=%3").arg(exchange.rest, query, QLatin1String(historySymbol));
    return QJsonDocument::fromJson(request(url).body).array();
}

// By the market's clock.
inline qint64 marketTime(const ExchangeProgram &exchange)
{
    return request(exchange.rest + QStringLiteral("/api/v3/time")).json()["serverTime"].toInteger();
}

// Aggregate trades from that time on, up to now or to before `to`.
inline Rows tradesOfExchange(const ExchangeProgram &exchange, qint64 from,
                             qint64 to = std::numeric_limits<qint64>::max())
{
    constexpr qsizetype most = 1000;
    Rows rows;
    QString next = QStringLiteral("startTime=%1").arg(from);
    QJsonArray page;
    do {
        page = historyPage(exchange, QStringLiteral("aggTrades?limit=%1&").arg(most) + next);
        for (const QJsonValue &trade : std::as_const(page)) {
            const auto number = [&trade](const char *name) {
                return QByteArray::number(trade[QLatin1String(name)].toInteger());
            };
            if (trade["T"].toInteger() >= to)
                return rows;
            rows.insert(trade["a"].toInteger(), number("a") + ' ' + trade["p"].toString().toLatin1() + ' ' +
                                                    trade["q"].toString().toLatin1() + ' ' + number("f") +
                                                    '-' + number("l") + ' ' + number("T") +
                                                    (trade["m"].toBool() ? " sell" : " buy"));
        }
        next = QStringLiteral("fromId=%1").arg(rows.isEmpty() ? 0 : rows.lastKey() + 1);
    } while (page.size() == most);
    return rows;
}

// Candles that open from that time on, as far as they are over.
inline Rows candlesOfExchange(const ExchangeProgram &exchange, const char *interval, qint64 from)
{
    const qint64 now = marketTime(exchange);
    Rows rows;
    QJsonArray page;
    do {
        page = historyPage(exchange, QStringLiteral("klines?interval=%1&limit=1000&startTime=%2")
                                         .arg(QLatin1String(interval))
                                         .arg(rows.isEmpty() ? from : rows.lastKey() + 1));
        for (const QJsonValue &candle : std::as_const(page)) {
            QByteArray text = QByteArray::number(candle[0].toInteger());
            for (const int column : {1, 2, 3, 4, 5, 7})
                text += ' ' + candle[column].toString().toLatin1();
            if (candle[6].toInteger() < now)
                rows.insert(candle[0].toInteger(), text + ' ' + QByteArray::number(candle[8].toInteger()));
        }
    } while (page.size() > 1);
    return rows;
}

// SQL for the same text.
inline QByteArray sqlText(const QByteArrayList &columns)
{
    return columns.join(" || ' ' || ");
}

// Two columns of a SQLite database, a key and a text. None while there is no such table.
inline Rows storedRows(const QString &path, const QByteArray &sql)
{
    Rows rows;
    const auto close = qScopeGuard([] { QSqlDatabase::removeDatabase(QStringLiteral("read")); });
    QSqlDatabase database = QSqlDatabase::addDatabase(QStringLiteral("QSQLITE"), QStringLiteral("read"));
    database.setDatabaseName(path);
    database.setConnectOptions(QStringLiteral("QSQLITE_OPEN_READONLY"));
    if (database.open()) {
        QSqlQuery query(database);
        if (query.exec(QString::fromLatin1(sql))) {
            while (query.next())
                rows.insert(query.value(0).toLongLong(), query.value(1).toString().toLatin1());
        }
    }
    database = {};
    return rows;
}

// One number; -1 while there is no such table.
inline qint64 storedNumber(const QString &path, const QByteArray &sql)
{
    const Rows rows = storedRows(path, "SELECT (" + sql + "), ''");
    return rows.isEmpty() ? -1 : rows.firstKey();
}

} // namespace tidemill::testing
