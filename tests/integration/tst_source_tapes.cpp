// SPDX-License-Identifier: Apache-2.0
#include "programs.h"

using namespace tidemill::testing;

// Recorded sessions, played as fast as they are read: what arrives in a file is what an independent program
// finds in the recording.
class tst_SourceTapes : public QObject
{
    Q_OBJECT

private slots:
    void storesWhatTheExchangeSaid_data()
    {
        QTest::addColumn<QString>("protocol");
        QTest::addColumn<QString>("tape");
        QTest::addColumn<QString>("path"); // of the feed
        QTest::addColumn<QString>("symbols");
        QTest::addColumn<QString>("streams");
        QTest::addColumn<int>("subscriptions");

        QTest::newRow("Coinbase Exchange, 2021")
            << "coinbase_exchange"
            << "ws/coinbase-exchange/dev_10products_level2-ticker-matches_2021-04-17_head10s.tape"
            << ""
            << "SKL-USD, SKL-BTC, BAND-GBP, NMR-EUR, BAND-BTC, YFI-BTC, DASH-BTC, NU-GBP, CRV-EUR, SKL-GBP"
            << "ticker, matches, level2_batch" << 40; // heartbeats come along with the matches
        QTest::newRow("Coinbase Advanced, 2026") << "coinbase_advanced"
                                                 << "ws/coinbase-advanced/dev_btc-eth_2026-08-09_head450.tape"
                                                 << ""
                                                 << "BTC-USD, ETH-USD"
                                                 << "candles, ticker, market_trades, level2" << 9;
        QTest::newRow("Kraken, 2026") << "kraken"
                                      << "ws/kraken/dev_v2_btc-eth_book10-trade_2026-07-07_head1000.tape"
                                      << "/v2"
                                      << "BTC/USD, ETH/USD"
                                      << "trade, book_10" << 4;
        const auto addBinance = [](const char *name, const char *tape, const char *symbols,
                                   const char *streams, int subscriptions) {
            QTest::newRow(name) << "binance" << QStringLiteral("ws/binance-") + QLatin1String(tape) << ""
                                << symbols << streams << subscriptions;
        };
        addBinance("Binance, 2021, ten symbols",
                   "spot/dev_10sym_aggTrade-depth-bookTicker-kline_2021-04-17.tape",
                   "BUSDTRY, SWRVBUSD, VETETH, QSPBTC, AAVEUPUSDT, GTOBTC, PERLBNB, ONTTRY, STEEMETH, ADARUB",
                   "aggTrade, depth@100ms, bookTicker, kline_1m", 40);
        addBinance("Binance, 2021, three symbols", "spot/dev_3sym_aggTrade-depth-kline_2021-04-04.tape",
                   "DOTUSDT, BTCUSDT, ETHUSDT", "aggTrade, depth@100ms, kline_1m", 9);
        addBinance("Binance, 2021, four symbols", "spot/dev_4sym_mixed_2021-10-12.tape",
                   "NKNUSDT, BLZETH, LRCBTC, RUNEEUR", "aggTrade, depth@100ms, bookTicker, kline_1m", 16);
        addBinance("Binance, 2024, quotes and a book",
                   "spot/dev_ethusdt_depth-bookTicker-trade_2024-08-08.tape", "ETHUSDT",
                   "trade, depth@100ms, bookTicker", 3);
        addBinance("Binance, 2024, trades", "spot/dev_trades-only_btcusdt+ethusdt_2024-08-08.tape",
                   "BTCUSDT, ETHUSDT", "trade", 2);
        addBinance("Binance US, 2021", "other/dev_us_10sym_aggTrade-depth-bookTicker_2021-04-17.tape",
                   "BCHUSDT, XLMUSDT, BTCUSDT, OMGUSD, ETHBUSD, ZRXUSD, ATOMUSDT, ZENUSD, USDTUSD, BUSDUSD",
                   "aggTrade, depth@100ms, bookTicker", 30);
    }

    void storesWhatTheExchangeSaid()
    {
        QFETCH(QString, protocol);
        QFETCH(QString, tape);
        QFETCH(QString, path);
        QFETCH(QString, symbols);
        QFETCH(QString, streams);
        QFETCH(int, subscriptions);
        const QString file = recording(tape);
        if (file.isEmpty())
            QSKIP("the recordings are not here");
        const QString script = sourceFile("tests/exact/source_tape.py");
        int exitCode = 0;
        const QByteArray counted = outputOf("python3", {"-B", script, protocol, file}, &exitCode);
        QVERIFY2(exitCode == 0, counted.constData());
        const qint64 expected = counted.trimmed().split('\n').last().toLongLong();
        QVERIFY(expected > 0);

        QTemporaryDir folder;
        ExchangeProgram exchange;
        QVERIFY(exchange.begin({"--protocol", protocol, "--tape", file, "--speed", "max", "--start-streams",
                                QString::number(subscriptions)}));
        HostProgram host(folder.path());
        QVERIFY2(host.runText(QStringLiteral(R"(name: tape
sources:
  feed:
    type: %1
    url: %2%3
    rest_url: %4
    symbols: [%5]
    streams: [%6]
    backfill: false%7
sinks:
  records:
    type: jsonl
    inputs: [feed] # as one, so that a book's snapshot and its changes keep their order
    path: records.jsonl
)")
                                  .arg(protocol, exchange.ws, path, exchange.rest, symbols, streams,
                                       // A recorded book has grown by more than the usual levels.
                                       protocol == QLatin1String("binance")
                                           ? QStringLiteral("\n    snapshot_depth: 5000")
                                           : QString())),
                 host.output().constData());
        QVERIFY(exchange.waitForOutput("tape_end", 60000).hasMatch());
        QTRY_COMPARE_WITH_TIMEOUT(host.node("records")["records_delivered"].toInteger(), expected, 60000);
        const QByteArray metrics = host.get("/metrics").body;
        QVERIFY2(!metrics.contains("tidemill_rejected_total{"), metrics.constData());
        if (protocol == QLatin1String("kraken"))
            QVERIFY(QRegularExpression("tidemill_book_checksum_failures_total\\{[^}]*\\} 0\n")
                        .match(QString::fromUtf8(metrics))
                        .hasMatch());
        QVERIFY2(host.endWell(), host.output().constData());

        const QByteArray compared =
            outputOf("python3", {"-B", script, protocol, file, folder.filePath("records.jsonl")}, &exitCode);
        QVERIFY2(exitCode == 0, compared.constData());
    }
};

QTEST_GUILESS_MAIN(tst_SourceTapes)

#include "tst_source_tapes.moc"
