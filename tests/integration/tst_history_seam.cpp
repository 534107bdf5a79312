// SPDX-License-Identifier: Apache-2.0
#include "programs.h"

#include <QDateTime>
#include <QElapsedTimer>
#include <QScopeGuard>
#include <QSqlDatabase>
#include <QSqlError>
#include <QSqlQuery>

#include <optional>

using namespace tidemill::testing;

namespace {

constexpr auto symbol = "BTCUSDT";
constexpr qint64 minute = 60000;
// The market opens so that the first client comes 25 s after a full minute, ten minutes later.
constexpr qint64 opening = 1700000000000 - 1700000000000 % minute + 25000;
constexpr qint64 from = opening + 2 * minute - 12345; // within a minute

using Rows = QMap<qint64, QByteArray>; // by id, or by the opening of a candle in milliseconds

// What is wrong with `stored`, which must have each of `truth` and nothing else.
QString wrongRows(const Rows &truth, const Rows &stored)
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

} // namespace

// The shipped pipeline that takes the past and what happens from now on into one store. Where the two meet,
// and wherever kill -9 ends a run, nothing may be missing and nothing may be there twice.
class tst_HistorySeam : public QObject
{
    Q_OBJECT

private slots:
    void hasNoHoleWherePastAndPresentMeet()
    {
        QVERIFY(m_exchange.begin({"--generate", "31", "--symbols", symbol, "--rate", "50", "--warmup", "10m",
                                  "--epoch", QString::number(opening)}));
        // So that the past is not had before the present begins.
        QVERIFY(m_exchange.inject(QStringLiteral("slow:1s:5m:/api/v3/aggTrades")));

        // In the middle of the past, while the present is stored already.
        {
            HostProgram host(m_folder.path());
            QVERIFY2(begin(host), host.output().constData());
            QTRY_VERIFY_WITH_TIMEOUT(
                storedTrades("source = 'backfill'") >= 1500 && storedTrades("source = 'live'") >= 10, 60000);
            host.signal(SIGKILL);
            QVERIFY(host.waitForEnd());
        }
        const Rows first = trades();
        QVERIFY(first.size() < first.lastKey() - first.firstKey()); // the past has not met the present

        // While both bring the present, and over the end of a minute.
        QVERIFY(m_exchange.inject(QStringLiteral("slow:100ms:5m:/api/v3/aggTrades")));
        qint64 full = 0; // a candle ends then
        {
            HostProgram host(m_folder.path());
            QVERIFY2(begin(host), host.output().constData());
            waitUntilWhole();
            full = ((exchangeTime() + 3000) / minute + 1) * minute;
            QTRY_VERIFY_WITH_TIMEOUT(exchangeTime() >= full - 3000, 90000);
            QVERIFY(host.node(QStringLiteral("live"))["records_out"].toInteger() > 0);
            host.signal(SIGKILL);
            QVERIFY(host.waitForEnd());
        }
        QTRY_VERIFY_WITH_TIMEOUT(exchangeTime() >= full, 10000);

        HostProgram host(m_folder.path());
        QVERIFY2(begin(host), host.output().constData());
        waitUntilWhole();
        QTRY_VERIFY_WITH_TIMEOUT(candles().lastKey() >= full - minute, 60000);
        const qint64 restarted = trades().lastKey();
        QTRY_VERIFY_WITH_TIMEOUT(trades().lastKey() > restarted + 20, 60000);
        QVERIFY2(host.endWell(), host.output().constData());

        const Rows stored = trades();
        QCOMPARE(storedTrades("true"), stored.size()); // no id twice
        QCOMPARE(wrongRows(tradesOfExchange(stored.lastKey()), stored), QString());
        const Rows closed = candles();
        QVERIFY(closed.lastKey() >= full - minute);
        QCOMPARE(wrongRows(candlesOfExchange(closed.lastKey()), closed), QString());
        // One at the most was not over yet.
        QVERIFY(number("SELECT count(*) FROM klines") <= closed.size() + 1);
        QCOMPARE(number("SELECT count(*) FROM sqlite_master WHERE name = 'gap'"), 0);
        QVERIFY(number("SELECT count(*) FROM trades WHERE source = 'live'") > 20);
        QCOMPARE(request(m_exchange.rest + QStringLiteral("/__stats")).json()["violations"].toArray().size(),
                 0);
    }

private:
    bool begin(HostProgram &host)
    {
        host.setEnvironment(QStringLiteral("BINANCE_WS_URL"), m_exchange.ws);
        host.setEnvironment(QStringLiteral("BINANCE_REST_URL"), m_exchange.rest);
        host.setEnvironment(QStringLiteral("BINANCE_HISTORY_URL"), m_exchange.rest);
        host.setEnvironment(QStringLiteral("FROM"), QString::number(from));
        host.setEnvironment(QStringLiteral("ARCHIVE"), QString());
        host.setEnvironment(QStringLiteral("DATABASE_URL"), QStringLiteral("sqlite:history.db"));
        return host.runFile(sourceFile(QStringLiteral("pipelines/binance-history.yaml")));
    }

    // All trades that the exchange has had until this moment are there, from the first one on.
    void waitUntilWhole()
    {
        const qint64 newest =
            QJsonDocument::fromJson(rest(QStringLiteral("aggTrades?limit=1")))[0]["a"].toInteger();
        const qint64 oldest =
            QJsonDocument::fromJson(rest(QStringLiteral("aggTrades?limit=1&startTime=%1").arg(from)))[0]["a"]
                .toInteger();
        QVERIFY(newest > oldest + 3000); // some pages
        const auto condition =
            QStringLiteral("trade_id BETWEEN %1 AND %2").arg(oldest).arg(newest).toLatin1();
        QTRY_VERIFY_WITH_TIMEOUT(storedTrades(condition) == newest - oldest + 1, 90000);
    }

    // By the market's clock, which goes as fast as ours.
    qint64 exchangeTime()
    {
        if (!m_clock.isValid()) {
            m_clockAt = QJsonDocument::fromJson(
                            request(m_exchange.rest + QStringLiteral("/api/v3/time")).body)["serverTime"]
                            .toInteger();
            m_clock.start();
        }
        return m_clockAt + m_clock.elapsed();
    }

    QByteArray rest(const QString &query) const
    {
        return request(m_exchange.rest + QStringLiteral("/api/v3/") + query + QStringLiteral("&symbol=") +
                       QLatin1String(symbol))
            .body;
    }

    Rows tradesOfExchange(qint64 last) const
    {
        Rows rows;
        QString next = QStringLiteral("startTime=%1").arg(from);
        while (rows.isEmpty() || rows.lastKey() <= last) {
            const QJsonArray page =
                QJsonDocument::fromJson(rest(QStringLiteral("aggTrades?limit=1000&") + next)).array();
            if (page.isEmpty())
                break;
            for (const QJsonValue &trade : page)
                rows.insert(trade["a"].toInteger(), QByteArray::number(trade["a"].toInteger()) + ' ' +
                                                        trade["p"].toString().toLatin1() + ' ' +
                                                        trade["q"].toString().toLatin1() + ' ' +
                                                        QByteArray::number(trade["f"].toInteger()) + '-' +
                                                        QByteArray::number(trade["l"].toInteger()) + ' ' +
                                                        QByteArray::number(trade["T"].toInteger()) +
                                                        (trade["m"].toBool() ? " sell" : " buy"));
            next = QStringLiteral("fromId=%1").arg(rows.lastKey() + 1);
        }
        rows.erase(rows.upperBound(last), rows.end());
        return rows;
    }

    Rows trades() const
    {
        return stored(
            "SELECT trade_id, trade_id || ' ' || price || ' ' || qty || ' ' || first_trade_id || '-' || "
            "last_trade_id || ' ' || (event_ts / 1000000) || ' ' || side FROM trades");
    }

    // Up to the one that opened then.
    Rows candlesOfExchange(qint64 last) const
    {
        Rows rows;
        const QJsonArray page =
            QJsonDocument::fromJson(
                rest(QStringLiteral("klines?interval=1m&limit=1000&startTime=%1&endTime=%2")
                         .arg(from)
                         .arg(last)))
                .array();
        for (const QJsonValue &candle : page) {
            QByteArray text = QByteArray::number(candle[0].toInteger());
            for (const int column : {1, 2, 3, 4, 5, 7})
                text += ' ' + candle[column].toString().toLatin1();
            rows.insert(candle[0].toInteger(), text + ' ' + QByteArray::number(candle[8].toInteger()));
        }
        return rows;
    }

    // Those that are over.
    Rows candles() const
    {
        return stored("SELECT open_time / 1000000, (open_time / 1000000) || ' ' || open_price || ' ' || "
                      "high_price || ' ' "
                      "|| low_price || ' ' || close_price || ' ' || volume || ' ' || quote_volume || ' ' || "
                      "trade_count FROM klines WHERE closed");
    }

    qint64 storedTrades(const QByteArray &condition) const
    {
        return number("SELECT count(*) FROM trades WHERE " + condition);
    }

    qint64 number(const QByteArray &sql) const
    {
        const Rows rows = stored("SELECT (" + sql + "), ''");
        return rows.isEmpty() ? -1 : rows.firstKey();
    }

    // None while there is no such table.
    Rows stored(const QByteArray &sql) const
    {
        Rows rows;
        const auto close = qScopeGuard([] { QSqlDatabase::removeDatabase(QStringLiteral("read")); });
        QSqlDatabase database = QSqlDatabase::addDatabase(QStringLiteral("QSQLITE"), QStringLiteral("read"));
        database.setDatabaseName(m_folder.filePath(QStringLiteral("history.db")));
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

    QTemporaryDir m_folder;
    ExchangeProgram m_exchange;
    QElapsedTimer m_clock;
    qint64 m_clockAt = 0;
};

QTEST_GUILESS_MAIN(tst_HistorySeam)

#include "tst_history_seam.moc"
