// SPDX-License-Identifier: Apache-2.0
#include "record_follower.h"

#include <QElapsedTimer>
#include <QScopeGuard>
#include <QSqlDatabase>
#include <QSqlError>
#include <QSqlQuery>

#include <numeric>

using namespace tidemill::testing;

namespace {

constexpr const char *symbols[]{"BTCUSDT", "ETHUSDT", "SOLUSDT", "XRPUSDT", "ADAUSDT"};
constexpr int rate = 20;          // trades a second of each
constexpr int between = 5 * rate; // trades that must flow before and behind each fault: a second's worth

// What each fault of a row leaves behind, at the exchange or in what the source says of itself, when it has
// really happened. At least; 0 is not looked at.
struct Proof
{
    int connections = 0;    // made anew
    int turnedAway = 0;     // with a status
    int withheldTrades = 0; // trades that were not sent to who was connected
    int filled = 0;         // trades that came from history
    int repeats = 0;        // records that were dropped as such
    int gapsInBook = 0;     // of the first symbol
    QByteArray says;        // what the host writes to its log
};

// What was asked of the exchange, and how long it took to live again.
struct Line
{
    QByteArray fault;
    qsizetype expected = 0;
    qsizetype got = 0;
    int filled = 0;
    qint64 repeats = 0;
    qint64 connections = 0; // made anew
    int books = 0;          // compared, each with all its levels
    qint64 noticedMs = -1;  // -1: it need not become degraded
    qint64 recoveredMs = 0; // until trades and books were whole again; the longest of them
};

QList<Line> &table()
{
    static QList<Line> lines;
    return lines;
}

// What the exchange has counted until now.
struct Counted
{
    qint64 connections;
    qint64 turnedAway;
    qint64 withheldTrades;
    qsizetype violations;

    explicit Counted(const ExchangeProgram &exchange)
    {
        const QJsonObject stats = request(exchange.rest + QStringLiteral("/__stats")).json();
        connections = stats["connections_ever"].toInteger();
        turnedAway = stats["connections_refused"].toInteger();
        violations = stats["violations"].toArray().size();
        const QJsonObject streams = stats["streams"].toObject();
        withheldTrades = std::accumulate(
            std::begin(symbols), std::end(symbols), qint64(0), [&streams](qint64 sum, const char *symbol) {
                const QString stream = QString::fromLatin1(symbol).toLower() + "@trade";
                return sum + streams[stream]["withheld"].toInteger();
            });
    }
};

qint64 repeatsOf(HostProgram &host)
{
    static const QRegularExpression line(
        QStringLiteral("tidemill_dropped_total\\{[^}]*reason=\"repeat\"[^}]*\\} (\\d+)"));
    const auto match = line.match(QString::fromUtf8(host.get(QStringLiteral("/metrics")).body));
    return match.captured(1).toLongLong();
}

} // namespace

Q_DECLARE_METATYPE(Proof)

// Five symbols at twenty trades a second each, and everything that has been seen to go wrong with an
// exchange: afterwards no trade is missing, none is there twice, all stand in the exchange's order, and the
// books are the exchange's.
class tst_SourceFaults : public QObject
{
    Q_OBJECT

private slots:
    void losesNothing_data()
    {
        QTest::addColumn<QByteArrayList>("faults"); // one after the other
        QTest::addColumn<Proof>("proof");           // of each
        QTest::addColumn<int>("noticedWithinMs");   // the source says so; 0: it need not

        // In two seconds two hundred trades happen.
        QTest::newRow("three kills of 2 s") << QByteArrayList{"refuse:2s", "refuse:2s", "refuse:2s"}
                                            << Proof{.connections = 1, .filled = 100} << 5000;
        QTest::newRow("silent but open")
            << QByteArrayList{"silence:20s"}
            << Proof{.connections = 1, .withheldTrades = between, .filled = between} << 5000;
        // Only who has heard nothing for a while sends a ping, and only while history cannot tell either does
        // it matter whether it is answered.
        QTest::newRow("silent and no pongs")
            << QByteArrayList{"rest:503:6s:/api/v3/historicalTrades nopong:20s silence:20s"}
            << Proof{.connections = 1,
                     .withheldTrades = between,
                     .filled = between,
                     .says = "no answer to a ping"}
            << 10000;
        QTest::newRow("a hole of five ids")
            << QByteArrayList{"gap:5"} << Proof{.withheldTrades = 5 * 5, .filled = 5 * 5, .gapsInBook = 1}
            << 0;
        // Of each stream of trades and of each of changes.
        QTest::newRow("three repeats") << QByteArrayList{"repeat:3"} << Proof{.repeats = 3 * 5 * 2} << 0;
        QTest::newRow("a hole in a book")
            << QByteArrayList{"gap:1:btcusdt@depth@100ms"} << Proof{.gapsInBook = 1} << 0;
        QTest::newRow("clean closes")
            << QByteArrayList{"close:1000", "close:1001", "close:1012"} << Proof{.connections = 1} << 5000;
        QTest::newRow("429 on connect")
            << QByteArrayList{"status:429:1:2s abort"}
            << Proof{.connections = 1, .turnedAway = 1, .filled = between / 2, .says = "429"} << 5000;
        QTest::newRow("shutdown announced") << QByteArrayList{"serverShutdown:500ms"}
                                            << Proof{.connections = 1, .says = "shut this server down"} << 0;
    }

    void losesNothing()
    {
        QFETCH(QByteArrayList, faults);
        QFETCH(Proof, proof);
        QFETCH(int, noticedWithinMs);
        QTemporaryDir folder;
        ExchangeProgram exchange;
        QVERIFY(begin(exchange));
        HostProgram host(folder.path());
        QVERIFY2(host.runText(pipeline(exchange)), host.output().constData());
        RecordFollower records(folder.filePath(QStringLiteral("records.jsonl")));
        Line line{QTest::currentDataTag()};
        // Long enough for the rhythm of each stream to be learnt.
        QVERIFY(waitForTrades(records, 6 * between));
        const Counted start(exchange);

        for (int i = 0; i < faults.size(); ++i) {
            const Counted before(exchange);
            const qint64 repeats = repeatsOf(host);
            const int gaps = gapsInBook(records);
            QElapsedTimer timer;
            timer.start();
            for (const QByteArray &part : faults[i].split(' '))
                QVERIFY(exchange.inject(QString::fromLatin1(part)));
            if (noticedWithinMs > 0) {
                // A connection that comes back at once may be troubled for too short a time to be asked
                // about.
                QTRY_VERIFY_WITH_TIMEOUT(state(host) == QLatin1String("degraded") ||
                                             Counted(exchange).connections > before.connections,
                                         noticedWithinMs);
                line.noticedMs = std::max(line.noticedMs, timer.elapsed());
            }
            const auto hasHappened = [&] {
                records.read();
                const Counted now(exchange);
                return now.connections >= before.connections + proof.connections &&
                       now.turnedAway >= before.turnedAway + proof.turnedAway &&
                       now.withheldTrades >= before.withheldTrades + proof.withheldTrades &&
                       repeatsOf(host) >= repeats + proof.repeats &&
                       gapsInBook(records) >= gaps + proof.gapsInBook && host.output().contains(proof.says);
            };
            QTRY_VERIFY_WITH_TIMEOUT(hasHappened(), 30000);
            waitUntilWhole(exchange, host, records, timer, line);
            if (QTest::currentTestFailed())
                return;
            QVERIFY2(records.filled() >= proof.filled * (i + 1), QByteArray::number(records.filled()));
            QVERIFY(waitForTrades(records, records.count() + 2 * between));
        }
        // What was withheld from the only connection can have come from history alone.
        if (proof.withheldTrades > 0)
            QVERIFY(records.filled() >= Counted(exchange).withheldTrades - start.withheldTrades);
        line.repeats = repeatsOf(host);
        line.connections = Counted(exchange).connections - start.connections;
        QVERIFY2(host.endWell(), host.output().constData());

        compareRecords(exchange, records, line);
    }

    // A server that lets nobody stay, for as long as the test runs.
    void losesNothingThoughEachConnectionIsSoonClosed()
    {
        constexpr int closes = 12;
        QTemporaryDir folder;
        ExchangeProgram exchange;
        QVERIFY(begin(exchange));
        HostProgram host(folder.path());
        QVERIFY2(host.runText(pipeline(exchange)), host.output().constData());
        RecordFollower records(folder.filePath(QStringLiteral("records.jsonl")));
        Line line{"a clean close every 1.5 s"};
        QVERIFY(waitForTrades(records, between));
        const Counted start(exchange);

        QElapsedTimer timer;
        for (int i = 0; i < closes; ++i) {
            timer.start();
            QVERIFY(exchange.inject(QStringLiteral("close:1000")));
            if (i + 1 < closes)
                QTRY_VERIFY(timer.hasExpired(1500));
        }
        waitUntilWhole(exchange, host, records, timer, line);
        if (QTest::currentTestFailed())
            return;
        QVERIFY(waitForTrades(records, records.count() + 2 * between));
        line.repeats = repeatsOf(host);
        line.connections = Counted(exchange).connections - start.connections;
        // While it waits to come back, longer each time, there is nothing to close.
        QVERIFY2(line.connections >= closes / 3, QByteArray::number(line.connections));
        QVERIFY2(host.endWell(), host.output().constData());

        compareRecords(exchange, records, line);
        QVERIFY(line.filled > 0);
    }

    // Into a table with a key, which cannot tell, and into a file, which shows what came twice and when.
    void losesNothingWhenTheHostIsKilled()
    {
        QTemporaryDir folder;
        ExchangeProgram exchange;
        QVERIFY(begin(exchange));
        const QString path = folder.filePath(QStringLiteral("records.jsonl"));
        const QString table =
            QStringLiteral("  table: { type: sql, inputs: [feed.trade], url: 'sqlite:trades.db', batch: "
                           "{ rows: 20 } }\n");
        Line line{"kill -9 of the host for 5 s"};
        RecordFollower first(path);
        QElapsedTimer timer;
        {
            HostProgram host(folder.path());
            QVERIFY2(host.runText(pipeline(exchange) + table), host.output().constData());
            // Positions are kept once a second.
            QVERIFY(waitForTrades(first, 4 * between));
            timer.start();
            host.signal(SIGKILL);
            QVERIFY(host.waitForEnd());
            first.read();
        }
        const Counted start(exchange);
        QTRY_VERIFY_WITH_TIMEOUT(timer.elapsed() > 5000, 10000);
        HostProgram host(folder.path());
        QVERIFY2(host.runText(pipeline(exchange) + table), host.output().constData());
        RecordFollower second(path, first.offset());
        QVERIFY(waitForTrades(second, 1));
        waitUntilWhole(exchange, host, second, timer, line);
        if (QTest::currentTestFailed())
            return;
        QVERIFY(waitForTrades(second, second.count() + 2 * between));
        line.connections = Counted(exchange).connections - start.connections;
        QVERIFY2(host.endWell(), host.output().constData());
        second.read();

        QCOMPARE(first.wrong() + second.wrong(), QString());
        QVERIFY2(second.filled() > 4 * between, QByteArray::number(second.filled()));
        line.filled = second.filled();
        QMap<QString, TradesById> written = first.trades();
        for (const char *symbol : symbols) {
            const TradesById before = first.trades().value(QLatin1String(symbol));
            const TradesById after = second.trades().value(QLatin1String(symbol));
            QVERIFY(!before.isEmpty() && !after.isEmpty());
            // The second run begins where the kept position was: right behind the last, or before it by what
            // comes in the second between two positions; on a busy machine that is longer.
            const qint64 twice = before.lastKey() - after.firstKey() + 1;
            QVERIFY2(twice >= 0 && twice <= 3 * rate, QByteArray::number(twice));
            line.repeats += twice;
            written[QLatin1String(symbol)].insert(after);
        }
        const QMap<QString, TradesById> stored = storedTrades(folder.filePath(QStringLiteral("trades.db")));
        QCOMPARE(stored, written);
        compare(exchange, stored, line);
    }

    void cleanupTestCase()
    {
        std::printf("\n%-28s %8s %8s %7s %8s %11s %6s %11s %13s\n", "fault", "expected", "got", "filled",
                    "repeats", "connections", "books", "noticed ms", "recovered ms");
        for (const Line &line : std::as_const(table()))
            std::printf("%-28s %8lld %8lld %7d %8lld %11lld %6d %11s %13lld\n", line.fault.constData(),
                        (long long)line.expected, (long long)line.got, line.filled, (long long)line.repeats,
                        (long long)line.connections, line.books,
                        line.noticedMs < 0 ? "-" : QByteArray::number(line.noticedMs).constData(),
                        (long long)line.recoveredMs);
        std::fflush(stdout);
    }

private:
    static bool begin(ExchangeProgram &exchange)
    {
        QByteArrayList names(std::begin(symbols), std::end(symbols));
        return exchange.begin({"--generate", "11", "--symbols", QString::fromLatin1(names.join(',')),
                               "--rate", QString::number(rate)});
    }

    static QString pipeline(const ExchangeProgram &exchange)
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
  records: # as one, so that a book's snapshot and its changes keep their order
    { type: jsonl, inputs: [feed], path: records.jsonl }
)")
            .arg(exchange.ws, exchange.rest, QString::fromLatin1(names.join(',')));
    }

    static QString state(HostProgram &host) { return host.node(QStringLiteral("feed"))["state"].toString(); }

    static int gapsInBook(const RecordFollower &records)
    {
        return records.gaps(QLatin1String(symbols[0]), QStringLiteral("depth@100ms"));
    }

    static bool waitForTrades(RecordFollower &records, qsizetype count)
    {
        return QTest::qWaitFor(
            [&] {
                records.read();
                return records.count() >= count;
            },
            60000);
    }

    // Until all that the exchange had at this moment is there, in trades and books, and the source says that
    // it is well; then each book is compared with the exchange's.
    static void waitUntilWhole(ExchangeProgram &exchange, HostProgram &host, RecordFollower &records,
                               const QElapsedTimer &timer, Line &line)
    {
        QMap<QString, qint64> newest;
        QMap<QString, TextBook> books;
        for (const char *name : symbols) {
            const QString symbol = QLatin1String(name);
            newest[symbol] = tradesOf(exchange, symbol).lastKey();
            books[symbol] = bookOf(exchange, symbol);
            const auto levels = std::max(books[symbol].bids.size(), books[symbol].asks.size());
            QVERIFY(levels > 0 && levels < 1000); // not cut off
        }
        const auto isWhole = [&](const QString &symbol) {
            const TradesById &trades = records.trades()[symbol];
            const RecordFollower::Book book = records.book(symbol);
            return !trades.isEmpty() && trades.lastKey() >= newest[symbol] &&
                   trades.size() == trades.lastKey() - trades.firstKey() + 1 && book.isWhole &&
                   book.levels.at >= books[symbol].at;
        };
        const auto areAllWhole = [&] {
            records.read();
            return std::all_of(std::begin(symbols), std::end(symbols),
                               [&](const char *symbol) { return isWhole(QLatin1String(symbol)); });
        };
        QTRY_VERIFY_WITH_TIMEOUT(areAllWhole() && state(host) == QLatin1String("running"), 90000);
        line.recoveredMs = std::max(line.recoveredMs, timer.elapsed());

        for (const char *name : symbols) {
            const QString symbol = QLatin1String(name);
            const TextBook ours = records.book(symbol).levels;
            advance(books[symbol], ours.at, exchange, symbol);
            QCOMPARE(ours.at, books[symbol].at);
            QVERIFY2(ours == books[symbol], name);
            ++line.books;
        }
    }

    static QMap<QString, TradesById> storedTrades(const QString &path)
    {
        QMap<QString, TradesById> stored;
        const auto close = qScopeGuard([] { QSqlDatabase::removeDatabase(QStringLiteral("read")); });
        QSqlDatabase database = QSqlDatabase::addDatabase(QStringLiteral("QSQLITE"), QStringLiteral("read"));
        database.setDatabaseName(path);
        if (!database.open())
            return {};
        QSqlQuery query(QStringLiteral("SELECT symbol, trade_id, price, quantity FROM trade"), database);
        while (query.next())
            stored[query.value(0).toString()].insert(query.value(1).toLongLong(),
                                                     query.value(2).toString().toLatin1() + ' ' +
                                                         query.value(3).toString().toLatin1());
        query.clear();
        database = {};
        return stored;
    }

    static void compareRecords(ExchangeProgram &exchange, RecordFollower &records, Line &line)
    {
        records.read();
        line.filled = records.filled();
        QCOMPARE(records.wrong(), QString());
        compare(exchange, records.trades(), line);
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
        QCOMPARE(Counted(exchange).violations, 0);
    }
};

QTEST_GUILESS_MAIN(tst_SourceFaults)

#include "tst_source_faults.moc"
