// SPDX-License-Identifier: Apache-2.0
#include "programs.h"

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
        QFile key(folder.filePath("key"));
        QVERIFY(key.open(QIODevice::WriteOnly));
        key.write(publishedKey);
        key.close();
        ExchangeProgram exchange;
        QVERIFY(exchange.begin({"--protocol", "coinbase_advanced", "--generate", "7", "--symbols",
                                "BTC-USD,ETH-USD", "--rate", "50", "--jwt-key", key.fileName()}));
        HostProgram host(folder.path());
        const QString lines = folder.filePath("lines.jsonl");
        host.setEnvironment("COINBASE_URL", exchange.ws);
        host.setEnvironment("COINBASE_API_KEY", "organizations/o/apiKeys/k");
        host.setEnvironment("COINBASE_API_SECRET", publishedKey);
        host.setEnvironment("PRODUCT_IDS", R"(["ETH-USD", "BTC-USD"])");
        host.setEnvironment("CHANNELS", R"(["candles", "heartbeats"])");
        host.setEnvironment("TIDEMILL_LOG_TO", "stderr");
        host.separateOutput(lines);
        QVERIFY2(host.runFile(sourceFile("pipelines/coinbase-candles.yaml")), host.output().constData());

        QTRY_VERIFY_WITH_TIMEOUT(figure(host, "websocket_messages_by_symbol_total", "symbol=\"BTC-USD\"") > 0,
                                 60000);
        QCOMPARE(host.get("/health").status, 200);
        QCOMPARE(figure(host, "websocket_connection_errors_total"), 0);
        QVERIFY(figure(host, "websocket_last_message_timestamp_seconds") > 1700000000);
        const QByteArray metrics = host.get("/metrics").body;
        for (const char *bound : {"0.001", "0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "+Inf"})
            QVERIFY2(metrics.contains(QByteArray("le=\"") + bound), bound);
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

    void saysWhatIsWrongWithTheEnvironment_data()
    {
        QTest::addColumn<QString>("products");
        QTest::newRow("not a list") << "BTC-USD";
        QTest::newRow("an empty list") << "[]";
        QTest::newRow("broken JSON") << "[\"BTC-USD\"";
    }

    void saysWhatIsWrongWithTheEnvironment()
    {
        QFETCH(QString, products);
        Program checking;
        checking.setEnvironment("PRODUCT_IDS", products);

        QVERIFY(checking.start(builtProgram("tidemill"),
                               {"check", sourceFile("pipelines/coinbase-candles.yaml")}));
        QVERIFY(checking.waitForEnd());

        QCOMPARE(checking.exitCode(), 2);
        QVERIFY2(checking.output().contains("symbols: expected a list of texts"),
                 checking.output().constData());
    }

private:
    // The key of RFC 8032's first test: published, so no secret.
    static constexpr const char *publishedKey = "nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=";

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
