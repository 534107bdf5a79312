// SPDX-License-Identifier: Apache-2.0
#include "programs.h"

using namespace tidemill::testing;

// The whole chain on recorded input, against an independent exact computation (tests/exact, Python's
// fractions): exchange -> tidemill run -> SQLite, compared to the last stored digit.
class tst_SignalsPipeline : public QObject
{
    Q_OBJECT

private slots:
    void storesExactlyWhatTheTapeSays_data()
    {
        QTest::addColumn<QString>("tape");
        QTest::addColumn<QString>("symbol");
        QTest::addColumn<QString>("of");
        QTest::addColumn<int>("shortWindow");
        QTest::addColumn<int>("longWindow");

        const QString small = sourceFile(QStringLiteral("tests/golden/depth_walk.tape"));
        QTest::newRow("small tape, message") << small << "DEMOUSDT"
                                             << "message" << 10 << 30;
        QTest::newRow("small tape, book") << small << "DEMOUSDT"
                                          << "book" << 10 << 30;
        const QString recorded =
            recording(QStringLiteral("ws/binance-spot/dev_ethusdt_depth-bookTicker-trade_2024-08-08.tape"));
        QTest::newRow("recorded tape, message") << recorded << "ETHUSDT"
                                                << "message" << 50 << 200;
        QTest::newRow("recorded tape, book") << recorded << "ETHUSDT"
                                             << "book" << 50 << 200;
    }

    void storesExactlyWhatTheTapeSays()
    {
        QFETCH(QString, tape);
        QFETCH(QString, symbol);
        QFETCH(QString, of);
        QFETCH(int, shortWindow);
        QFETCH(int, longWindow);
        if (tape.isEmpty())
            QSKIP("the recordings are not here");
        QTemporaryDir folder;
        ExchangeProgram exchange;
        // A book needs its snapshot in time, so that tape goes at a pace that leaves time for one.
        QVERIFY(exchange.begin({"--tape", tape, "--speed", of == QLatin1String("book") ? "20" : "max"}));
        HostProgram host(folder.path());
        QVERIFY2(host.runText(pipelineText(exchange, symbol, of).arg(shortWindow).arg(longWindow)),
                 host.output().constData());

        QVERIFY(exchange.waitForOutput(QStringLiteral("tape_end"), 60000).hasMatch());
        // The exchange has written everything; what is on its way to us is read when the count stands still.
        waitUntilQuiet(host);
        QCOMPARE(figuresThatDoNotAddUp(host.get(QStringLiteral("/stats")).json()), QString());
        QVERIFY2(host.endWell(), host.output().constData());

        const QString database = folder.filePath(QStringLiteral("out.db"));
        int exitCode = -1;
        const QByteArray differences =
            outputOf(QStringLiteral("python3"),
                     {"-B", sourceFile(QStringLiteral("tests/exact/compare_stored.py")), database, tape,
                      "--symbol", symbol, "--of", of},
                     &exitCode);
        QVERIFY2(exitCode == 0, differences.constData());

        // The decisions, from the very prices that were stored.
        const QByteArray decided =
            outputOf(QStringLiteral("python3"),
                     {"-B", sourceFile(QStringLiteral("tests/exact/compare_signals.py")), database, "--short",
                      QString::number(shortWindow), "--long", QString::number(longWindow)},
                     &exitCode);
        QVERIFY2(exitCode == 0, decided.constData());
        qInfo("%s", decided.trimmed().constData());
    }

private:
    static QString pipelineText(const ExchangeProgram &exchange, const QString &symbol, const QString &of)
    {
        return QStringLiteral(R"(name: exact
sources:
  binance:
    type: binance
    url: %1
    rest_url: %2
    symbols: [%3]
    streams: [depth@100ms]
    books: %5
transforms:
  wap: { type: wap, inputs: [binance], levels: 5, of: %4 }
  signals: { type: sma_crossover, inputs: [wap], short: %6, long: %7 }
sinks:
  db: { type: sql, inputs: [wap, signals, binance.gap], url: "sqlite:out.db" }
)")
            .arg(exchange.ws, exchange.rest, symbol, of,
                 of == QLatin1String("book") ? QStringLiteral("true") : QStringLiteral("false"));
    }

    static void waitUntilQuiet(HostProgram &host)
    {
        qint64 last = -1;
        const bool quiet = QTest::qWaitFor(
            [&] {
                const QJsonObject source = host.node(QStringLiteral("binance"));
                const qint64 now = source["records_out"].toInteger();
                const bool same = now == last && now > 0 && source["unsettled"].toInteger() == 0 &&
                                  source["last_data_age_seconds"].toDouble() > 0.5;
                last = now;
                return same;
            },
            30000);
        QVERIFY(quiet);
    }
};

QTEST_GUILESS_MAIN(tst_SignalsPipeline)

#include "tst_signals_pipeline.moc"
