// SPDX-License-Identifier: Apache-2.0
#include "redis/redis_server.h"
#include "truth.h"

#include <QElapsedTimer>
#include <QTcpSocket>

using namespace tidemill::testing;

namespace {

constexpr auto pipelineText = R"(name: trades
sources:
  binance:
    type: binance
    url: %1
    rest_url: %2
    symbols: [%3]
    streams: [trade]
sinks:
  redis:
    type: redis_stream
    inputs: [binance.trade]
    url: "%4"
    maxlen: 0
    wait_replicas: 1
    retry: { initial: 50ms, max: 200ms }
    breaker: { pause: 1s }
)";

constexpr qint64 longestGapMs = 30000; // a few seconds on a machine that has nothing else to do

// Spread over the slots of all three masters.
const QStringList symbols{"BTCUSDT", "ETHUSDT", "SOLUSDT", "BNBUSDT", "XRPUSDT", "ADAUSDT"};

QString keyOf(const QString &symbol)
{
    return QStringLiteral("trades:") + symbol;
}

} // namespace

// Three masters with a replica each, between which slots move and of which one dies.
class tst_RedisCluster : public QObject
{
    Q_OBJECT

private slots:
    void initTestCase()
    {
        if (!RedisServer::isInstalled())
            QSKIP("no redis-server is installed");
    }

    void init()
    {
        QStringList places;
        for (int index = 0; index < 6; ++index) {
            m_nodes.push_back(std::make_unique<RedisServer>());
            QVERIFY(m_nodes.back()->start({"--cluster-enabled", "yes", "--cluster-node-timeout", "1500",
                                           "--repl-diskless-sync-delay", "0", "--appendonly", "yes"}));
            places.append(QStringLiteral("127.0.0.1:%1").arg(m_nodes.back()->port()));
        }
        int exitCode = -1;
        const QByteArray output = outputOf(QStringLiteral("redis-cli"),
                                           QStringList{"--cluster", "create"} + places +
                                               QStringList{"--cluster-replicas", "1", "--cluster-yes"},
                                           &exitCode);
        QVERIFY2(exitCode == 0, output.constData());
        for (const auto &node : m_nodes)
            QTRY_VERIFY_WITH_TIMEOUT(node->call({"CLUSTER", "INFO"}).contains("cluster_state:ok"), 20000);
        for (const auto &node : m_nodes) {
            QTRY_VERIFY_WITH_TIMEOUT(
                node->call({"ROLE"}).startsWith("master") ||
                    node->call({"INFO", "replication"}).contains("master_link_status:up"),
                20000);
        }

        m_folder = std::make_unique<QTemporaryDir>();
        m_exchange = std::make_unique<ExchangeProgram>();
        QVERIFY(m_exchange->begin({"--generate", "5", "--symbols", symbols.join(u','), "--rate", "300"}));
        m_host = std::make_unique<HostProgram>(m_folder->path());
        QVERIFY2(m_host->runText(QString::fromLatin1(pipelineText)
                                     .arg(m_exchange->ws, m_exchange->rest,
                                          symbols.join(QStringLiteral(", ")), m_nodes[0]->url())),
                 m_host->output().constData());
    }

    void cleanup()
    {
        m_host.reset();
        m_exchange.reset();
        m_nodes.clear();
        m_folder.reset();
    }

    void survivesTheDeathOfAMaster()
    {
        QVERIFY(goesOn());
        RedisServer *master = masterOf(symbols.first());
        QVERIFY(master);
        const qint64 before = stored();
        QElapsedTimer gap;
        gap.start();
        master->kill();
        QTRY_VERIFY_WITH_TIMEOUT(hasNewMaster(master), 20000);
        const qint64 takeover = gap.elapsed();
        qInfo("a master died: %.1f s until its replica had taken over", double(takeover) / 1000);
        QVERIFY2(takeover < longestGapMs, QByteArray::number(takeover).constData());
        // Nothing counts as delivered that only one server has: the new master needs a replica.
        QTRY_VERIFY2_WITH_TIMEOUT(trouble().contains(QStringLiteral("0 of 1 replicas")),
                                  qPrintable(trouble()), 10000);
        QVERIFY(master->restart());
        QTRY_VERIFY_WITH_TIMEOUT(stored() > before + 200 && trouble().isEmpty(), 20000);
        const qint64 whole = gap.elapsed();
        qInfo("%.1f s until all was well again", double(whole) / 1000);
        QVERIFY2(whole < longestGapMs, QByteArray::number(whole).constData());
        QVERIFY(!m_host->output().contains("abandon"));
        QVERIFY(goesOn());
        finish();
    }

    // Nobody takes its place, and still the others' records are stored; its own are when it is back.
    void goesOnWithoutAMaster()
    {
        QVERIFY(goesOn());
        for (const auto &node : m_nodes)
            QCOMPARE(node->call({"CONFIG", "SET", "cluster-require-full-coverage", "no"}), QByteArray("OK"));
        RedisServer *master = masterOf(symbols.first());
        QVERIFY(master);
        RedisServer *replica = nullptr;
        for (const auto &node : m_nodes) {
            const QByteArray role = node->call({"ROLE"});
            if (role.startsWith("slave") && role.contains(QByteArray::number(master->port())))
                replica = node.get();
        }
        QVERIFY(replica);
        QString other;
        for (const QString &symbol : symbols) {
            if (masterOf(symbol) != master)
                other = symbol;
        }
        replica->kill();
        master->kill();
        const QString place = QStringLiteral("127.0.0.1:%1").arg(master->port());
        QTRY_VERIFY2_WITH_TIMEOUT(trouble().contains(place), qPrintable(trouble()), 20000);
        for (int round = 0; round < 3; ++round) {
            const qint64 before = stored(other);
            QTRY_VERIFY2_WITH_TIMEOUT(stored(other) > before + 100, m_host->output().right(2000).constData(),
                                      20000);
        }
        QVERIFY(!trouble().isEmpty());
        QVERIFY(master->restart());
        QVERIFY(replica->restart());
        QVERIFY(goesOn());
        finish();
    }

    void losesOnlyTheConnectionThatBreaks()
    {
        for (int round = 0; round < 10; ++round) {
            QVERIFY(goesOn());
            RedisServer *master = masterOf(symbols[round % symbols.size()]);
            QVERIFY(master);
            QVERIFY(master->call({"CLIENT", "KILL", "TYPE", "normal"}).toInt() > 0);
        }
        QVERIFY(goesOn());
        finish();
    }

    // The slot goes from one master to another in the middle of the flow: MIGRATING, ASK, MOVED.
    void followsASlotThatMoves()
    {
        QVERIFY(goesOn());
        Move move = moveOfTheFirst();
        QVERIFY(move.from && move.to);
        for (int round = 0; round < 4; ++round) {
            QVERIFY(move.begin());
            QVERIFY(move.takeKey());
            QVERIFY(move.end());
            std::swap(move.from, move.to);
            QVERIFY(goesOn());
        }
        finish();
    }

    // It may take long: what is new goes where the slot is going (ASK), and nothing fails meanwhile.
    void writesWhereASlotIsGoing()
    {
        QVERIFY(goesOn());
        const Move move = moveOfTheFirst();
        QVERIFY(move.from && move.to);
        QVERIFY(move.begin());
        QVERIFY(goesOn()); // it is still where it was
        QVERIFY(move.takeKey());
        for (int round = 0; round < 4; ++round) {
            QVERIFY(goesOn());
            QVERIFY2(trouble().isEmpty(), qPrintable(trouble()));
        }
        QCOMPARE(move.from->call({"CLUSTER", "COUNTKEYSINSLOT", move.slot}), QByteArray("0"));
        QVERIFY(move.end());
        QVERIFY(goesOn());
        finish();
    }

private:
    // A slot with one key on its way from one master to another.
    struct Move
    {
        RedisServer *from = nullptr;
        RedisServer *to = nullptr;
        QString key;
        QString slot;

        static QString idOf(const RedisServer *node)
        {
            return QString::fromLatin1(node->call({"CLUSTER", "MYID"}));
        }
        bool begin() const
        {
            return to->call({"CLUSTER", "SETSLOT", slot, "IMPORTING", idOf(from)}) == "OK" &&
                   from->call({"CLUSTER", "SETSLOT", slot, "MIGRATING", idOf(to)}) == "OK";
        }
        bool takeKey() const
        {
            return from->call({"MIGRATE", "127.0.0.1", QString::number(to->port()), key, "0", "5000"}) ==
                   "OK";
        }
        bool end() const
        {
            const QStringList command{"CLUSTER", "SETSLOT", slot, "NODE", idOf(to)};
            return to->call(command) == "OK" && from->call(command) == "OK";
        }
    };

    Move moveOfTheFirst() const
    {
        Move move{masterOf(symbols.first()), nullptr, keyOf(symbols.first()), {}};
        for (const QString &symbol : symbols) {
            if (masterOf(symbol) != move.from)
                move.to = masterOf(symbol);
        }
        if (move.from)
            move.slot = QString::fromLatin1(move.from->call({"CLUSTER", "KEYSLOT", move.key}));
        return move;
    }

    RedisServer *masterOf(const QString &symbol) const
    {
        // Each node's own word: whoever is dead or a replica says something else.
        for (const auto &node : m_nodes) {
            if (!node->isRunning())
                continue;
            QProcess cli;
            cli.start(QStringLiteral("redis-cli"),
                      {"-p", QString::number(node->port()), "XLEN", keyOf(symbol)});
            if (cli.waitForFinished() && !cli.readAllStandardOutput().startsWith("MOVED") &&
                node->call({"ROLE"}).startsWith("master"))
                return node.get();
        }
        return nullptr;
    }

    // Whichever node is asked, redis-cli follows it to the one that knows.
    RedisServer *anyNode() const
    {
        for (const auto &node : m_nodes) {
            if (node->isRunning())
                return node.get();
        }
        return nullptr;
    }

    qint64 stored(const QString &symbol = symbols.first()) const
    {
        return anyNode()->call({"XLEN", keyOf(symbol)}).split('\n').last().toLongLong();
    }

    // Of the first symbol's slot.
    bool hasNewMaster(const RedisServer *old) const
    {
        const RedisServer *now = masterOf(symbols.first());
        return now && now != old;
    }

    QString trouble() { return m_host->node(QStringLiteral("redis"))["error"].toString(); }

    bool goesOn()
    {
        const qint64 before = stored();
        const bool went = QTest::qWaitFor(
            [&] {
                return stored() > before + 200 &&
                       m_host->node(QStringLiteral("redis"))["state"].toString() == QLatin1String("running");
            },
            20000);
        if (!went)
            qWarning("%s", m_host->output().right(2000).constData());
        return went;
    }

    void finish()
    {
        QVERIFY2(m_host->endWell(), m_host->output().constData());
        for (const QString &symbol : symbols) {
            TradesById trades;
            qint64 last = -1;
            for (const auto &entry : anyNode()->entries(keyOf(symbol).toLatin1())) {
                const qint64 id = entry[14].toLongLong();
                QVERIFY2(id > last,
                         qPrintable(QStringLiteral("%1: %2 after %3").arg(symbol).arg(id).arg(last)));
                last = id;
                trades.insert(id, entry[6] + ' ' + entry[8]);
            }
            QVERIFY(trades.size() > 200);
            QCOMPARE(wrongTrades(tradesOf(*m_exchange, symbol), trades), QString());
        }
    }

    std::vector<std::unique_ptr<RedisServer>> m_nodes;
    std::unique_ptr<QTemporaryDir> m_folder;
    std::unique_ptr<ExchangeProgram> m_exchange;
    std::unique_ptr<HostProgram> m_host;
};

QTEST_GUILESS_MAIN(tst_RedisCluster)

#include "tst_redis_cluster.moc"
