// SPDX-License-Identifier: Apache-2.0
#include "programs.h"

using namespace tidemill::testing;

namespace {

constexpr auto withoutExchange =
    "name: alone\n"
    "sources:\n"
    "  binance: { type: binance, url: ws://127.0.0.1:1, rest_url: http://127.0.0.1:1,\n"
    "             symbols: [BTCUSDT], streams: [trade] }\n"
    "sinks:\n"
    "  nothing: { type: blackhole, inputs: [binance] }\n";

// What the sink is to store in can never be reached, so records stay under way.
constexpr auto withoutDatabase =
    "name: stuck\n"
    "sources:\n"
    "  binance: { type: binance, url: '%1', rest_url: '%2', symbols: [BTCUSDT], streams: [trade] }\n"
    "sinks:\n"
    "  db: { type: sql, inputs: [binance], url: 'postgresql://nobody@127.0.0.1:1/none' }\n";

// For a transform that gives one record for each that it takes.
bool transformAddsUp(const QJsonObject &node)
{
    return node["records_in"].toInteger() > 0 &&
           node["records_in"].toInteger() ==
               node["records_out"].toInteger() + node["records_dropped"].toInteger();
}

} // namespace

// The command line as a person or a service manager uses it.
class tst_Commands : public QObject
{
    Q_OBJECT

private slots:
    // What a shipped pipeline asks of its environment.
    void initTestCase() { qputenv("PULSESTREAM_API_KEY", "of a test"); }

    void endsWithTheRightCode_data()
    {
        QTest::addColumn<QStringList>("arguments");
        QTest::addColumn<int>("exitCode");
        QTest::addColumn<QString>("says");

        const QString good = sourceFile(QStringLiteral("pipelines/quickstart.yaml"));
        const QString missing = QStringLiteral("/nowhere/pipeline.yaml");
        QTest::newRow("nothing") << QStringList{} << 2 << "Usage: tidemill COMMAND";
        QTest::newRow("help") << QStringList{"--help"} << 0 << "run pipelines until SIGINT or SIGTERM";
        QTest::newRow("a misspelt command")
            << QStringList{"chekc"} << 2 << "no command 'chekc'; did you mean 'check'?";
        QTest::newRow("version") << QStringList{"version"} << 0 << "tidemill 0.1.0 (Qt ";
        QTest::newRow("check, good") << QStringList{"check", good} << 0
                                     << "pipeline quickstart, 4 nodes: good";
        QTest::newRow("check, all shipped files")
            << QStringList{"check", sourceFile(QStringLiteral("pipelines"))} << 0 << "binance-signals";
        QTest::newRow("check, no such file") << QStringList{"check", missing} << 2 << missing;
        QTest::newRow("check, no file") << QStringList{"check"} << 2 << "expected at least one pipeline file";
        QTest::newRow("run, no such file") << QStringList{"run", missing} << 2 << missing;
        QTest::newRow("run, no file") << QStringList{"run"} << 2 << "expected at least one pipeline file";
        QTest::newRow("run, a misspelt flag") << QStringList{"run", good, "--htpp", "off"} << 2 << "htpp";
        QTest::newRow("run, a bad duration")
            << QStringList{"run", good, "--for", "soon"} << 2
            << "--for: expected a duration such as '250ms', '5s' or '1m30s', got 'soon'";
        QTest::newRow("run, a bad level")
            << QStringList{"run", good, "--log-level", "loud"} << 2 << "--log-level: expected one of debug";
        QTest::newRow("run, a bad address") << QStringList{"run", good, "--http", "here"} << 2
                                            << "--http: expected an address such as 127.0.0.1:8080";
        QTest::newRow("run, open to all without a token")
            << QStringList{"run", good, "--http", "0.0.0.0:0"} << 2 << "token";
        QTest::newRow("graph") << QStringList{"graph", good, "--format", "mermaid"} << 0 << "flowchart";
        QTest::newRow("graph, dot") << QStringList{"graph", good, "--format", "dot"} << 0 << "digraph";
        QTest::newRow("graph, a wrong format") << QStringList{"graph", good, "--format", "svg"} << 2
                                               << "expected mermaid, dot or json, got 'svg'";
        QTest::newRow("plugins") << QStringList{"plugins"} << 0 << "sma_crossover";
        QTest::newRow("plugins, one") << QStringList{"plugins", "wap"} << 0 << "levels";
        QTest::newRow("plugins, misspelt")
            << QStringList{"plugins", "wpa"} << 2 << "no plugin 'wpa'; did you mean 'wap'?";
    }

    void endsWithTheRightCode()
    {
        QFETCH(QStringList, arguments);
        QFETCH(int, exitCode);
        QFETCH(QString, says);

        int ended = -1;
        const QByteArray output = outputOf(builtProgram("tidemill"), arguments, &ended);

        QVERIFY2(output.contains(says.toUtf8()), output.constData());
        QCOMPARE(ended, exitCode);
    }

    void describesEveryPluginAsJson()
    {
        int exitCode = -1;
        const QByteArray output = outputOf(builtProgram("tidemill"), {"plugins", "--json"}, &exitCode);

        QCOMPARE(exitCode, 0);
        const QJsonArray plugins = QJsonDocument::fromJson(output).array();
        QVERIFY(plugins.size() >= 7);
        for (const QJsonValue &plugin : plugins) {
            for (const QJsonValue &option : plugin["options"].toArray())
                QVERIFY2(!option["help"].toString().isEmpty(), qPrintable(plugin["id"].toString()));
        }
    }

    void namesThePlaceOfEveryMistake()
    {
        const QDir folder(sourceFile(QStringLiteral("tests/golden/check")));
        const QStringList files = folder.entryList({"*.yaml"}, QDir::Files, QDir::Name);
        QVERIFY(files.size() >= 20);
        for (const QString &file : files) {
            int exitCode = -1;
            const QByteArray output =
                outputOf(builtProgram("tidemill"), {"check", folder.filePath(file)}, &exitCode);
            QVERIFY2(exitCode == 2, qPrintable(file));
            const QRegularExpression place(QRegularExpression::escape(file) +
                                           QStringLiteral(":\\d+:\\d+: error: "));
            QVERIFY2(QString::fromUtf8(output).contains(place), output.constData());
        }
    }

    void answersOverHttpAndStopsWhenTold()
    {
        QTemporaryDir folder;
        ExchangeProgram exchange;
        QVERIFY(exchange.begin({"--generate", "7", "--symbols", "BTCUSDT", "--rate", "50"}));
        HostProgram host(folder.path());
        host.setEnvironment(QStringLiteral("EXCHANGE_WS"), exchange.ws);
        host.setEnvironment(QStringLiteral("EXCHANGE_REST"), exchange.rest);
        host.setEnvironment(QStringLiteral("QUICKSTART_DB"), folder.filePath(QStringLiteral("q.db")));
        QVERIFY2(host.runFile(sourceFile(QStringLiteral("pipelines/quickstart.yaml"))),
                 host.output().constData());

        // A signal comes within 20 s, and is logged for people.
        QVERIFY(host.waitForOutput(QStringLiteral("Signal open BTCUSDT"), 20000).hasMatch());

        const HttpResult health = host.get(QStringLiteral("/health"));
        QCOMPARE(health.status, 200);
        QCOMPARE(health.json()["status"].toString(), QStringLiteral("OK"));
        QVERIFY(!health.json()["timestamp"].toString().isEmpty());
        const QByteArray metrics = host.get(QStringLiteral("/metrics")).body;
        for (const char *name :
             {"tidemill_records_total{", "tidemill_edge_queued{", "tidemill_deliver_seconds_bucket{",
              "tidemill_event_age_seconds_count{", "ws_message_count_total ",
              "ws_message_latency_seconds_bucket{", "ws_error_count_total "})
            QVERIFY2(metrics.contains(name), name);
        const QJsonObject old = host.get(QStringLiteral("/metrics"), "application/json").json();
        for (const char *name : {"average_latency", "cpu_usage_percent", "memory_usage_percent",
                                 "error_count", "data_loss_count", "message_count"})
            QVERIFY2(old[QLatin1String(name)].isDouble(), name);
        QVERIFY(old["message_count"].toDouble() > 0);
        QVERIFY(host.get(QStringLiteral("/prometheus"), "application/json").body.startsWith("# HELP"));
        QCOMPARE(host.get(QStringLiteral("/pairs")).json()["pairs"].toArray(), QJsonArray{"BTCUSDT"});
        QVERIFY(host.get(QStringLiteral("/graph?format=mermaid")).body.contains("flowchart"));
        QCOMPARE(host.get(QStringLiteral("/nothing")).status, 404);
        QTRY_COMPARE(figuresThatDoNotAddUp(host.get(QStringLiteral("/stats")).json()), QString());
        // What a transform gave no result for is counted as dropped, here too: the first update is older than
        // the book.
        QTRY_VERIFY(transformAddsUp(host.node(QStringLiteral("wap"))));
        QVERIFY(host.node(QStringLiteral("wap"))["records_dropped"].toInteger() >= 1);

        QVERIFY2(host.endWell(), host.output().constData());
    }

    void endsByItselfAfterTheTimeGiven()
    {
        QTemporaryDir folder;
        HostProgram host(folder.path());
        // The exchange is not even there: that is no reason not to run.
        QVERIFY2(host.runText(QLatin1String(withoutExchange), {"--for", "500ms"}), host.output().constData());

        QVERIFY(host.waitForEnd());
        QCOMPARE(host.exitCode(), 0);
        QVERIFY2(host.addedUp(), host.output().constData());
    }

    void aSecondSignalEndsAtOnce()
    {
        QTemporaryDir folder;
        ExchangeProgram exchange;
        QVERIFY(exchange.begin({"--generate", "7", "--symbols", "BTCUSDT", "--rate", "50"}));
        HostProgram host(folder.path());
        // A sink that can never store keeps the first signal's drain going.
        QVERIFY2(host.runText(QString::fromLatin1(withoutDatabase).arg(exchange.ws, exchange.rest),
                              {"--drain", "60s"}),
                 host.output().constData());
        QTRY_VERIFY_WITH_TIMEOUT(host.node(QStringLiteral("db"))["records_queued"].toInteger() > 0, 10000);

        host.signal(SIGTERM);
        QVERIFY(host.waitForOutput(QStringLiteral("stopping")).hasMatch());
        QVERIFY(host.isRunning());
        host.signal(SIGTERM);

        QVERIFY(host.waitForEnd(5000));
        QCOMPARE(host.exitCode(), 128 + SIGTERM);
    }

    void saysWhatItHadToAbandon()
    {
        QTemporaryDir folder;
        ExchangeProgram exchange;
        QVERIFY(exchange.begin({"--generate", "7", "--symbols", "BTCUSDT", "--rate", "50"}));
        HostProgram host(folder.path());
        QVERIFY2(host.runText(QString::fromLatin1(withoutDatabase).arg(exchange.ws, exchange.rest),
                              {"--drain", "200ms"}),
                 host.output().constData());
        QTRY_VERIFY_WITH_TIMEOUT(host.node(QStringLiteral("db"))["records_queued"].toInteger() > 0, 10000);

        host.signal(SIGTERM);

        QVERIFY(host.waitForEnd());
        QCOMPARE(host.exitCode(), 1);
        QVERIFY2(host.output().contains("records could not be delivered in time and are lost"),
                 host.output().constData());
        QVERIFY2(host.addedUp(), host.output().constData());
    }
};

QTEST_GUILESS_MAIN(tst_Commands)

#include "tst_commands.moc"
