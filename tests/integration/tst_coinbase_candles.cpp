// SPDX-License-Identifier: Apache-2.0
#include "programs.h"

#include <QElapsedTimer>

using namespace tidemill::testing;

// The pipeline for users of the candle service that is replaced: their environment, their lines, their
// figures.
class tst_CoinbaseCandles : public QObject
{
    Q_OBJECT

private slots:
    void printsCandlesAsTheOldServiceDid()
    {
        QTemporaryDir folder;
        ExchangeProgram exchange;
        beginExchange(exchange, folder.path());
        HostProgram host(folder.path());
        const QString lines = folder.filePath("lines.jsonl");
        setOldEnvironment(host, exchange);
        host.separateOutput(lines);
        const quint16 port = startOnMetricsPort(host, sourceFile("pipelines/coinbase-candles.yaml"));
        QVERIFY2(port > 0, host.output().constData());
        QCOMPARE(host.http, QStringLiteral("http://127.0.0.1:%1").arg(port));

        QTRY_VERIFY_WITH_TIMEOUT(figure(host, "websocket_messages_by_symbol_total", "symbol=\"BTC-USD\"") > 0,
                                 60000);
        QCOMPARE(host.get("/health").status, 200);
        QCOMPARE(figure(host, "websocket_connection_errors_total"), 0);
        QVERIFY(figure(host, "websocket_last_message_timestamp_seconds") > 1700000000);
        const QByteArray metrics = host.get("/metrics").body;
        for (const char *bound : {"0.001", "0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "+Inf"})
            QVERIFY2(metrics.contains(QByteArray("le=\"") + bound), bound);
        for (const char *name :
             {"websocket_messages_processed_total", "websocket_messages_by_symbol_total",
              "websocket_connection_errors_total", "websocket_last_message_timestamp_seconds",
              "message_processing_seconds_bucket", "message_processing_seconds_count",
              "message_processing_seconds_sum"})
            QVERIFY2(metrics.contains(QByteArray("\n") + name + '{'), name);
        QVERIFY2(host.endWell(), host.output().constData());
        QVERIFY(!host.output().contains("open_price")); // log and lines do not mix
        QVERIFY(!host.output().contains(publishedKey));
        QCOMPARE(request(exchange.rest + "/__stats").json()["violations"].toArray().size(), 0);

        QFile file(lines);
        QVERIFY(file.open(QIODevice::ReadOnly));
        int count = 0;
        int closed = 0;
        while (!file.atEnd()) {
            const QByteArray line = file.readLine();
            static const QRegularExpression form(
                "^\\{\"event_time\":\"(\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:00)\",\"symbol\":\"(BTC|ETH)-USD\","
                "\"open_price\":\"[0-9.]+\",\"high_price\":\"[0-9.]+\",\"low_price\":\"[0-9.]+\","
                "\"close_price\":\"[0-9.]+\",\"volume\":\"[0-9.]+\",\"start_time\":(\\d+),"
                "\"closed\":(true|false)\\}\n$");
            const auto match = form.match(QString::fromUtf8(line));
            QVERIFY2(match.hasMatch(), line.constData());
            const QDateTime start = QDateTime::fromSecsSinceEpoch(match.captured(3).toLongLong(), Qt::UTC);
            QCOMPARE(match.captured(1), start.toString("yyyy-MM-ddTHH:mm:ss"));
            ++count;
            closed += match.captured(4) == "true";
        }
        QVERIFY(count > 100); // two snapshots and what came after
        QVERIFY(closed > 50 && closed < count);
    }

    // A candle within stale_after, or a start within startup_grace; with seconds for the minutes of the file.
    void isHealthyByTheDocumentedRule()
    {
        QTemporaryDir folder;
        QFile shipped(sourceFile("pipelines/coinbase-candles.yaml"));
        QVERIFY(shipped.open(QIODevice::ReadOnly));
        QByteArray text = shipped.readAll();
        QVERIFY(text.contains("stale_after: 60s\n") && text.contains("startup_grace: 5m\n"));
        text.replace("stale_after: 60s\n", "stale_after: 8s\n")
            .replace("startup_grace: 5m\n", "startup_grace: 16s\n");
        QFile quick(folder.filePath("quick.yaml"));
        QVERIFY(quick.open(QIODevice::WriteOnly));
        QVERIFY(quick.write(text) == text.size());
        quick.close();
        ExchangeProgram exchange;
        beginExchange(exchange, folder.path());
        QVERIFY(exchange.inject("silence:10m:ETH-USD"));
        HostProgram host(folder.path());
        setOldEnvironment(host, exchange);
        host.separateOutput(folder.filePath("lines.jsonl"));
        QVERIFY2(startOnMetricsPort(host, quick.fileName()) > 0, host.output().constData());
        QElapsedTimer clock;
        clock.start();

        // The thin product alone is no reason to fail, also once the grace is over.
        QTRY_VERIFY_WITH_TIMEOUT(clock.hasExpired(16000) && age(host, "BTC-USD") >= 0, 60000);
        QVERIFY(age(host, "ETH-USD") < 0 || age(host, "ETH-USD") > 8);
        const HttpResult live = host.get("/health");
        QVERIFY2(live.status == 200, live.body.constData());

        exchange.kill();
        // Not at once: the last candle is fresh, though the connection is lost.
        QTRY_VERIFY_WITH_TIMEOUT(state(host) == QLatin1String("degraded"), 20000);
        QTRY_COMPARE_WITH_TIMEOUT(host.get("/health").status, 503, 60000);
        QVERIFY(age(host, "BTC-USD") > 8);
        QCOMPARE(host.get("/health").json()["checks"][0]["streams"].toArray().size(), 2);
        QVERIFY2(host.endWell(), host.output().constData());
    }

    void logsAtTheLevelAskedFor_data()
    {
        QTest::addColumn<QString>("level");
        QTest::addColumn<bool>("hasInfo");
        QTest::newRow("not set") << "" << true;
        QTest::newRow("INFO") << "INFO" << true;
        QTest::newRow("ERROR") << "ERROR" << false;
    }

    void logsAtTheLevelAskedFor()
    {
        QFETCH(QString, level);
        QFETCH(bool, hasInfo);
        Program host;
        host.setEnvironment("COINBASE_URL", "ws://127.0.0.1:1");
        host.setEnvironment("LOG_LEVEL", level);

        QVERIFY(host.start(builtProgram("tidemill"),
                           {"run", sourceFile("pipelines/coinbase-candles.yaml"), "--http", "off", "--for",
                            "10ms", "--log-format", "json", "--state-dir", "off"}));
        QVERIFY(host.waitForEnd());

        QVERIFY2(host.exitCode() == 0, host.output().constData());
        QVERIFY2(host.output().contains(R"("level":"info")") == hasInfo, host.output().constData());
    }

    void anEmptyVariableIsAsGoodAsNone()
    {
        Program checking;
        for (const char *name : {"COINBASE_API_KEY", "COINBASE_API_SECRET", "PRODUCT_IDS", "CHANNELS",
                                 "WS_TIMEOUT", "WS_MAX_SIZE", "RECONNECT_DELAY", "LOG_LEVEL", "METRICS_PORT"})
            checking.setEnvironment(name, "");

        QVERIFY(checking.start(builtProgram("tidemill"),
                               {"check", sourceFile("pipelines/coinbase-candles.yaml")}));
        QVERIFY(checking.waitForEnd());

        QVERIFY2(checking.exitCode() == 0, checking.output().constData());
    }

    void saysWhatIsWrongWithTheEnvironment_data()
    {
        QTest::addColumn<QString>("variable");
        QTest::addColumn<QString>("value");
        QTest::addColumn<QString>("message");

        QTest::newRow("not a list") << "PRODUCT_IDS"
                                    << "BTC-USD"
                                    << "symbols: expected a list of texts";
        QTest::newRow("an empty list") << "PRODUCT_IDS"
                                       << "[]"
                                       << "symbols: expected a list of texts that is not empty";
        QTest::newRow("broken JSON") << "PRODUCT_IDS"
                                     << "[\"BTC-USD\""
                                     << "symbols: expected a list of texts";
        QTest::newRow("a port that is none") << "METRICS_PORT"
                                             << "65536"
                                             << "host.http: expected an address";
        QTest::newRow("a level that is none") << "LOG_LEVEL"
                                              << "loud"
                                              << "host.log_level: expected one of debug, info";
        QTest::newRow("a time-out that is too long") << "WS_TIMEOUT"
                                                     << "301"
                                                     << "connections.open_timeout: must be at most 5m";
        QTest::newRow("no number of seconds") << "RECONNECT_DELAY"
                                              << "soon"
                                              << "connections.max_pause: expected a duration";
        QTest::newRow("no number of bytes") << "WS_MAX_SIZE"
                                            << "many"
                                            << "connections.max_message: expected a size";
    }

    void saysWhatIsWrongWithTheEnvironment()
    {
        QFETCH(QString, variable);
        QFETCH(QString, value);
        QFETCH(QString, message);
        Program checking;
        checking.setEnvironment(variable, value);

        QVERIFY(checking.start(builtProgram("tidemill"),
                               {"check", sourceFile("pipelines/coinbase-candles.yaml")}));
        QVERIFY(checking.waitForEnd());

        QCOMPARE(checking.exitCode(), 2);
        QVERIFY2(checking.output().contains(message.toUtf8()), checking.output().constData());
    }

private:
    // The key of RFC 8032's first test: published, so no secret.
    static constexpr const char *publishedKey = "nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=";

    static void beginExchange(ExchangeProgram &exchange, const QString &folder)
    {
        QFile key(folder + "/key");
        QVERIFY(key.open(QIODevice::WriteOnly));
        key.write(publishedKey);
        key.close();
        QVERIFY(exchange.begin({"--protocol", "coinbase_advanced", "--generate", "7", "--symbols",
                                "BTC-USD,ETH-USD", "--rate", "50", "--jwt-key", key.fileName()}));
    }

    // All that the old service knew, but the port; and where the fake exchange is.
    static void setOldEnvironment(HostProgram &host, const ExchangeProgram &exchange)
    {
        host.setEnvironment("COINBASE_URL", exchange.ws);
        host.setEnvironment("COINBASE_API_KEY", "organizations/o/apiKeys/k");
        host.setEnvironment("COINBASE_API_SECRET", publishedKey);
        host.setEnvironment("PRODUCT_IDS", R"(["ETH-USD", "BTC-USD"])");
        host.setEnvironment("CHANNELS", R"(["candles", "heartbeats"])");
        host.setEnvironment("WS_TIMEOUT", "30");
        host.setEnvironment("WS_MAX_SIZE", "1048576");
        host.setEnvironment("RECONNECT_DELAY", "2");
        host.setEnvironment("LOG_LEVEL", "DEBUG");
        host.setEnvironment("ENABLE_HEARTBEAT", "true");
        host.setEnvironment("ENABLE_DEBUG_METRICS", "false");
        host.setEnvironment("KAFKA_ENABLED", "true");
        host.setEnvironment("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:1");
        host.setEnvironment("KAFKA_TOPIC", "coinbase.candles");
        host.setEnvironment("TIDEMILL_LOG_TO", "stderr");
    }

    static quint16 startOnMetricsPort(HostProgram &host, const QString &pipeline)
    {
        return host.runOnFreePort([&host, &pipeline](quint16 port) {
            host.setEnvironment("METRICS_PORT", QString::number(port));
            return pipeline;
        });
    }

    // Seconds since that product's last candle; -1 if there was none.
    static double age(HostProgram &host, const QString &product)
    {
        const QJsonObject source = host.get("/health/components/coinbase").json();
        for (const QJsonValue stream : source["streams"].toArray()) {
            if (stream["symbol"] == product && stream["stream"] == QLatin1String("candles"))
                return stream["age_seconds"].toDouble(-1);
        }
        return -1;
    }

    static QString state(HostProgram &host)
    {
        return host.get("/health/components/coinbase").json()["state"].toString();
    }

    // The sum over all label sets that contain `having`; -1 if there is none.
    static double figure(HostProgram &host, const char *name, const QByteArray &having = {})
    {
        double sum = -1;
        for (const QByteArray &line : host.get("/metrics").body.split('\n')) {
            if (line.startsWith(QByteArray(name) + '{') && line.contains(having))
                sum = std::max(sum, 0.0) + line.mid(line.lastIndexOf(' ')).toDouble();
        }
        return sum;
    }
};

QTEST_GUILESS_MAIN(tst_CoinbaseCandles)

#include "tst_coinbase_candles.moc"
