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
        Settings settings;
        settings.url = *Url::parse(m_nodes[0]->url());
        m_client = std::make_unique<Client>(settings);
        m_client->open();
        QTRY_VERIFY(m_client->isOpen());
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

private:
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
