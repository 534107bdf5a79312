// SPDX-License-Identifier: Apache-2.0
#include "redis/redis_server.h"

#include <tidemill/testing.h>

#include <QJsonDocument>
#include <QJsonObject>
#include <QNetworkProxy>
#include <QRegularExpression>
#include <QTcpServer>
#include <QTcpSocket>

using namespace tidemill;
using tidemill::testing::RedisServer;

namespace {

// Between the sink and the server. What it holds of a connection it delivers later, whether anybody still
// waits for an answer or not.
class SlowNetwork : public QTcpServer
{
public:
    explicit SlowNetwork(quint16 port) : m_port(port)
    {
        if (!listen(QHostAddress::LocalHost))
            qFatal("listen");
        connect(this, &QTcpServer::newConnection, this, &SlowNetwork::relay);
    }

    QString url() const { return QStringLiteral("redis://127.0.0.1:%1").arg(serverPort()); }

    // All that comes from now on over the connections that are there.
    void hold()
    {
        for (const auto &way : m_ways)
            way->isHeld = true;
    }

    void release()
    {
        for (const auto &way : m_ways) {
            if (!std::exchange(way->isHeld, false))
                continue;
            way->server->write(std::exchange(way->held, {}));
            way->server->disconnectFromHost();
        }
    }

    qsizetype heldBytes() const
    {
        qsizetype bytes = 0;
        for (const auto &way : m_ways)
            bytes += way->held.size();
        return bytes;
    }

    // The server has taken, or refused, all of those that were held.
    bool isQuiet() const
    {
        return std::count_if(m_ways.begin(), m_ways.end(), [](const auto &way) {
                   return way->server->state() != QAbstractSocket::UnconnectedState;
               }) == 1;
    }

private:
    struct Way
    {
        std::unique_ptr<QTcpSocket> client;
        std::unique_ptr<QTcpSocket> server = std::make_unique<QTcpSocket>();
        QByteArray held;
        bool isHeld = false;
    };

    void relay()
    {
        while (QTcpSocket *client = nextPendingConnection()) {
            Way *way = m_ways.emplace_back(std::make_unique<Way>()).get();
            client->setParent(nullptr);
            way->client.reset(client);
            way->server->setProxy(QNetworkProxy::NoProxy);
            way->server->connectToHost(QHostAddress::LocalHost, m_port);
            connect(client, &QTcpSocket::readyRead, this, [way] {
                if (way->isHeld)
                    way->held += way->client->readAll();
                else
                    way->server->write(way->client->readAll());
            });
            connect(way->server.get(), &QTcpSocket::readyRead, this,
                    [way] { way->client->write(way->server->readAll()); });
        }
    }

    quint16 m_port;
    std::vector<std::unique_ptr<Way>> m_ways;
};

} // namespace

// The sink as the host drives it, against a real server.
class tst_RedisStream : public QObject
{
    Q_OBJECT

private slots:
    void initTestCase()
    {
        if (!RedisServer::isInstalled())
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

    // A batch that comes again, whatever became of the first time, is not there twice.
    void addsNothingTwice()
    {
        auto sink = make({});
        const auto batch = trades(1, 300);
        offer(sink.get(), {batch});
        QTRY_COMPARE(m_delivered->size(), 1);
        offer(sink.get(), {batch, trades(301, 10)});
        QTRY_COMPARE(m_delivered->size(), 3);
        QCOMPARE(ids(), range(1, 310));

        // Another run knows only what Redis has.
        auto second = make({});
        offer(second.get(), {trades(250, 100)});
        QTRY_COMPARE(m_delivered->size(), 1);
        QCOMPARE(ids(), range(1, 349));
    }

    // A spool offers what was unconfirmed when the host was killed, and then the source what it had not noted
    // down as done, which is older.
    void knowsWhatIsOlderThanWhatComesFirst()
    {
        auto sink = make({});
        offer(sink.get(), {trades(1, 1000)});
        QTRY_COMPARE(m_delivered->size(), 1);
        auto second = make({});
        offer(second.get(), {trades(990, 20)});
        QTRY_COMPARE(m_delivered->size(), 1);
        offer(second.get(), {trades(300, 800)});
        QTRY_COMPARE(m_delivered->size(), 2);
        QCOMPARE(ids(), range(1, 1099));
    }

    void forgetsWhatItHadPrepared_data()
    {
        QTest::addColumn<QStringList>("trouble");
        QTest::addColumn<QStringList>("mend");

        QTest::newRow("cut off") << QStringList{"CLIENT", "KILL", "TYPE", "normal"} << QStringList{};
        QTest::newRow("out of memory") << QStringList{"CONFIG", "SET", "maxmemory", "1"}
                                       << QStringList{"CONFIG", "SET", "maxmemory", "0"};
    }

    // Much more waits than a round takes, so the next one is always ready when something happens.
    void forgetsWhatItHadPrepared()
    {
        QFETCH(QStringList, trouble);
        QFETCH(QStringList, mend);
        auto sink = make({{"window", 20}});
        QList<BatchPtr> left;
        for (qint64 first = 1; first <= 2100; first += 7)
            left << trades(first, 7) << trades(first, 7, "ETHUSDT"_sym);
        int delivered = 0;
        int troubles = 0;
        connect(sink.get(), &Sink::delivered, this, [&](const BatchPtr &batch) {
            QCOMPARE(batch, left.takeFirst());
            if (++delivered % 50 == 0) {
                ++troubles;
                m_server.call(trouble);
            }
        });
        int interruptions = 0;
        const auto offerAgain = [&] {
            ++interruptions;
            if (!mend.isEmpty())
                m_server.call(mend);
            QMetaObject::invokeMethod(
                sink.get(), [&] { offer(sink.get(), QList(left)); }, Qt::QueuedConnection);
        };
        connect(sink.get(), &Node::failed, this, offerAgain);
        connect(sink.get(), &Sink::delayed, this, offerAgain);
        offer(sink.get(), QList(left));
        QTRY_VERIFY_WITH_TIMEOUT(left.isEmpty(), 30000);
        if (!mend.isEmpty())
            m_server.call(mend);
        QVERIFY(troubles >= 10);
        QVERIFY(interruptions >= troubles - 1); // the last one comes when all is written
        QCOMPARE(ids(), range(1, 2100));
        QCOMPARE(ids("trades:ETHUSDT"), range(1, 2100));
    }

    // The answer is lost, and nobody knows what was written: half of the rounds were, as it turns out.
    void looksBeforeItWritesAgain()
    {
        auto sink = make({{"reply_timeout", "300ms"}});
        offer(sink.get(), {trades(1, 100)});
        QTRY_COMPARE(m_delivered->size(), 1);
        for (int round = 0; round < 6; ++round) {
            const qint64 first = 101 + round * 50;
            const auto batch = trades(first, 50);
            m_server.freeze();
            offer(sink.get(), {batch});
            QTRY_COMPARE(m_failed->size(), round + 1);
            // What lies in the socket is carried out after all: the sink has hung up, the bytes are there.
            m_server.thaw();
            offer(sink.get(), {batch});
            QTRY_COMPARE(m_delivered->size(), round + 2);
        }
        QCOMPARE(ids(), range(1, 400));
    }

    // More than the server takes in at once: when it goes on, most of the first attempt still lies in buffers
    // on the way to it, and would be carried out behind the lookup.
    void endsWhatItHadGivenUp()
    {
        auto sink = make({{"reply_timeout", "300ms"}, {"window", 50000}, {"maxlen", 0}});
        offer(sink.get(), {trades(1, 100)});
        QTRY_COMPARE(m_delivered->size(), 1);
        qint64 first = 101;
        for (int round = 0; round < 4; ++round, first += 10000) {
            const auto batch = trades(first, 10000);
            m_server.freeze();
            offer(sink.get(), {batch});
            QTRY_COMPARE(m_failed->size(), round + 1);
            offer(sink.get(), {batch});
            m_server.thaw();
            QTRY_COMPARE(m_delivered->size(), round + 2);
        }
        QCOMPARE(ids(), range(1, first - 1));
    }

    // What the network had of the connection before arrives when all is well again.
    void endsWhatLiesInTheNetwork()
    {
        SlowNetwork network(m_server.port());
        auto sink = make({{"url", network.url()}, {"reply_timeout", "300ms"}, {"maxlen", 0}});
        offer(sink.get(), {trades(1, 100)});
        QTRY_COMPARE(m_delivered->size(), 1);
        for (int round = 0; round < 3; ++round) {
            const auto batch = trades(101 + round * 1000, 1000);
            network.hold();
            offer(sink.get(), {batch});
            QTRY_COMPARE(m_failed->size(), round + 1);
            offer(sink.get(), {batch});
            QTRY_COMPARE(m_delivered->size(), round + 2);
            QVERIFY(network.heldBytes() > 100000);
            network.release();
            QTRY_VERIFY(network.isQuiet());
        }
        QCOMPARE(ids(), range(1, 3100));
    }

    // Without the right to end connections, it works on and says what that means.
    void worksWithoutTheRightToEndConnections()
    {
        RedisServer server;
        QVERIFY(server.start({"--user", "writer", "on", ">pw", "~*", "+@all", "-client|kill"}));
        auto sink = make({{"url", QStringLiteral("redis://writer:pw@127.0.0.1:%1").arg(server.port())},
                          {"reply_timeout", "300ms"}});
        offer(sink.get(), {trades(1, 1)});
        QTRY_COMPARE(m_delivered->size(), 1);
        server.freeze();
        offer(sink.get(), {trades(2, 1)});
        QTRY_COMPARE(m_failed->size(), 1);
        server.thaw();
        QTest::ignoreMessage(QtWarningMsg, QRegularExpression("NOPERM.*carried out a second time"));
        offer(sink.get(), {trades(2, 1)});
        QTRY_COMPARE(m_delivered->size(), 2);
    }

    // The process was killed in the middle of a backlog: what it had written since the source's position was
    // noted down is offered again, far more than `lookup` has.
    void looksBackAsFarAsIsOffered()
    {
        const auto backlog = [] {
            QList<BatchPtr> batches;
            for (qint64 first = 1; first <= 12000; first += 500)
                batches << trades(first, 500);
            return batches;
        };
        auto sink = make({{"maxlen", 0}});
        offer(sink.get(), backlog().mid(0, 20));
        QTRY_COMPARE(m_delivered->size(), 20);
        sink = make({{"maxlen", 0}});
        offer(sink.get(), backlog());
        QTRY_COMPARE(m_delivered->size(), 24);
        QCOMPARE(ids(), range(1, 12000));
        // What comes late and is older is known too.
        sink = make({{"maxlen", 0}});
        offer(sink.get(), backlog().mid(10, 5) + backlog().mid(4, 6));
        QTRY_COMPARE(m_delivered->size(), 11);
        QCOMPARE(ids(), range(1, 12000));
    }

    // Another program's entries are looked at like ours, if they have what ours are known by.
    void looksAtForeignEntriesToo()
    {
        m_server.call(
            {"XADD", "trades:BTCUSDT", "*", "trade_id", "11", "pair", "BTCUSDT", "exchange", "binance"});
        m_server.call({"XADD", "trades:BTCUSDT", "*", "note", "not ours"});
        auto sink = make({});
        offer(sink.get(), {trades(11, 2)});
        QTRY_COMPARE(m_delivered->size(), 1);
        QCOMPARE(ids(), range(11, 2));
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

private:
    NodePtr<Sink> make(QVariantMap options)
    {
        if (!options.contains("url"))
            options.insert("url", m_server.url());
        auto sink = testing::create<Sink>(QStringLiteral("redis_stream"), options);
        if (!sink)
            qFatal("%s", qPrintable(sink.error().message));
        m_delivered = std::make_unique<QSignalSpy>((*sink).get(), &Sink::delivered);
        m_partly = std::make_unique<QSignalSpy>((*sink).get(), &Sink::partlyDelivered);
        m_failed = std::make_unique<QSignalSpy>((*sink).get(), &Node::failed);
        if (!(*sink)->start())
            qFatal("start");
        return *std::move(sink);
    }

    static void offer(Sink *sink, const QList<BatchPtr> &batches)
    {
        for (const BatchPtr &batch : batches)
            sink->receive(batch);
        sink->flush();
    }

    static BatchPtr trades(qint64 first, int count, Symbol symbol = "BTCUSDT"_sym)
    {
        BatchBuilder<Trade> builder;
        for (qint64 id = first; id < first + count; ++id)
            builder.append({.exchange = "binance"_sym,
                            .symbol = symbol,
                            .ts_event = Timestamp::fromMilliseconds(1700000000000 + id),
                            .trade_id = id,
                            .price = {10000 + id, -2},
                            .quantity = {id, -3},
                            .side = Side::Buy});
        return builder.finish();
    }

    QList<qint64> ids(const QByteArray &stream = "trades:BTCUSDT") const
    {
        QList<qint64> found;
        for (const auto &entry : m_server.entries(stream)) {
            const qsizetype at = entry.indexOf("trade_id");
            if (at > 0)
                found.append(entry[at + 1].toLongLong());
        }
        return found;
    }

    static QList<qint64> range(qint64 first, qint64 count)
    {
        QList<qint64> all;
        for (qint64 id = first; id < first + count; ++id)
            all.append(id);
        return all;
    }

    RedisServer m_server;
    std::unique_ptr<QSignalSpy> m_delivered;
    std::unique_ptr<QSignalSpy> m_partly;
    std::unique_ptr<QSignalSpy> m_failed;
};

QTEST_GUILESS_MAIN(tst_RedisStream)

#include "tst_redis_stream.moc"
