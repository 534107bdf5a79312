// SPDX-License-Identifier: Apache-2.0
#include "sink_test.h"

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

    // The server is to hang up when it has dealt with all of it: if we did, what it had not read would be
    // lost.
    void release()
    {
        for (const auto &way : m_ways) {
            if (std::exchange(way->isHeld, false))
                way->server->write(std::exchange(way->held, {}) + "*1\r\n$4\r\nQUIT\r\n");
        }
    }

    bool hasWholeTransaction() const
    {
        return std::any_of(m_ways.begin(), m_ways.end(),
                           [](const auto &way) { return way->held.endsWith("EXEC\r\n"); });
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

// Whatever comes again, and whatever breaks in between: every record is there once, and in order.
class tst_RedisStreamOnce : public redis_stream::SinkTest
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

    // What the network had of the connection before arrives when all is well again, all of it: unless that
    // connection is ended before anybody looks, it is carried out once more.
    void endsWhatLiesInTheNetwork()
    {
        SlowNetwork network(m_server.port());
        auto sink = make({{"url", network.url()}, {"reply_timeout", "1s"}, {"maxlen", 0}});
        offer(sink.get(), {trades(1, 100)});
        QTRY_COMPARE(m_delivered->size(), 1);
        for (int round = 0; round < 2; ++round) {
            const auto batch = trades(101 + round * 100, 100);
            network.hold();
            offer(sink.get(), {batch});
            QTRY_VERIFY(network.hasWholeTransaction());
            QTRY_COMPARE(m_failed->size(), round + 1);
            offer(sink.get(), {batch});
            QTRY_COMPARE(m_delivered->size(), round + 2);
            network.release();
            QTRY_VERIFY(network.isQuiet());
        }
        QCOMPARE(ids(), range(1, 300));
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
};

QTEST_GUILESS_MAIN(tst_RedisStreamOnce)

#include "tst_redis_stream_once.moc"
