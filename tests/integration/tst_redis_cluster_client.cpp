// SPDX-License-Identifier: Apache-2.0
#include "redis/redis_server.h"

#include <tidemill/redis/client.h>
#include <tidemill/testing.h>

#include <array>
#include <optional>

using namespace tidemill;
using namespace tidemill::redis;
using tidemill::testing::RedisServer;

// The client in a cluster of two masters.
class tst_RedisClusterClient : public QObject
{
    Q_OBJECT

private slots:
    void initTestCase()
    {
        if (!RedisServer::isInstalled())
            QSKIP("no redis-server is installed");
        qRegisterMetaType<Failure>();
    }

    void init()
    {
        for (auto &node : m_nodes) {
            node = std::make_unique<RedisServer>();
            QVERIFY(node->start({"--cluster-enabled", "yes", "--cluster-node-timeout", "60000"}));
        }
        QCOMPARE(m_nodes[0]->call({"CLUSTER", "ADDSLOTSRANGE", "0", "8191"}), QByteArray("OK"));
        QCOMPARE(m_nodes[1]->call({"CLUSTER", "ADDSLOTSRANGE", "8192", "16383"}), QByteArray("OK"));
        QCOMPARE(m_nodes[0]->call({"CLUSTER", "MEET", "127.0.0.1", QString::number(m_nodes[1]->port())}),
                 QByteArray("OK"));
        for (const auto &node : m_nodes) {
            QTRY_VERIFY_WITH_TIMEOUT(node->call({"CLUSTER", "INFO"}).contains("cluster_state:ok"), 20000);
            QTRY_VERIFY_WITH_TIMEOUT(node->call({"CLUSTER", "INFO"}).contains("cluster_slots_assigned:16384"),
                                     20000);
        }
        open(true);
    }

    void cleanup() { m_client.reset(); }

    // What has no key (WAIT) goes to the node that has taken what was written.
    void followsASlotThatIsOnItsWay()
    {
        const QByteArray key("trades:BTCUSDT"); // 4308
        const RedisServer &from = *m_nodes[0];
        const RedisServer &to = *m_nodes[1];
        const QString slot = QString::number(slotOf(key));
        const QByteArray fromId = from.call({"CLUSTER", "MYID"});
        const QByteArray toId = to.call({"CLUSTER", "MYID"});
        QVERIFY(write(key));
        QCOMPARE(idOfTaker(key), fromId);
        const int before = m_client->takerOf(slotOf(key));

        QCOMPARE(to.call({"CLUSTER", "SETSLOT", slot, "IMPORTING", fromId}), QByteArray("OK"));
        QCOMPARE(from.call({"CLUSTER", "SETSLOT", slot, "MIGRATING", toId}), QByteArray("OK"));
        QVERIFY(write(key)); // it is still there
        QCOMPARE(idOfTaker(key), fromId);
        QCOMPARE(from.call({"MIGRATE", "127.0.0.1", QString::number(to.port()), key, "0", "5000"}),
                 QByteArray("OK"));
        for (int round = 0; round < 3; ++round) {
            QVERIFY(write(key));
            QCOMPARE(idOfTaker(key), toId);
            QVERIFY(m_client->takerOf(slotOf(key)) != before);
        }
        QCOMPARE(ask(Command("CLUSTER").add("MYID").toNodeOf(slotOf(key))), fromId); // it is still its slot
        QVERIFY(write("{trades:BTCUSDT}.other"));                                    // a new one
        QCOMPARE(idOfTaker(key), toId);
        for (const RedisServer *node : {&to, &from})
            QCOMPARE(node->call({"CLUSTER", "SETSLOT", slot, "NODE", toId}), QByteArray("OK"));
        QVERIFY(write(key));
        QCOMPARE(idOfTaker(key), toId);
        QCOMPARE(ask(Command("XLEN").key(key)), QByteArray("6"));
    }

    // What went to the other node is answered, before and after, and the lost one is there again when it is.
    void outlivesANode()
    {
        QSignalSpy nodeLost(m_client.get(), &Client::nodeLost);
        QSignalSpy failed(m_client.get(), &Client::failed);
        const QByteArray here("trades:BTCUSDT");  // 4308
        const QByteArray there("trades:ETHUSDT"); // 9583
        QVERIFY(write(here) && write(there));
        const int node = m_client->takerOf(slotOf(there));
        for (int round = 0; round < 2; ++round) {
            m_nodes[1]->freeze();
            QStringList answers;
            for (const QByteArray &key : {there, here, there})
                m_client->send(Command("XLEN").key(key), [&answers, key](const Reply &reply) {
                    answers.append(QString::fromUtf8(key) + (reply.isLost() ? " lost" : " answered"));
                });
            QTRY_COMPARE(answers, QStringList("trades:BTCUSDT answered"));
            m_nodes[1]->kill();
            QTRY_COMPARE(answers, (QStringList{"trades:BTCUSDT answered", "trades:ETHUSDT lost",
                                               "trades:ETHUSDT lost"}));
            QCOMPARE(nodeLost.size(), round * 2 + 1);
            QCOMPARE(nodeLost.last()[0].toInt(), node);
            QVERIFY(m_client->isOpen());
            QVERIFY(write(here));
            QVERIFY(!write(there)); // nobody is there
            QCOMPARE(nodeLost.size(), round * 2 + 2);
            QVERIFY(m_nodes[1]->restart());
            QTRY_VERIFY_WITH_TIMEOUT(m_nodes[1]->call({"CLUSTER", "INFO"}).contains("cluster_state:ok"),
                                     20000);
            QVERIFY(write(there));
        }
        QCOMPARE(failed.size(), 0);
    }

    // With nobody left it has failed, as a single server has.
    void failsWithItsLastNode()
    {
        QSignalSpy failed(m_client.get(), &Client::failed);
        QVERIFY(write("trades:BTCUSDT") && write("trades:ETHUSDT"));
        for (const auto &node : m_nodes)
            node->kill();
        QTRY_COMPARE(failed.size(), 1);
        QVERIFY(!m_client->isOpen());
    }

    // Owners that cannot deal with less have one kind of loss.
    void losesAllUnlessToldOtherwise()
    {
        open(false);
        QSignalSpy failed(m_client.get(), &Client::failed);
        QVERIFY(write("trades:BTCUSDT") && write("trades:ETHUSDT"));
        m_nodes[1]->kill();
        QTRY_COMPARE(failed.size(), 1);
        QVERIFY(!m_client->isOpen());
    }

private:
    void open(bool outlivesNodes)
    {
        Settings settings;
        settings.url = *Url::parse(m_nodes[0]->url());
        settings.outlivesNodes = outlivesNodes;
        m_client = std::make_unique<Client>(settings);
        m_client->open();
        QTRY_VERIFY(m_client->isOpen());
    }

    // In a transaction, as the sink does.
    bool write(const QByteArray &key)
    {
        Transaction transaction(slotOf(key));
        transaction.append(Command("XADD").key(key).add("*").add("a").add("b"));
        std::optional<bool> isWritten;
        m_client->send(std::move(transaction),
                       [&isWritten](const Reply &reply) { isWritten = reply.size() == 1; });
        return QTest::qWaitFor([&isWritten] { return isWritten.has_value(); }, 10000) && *isWritten;
    }

    QByteArray ask(const Command &command)
    {
        std::optional<QByteArray> answer;
        m_client->send(command, [&answer](const Reply &reply) {
            answer =
                reply.text().isEmpty() ? QByteArray::number(reply.integer()) : reply.text().toByteArray();
        });
        return QTest::qWaitFor([&answer] { return answer.has_value(); }, 10000) ? *answer : QByteArray();
    }

    QByteArray idOfTaker(const QByteArray &key)
    {
        return ask(Command("CLUSTER").add("MYID").toTakerOf(slotOf(key)));
    }

    std::array<std::unique_ptr<RedisServer>, 2> m_nodes;
    std::unique_ptr<Client> m_client;
};

QTEST_GUILESS_MAIN(tst_RedisClusterClient)

#include "tst_redis_cluster_client.moc"
