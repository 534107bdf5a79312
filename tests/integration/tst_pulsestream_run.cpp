// SPDX-License-Identifier: Apache-2.0
#include "programs.h"
#include "pulsestream/double.h"

#include <QElapsedTimer>
#include <QSet>

#include <functional>

using namespace tidemill::testing;
using namespace std::chrono_literals;
using tidemill::pulsestream::Double;

// The real program between an exchange and a service that goes wrong in all the ways in which the real one
// does. Whatever happens, each ticker is stored there once.
class tst_PulseStreamRun : public QObject
{
    Q_OBJECT

private slots:
    void storesEachTickerOnce_data()
    {
        QTest::addColumn<QString>("options");
        QTest::addColumn<int>("trouble");
        QTest::addColumn<int>("ms");
        QTest::addColumn<std::chrono::milliseconds>("stall");

        addRow("nothing happens", quick, Nothing);
        addRow("four connections", quick + ", connections: 4, events_per_request: 7", Nothing);
        addRow("an outage", quick, Outage, 2000ms);
        addRow("it stands still", quick + ", connections: 2", Frozen, 1500ms);
        addRow("its database is away", quick, DatabaseOutage, 1500ms);
        addRow("a rate limit", "retry: { give_up: 2s }", RateLimit, 6s);
        addRow("slow answers", quick + ", connections: 3", Slow);
        addRow("answers that come too late", quick + ", connections: 3", Late, 3s, 350ms);
        addRow("it is ill for a while", quick, Ill);
        addRow("a service without gzip", quick + ", compression: gzip", Nothing);
        if (!qEnvironmentVariableIsSet("TIDEMILL_SOAK_SECONDS"))
            return;
        // With the defaults, or what the bridge had, and as long as such things last.
        addRow("long: an outage", "connections: 1", Outage, 10s);
        addRow("long: it stands still", "connections: 2", Frozen, 8s);
        addRow("long: it stands still beyond the timeout", "connections: 4, timeout: 5s", Frozen, 8s);
        addRow("long: its database is away", "connections: 1", DatabaseOutage, 10s);
        addRow("long: a rate limit", "connections: 2, retry: { give_up: 10s }", RateLimit, 30s);
        addRow("long: answers that come too late", "connections: 1, timeout: 2s", Late, 15s, 2500ms);
        addRow("long: four answers that come too late", "connections: 4, timeout: 2s", Late, 15s, 2500ms);
    }

    void storesEachTickerOnce()
    {
        QFETCH(QString, options);
        QFETCH(int, trouble);
        QFETCH(int, ms);
        QFETCH(std::chrono::milliseconds, stall);
        m_stall = stall;
        begin(options);
        QTRY_VERIFY_WITH_TIMEOUT(service().stored.size() > 50, 20000);

        makeTrouble(trouble, ms);
        if (QTest::currentTestFailed())
            return;

        const qsizetype before = service().stored.size();
        QTRY_VERIFY_WITH_TIMEOUT(service().stored.size() > before + 100, 30000);
        const auto figures = m_host->node("pulse");
        QVERIFY2(m_host->endWell(40000), m_host->output().constData());
        QCOMPARE(figures["records_dropped"].toInteger(), 0);
        verifyStored({});
    }

    // What can never be stored goes to the dead letters, and costs nothing else.
    void putsAsideWhatCannotBeStored()
    {
        begin(quick);
        QTRY_VERIFY_WITH_TIMEOUT(service().stored.size() > 50, 20000);

        service().forbidNext = 2;
        service().poisonNext = 1;

        QTRY_COMPARE_WITH_TIMEOUT(m_host->node("pulse")["records_dropped"].toInteger(), 3, 30000);
        const qsizetype before = service().stored.size();
        QTRY_VERIFY_WITH_TIMEOUT(service().stored.size() > before + 50, 30000);
        QVERIFY2(m_host->endWell(40000), m_host->output().constData());
        verifyStored(service().forbidden + service().poisons);
    }

    // With the environment of the bridge that is replaced.
    void runsThePipelineOfTheBridge()
    {
        QVERIFY(m_exchange.begin(exchangeArguments));
        m_service = std::make_unique<Double>();
        service().key = "the-tenant";
        QVERIFY(m_service->start());
        m_host = std::make_unique<HostProgram>(m_folder->path());
        m_host->setEnvironment("COINBASE_URL", m_exchange.ws);
        m_host->setEnvironment("PRODUCT_IDS", "[\"ETH-USD\"]");
        m_host->setEnvironment("PULSESTREAM_API_URL", m_service->url());
        m_host->setEnvironment("PULSESTREAM_API_KEY", "the-tenant");
        QVERIFY2(m_host->runFile(sourceFile("pipelines/coinbase-pulsestream.yaml")),
                 m_host->output().constData());

        QTRY_VERIFY_WITH_TIMEOUT(service().stored.size() > 30, 20000);
        QVERIFY2(m_host->endWell(), m_host->output().constData());

        const QJsonObject event = service().stored.last().event;
        QCOMPARE(event["title"].toString(), "Coinbase Price Update: ETH-USD");
        QCOMPARE(event["source"]["service"].toString(), "coinbase-exchange");
        QCOMPARE(event["payload"]["raw_ticker"]["type"].toString(), "ticker");
        QCOMPARE(event["event_id"].toString(),
                 QStringLiteral("coinbase-ETH-USD-%1").arg(event["payload"]["last_trade_id"].toInteger()));
        QVERIFY(!m_host->output().contains("the-tenant"));
        for (const auto &stored : service().stored)
            QVERIFY(stored.id.startsWith("coinbase-ETH-USD-"));
    }

    void wantsAKey()
    {
        Program checking;
        checking.setEnvironment("PULSESTREAM_API_KEY", "");

        QVERIFY(checking.start(builtProgram("tidemill"),
                               {"check", sourceFile("pipelines/coinbase-pulsestream.yaml")}));
        QVERIFY(checking.waitForEnd());

        QCOMPARE(checking.exitCode(), 2);
        QVERIFY2(checking.output().contains("the key of the tenant"), checking.output().constData());
    }

    void init() { m_folder = std::make_unique<QTemporaryDir>(); }

    void cleanup()
    {
        m_host.reset();
        m_exchange.kill();
        m_service.reset();
    }

private:
    enum Trouble { Nothing, Outage, Frozen, DatabaseOutage, RateLimit, Slow, Late, Ill };

    static inline const QString quick =
        "timeout: 300ms, settle: 300ms, retry: { initial: 20ms, max: 100ms }, "
        "breaker: { failures: 5, pause: 200ms }";

    static void addRow(const char *name, const QString &options, Trouble trouble,
                       std::chrono::milliseconds lasting = 0ms, std::chrono::milliseconds stall = 0ms)
    {
        QTest::newRow(name) << options << int(trouble) << int(lasting.count()) << stall;
    }

    tidemill::pulsestream::Service &service() { return m_service->service; }

    void begin(const QString &options)
    {
        QVERIFY(m_exchange.begin(exchangeArguments));
        m_service = std::make_unique<Double>();
        service().latency = 1ms;
        QVERIFY(m_service->start());
        m_host = std::make_unique<HostProgram>(m_folder->path());
        const QString pipeline =
            QStringLiteral(
                "name: bridge\n"
                "sources:\n"
                "  coinbase: { type: coinbase_exchange, symbols: [BTC-USD], streams: [ticker], "
                "url: \"%1\", rest_url: \"%2\" }\n"
                "sinks:\n"
                "  lines: { type: jsonl, inputs: [coinbase.ticker], path: lines.jsonl }\n"
                "  pulse: { type: pulsestream, inputs: [coinbase.ticker], url: \"%3\", key: test-key, "
                "%4 }\n")
                .arg(m_exchange.ws, m_exchange.rest, m_service->url(), options);
        QVERIFY2(m_host->runText(pipeline), m_host->output().constData());
    }

    // Until it is over.
    void makeTrouble(int trouble, int ms)
    {
        switch (trouble) {
        case Nothing:
            return;
        case Outage:
            m_service->stop();
            waitFor(ms);
            QVERIFY(m_service->start());
            return;
        case Frozen:
            m_service->door.setFrozen(true);
            waitFor(ms);
            m_service->door.setFrozen(false);
            return;
        case DatabaseOutage:
            service().databaseIsDown = true;
            waitFor(ms);
            service().databaseIsDown = false;
            return;
        case RateLimit:
            // Fewer than come in, so that some wait for longer than the pipeline has for failures.
            service().limit = 20;
            service().windowMs = 1000;
            waitFor(ms);
            service().limit = 0;
            QCOMPARE(m_host->node("pulse")["failures"].toInteger(), 0);
            return;
        case Slow:
            service().latency = 10ms;
            return;
        case Late:
            // It stores everything, but after we have stopped waiting for its answer.
            service().latency = 0ms;
            service().stall = m_stall;
            waitFor(ms);
            service().stall = 0ms;
            QTRY_VERIFY_WITH_TIMEOUT(service().repeated > 0, 20000);
            return;
        case Ill:
            for (int i = 0; i < 30; ++i)
                service().script.push_back({.status = 500, .body = "{}"});
            QTRY_VERIFY_WITH_TIMEOUT(service().script.empty(), 20000);
            return;
        }
    }

    // How long the trouble lasts, in which everything goes on.
    static void waitFor(int ms)
    {
        QElapsedTimer timer;
        timer.start();
        QTRY_VERIFY_WITH_TIMEOUT(timer.hasExpired(ms), ms + 5000);
    }

    // After the host's end: the service has what the other sink has, each once.
    void verifyStored(const QSet<QByteArray> &except)
    {
        QFile file(m_folder->filePath("lines.jsonl"));
        QVERIFY(file.open(QIODevice::ReadOnly));
        QSet<QByteArray> expected;
        while (!file.atEnd()) {
            const QJsonObject line = QJsonDocument::fromJson(file.readLine()).object();
            expected.insert("coinbase-BTC-USD-" + QByteArray::number(line["trade_id"].toInteger()));
        }
        QVERIFY(expected.size() > 100);
        const QList<QByteArray> ids = service().storedIds();
        const QSet<QByteArray> stored(ids.begin(), ids.end());

        QVERIFY(service().simultaneous.isEmpty());
        QCOMPARE(ids.size(), stored.size()); // none twice
        QCOMPARE((expected - stored), except);
        QVERIFY((stored - expected).isEmpty());
    }

    const QStringList exchangeArguments{"--protocol", "coinbase_exchange", "--generate", "7",
                                        "--symbols",  "BTC-USD,ETH-USD",   "--rate",     "100"};
    std::chrono::milliseconds m_stall{0};
    std::unique_ptr<QTemporaryDir> m_folder;
    ExchangeProgram m_exchange;
    std::unique_ptr<Double> m_service;
    std::unique_ptr<HostProgram> m_host;
};

QTEST_GUILESS_MAIN(tst_PulseStreamRun)

#include "tst_pulsestream_run.moc"
