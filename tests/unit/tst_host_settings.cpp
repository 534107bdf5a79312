// SPDX-License-Identifier: Apache-2.0
#include "host/pipeline_file.h"

#include <QTest>

using namespace tidemill;
using namespace tidemill::host;

namespace {

PipelineFile parse(const QByteArray &section, const QMap<QString, QString> &variables = {})
{
    QProcessEnvironment environment;
    for (auto it = variables.begin(); it != variables.end(); ++it)
        environment.insert(it.key(), it.value());
    return parsePipeline("name: p\n" + section +
                             "\n"
                             "sources:\n"
                             "  btc: { type: binance, symbols: [\"${SYMBOL:-BTCUSDT}\"] }\n"
                             "sinks:\n"
                             "  none: { type: blackhole, inputs: [btc] }\n",
                         "test.yaml", environment);
}

QString printed(const PipelineFile &file)
{
    return formatDiagnostics(file.diagnostics, file.text);
}

} // namespace

// The section `host` of pipeline files: what a pipeline brings along for the process that it runs in.
class tst_HostSettings : public QObject
{
    Q_OBJECT

private slots:
    void readsTheSection_data();
    void readsTheSection();
    void pointsAtWhatIsWrong_data();
    void pointsAtWhatIsWrong();
    void whatIsSaidIsNoSecret();
};

void tst_HostSettings::readsTheSection_data()
{
    QTest::addColumn<QString>("http"); // "-": not said
    QTest::addColumn<QString>("level");

    QTest::newRow("") << "-"
                      << "-";
    QTest::newRow("host:") << "-"
                           << "-";
    QTest::newRow("host: {}") << "-"
                              << "-";
    QTest::newRow("host: { http: 127.0.0.1:8000 }") << "127.0.0.1:8000"
                                                    << "-";
    QTest::newRow("host: { http: 8000, log_level: debug }") << "127.0.0.1:8000"
                                                            << "debug";
    QTest::newRow("host: { http: '[::1]:8000' }") << "[::1]:8000"
                                                  << "-";
    QTest::newRow("host: { http: localhost:65535 }") << "localhost:65535"
                                                     << "-";
    QTest::newRow("host: { http: 0.0.0.0:0 }") << "0.0.0.0:0"
                                               << "-";
    QTest::newRow("host: { http: off }") << "off"
                                         << "-";
    QTest::newRow("host: { log_level: INFO }") << "-"
                                               << "info";
    QTest::newRow("host: { log_level: WARNING }") << "-"
                                                  << "warning";
    QTest::newRow("host: { log_level: WARN }") << "-"
                                               << "warning";
    QTest::newRow("host: { log_level: warn }") << "-"
                                               << "warning";
    QTest::newRow("host: { log_level: ERROR }") << "-"
                                                << "critical";
    QTest::newRow("host: { log_level: error }") << "-"
                                                << "critical";
    QTest::newRow("host: { log_level: CRITICAL }") << "-"
                                                   << "critical";
    QTest::newRow("host:\n  http: 127.0.0.1:${PORT:-8000}\n  log_level: ${LEVEL:-info}") << "127.0.0.1:8099"
                                                                                         << "info";
}

void tst_HostSettings::readsTheSection()
{
    QFETCH(QString, http);
    QFETCH(QString, level);

    const PipelineFile file = parse(QTest::currentDataTag(), {{"PORT", "8099"}, {"LEVEL", ""}});

    QCOMPARE(printed(file), QString());
    const HostSettings &host = file.description.host;
    QCOMPARE(host.http ? host.http->toString() : QString("-"), http);
    QCOMPARE(host.logLevel ? logLevelName(*host.logLevel) : QString("-"), level);
}

void tst_HostSettings::pointsAtWhatIsWrong_data()
{
    QTest::addColumn<QByteArray>("section");
    QTest::addColumn<int>("line");
    QTest::addColumn<int>("column");
    QTest::addColumn<QString>("message");
    QTest::addColumn<QString>("suggestion");

    const auto row = [](const char *name, const char *section, int line, int column, const char *message,
                        const char *suggestion = "") {
        QTest::newRow(name) << QByteArray(section) << line << column << message << suggestion;
    };
    const char *address = "host.http: expected an address such as 127.0.0.1:8080, or off, got '";
    const char *level = "host.log_level: expected one of debug, info, warning, critical, got '";
    row("a text", "host: off", 2, 1, "host: expected a map such as {http: 127.0.0.1:8000}, got 'off'");
    row("misspelt", "hosts: { http: off }", 2, 1, "hosts: no such key; a pipeline has name, host,", "host");
    row("unknown key", "host: { htp: off }", 2, 9, "host.htp: no such option", "host.http");
    row("no address", "host: { http: here }", 2, 15, address);
    row("too large a port", "host: { http: 127.0.0.1:65536 }", 2, 15, address);
    row("too large an octet", "host: { http: 127.0.0.256:80 }", 2, 15, address);
    row("three octets", "host: { http: 127.0.0:80 }", 2, 15, address);
    row("the name of a machine", "host: { http: example.org:80 }", 2, 15, address);
    row("no port", "host: { http: '127.0.0.1:' }", 2, 15, address);
    row("a signed port", "host: { http: '+80' }", 2, 15, address);
    row("half a bracket", "host:\n  http: '[::1:80'", 3, 9, address);
    row("a line end", "host:\n  http: \"8000\\n\"", 3, 9, address);
    row("empty", "host: { http: '' }", 2, 15, "host.http: must not be empty");
    row("nothing", "host:\n  http:", 3, 3, "host.http: expected");
    row("a list", "host: { http: [8000] }", 2, 15, "host.http: expected");
    row("no level", "host: { log_level: loud }", 2, 20, level);
    row("misspelt level", "host: { log_level: warnin }", 2, 20, level, "warning");
    row("level in mixed letters", "host: { log_level: Info }", 2, 20, level, "info");
    row("empty level", "host:\n  log_level: \"\"", 3, 14, "host.log_level: must not be empty");
}

void tst_HostSettings::pointsAtWhatIsWrong()
{
    QFETCH(QByteArray, section);
    QFETCH(int, line);
    QFETCH(int, column);
    QFETCH(QString, message);
    QFETCH(QString, suggestion);

    const PipelineFile file = parse(section);

    QCOMPARE(file.diagnostics.size(), 1);
    const Diagnostic &problem = file.diagnostics.first();
    QVERIFY2(problem.message.startsWith(message), qPrintable(problem.message));
    QCOMPARE(problem.suggestion, suggestion);
    QCOMPARE(problem.place.line, line);
    QCOMPARE(problem.place.column, column);
}

// An address or a level may be printed, wherever it comes from; what is neither may be anything.
void tst_HostSettings::whatIsSaidIsNoSecret()
{
    const QByteArray section = "host:\n  http: ${ADDRESS}";

    const PipelineFile right = parse(section, {{"ADDRESS", "127.0.0.1:8099"}, {"SYMBOL", "ETHUSDT"}});
    QCOMPARE(printed(right), QString());
    QCOMPARE(right.secrets, QStringList({"ETHUSDT"}));
    QCOMPARE(right.description.secrets, right.secrets);

    const PipelineFile wrong = parse(section, {{"ADDRESS", "hunter22"}});
    QVERIFY2(
        printed(wrong).contains("host.http: expected an address such as 127.0.0.1:8080, or off, got '***'"),
        qPrintable(printed(wrong)));

    const PipelineFile unset = parse(section);
    QCOMPARE(unset.diagnostics.size(), 1);
    QVERIFY(unset.diagnostics.first().message.startsWith("the environment variable ADDRESS is not set"));
}

QTEST_GUILESS_MAIN(tst_HostSettings)

#include "tst_host_settings.moc"
