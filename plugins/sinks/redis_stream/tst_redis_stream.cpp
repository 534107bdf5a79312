// SPDX-License-Identifier: Apache-2.0
#include "sink_test.h"

#include <QJsonDocument>
#include <QJsonObject>

using namespace tidemill;
using tidemill::testing::RedisServer;

// What the sink writes, and what it says of what it cannot write. That nothing is there twice is for
// tst_redis_stream_once.
class tst_RedisStream : public redis_stream::SinkTest
{
    Q_OBJECT

private slots:
    void initTestCase()
    {
        if (!testing::RedisServer::isInstalled())
            QSKIP("no redis-server is installed");
        QVERIFY(m_server.start());
    }

    void cleanup() { m_server.call({"FLUSHALL"}); }

    // Names, order and texts are those that readers of such streams know.
    void writesTradesInTheKnownForm()
    {
        auto sink = make({{"raw_json", true}});
        offer(sink.get(), {testing::batch<Trade>({{.exchange = "binance"_sym,
                                                   .symbol = "BTCUSDT"_sym,
                                                   .ts_event = Timestamp::fromMilliseconds(1700000000123),
                                                   .ts_recv = {1700000000200000001},
                                                   .trade_id = 7,
                                                   .price = "45123.50000000"_dec,
                                                   .quantity = "0.00100"_dec,
                                                   .side = Side::Sell},
                                                  {.exchange = "binance"_sym,
                                                   .symbol = "BTCUSDT"_sym,
                                                   .ts_event = Timestamp::fromSeconds(1700000000),
                                                   .trade_id = 8,
                                                   .price = "1"_dec,
                                                   .quantity = "2"_dec,
                                                   .side = Side::Buy}})});
        QTRY_COMPARE(m_delivered->size(), 1);
        const auto entries = m_server.entries("trades:BTCUSDT");
        QCOMPARE(entries.size(), qsizetype(2));
        QCOMPARE(entries[0].mid(1, 14),
                 (QList<QByteArray>{"exchange", "binance", "pair", "BTCUSDT", "price", "45123.50000000",
                                    "qty", "0.00100", "ts", "2023-11-14T22:13:20.123000", "side", "sell",
                                    "trade_id", "7"}));
        QCOMPARE(entries[0][15], QByteArray("raw_json"));
        QVERIFY(QJsonDocument::fromJson(entries[0][16]).object()["trade_id"].toInteger() == 7);
        QCOMPARE(entries[0].mid(17), (QList<QByteArray>{"ts_ms", "1700000000123"}));
        QCOMPARE(entries[1][10], QByteArray("2023-11-14T22:13:20"));
        QCOMPARE(entries[1][12], QByteArray("buy"));
        // The server's own clock gave the id.
        QVERIFY(entries[0][0].split('-')[0].toLongLong() > 1700000000000);
    }

    void writesAnyRecord()
    {
        auto sink = make({});
        offer(sink.get(), {testing::batch<Wap>({{.exchange = "x"_sym,
                                                 .symbol = "A B"_sym,
                                                 .ts_event = Timestamp::fromMilliseconds(1700000000123),
                                                 .update_id = 3,
                                                 .price = "1.10"_dec,
                                                 .of = WapOf::Book}})});
        QTRY_COMPARE(m_delivered->size(), 1);
        const auto entries = m_server.entries("wap:A B");
        QCOMPARE(entries.size(), qsizetype(1));
        QCOMPARE(entries[0].mid(1),
                 (QList<QByteArray>{"exchange", "x", "symbol", "A B", "ts_event", "2023-11-14T22:13:20.123Z",
                                    "ts_recv", "", "update_id", "3", "levels", "0", "price", "1.10", "of",
                                    "book", "provenance", "live"}));
    }

    void followsMappings()
    {
        auto sink =
            make({{"key", QVariantMap{{"trade", "t/%{exchange}/%{symbol}"}}},
                  {"fields",
                   QVariantMap{
                       {"trade", QVariantMap{{"id", "trade_id"},
                                             {"x", "exchange"},
                                             {"at", QVariantMap{{"field", "ts_event"}, {"as", "epoch_us"}}},
                                             {"note", QVariantMap{{"text", "%{price} x"}}}}}}}});
        offer(sink.get(), {trades(1, 1)});
        QTRY_COMPARE(m_delivered->size(), 1);
        const auto entries = m_server.entries("t/binance/BTCUSDT");
        QCOMPARE(entries.size(), qsizetype(1));
        QCOMPARE(entries[0].mid(1), (QList<QByteArray>{"at", "1700000000001000", "id", "1", "note",
                                                       "100.01 x", "x", "binance"}));
    }

    void keepsStreamsShort()
    {
        auto exact = make({{"maxlen", 50}, {"trim", "exact"}});
        offer(exact.get(), {trades(1, 500)});
        QTRY_COMPARE(m_delivered->size(), 1);
        QCOMPARE(m_server.call({"XLEN", "trades:BTCUSDT"}), QByteArray("50"));
        m_server.call({"FLUSHALL"});
        auto about = make({{"maxlen", 200}});
        offer(about.get(), {trades(1, 1000)});
        QTRY_COMPARE(m_delivered->size(), 1);
        const int length = m_server.call({"XLEN", "trades:BTCUSDT"}).toInt();
        QVERIFY2(length >= 200 && length <= 310, QByteArray::number(length).constData());
        m_server.call({"FLUSHALL"});
        auto all = make({{"maxlen", 0}});
        offer(all.get(), {trades(1, 20000)});
        QTRY_COMPARE(m_delivered->size(), 1);
        QCOMPARE(m_server.call({"XLEN", "trades:BTCUSDT"}), QByteArray("20000"));
    }

    void refusesBadOptions_data()
    {
        QTest::addColumn<QVariantMap>("options");
        QTest::addColumn<QString>("expected");

        const auto fields = [](const QVariant &trade) {
            return QVariantMap{{"fields", QVariantMap{{"trade", trade}}}};
        };
        QTest::newRow("url") << QVariantMap{{"url", "http://:hunter2@h"}} << "expected redis://";
        QTest::newRow("key's field") << QVariantMap{{"key", "t:%{pair}"}} << "pair";
        QTest::newRow("key of numbers") << QVariantMap{{"key", "t:%{trade_id}"}} << "trade_id is no name";
        QTest::newRow("unknown field") << fields(QVariantMap{{"trade_id", "trade_id"}, {"p", "prise"}})
                                       << "fields.trade.p: trade has no field 'prise'";
        QTest::newRow("no identity") << fields(QVariantMap{{"p", "price"}}) << "exchange is missing";
        QTest::newRow("as of no time")
            << fields(QVariantMap{{"p", QVariantMap{{"field", "price"}, {"as", "naive"}}}})
            << "'as' is for times";
        QTest::newRow("unknown form")
            << fields(QVariantMap{{"p", QVariantMap{{"field", "ts_event"}, {"as", "epoch"}}}})
            << "expected one of plain, naive";
        QTest::newRow("template") << fields(QVariantMap{{"p", QVariantMap{{"text", "%{x}"}}}})
                                  << "fields.trade.p";
        QTest::newRow("two forms") << fields(
                                          QVariantMap{{"p", QVariantMap{{"text", "x"}, {"field", "price"}}}})
                                   << "exactly one of";
        QTest::newRow("no map") << fields(5) << "expected a map";
        QTest::newRow("explicit id of a frame")
            << QVariantMap{{"id", "explicit"},
                           {"key", QVariantMap{{"book_snapshot", "x"}, {"gap", "%{symbol}"}}},
                           {"lookup", 0},
                           {"fields", QVariantMap{{"wap", QVariantMap{{"p", "price"}}}, {"frame", "schema"}}}}
            << "to make an id of";
        QTest::newRow("CA without TLS") << QVariantMap{{"ca_file", "ca.pem"}} << "rediss://";
    }

    void refusesBadOptions()
    {
        QFETCH(QVariantMap, options);
        QFETCH(QString, expected);
        const auto sink = testing::create<Sink>(QStringLiteral("redis_stream"), options);
        QVERIFY(!sink);
        QVERIFY2(sink.error().message.contains(expected), qPrintable(sink.error().message));
        QVERIFY(!sink.error().message.contains(QStringLiteral("hunter2")));
    }

    void refusesRecordsForGood()
    {
        m_server.call({"SET", "trades:ETHUSDT", "text"});
        auto sink = make({});
        BatchBuilder<Trade> builder;
        for (const BatchPtr &part : {trades(1, 3), trades(4, 2, "ETHUSDT"_sym), trades(6, 1)}) {
            for (const Trade &trade : part->rows<Trade>())
                builder.append(trade);
        }
        const auto batch = builder.finish();
        offer(sink.get(), {batch});
        QTRY_COMPARE(m_partly->size(), 1);
        const auto rows = (*m_partly)[0][1].value<QList<RowFailure>>();
        QCOMPARE(rows.size(), qsizetype(2));
        QCOMPARE(rows[0].row, qsizetype(3));
        QCOMPARE(rows[1].row, qsizetype(4));
        QVERIFY(rows[0].isFinal);
        QVERIFY2(rows[0].error.message.contains(QStringLiteral("trades:ETHUSDT")),
                 qPrintable(rows[0].error.message));
        QCOMPARE(ids(), QList<qint64>({1, 2, 3, 6}));

        // Mended, the same records are taken.
        m_server.call({"DEL", "trades:ETHUSDT"});
        offer(sink.get(), {trades(4, 2, "ETHUSDT"_sym)});
        QTRY_COMPARE(m_delivered->size(), 1);
        QCOMPARE(m_server.call({"XLEN", "trades:ETHUSDT"}), QByteArray("2"));
    }

    void refusesToCreateStreams()
    {
        m_server.call({"XADD", "trades:BTCUSDT", "*", "a", "b"});
        auto sink = make({{"create", false}});
        offer(sink.get(), {trades(1, 1), trades(2, 1, "ETHUSDT"_sym)});
        QTRY_VERIFY(m_partly->size() == 1 && m_delivered->size() == 1);
        QCOMPARE(m_server.call({"EXISTS", "trades:ETHUSDT"}), QByteArray("0"));
        QCOMPARE(m_server.call({"XLEN", "trades:BTCUSDT"}), QByteArray("2"));
    }

    void makesIdsOfTheRecords()
    {
        auto sink = make({{"id", "explicit"}, {"lookup", 0}});
        offer(sink.get(), {trades(10, 3)});
        QTRY_COMPARE(m_delivered->size(), 1);
        QCOMPARE(m_server.entries("trades:BTCUSDT")[0][0], QByteArray("1700000000010-10"));
        // The same again is there already; an older one finds no place.
        offer(sink.get(), {trades(10, 5)});
        QTRY_COMPARE(m_delivered->size(), 2);
        QCOMPARE(ids(), range(10, 5));
        offer(sink.get(), {trades(5, 1)});
        QTRY_COMPARE(m_partly->size(), 1);
        QCOMPARE(ids(), range(10, 5));
    }

    void rejectsWhatIsNotToBeStored()
    {
        auto sink = make({{"fields", QVariantMap{{"wap", false}}}});
        QSignalSpy rejected(sink.get(), &Sink::rejected);
        offer(sink.get(), {testing::batch<Wap>({{}})});
        QCOMPARE(rejected.size(), 1);
    }

    void waitsForReplicas()
    {
        auto sink = make({{"wait_replicas", 1}, {"wait_timeout", "100ms"}});
        const auto batch = trades(1, 10);
        offer(sink.get(), {batch});
        QTRY_COMPARE(m_failed->size(), 1);
        QVERIFY((*m_failed)[0][0].value<Error>().message.contains(QStringLiteral("0 of 1 replicas")));
        RedisServer replica;
        QVERIFY(replica.start({"--replicaof", "127.0.0.1", QString::number(m_server.port())}));
        QVERIFY(replica.waitFor({"XLEN", "trades:BTCUSDT"}, "10"));
        // It is there, so it is not added again; now the replica has it.
        offer(sink.get(), {batch});
        QTRY_COMPARE(m_delivered->size(), 1);
        QCOMPARE(ids(), range(1, 10));
    }

    // Said by the server, each in its way.
    void tellsWhatIsWrong()
    {
        auto sink = make({});
        QSignalSpy delayed(sink.get(), &Sink::delayed);
        offer(sink.get(), {trades(1, 5)});
        QTRY_COMPARE(m_delivered->size(), 1);

        m_server.call({"CONFIG", "SET", "maxmemory", "1"});
        offer(sink.get(), {trades(6, 5)});
        QTRY_COMPARE(m_failed->size(), 1);
        QVERIFY((*m_failed)[0][0].value<Error>().message.contains(QStringLiteral("maxmemory")));
        m_server.call({"CONFIG", "SET", "maxmemory", "0"});

        m_server.call({"ACL", "SETUSER", "default", "-xadd"});
        offer(sink.get(), {trades(6, 5)});
        QTRY_COMPARE(m_failed->size(), 2);
        QVERIFY((*m_failed)[1][0].value<Error>().message.contains(QStringLiteral("ACL SETUSER")));
        m_server.call({"ACL", "SETUSER", "default", "+xadd"});

        m_server.call({"REPLICAOF", "127.0.0.1", "1"});
        offer(sink.get(), {trades(6, 5)});
        QTRY_COMPARE(m_failed->size(), 3);
        QVERIFY((*m_failed)[2][0].value<Error>().message.contains(QStringLiteral("READONLY")));
        m_server.call({"REPLICAOF", "NO", "ONE"});

        offer(sink.get(), {trades(6, 5)});
        QTRY_COMPARE(m_delivered->size(), 2);
        QCOMPARE(ids(), range(1, 10));
        QCOMPARE(delayed.size(), 0);
    }

    // Nothing is offered, and still an operator sees that the server is away.
    void noticesThatTheServerIsAwayWhileIdle()
    {
        RedisServer server;
        QVERIFY(server.start());
        auto sink = make({{"url", server.url()}});
        QSignalSpy degraded(sink.get(), &Node::degraded);
        QSignalSpy recovered(sink.get(), &Node::recovered);
        offer(sink.get(), {trades(1, 1)});
        QTRY_COMPARE(m_delivered->size(), 1);
        server.kill();
        QTRY_VERIFY_WITH_TIMEOUT(degraded.size() >= 1, 10000);
        // When to try again is not the sink's to say.
        QVERIFY(server.restart());
        offer(sink.get(), {trades(2, 1)});
        QTRY_COMPARE(recovered.size(), 1);
        QTRY_COMPARE(m_delivered->size(), 2);
    }
};

QTEST_GUILESS_MAIN(tst_RedisStream)

#include "tst_redis_stream.moc"
