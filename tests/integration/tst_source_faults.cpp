// SPDX-License-Identifier: Apache-2.0
#include "truth.h"

#include <QElapsedTimer>
#include <QScopeGuard>
#include <QSqlDatabase>
#include <QSqlError>
#include <QSqlQuery>

using namespace tidemill::testing;

namespace {

constexpr const char *symbols[]{"BTCUSDT", "ETHUSDT", "SOLUSDT", "XRPUSDT", "ADAUSDT"};
constexpr int rate = 20;          // trades a second of each
constexpr int between = 5 * rate; // trades that must flow before and behind each fault: a second's worth

// What was asked of the exchange, and how long it took to live again.
struct Line
{
    QByteArray fault;
    qsizetype expected = 0;
    qsizetype got = 0;
    int filled = 0;
    qint64 noticedMs = -1; // -1: it need not become degraded
    qint64 recoveredMs = -1;
};

QList<Line> &table()
{
    static QList<Line> lines;
    return lines;
}

} // namespace

// Five symbols at twenty trades a second each, and everything that has been seen to go wrong with an
// exchange: afterwards no trade is missing, none is there twice, and all stand in the exchange's order.
class tst_SourceFaults : public QObject
{
    Q_OBJECT

private slots:
    void losesNothing_data()
    {
        QTest::addColumn<QByteArrayList>("faults"); // one after the other
        QTest::addColumn<bool>("isNoticed");        // the source says so
        QTest::addColumn<int>("noticedWithinMs");

        QTest::newRow("three kills of 2 s")
            << QByteArrayList{"refuse:2s", "refuse:2s", "refuse:2s"} << true << 5000;
        QTest::newRow("silent but open") << QByteArrayList{"silence:20s"} << true << 5000;
        QTest::newRow("no pongs") << QByteArrayList{"nopong:2s"} << false << 0;
        QTest::newRow("a hole of five ids") << QByteArrayList{"gap:5"} << false << 0;
        QTest::newRow("three repeats") << QByteArrayList{"repeat:3"} << false << 0;
        QTest::newRow("a hole in a book") << QByteArrayList{"gap:1:btcusdt@depth@100ms"} << false << 0;
        QTest::newRow("clean closes")
            << QByteArrayList{"close:1000", "close:1001", "close:1012"} << true << 5000;
        QTest::newRow("429 on connect") << QByteArrayList{"status:429:1:2s abort"} << true << 5000;
        QTest::newRow("shutdown announced") << QByteArrayList{"serverShutdown:500ms"} << false << 0;
    }

    void losesNothing()
    {
        QFETCH(QByteArrayList, faults);
        QFETCH(bool, isNoticed);
        QFETCH(int, noticedWithinMs);
        QTemporaryDir folder;
        ExchangeProgram exchange;
        QVERIFY(begin(exchange));
        HostProgram host(folder.path());
        QVERIFY2(host.runText(pipeline(exchange, QStringLiteral("{ type: jsonl, inputs: [feed.trade], path: "
                                                                "trades.jsonl }"))),
                 host.output().constData());
        Line line{QTest::currentDataTag()};
        // Long enough for the rhythm of each stream to be learnt.
        QVERIFY(waitForTrades(host, 6 * between));

        for (const QByteArray &fault : std::as_const(faults)) {
            const qint64 before = tries(exchange);
            QElapsedTimer timer;
            timer.start();
            for (const QByteArray &part : fault.split(' '))
                QVERIFY(exchange.inject(QString::fromLatin1(part)));
            if (isNoticed) {
                // A connection that comes back at once may be troubled for too short a time to be asked
                // about.
                QTRY_VERIFY_WITH_TIMEOUT(state(host) == QLatin1String("degraded") || tries(exchange) > before,
                                         noticedWithinMs);
                line.noticedMs = std::max(line.noticedMs, timer.elapsed());
                const qint64 then = tradesNow(host);
                QTRY_VERIFY_WITH_TIMEOUT(state(host) == QLatin1String("running") && tradesNow(host) > then,
                                         60000);
                line.recoveredMs = std::max(line.recoveredMs, timer.elapsed());
            }
            QVERIFY(waitForTrades(host, tradesNow(host) + 2 * between));
        }
        QVERIFY2(host.endWell(), host.output().constData());

        compareLines(exchange, folder.filePath(QStringLiteral("trades.jsonl")), line);
    }

    // A server that lets nobody stay, for as long as the test runs.
    void losesNothingThoughEachConnectionIsSoonClosed()
    {
        constexpr int closes = 12;
        QTemporaryDir folder;
        ExchangeProgram exchange;
        QVERIFY(begin(exchange));
        HostProgram host(folder.path());
        QVERIFY2(host.runText(pipeline(exchange, QStringLiteral("{ type: jsonl, inputs: [feed.trade], path: "
                                                                "trades.jsonl }"))),
                 host.output().constData());
        Line line{"a clean close every 1.5 s"};
        QVERIFY(waitForTrades(host, between));

        for (int i = 0; i < closes; ++i) {
            QElapsedTimer timer;
            timer.start();
            QVERIFY(exchange.inject(QStringLiteral("close:1000")));
            QTRY_VERIFY(timer.hasExpired(1500));
        }
        const qint64 then = tradesNow(host);
        QTRY_VERIFY_WITH_TIMEOUT(
            state(host) == QLatin1String("running") && tradesNow(host) > then + 2 * between, 60000);
        QVERIFY(tries(exchange) > closes / 2); // while it waits to come back there is nothing to close
        QVERIFY2(host.endWell(), host.output().constData());

        compareLines(exchange, folder.filePath(QStringLiteral("trades.jsonl")), line);
        QVERIFY(line.filled > 0);
    }

    void losesNothingWhenTheHostIsKilled()
    {
        QTemporaryDir folder;
        ExchangeProgram exchange;
        QVERIFY(begin(exchange));
        const QString sink =
            QStringLiteral("{ type: sql, inputs: [feed.trade], url: 'sqlite:trades.db', batch: "
                           "{ rows: 20 } }");
        Line line{"kill -9 of the host for 5 s"};
        {
            HostProgram host(folder.path());
            QVERIFY2(host.runText(pipeline(exchange, sink)), host.output().constData());
            // Positions are kept once a second.
            QVERIFY(waitForTrades(host, 4 * between));
            host.signal(SIGKILL);
            QVERIFY(host.waitForEnd());
        }
        QElapsedTimer away;
        away.start();
        QTRY_VERIFY_WITH_TIMEOUT(away.elapsed() > 5000, 10000);
        HostProgram host(folder.path());
        QVERIFY2(host.runText(pipeline(exchange, sink)), host.output().constData());
        QVERIFY(waitForTrades(host, 9 * between));
        QVERIFY2(host.endWell(), host.output().constData());

        QMap<QString, TradesById> stored;
        const auto close = qScopeGuard([] { QSqlDatabase::removeDatabase(QStringLiteral("read")); });
        QSqlDatabase database = QSqlDatabase::addDatabase(QStringLiteral("QSQLITE"), QStringLiteral("read"));
        database.setDatabaseName(folder.filePath(QStringLiteral("trades.db")));
        QVERIFY(database.open());
        QSqlQuery query(database);
        QVERIFY(
            query.exec(QStringLiteral("SELECT symbol, trade_id, price, quantity, provenance FROM trade")));
        while (query.next()) {
            stored[query.value(0).toString()].insert(query.value(1).toLongLong(),
                                                     query.value(2).toString().toLatin1() + ' ' +
                                                         query.value(3).toString().toLatin1());
            line.filled += query.value(4).toString() == QLatin1String("backfill");
        }
        compare(exchange, stored, line);
        QVERIFY(line.filled > 4 * rate);
        database = {};
    }

    void cleanupTestCase()
    {
        std::printf("\n%-30s %9s %9s %7s %11s %12s\n", "fault", "expected", "got", "filled", "noticed ms",
                    "recovered ms");
        const auto time = [](qint64 ms) { return ms < 0 ? QByteArray("-") : QByteArray::number(ms); };
        for (const Line &line : std::as_const(table()))
            std::printf("%-30s %9lld %9lld %7d %11s %12s\n", line.fault.constData(), (long long)line.expected,
                        (long long)line.got, line.filled, time(line.noticedMs).constData(),
                        time(line.recoveredMs).constData());
        std::fflush(stdout);
    }

private:
    static bool begin(ExchangeProgram &exchange)
    {
        QByteArrayList names(std::begin(symbols), std::end(symbols));
        return exchange.begin({"--generate", "11", "--symbols", QString::fromLatin1(names.join(',')),
                               "--rate", QString::number(rate)});
    }

    static QString pipeline(const ExchangeProgram &exchange, const QString &sink)
    {
        QByteArrayList names(std::begin(symbols), std::end(symbols));
        return QStringLiteral(R"(name: faults
sources:
  feed:
    type: binance
    url: %1
    rest_url: %2
    history_url: %2
    symbols: [%3]
    streams: [trade, depth@100ms]
sinks:
  out: %4
  books: { type: blackhole, inputs: [feed.book_update, feed.book_snapshot, feed.gap] }
)")
            .arg(exchange.ws, exchange.rest, QString::fromLatin1(names.join(',')), sink);
    }

    static QString state(HostProgram &host) { return host.node(QStringLiteral("feed"))["state"].toString(); }

    // Connections that were made or refused.
    static qint64 tries(ExchangeProgram &exchange)
    {
        const QJsonObject stats = request(exchange.rest + QStringLiteral("/__stats")).json();
        return stats["connections_ever"].toInteger() + stats["connections_refused"].toInteger();
    }

    static qint64 tradesNow(HostProgram &host)
    {
        return host.node(QStringLiteral("out"))["records_out"].toInteger();
    }

    static bool waitForTrades(HostProgram &host, qint64 count)
    {
        return QTest::qWaitFor([&] { return tradesNow(host) >= count; }, 60000);
    }

    static void compareLines(ExchangeProgram &exchange, const QString &path, Line &line)
    {
        QMap<QString, TradesById> stored;
        QFile file(path);
        QVERIFY(file.open(QIODevice::ReadOnly));
        while (!file.atEnd()) {
            const QJsonObject record = QJsonDocument::fromJson(file.readLine()).object();
            TradesById &trades = stored[record["symbol"].toString()];
            const qint64 id = record["trade_id"].toInteger();
            QVERIFY2(trades.isEmpty() || id > trades.lastKey(), "twice, or out of order");
            trades.insert(id, record["price"].toString().toLatin1() + ' ' +
                                  record["quantity"].toString().toLatin1());
            line.filled += record["provenance"] == QLatin1String("backfill");
        }
        compare(exchange, stored, line);
        QCOMPARE(request(exchange.rest + QStringLiteral("/__stats")).json()["violations"].toArray().size(),
                 0);
    }

    static void compare(ExchangeProgram &exchange, const QMap<QString, TradesById> &stored, Line &line)
    {
        QString wrong;
        for (const char *symbol : symbols) {
            const TradesById truth = tradesOf(exchange, QLatin1String(symbol));
            const TradesById got = stored.value(QLatin1String(symbol));
            wrong += wrongTrades(truth, got);
            line.got += got.size();
            if (!got.isEmpty())
                line.expected +=
                    std::distance(truth.lowerBound(got.firstKey()), truth.upperBound(got.lastKey()));
        }
        table().append(line);
        QCOMPARE(wrong, QString());
        QCOMPARE(line.got, line.expected);
    }
};

QTEST_GUILESS_MAIN(tst_SourceFaults)

#include "tst_source_faults.moc"
