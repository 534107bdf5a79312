// SPDX-License-Identifier: Apache-2.0
#include "redis/redis_server.h"
#include "truth.h"

#include <QElapsedTimer>

using namespace tidemill::testing;

namespace {

constexpr auto pipelineText = R"(name: trades
sources:
  binance:
    type: binance
    url: %1
    rest_url: %2
    symbols: [BTCUSDT, ETHUSDT]
    streams: [trade]
sinks:
  redis:
    type: redis_stream
    inputs: [binance.trade]
    url: "%3"
    maxlen: 0
    reply_timeout: %4
    retry: { initial: 100ms, max: 500ms }
)";

const QStringList symbols{"BTCUSDT", "ETHUSDT"};
const QStringList durable{"--appendonly", "yes", "--appendfsync", "always"};

} // namespace

// Trades flow from an exchange through the real program into a real Redis, to which something happens. After
// it, each stream must hold the exchange's trades, each once and in order; while it lasts, health must say
// what is wrong.
class tst_RedisOutage : public QObject
{
    Q_OBJECT

private slots:
    void initTestCase()
    {
        if (!RedisServer::isInstalled())
            QSKIP("no redis-server is installed");
    }

    void survivesKillsOfTheServer()
    {
        QVERIFY(begin(durable));
        for (int round = 0; round < 5; ++round) {
            QVERIFY(goesOn());
            m_server->kill();
            QTRY_VERIFY2_WITH_TIMEOUT(
                trouble().contains(QStringLiteral("127.0.0.1:%1").arg(m_server->port())),
                qPrintable(trouble()), 10000);
            QVERIFY(m_server->restart());
        }
        QVERIFY(goesOn());
        finish();
    }

    void survivesAServerThatStandsStill_data()
    {
        QTest::addColumn<QString>("replyTimeout");
        QTest::addColumn<QString>("more");

        QTest::newRow("and waits for it") << "10s"
                                          << "";
        QTest::newRow("and hangs up") << "1s"
                                      << "";
        QTest::newRow("and hangs up, in large rounds") << "500ms"
                                                       << "    batch: { rows: 1000, linger: 1s }\n";
    }

    void survivesAServerThatStandsStill()
    {
        QFETCH(QString, replyTimeout);
        QFETCH(QString, more);
        QVERIFY(begin({}, replyTimeout, more));
        QVERIFY(goesOn());
        m_server->freeze();
        QElapsedTimer still;
        still.start();
        QTRY_VERIFY2_WITH_TIMEOUT(trouble().contains(QStringLiteral("answer")), qPrintable(trouble()), 5000);
        QTRY_VERIFY_WITH_TIMEOUT(still.hasExpired(5000), 6000);
        m_server->thaw();
        QVERIFY(goesOn());
        finish();
    }

    void survivesCutConnections()
    {
        QVERIFY(begin());
        for (int round = 0; round < 10; ++round) {
            QVERIFY(goesOn());
            QCOMPARE(m_server->call({"CLIENT", "KILL", "TYPE", "normal"}), QByteArray("1"));
        }
        QVERIFY(goesOn());
        finish();
    }

    void waitsWhileMemoryIsFull()
    {
        QVERIFY(begin());
        for (int round = 0; round < 3; ++round) {
            QVERIFY(goesOn());
            QCOMPARE(m_server->call({"CONFIG", "SET", "maxmemory", "1mb"}), QByteArray("OK"));
            QTRY_VERIFY2_WITH_TIMEOUT(trouble().contains(QStringLiteral("OOM")), qPrintable(trouble()),
                                      10000);
            QVERIFY(trouble().contains(QStringLiteral("maxmemory")));
            QCOMPARE(m_server->call({"CONFIG", "SET", "maxmemory", "0"}), QByteArray("OK"));
        }
        QVERIFY(goesOn());
        finish();
    }

    // Within reach of the limit some commands pass and others do not: nothing may change places.
    void keepsOrderAtTheEdgeOfMemory()
    {
        QVERIFY(begin());
        QVERIFY(goesOn());
        for (int step = 0; step < 40; ++step) {
            const QByteArray info = m_server->call({"INFO", "memory"});
            const qint64 used = info.mid(info.indexOf("used_memory:") + 12).split('\r')[0].toLongLong();
            QVERIFY(used > 0);
            m_server->call({"CONFIG", "SET", "maxmemory", QString::number(used + 4096)});
        }
        m_server->call({"CONFIG", "SET", "maxmemory", "0"});
        QVERIFY(goesOn());
        finish();
    }

    void comesBackBehindAPassword()
    {
        m_server = std::make_unique<RedisServer>();
        QVERIFY(m_server->start(durable)); // no password yet
        QVERIFY(m_server->call({"CONFIG", "SET", "requirepass", "s3cret/"}) == "OK");
        m_server->setPassword(QStringLiteral("s3cret/"));
        QVERIFY(connectHost(QStringLiteral("redis://:s3cret%2F@127.0.0.1:%1").arg(m_server->port())));
        QVERIFY(goesOn());
        // Another one, then the right one again.
        m_server->kill();
        QVERIFY(m_server->start(QStringList(durable) << "--requirepass"
                                                     << "other"));
        QTRY_VERIFY2_WITH_TIMEOUT(trouble().contains(QStringLiteral("WRONGPASS")), qPrintable(trouble()),
                                  10000);
        QVERIFY(trouble().contains(QStringLiteral("password in the address")));
        m_server->kill();
        QVERIFY(m_server->start(QStringList(durable) << "--requirepass"
                                                     << "s3cret/"));
        QVERIFY(goesOn());
        QVERIFY(!m_host->output().contains("s3cret"));
        finish();
    }

    void asksForAPassword()
    {
        QVERIFY(begin(durable));
        QVERIFY(goesOn());
        m_server->kill();
        QVERIFY(m_server->start(QStringList(durable) << "--requirepass"
                                                     << "s3cret"));
        QTRY_VERIFY2_WITH_TIMEOUT(trouble().contains(QStringLiteral("NOAUTH")), qPrintable(trouble()), 10000);
        QVERIFY(trouble().contains(QStringLiteral("redis://:PASSWORD@HOST")));
        m_server->kill();
        QVERIFY(m_server->start(durable));
        QVERIFY(goesOn());
        finish();
    }

    void waitsWhileTheServerLoads()
    {
        QVERIFY(begin(QStringList(durable) << "--enable-debug-command"
                                           << "yes"));
        QVERIFY(goesOn());
        QCOMPARE(m_server->call({"DEBUG", "POPULATE", "3000"}), QByteArray("OK"));
        m_server->call({"BGREWRITEAOF"});
        QTRY_VERIFY(m_server->call({"INFO", "persistence"}).contains("aof_rewrite_in_progress:0"));
        m_server->kill();
        // A millisecond for each of its keys, and a look at its clients now and then.
        QVERIFY(m_server->start(QStringList(durable) << "--key-load-delay"
                                                     << "1000"
                                                     << "--loading-process-events-interval-bytes"
                                                     << "1024"));
        QTRY_VERIFY2_WITH_TIMEOUT(trouble().contains(QStringLiteral("LOADING")), qPrintable(trouble()),
                                  10000);
        QVERIFY(goesOn());
        finish();
    }

    // Of what the host had sent when it was killed, it knows nothing any more; its spool offers it again, and
    // the source asks the exchange's history for what it may have missed.
    void survivesKillsOfTheHost_data()
    {
        QTest::addColumn<QString>("buffer");

        QTest::newRow("spool") << "    buffer: { type: disk }\n";
        QTest::newRow("memory") << "";
    }

    void survivesKillsOfTheHost()
    {
        QFETCH(QString, buffer);
        QVERIFY(begin({}, QStringLiteral("10s"), buffer));
        for (int round = 0; round < 5; ++round) {
            QVERIFY(goesOn());
            // Once a second it writes down where it stands; before the first time, it cannot know.
            QTRY_VERIFY(QFile::exists(m_folder->filePath(QStringLiteral("state/trades/binance/positions"))));
            m_host->kill();
            QVERIFY2(m_host->runText(m_pipeline), m_host->output().constData());
        }
        QVERIFY(goesOn());
        finish();
    }

    void cleanup()
    {
        m_host.reset();
        m_exchange.reset();
        m_server.reset();
        m_folder.reset();
    }

private:
    bool begin(const QStringList &serverArguments = {}, const QString &replyTimeout = QStringLiteral("10s"),
               const QString &more = {})
    {
        m_server = std::make_unique<RedisServer>();
        return m_server->start(serverArguments) && connectHost(m_server->url(), replyTimeout, more);
    }

    bool connectHost(const QString &url, const QString &replyTimeout = QStringLiteral("10s"),
                     const QString &more = {})
    {
        m_folder = std::make_unique<QTemporaryDir>();
        m_exchange = std::make_unique<ExchangeProgram>();
        if (!m_exchange->begin({"--generate", "11", "--symbols", "BTCUSDT,ETHUSDT", "--rate", "800"}))
            return false;
        m_pipeline =
            QString::fromLatin1(pipelineText).arg(m_exchange->ws, m_exchange->rest, url, replyTimeout) + more;
        m_host = std::make_unique<HostProgram>(m_folder->path());
        if (m_host->runText(m_pipeline))
            return true;
        qWarning("%s", m_host->output().constData());
        return false;
    }

    // Records are stored again, and nothing is wrong.
    bool goesOn()
    {
        const qint64 before = m_server->call({"XLEN", "trades:BTCUSDT"}).toLongLong();
        const bool went = QTest::qWaitFor(
            [&] {
                const QJsonObject node = m_host->node(QStringLiteral("redis"));
                return m_server->call({"XLEN", "trades:BTCUSDT"}).toLongLong() > before + 300 &&
                       node["state"].toString() == QLatin1String("running");
            },
            20000);
        if (!went)
            qWarning("%s", qPrintable(QString::fromUtf8(m_host->output()).right(2000)));
        return went;
    }

    QString trouble() { return m_host->node(QStringLiteral("redis"))["error"].toString(); }

    void finish()
    {
        QVERIFY2(m_host->endWell(), m_host->output().constData());
        for (const QString &symbol : symbols) {
            TradesById stored;
            qint64 last = -1;
            for (const auto &entry : m_server->entries("trades:" + symbol.toLatin1())) {
                const qint64 id = entry[14].toLongLong();
                QVERIFY2(id > last,
                         qPrintable(QStringLiteral("%1: %2 after %3").arg(symbol).arg(id).arg(last)));
                last = id;
                stored.insert(id, entry[6] + ' ' + entry[8]);
            }
            QVERIFY(stored.size() > 300);
            QCOMPARE(wrongTrades(tradesOf(*m_exchange, symbol), stored), QString());
        }
    }

    std::unique_ptr<QTemporaryDir> m_folder;
    std::unique_ptr<RedisServer> m_server;
    std::unique_ptr<ExchangeProgram> m_exchange;
    std::unique_ptr<HostProgram> m_host;
    QString m_pipeline;
};

QTEST_GUILESS_MAIN(tst_RedisOutage)

#include "tst_redis_outage.moc"
