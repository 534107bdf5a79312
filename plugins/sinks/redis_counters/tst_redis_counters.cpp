// SPDX-License-Identifier: Apache-2.0
#include "counts.h"
#include "redis/redis_server.h"

#include <tidemill/testing.h>

using namespace tidemill;
using tidemill::testing::RedisServer;

// The sink as the host drives it, against a real server.
class tst_RedisCounters : public QObject
{
    Q_OBJECT

private slots:
    void initTestCase()
    {
        if (!RedisServer::isInstalled())
            QSKIP("no redis-server is installed");
        QVERIFY(m_server.start({"--appendonly", "yes", "--appendfsync", "always"}));
    }

    void cleanup()
    {
        m_delivered.reset();
        m_sink.reset();
        m_server.call({"FLUSHALL"});
    }

    void makesItsKeysAtOnce()
    {
        m_server.call({"SET", "message_count", "41"}); // of the run before
        start({});
        QTRY_COMPARE(m_server.call({"MGET", "latency_sum", "error_count", "data_loss_count"}),
                     QByteArray("0\n0\n0"));
        QCOMPARE(m_server.call({"GET", "message_count"}), QByteArray("41"));
    }

    void countsRecords()
    {
        start({});
        offer({waps(3), waps(2)});
        offer({gaps()});
        QTRY_COMPARE(m_delivered->size(), 3);
        QCOMPARE(m_server.call({"MGET", "message_count", "latency_sum", "error_count", "data_loss_count"}),
                 QByteArray("5\n0.0075\n1\n2"));
    }

    void prefixesItsKeys()
    {
        start({{"prefix", "s4:"}});
        offer({waps(1)});
        QTRY_COMPARE(m_delivered->size(), 1);
        QCOMPARE(m_server.call({"GET", "s4:message_count"}), QByteArray("1"));
        QCOMPARE(m_server.call({"EXISTS", "message_count"}), QByteArray("0"));
    }

    void countsNothingWithoutAnAddress()
    {
        auto sink = testing::create<Sink>("redis_counters", {{"host", ""}, {"port", 6379}});
        TIDEMILL_VERIFY(sink);
        QSignalSpy delivered(sink->get(), &Sink::delivered);
        TIDEMILL_VERIFY((*sink)->start());
        (*sink)->receive(waps(1));
        QCOMPARE(delivered.size(), 1);
    }

    // The transaction was carried out, and its answer never came.
    void countsOnceWhatWasUnknown()
    {
        start({{"reply_timeout", "200ms"}});
        offer({waps(1)});
        QTRY_COMPARE(m_delivered->size(), 1);
        QSignalSpy failed(m_sink.get(), &Node::failed);
        const BatchPtr batch = waps(4);
        m_server.freeze();
        offer({batch}); // into the server's socket, where it finds it later
        QTRY_COMPARE(failed.size(), 1);
        m_server.thaw();
        QTRY_COMPARE(m_server.call({"GET", "message_count"}), QByteArray("5"));
        offerUntilDelivered(batch, 2);
        offerUntilDelivered(waps(3), 3);
        QCOMPARE(m_server.call({"GET", "message_count"}), QByteArray("8"));
    }

    // The server died before it saw it.
    void countsWhatWasLost()
    {
        start({});
        offer({waps(1)});
        QTRY_COMPARE(m_delivered->size(), 1);
        QSignalSpy failed(m_sink.get(), &Node::failed);
        const BatchPtr batch = waps(4);
        m_server.freeze();
        offer({batch});
        m_server.kill();
        QTRY_COMPARE(failed.size(), 1);
        QVERIFY(m_server.restart());
        offerUntilDelivered(batch, 2);
        QCOMPARE(m_server.call({"GET", "message_count"}), QByteArray("5"));
    }

    void waitsForAServerThatIsAway()
    {
        m_server.kill();
        start({});
        QSignalSpy failed(m_sink.get(), &Node::failed);
        const BatchPtr batch = waps(2);
        offer({batch});
        QTRY_VERIFY(failed.size() > 0);
        QVERIFY(m_server.restart());
        offerUntilDelivered(batch, 1);
        QCOMPARE(m_server.call({"GET", "message_count"}), QByteArray("2"));
    }

    // An address may lead to another server by now.
    void leavesAReplica()
    {
        start({});
        offer({waps(1)});
        QTRY_COMPARE(m_delivered->size(), 1);
        QSignalSpy failed(m_sink.get(), &Node::failed);
        m_server.call({"REPLICAOF", "127.0.0.1", "1"});
        offer({waps(1)});
        QTRY_COMPARE(failed.size(), 1);
        QVERIFY(failed[0][0].value<Error>().message.contains(QStringLiteral("READONLY")));
        QTRY_VERIFY(!m_server.call({"CLIENT", "LIST"}).contains("name=tidemill"));
        m_server.call({"REPLICAOF", "NO", "ONE"});
        offer({waps(1)});
        QTRY_COMPARE(m_delivered->size(), 2);
        QCOMPARE(m_server.call({"GET", "message_count"}), QByteArray("2"));
    }

    void saysWhatIsNoNumber()
    {
        m_server.call({"SET", "error_count", "many"});
        QTest::ignoreMessage(QtWarningMsg, QRegularExpression("not_a_number"));
        start({});
        offer({gaps()});
        QTRY_COMPARE(m_delivered->size(), 1);
        QCOMPARE(m_server.call({"MGET", "error_count", "data_loss_count"}), QByteArray("many\n2"));
    }

    void refusesOptions()
    {
        const auto both = testing::create<Sink>("redis_counters", {{"url", "redis://h"}, {"host", "h"}});
        QVERIFY(!both && both.error().message.contains("host: is not for use together with url"));
        const auto wrong = testing::create<Sink>("redis_counters", {{"url", "http://:secret@h"}});
        QVERIFY(!wrong && wrong.error().message.contains("url: Redis address: expected redis://"));
        QVERIFY(!wrong.error().message.contains("secret"));
    }

private:
    void start(const QVariantMap &options)
    {
        QVariantMap all{{"host", "127.0.0.1"}, {"port", m_server.port()}};
        all.insert(options);
        auto sink = testing::create<Sink>("redis_counters", all);
        TIDEMILL_VERIFY(sink);
        m_sink = std::move(*sink);
        m_delivered = std::make_unique<QSignalSpy>(m_sink.get(), &Sink::delivered);
        TIDEMILL_VERIFY(m_sink->start());
    }

    void offer(const QList<BatchPtr> &batches)
    {
        for (const BatchPtr &batch : batches)
            m_sink->receive(batch);
        m_sink->flush();
    }

    void offerUntilDelivered(const BatchPtr &batch, int deliveries)
    {
        QSignalSpy failed(m_sink.get(), &Node::failed);
        offer({batch});
        for (QDeadlineTimer deadline(10000); m_delivered->size() < deliveries && !deadline.hasExpired();) {
            if (failed.isEmpty()) {
                m_delivered->wait(50);
            } else {
                failed.clear();
                offer({batch});
            }
        }
        QCOMPARE(m_delivered->size(), deliveries);
    }

    static BatchPtr waps(int count)
    {
        BatchBuilder<Wap> builder;
        for (int row = 0; row < count; ++row)
            builder.append({.exchange = "x"_sym,
                            .symbol = "A"_sym,
                            .ts_event = {1700000000000000000},
                            .ts_recv = {1700000000001500000},
                            .update_id = row});
        return builder.finish();
    }

    static BatchPtr gaps()
    {
        return testing::batch<Gap>(
            {{.exchange = "x"_sym, .cause = GapCause::Disconnect},
             {.exchange = "x"_sym, .cause = GapCause::Sequence},
             {.exchange = "x"_sym, .cause = GapCause::Sequence, .state = GapState::Filled}});
    }

    RedisServer m_server;
    NodePtr<Sink> m_sink;
    std::unique_ptr<QSignalSpy> m_delivered;
};

QTEST_GUILESS_MAIN(tst_RedisCounters)

#include "tst_redis_counters.moc"
