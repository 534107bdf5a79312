// SPDX-License-Identifier: Apache-2.0
#include "programs.h"

using namespace tidemill::testing;

namespace {

QString pipeline(const char *name, const QString &host)
{
    return QStringLiteral("name: %1\n"
                          "%2\n"
                          "sources:\n"
                          "  binance: { type: binance, url: ws://127.0.0.1:1, rest_url: http://127.0.0.1:1,\n"
                          "             symbols: [BTCUSDT], streams: [trade] }\n"
                          "sinks:\n"
                          "  nothing: { type: blackhole, inputs: [binance] }\n")
        .arg(QLatin1String(name), host);
}

} // namespace

// The section `host` of pipeline files, as the real program takes it.
class tst_HostSection : public QObject
{
    Q_OBJECT

private slots:
    void init() { QVERIFY(m_folder.isValid()); }

    void servesWhereThePipelineSays()
    {
        HostProgram host(m_folder.path());
        const quint16 port = host.runOnFreePort(
            [this](quint16 free) { return write("a", QStringLiteral("host: { http: %1 }").arg(free)); });

        QVERIFY2(port > 0, host.output().constData());
        QCOMPARE(host.http, QStringLiteral("http://127.0.0.1:%1").arg(port));
        QCOMPARE(host.get("/health/live").status, 200);
        QVERIFY2(host.endWell(), host.output().constData());
    }

    // The shipped pipeline in its old environment, with nobody there to talk to.
    void servesTradesOnTheOldHealthPort()
    {
        HostProgram host(m_folder.path());
        for (const char *name : {"BINANCE_WS_URL", "BINANCE_REST_URL", "COINGECKO_URL", "REDIS_URL"}) {
            const QByteArray scheme = QByteArray(name).startsWith("REDIS") ? "redis"
                                      : QByteArray(name).contains("_WS_")  ? "ws"
                                                                           : "http";
            host.setEnvironment(name, scheme + "://127.0.0.1:1");
        }

        const quint16 port = host.runOnFreePort([&host](quint16 free) {
            host.setEnvironment("HEALTH_PORT", QString::number(free));
            return sourceFile("pipelines/binance-trades-redis.yaml");
        });

        QVERIFY2(port > 0, host.output().constData());
        QCOMPARE(host.http, QStringLiteral("http://127.0.0.1:%1").arg(port));
        QCOMPARE(host.get("/health/live").status, 200);
        QVERIFY2(host.endWell(), host.output().constData());
    }

    void flagsAndTheEnvironmentWin_data()
    {
        QTest::addColumn<QStringList>("arguments");
        QTest::addColumn<QString>("variable");

        QTest::newRow("flag") << QStringList{"--http", "127.0.0.1:0"} << "";
        QTest::newRow("environment") << QStringList{} << "127.0.0.1:0";
        QTest::newRow("flag before the environment") << QStringList{"--http", "127.0.0.1:0"} << "off";
    }

    void flagsAndTheEnvironmentWin()
    {
        QFETCH(QStringList, arguments);
        QFETCH(QString, variable);
        HostProgram host(m_folder.path());
        if (!variable.isEmpty())
            host.setEnvironment("TIDEMILL_HTTP", variable);
        const QString path = write("a", "host: { http: 127.0.0.1:1 }");

        QVERIFY2(host.runAsItSays(path, arguments), host.output().constData());

        QVERIFY(host.http != QLatin1String("http://127.0.0.1:1"));
        QCOMPARE(host.get("/health/live").status, 200);
        QVERIFY2(host.endWell(), host.output().constData());
    }

    void logsAtTheLevelOfThePipeline_data()
    {
        QTest::addColumn<QString>("section");
        QTest::addColumn<QStringList>("arguments");
        QTest::addColumn<bool>("hasInfo");

        const QString quiet = QStringLiteral("host: { log_level: CRITICAL }");
        QTest::newRow("no section") << "" << QStringList{} << true;
        QTest::newRow("section") << quiet << QStringList{} << false;
        QTest::newRow("flag") << quiet << QStringList{"--log-level", "INFO"} << true;
        QTest::newRow("flag, quieter")
            << "host: { log_level: info }" << QStringList{"--log-level", "ERROR"} << false;
    }

    void logsAtTheLevelOfThePipeline()
    {
        QFETCH(QString, section);
        QFETCH(QStringList, arguments);
        QFETCH(bool, hasInfo);
        int exitCode = -1;

        const QByteArray output = outputOf(builtProgram("tidemill"),
                                           QStringList{"run", write("a", section), "--http", "off", "--for",
                                                       "10ms", "--log-format", "json", "--state-dir", "off"} +
                                               arguments,
                                           &exitCode);

        QCOMPARE(exitCode, 0);
        QVERIFY2(output.contains(R"("level":"info")") == hasInfo, output.constData());
    }

    void pipelinesThatDisagreeAreRefused_data()
    {
        QTest::addColumn<QString>("first");
        QTest::addColumn<QString>("second");
        QTest::addColumn<QStringList>("arguments");
        QTest::addColumn<QString>("says"); // %1 and %2 the files; empty: they are run

        const QStringList none;
        QTest::newRow("addresses") << "host: { http: 8000 }"
                                   << "host: { http: 127.0.0.1:8099 }" << none
                                   << "tidemill run: host.http is 127.0.0.1:8000 in %1 and 127.0.0.1:8099 in "
                                      "%2, but one process runs "
                                      "both: say it with --http";
        QTest::newRow("levels") << "host: { http: off, log_level: INFO }"
                                << "host: { http: off, log_level: error }" << none
                                << "tidemill run: host.log_level is info in %1 and critical in %2";
        QTest::newRow("addresses, but a flag")
            << "host: { http: 8000 }"
            << "host: { http: 8099 }" << QStringList{"--http", "off"} << "";
        QTest::newRow("the same in other words") << "host: { http: off, log_level: WARN }"
                                                 << "host: { http: off, log_level: warning }" << none << "";
        QTest::newRow("only one says anything") << ""
                                                << "host: { http: off }" << none << "";
    }

    void pipelinesThatDisagreeAreRefused()
    {
        QFETCH(QString, first);
        QFETCH(QString, second);
        QFETCH(QStringList, arguments);
        QFETCH(QString, says);
        const QString a = write("a", first);
        const QString b = write("b", second);
        int exitCode = -1;

        const QByteArray output =
            outputOf(builtProgram("tidemill"),
                     QStringList{"run", a, b, "--for", "10ms", "--log-format", "json", "--state-dir", "off"} +
                         arguments,
                     &exitCode);

        QCOMPARE(exitCode, says.isEmpty() ? 0 : 2);
        if (!says.isEmpty())
            QVERIFY2(QString::fromUtf8(output).startsWith(says.arg(a, b)), output.constData());
    }

private:
    QString write(const char *name, const QString &host)
    {
        QString path = m_folder.filePath(QLatin1String(name) + QLatin1String(".yaml"));
        QFile file(path);
        if (file.open(QIODevice::WriteOnly))
            file.write(pipeline(name, host).toUtf8());
        return path;
    }

    QTemporaryDir m_folder;
};

QTEST_GUILESS_MAIN(tst_HostSection)

#include "tst_host_section.moc"
