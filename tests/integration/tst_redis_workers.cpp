// SPDX-License-Identifier: Apache-2.0
#include "../../plugins/sinks/sql/test_database.h"
#include "programs.h"
#include "redis/redis_server.h"

using namespace tidemill::testing;

namespace {

// %1 Redis, %2 the worker's name, %3 the store.
constexpr auto pipeline = "name: worker\n"
                          "sources:\n"
                          "  trades:\n"
                          "    type: redis_stream\n"
                          "    url: '%1'\n"
                          "    streams: ['trades:*']\n"
                          "    consumer: %2\n"
                          "    count: 200\n"
                          "    min_idle: 1s\n"
                          "    refresh: 500ms\n"
                          "sinks:\n"
                          "  db: { type: sql, inputs: [trades], url: '%3', queue: { rows: 500 } }\n";

} // namespace

// Workers of one group, each a process, between a real Redis and a real database.
class tst_RedisWorkers : public QObject
{
    Q_OBJECT

private slots:
    void initTestCase()
    {
        if (!RedisServer::isInstalled())
            QSKIP("no redis-server is installed");
    }

    void init() { QVERIFY(m_server.start()); }
    void cleanup() { m_server.kill(); }

    // Two share the work, one is killed in the middle of it: the other one does the rest.
    void loseAWorkerAndNoTrade()
    {
        if (!TestDatabase::hasPostgres())
            QSKIP("TIDEMILL_TEST_POSTGRES_URL is not set");
        TestDatabase database(QStringLiteral("postgresql"));
        QTemporaryDir folderA;
        QTemporaryDir folderB;
        HostProgram workerA(folderA.path());
        HostProgram workerB(folderB.path());
        add(1, 3000);
        QVERIFY2(workerA.runText(text("a", database.url())), workerA.output().constData());
        QVERIFY2(workerB.runText(text("b", database.url())), workerB.output().constData());
        // Each has done something, and there is always more to do.
        int next = 3001;
        for (QDeadlineTimer deadline(30000); !deadline.hasExpired();) {
            add(next, 500);
            next += 500;
            const auto done = [](HostProgram &worker) {
                return worker.node("db")["records_delivered"].toInteger();
            };
            if (done(workerA) > 1000 && done(workerB) > 1000)
                break;
        }
        // It dies with entries in its hands: stopped at a moment when it has some, it cannot finish them.
        bool holds = false;
        for (QDeadlineTimer deadline(30000); !holds && !deadline.hasExpired();) {
            workerA.signal(SIGCONT);
            add(next, 500);
            next += 500;
            workerA.signal(SIGSTOP);
            holds = m_server.call({"XPENDING", "trades:0", "tidemill", "-", "+", "1", "a"}).size() > 0 ||
                    m_server.call({"XPENDING", "trades:1", "tidemill", "-", "+", "1", "a"}).size() > 0;
        }
        QVERIFY(holds);
        workerA.kill();
        add(next, 1000);
        next += 1000;

        const QString stored = QStringLiteral("%1|%1|1|%1").arg(next - 1);
        const QString question = QStringLiteral(
            "SELECT count(*), count(DISTINCT trade_id), min(trade_id), max(trade_id) FROM trade");
        QTRY_COMPARE_WITH_TIMEOUT(database.value(question), stored, 60000);
        for (const char *stream : {"trades:0", "trades:1"})
            QTRY_VERIFY_WITH_TIMEOUT(m_server.call({"XPENDING", stream, "tidemill"}).startsWith("0"), 20000);
        QVERIFY2(workerB.endWell(), workerB.output().constData());
        QCOMPARE(database.value(question), stored);
    }

    // What was stored is acknowledged before a worker ends, and what comes meanwhile waits for the next one.
    void goOnAfterARestart()
    {
        TestDatabase database(QStringLiteral("sqlite"));
        QTemporaryDir folder;
        const QString stored = QStringLiteral("SELECT count(*) FROM trade");
        for (int run = 1; run <= 3; ++run) {
            add(run * 1000, 1000);
            HostProgram worker(folder.path());
            QVERIFY2(worker.runText(text("a", database.url())), worker.output().constData());
            QTRY_COMPARE_WITH_TIMEOUT(database.value(stored), QString::number(run * 1000), 20000);
            QVERIFY2(worker.endWell(), worker.output().constData());
            for (const char *stream : {"trades:0", "trades:1"})
                QVERIFY(m_server.call({"XPENDING", stream, "tidemill"}).startsWith("0"));
        }
    }

    // The store is away: nothing is acknowledged, however often the sink is offered it.
    void acknowledgeNothingThatIsNotStored()
    {
        add(1, 1000);
        QTemporaryDir folder;
        HostProgram worker(folder.path());
        QVERIFY2(worker.runText(text("a", QStringLiteral("postgresql://nobody@127.0.0.1:1/none"))),
                 worker.output().constData());
        QTRY_VERIFY_WITH_TIMEOUT(worker.node("db")["failures"].toInteger() > 2, 20000);
        const auto pending = [this](const char *stream) {
            return m_server.call({"XPENDING", stream, "tidemill"}).split('\n').value(0).toInt();
        };
        QTRY_VERIFY(pending("trades:0") > 0);
        worker.kill();

        // The next one finds all of it.
        TestDatabase database(QStringLiteral("sqlite"));
        HostProgram next(folder.path());
        QVERIFY2(next.runText(text("a", database.url())), next.output().constData());
        QTRY_COMPARE_WITH_TIMEOUT(database.value(QStringLiteral("SELECT count(*) FROM trade")),
                                  QStringLiteral("1000"), 20000);
        QTRY_COMPARE(pending("trades:0") + pending("trades:1"), 0);
    }

    // Streams on three masters; one of them is away for a while.
    void readFromACluster()
    {
        std::vector<std::unique_ptr<RedisServer>> nodes;
        QStringList places;
        for (int index = 0; index < 3; ++index) {
            nodes.push_back(std::make_unique<RedisServer>());
            QVERIFY(nodes.back()->start(
                {"--cluster-enabled", "yes", "--appendonly", "yes", "--appendfsync", "always"}));
            places.append(QStringLiteral("127.0.0.1:%1").arg(nodes.back()->port()));
        }
        int exitCode = -1;
        const QByteArray made =
            outputOf(QStringLiteral("redis-cli"),
                     QStringList{"--cluster", "create"} + places + QStringList{"--cluster-yes"}, &exitCode);
        QVERIFY2(exitCode == 0, made.constData());
        for (const auto &node : nodes)
            QTRY_VERIFY_WITH_TIMEOUT(node->call({"CLUSTER", "INFO"}).contains("cluster_state:ok"), 20000);
        const auto addAll = [&](int first) {
            for (int stream = 0; stream < 6; ++stream)
                for (int id = first; id < first + 5; ++id)
                    nodes[0]->call(entry(QStringLiteral("trades:S%1").arg(stream), stream * 1000 + id));
        };
        addAll(1);
        TestDatabase database(QStringLiteral("sqlite"));
        QTemporaryDir folder;
        HostProgram worker(folder.path());
        const QString text = QString::fromLatin1(pipeline).arg(nodes[0]->url(), "a", database.url());
        QVERIFY2(worker.runText(text), worker.output().constData());
        const QString stored = QStringLiteral("SELECT count(*), count(DISTINCT trade_id) FROM trade");
        QTRY_COMPARE_WITH_TIMEOUT(database.value(stored), QStringLiteral("30|30"), 20000);

        nodes[1]->kill();
        QVERIFY(nodes[1]->restart());
        for (const auto &node : nodes)
            QTRY_VERIFY_WITH_TIMEOUT(node->call({"CLUSTER", "INFO"}).contains("cluster_state:ok"), 20000);
        addAll(101);
        QTRY_COMPARE_WITH_TIMEOUT(database.value(stored), QStringLiteral("60|60"), 40000);
        for (int stream = 0; stream < 6; ++stream)
            QTRY_VERIFY(nodes[0]
                            ->call({"XPENDING", QStringLiteral("trades:S%1").arg(stream), "tidemill"})
                            .startsWith("0"));
        QVERIFY2(worker.endWell(), worker.output().constData());

        const QByteArray listed = outputOf(builtProgram("tidemill"), {"tail", nodes[2]->url()}, &exitCode);
        QCOMPARE(exitCode, 0);
        for (int stream = 0; stream < 6; ++stream)
            QVERIFY2(listed.contains("trades:S" + QByteArray::number(stream) + "          10  "),
                     listed.constData());
        const QByteArray tail =
            outputOf(builtProgram("tidemill"),
                     {"tail", nodes[2]->url(), "trades:S3", "--from", "0", "-n", "10"}, &exitCode);
        QCOMPARE(exitCode, 0);
        QCOMPARE(tail.count("trade_id=3"), 10);
    }

private:
    QString text(const char *name, const QString &store) const
    {
        return QString::fromLatin1(pipeline).arg(m_server.url(), QString::fromLatin1(name), store);
    }

    static QStringList entry(const QString &stream, int id)
    {
        return {"XADD",
                stream,
                "*",
                "exchange",
                "binance",
                "pair",
                stream,
                "price",
                "1.50",
                "qty",
                "2",
                "ts",
                "2023-11-14T22:13:20",
                "side",
                "buy",
                "trade_id",
                QString::number(id)};
    }

    // Trades with these ids, into two streams in turn.
    void add(int first, int count)
    {
        const QByteArray answer = m_server.call(
            {"EVAL",
             "for id = tonumber(ARGV[1]), ARGV[1] + ARGV[2] - 1 do redis.call('XADD', KEYS[id % 2 + 1], '*', "
             "'exchange', 'binance', 'pair', 'S' .. (id % 2), 'price', '1.50', 'qty', '2', 'ts', "
             "'2023-11-14T22:13:20', 'side', 'buy', 'trade_id', string.format('%d', id)) end return ARGV[2]",
             "2", "trades:0", "trades:1", QString::number(first), QString::number(count)});
        QCOMPARE(answer, QByteArray::number(count));
    }

    RedisServer m_server;
};

QTEST_GUILESS_MAIN(tst_RedisWorkers)

#include "tst_redis_workers.moc"
