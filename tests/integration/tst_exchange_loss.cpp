// SPDX-License-Identifier: Apache-2.0
#include "truth.h"

using namespace tidemill::testing;

// The exchange goes away, three times: the host comes back each time, the trades that were missed are
// fetched, and where nobody has what was missed, that is on record.
class tst_ExchangeLoss : public QObject
{
    Q_OBJECT

private slots:
    void comesBackThreeTimesAndFillsTheTimeAway()
    {
        QTemporaryDir folder;
        ExchangeProgram exchange;
        QVERIFY(exchange.begin({"--generate", "11", "--symbols", "BTCUSDT", "--rate", "100"}));
        HostProgram host(folder.path());
        QVERIFY2(host.runText(QStringLiteral(R"(name: loss
sources:
  binance:
    type: binance
    url: %1
    rest_url: %2
    symbols: [BTCUSDT]
    streams: [trade, depth@100ms]
transforms:
  wap: { type: wap, inputs: [binance], of: book }
sinks:
  records: { type: jsonl, inputs: [binance.trade, binance.gap, wap], path: records.jsonl }
)")
                                  .arg(exchange.ws, exchange.rest)),
                 host.output().constData());

        for (int loss = 1; loss <= 3; ++loss) {
            QTRY_VERIFY_WITH_TIMEOUT(host.node(QStringLiteral("wap"))["records_out"].toInteger() >= 10 * loss,
                                     20000);
            QVERIFY(exchange.inject(QStringLiteral("refuse:1s")));
            QTRY_COMPARE_WITH_TIMEOUT(host.node(QStringLiteral("binance"))["state"].toString(),
                                      QStringLiteral("degraded"), 10000);
            QVERIFY(!host.node(QStringLiteral("binance"))["error"].toString().isEmpty());
            // Losses in quick succession are answered with growing pauses, up to 30 s.
            QTRY_COMPARE_WITH_TIMEOUT(host.node(QStringLiteral("binance"))["state"].toString(),
                                      QStringLiteral("running"), 60000);
        }
        const qint64 seen = host.node(QStringLiteral("wap"))["records_out"].toInteger();
        QTRY_VERIFY_WITH_TIMEOUT(host.node(QStringLiteral("wap"))["records_out"].toInteger() > seen + 5,
                                 20000);
        QVERIFY2(host.endWell(), host.output().constData());

        TradesById stored;
        int filled = 0;
        int depthGaps = 0;
        int waps = 0;
        QFile file(folder.filePath(QStringLiteral("records.jsonl")));
        QVERIFY(file.open(QIODevice::ReadOnly));
        while (!file.atEnd()) {
            const QJsonObject record = QJsonDocument::fromJson(file.readLine()).object();
            const QString type = record["type"].toString();
            if (type == QLatin1String("trade")) {
                const qint64 id = record["trade_id"].toInteger();
                QVERIFY2(!stored.contains(id), "a trade is there twice");
                filled += record["provenance"] == QLatin1String("backfill");
                stored.insert(id, record["price"].toString().toLatin1() + ' ' +
                                      record["quantity"].toString().toLatin1());
            } else if (type == QLatin1String("gap")) {
                QCOMPARE(record["cause"].toString(), QStringLiteral("disconnect"));
                QVERIFY(record["ts_from"].toString() < record["ts_to"].toString());
                QCOMPARE(record["stream"].toString(), QStringLiteral("depth@100ms"));
                ++depthGaps;
            } else if (type == QLatin1String("wap")) {
                ++waps;
            }
        }
        QVERIFY2(filled > 150, qPrintable(QString::number(filled))); // three times a second or more
        QCOMPARE(depthGaps, 3);
        QVERIFY(waps > 30);
        QCOMPARE(wrongTrades(tradesOf(exchange, QStringLiteral("BTCUSDT")), stored), QString());
        QCOMPARE(request(exchange.rest + QStringLiteral("/__stats")).json()["violations"].toArray().size(),
                 0);
    }
};

QTEST_GUILESS_MAIN(tst_ExchangeLoss)

#include "tst_exchange_loss.moc"
