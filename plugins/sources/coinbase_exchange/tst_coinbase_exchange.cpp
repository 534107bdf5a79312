// SPDX-License-Identifier: Apache-2.0
#include "source/source_fixture.h"

using namespace tidemill;
using namespace tidemill::exchange;

// The source against an exchange that enforces the rules, over real sockets.
class tst_CoinbaseExchange : public testing::SourceFixture
{
    Q_OBJECT

private slots:
    void init()
    {
        startExchange({.protocol = ProtocolName::CoinbaseExchange},
                      {.seed = 7, .symbols = {"BTC-USD"}, .eventsPerSecond = 20, .pastMinutes = 1});
    }

    void cleanup() { endSource(); }

    void collectsAllKindsOfStreams()
    {
        startSource("coinbase_exchange", {"ticker", "matches", "level2_batch", "status"});

        QTRY_VERIFY(count() > 5);
        QTRY_VERIFY(!testing::rows<Ticker>(*m_emitted).isEmpty());
        QTRY_VERIFY(testing::rows<BookUpdate>(*m_emitted).size() > 5);
        QTRY_VERIFY(testing::printed(testing::batches(*m_emitted)).contains("\"type\":\"product_status\""));
        QTRY_VERIFY_WITH_TIMEOUT(isExchangesBook(), 15000);
        QVERIFY(testing::rows<Gap>(*m_emitted).isEmpty());
        QCOMPARE(m_brokenBook, QString());
        verifyTradesAreWhole();
        QCOMPARE(violations(), 0);
        QCOMPARE(connections(), 1);
    }

    void collectsTickersInBatches()
    {
        startSource("coinbase_exchange", {"ticker_batch"});

        QTRY_VERIFY_WITH_TIMEOUT(!testing::rows<Ticker>(*m_emitted).isEmpty(), 8000);
        QCOMPARE(violations(), 0);
    }

    void losesNoTradeAndRepeatsNone_data()
    {
        QTest::addColumn<QStringList>("faults");

        QTest::newRow("away for two seconds") << QStringList{"refuse:2s"};
        QTest::newRow("reset twice") << QStringList{"abort", "abort"};
        QTest::newRow("closed by plan, twice") << QStringList{"close:1000", "close:1001"};
        QTest::newRow("silent") << QStringList{"silence:30s"};
        QTest::newRow("silent without pongs") << QStringList{"nopong:30s", "silence:30s"};
        QTest::newRow("a hole in the ids") << QStringList{"gap:5:BTC-USD@matches"};
        QTest::newRow("repeats") << QStringList{"repeat:5:BTC-USD@matches"};
        QTest::newRow("a hole, and no history for a second")
            << QStringList{"rest:429:1:1s", "gap:5:BTC-USD@matches"};
    }

    void losesNoTradeAndRepeatsNone()
    {
        QFETCH(QStringList, faults);
        startSource("coinbase_exchange", {"matches"},
                    {{"silence.floor", "500ms"}, {"silence.ceiling", "2s"}});
        QTRY_VERIFY(count() > 5);

        injectEach(faults);

        const qsizetype before = count();
        QTRY_VERIFY_WITH_TIMEOUT(count() > before + 10, 30000);
        verifyTradesAreWhole();
        QVERIFY(testing::rows<Gap>(*m_emitted).isEmpty());
    }

    void keepsTheExchangesBook_data()
    {
        QTest::addColumn<QString>("fault");
        QTest::newRow("a lost connection") << "abort";
        QTest::newRow("closed") << "close:1000";
    }

    void keepsTheExchangesBook()
    {
        QFETCH(QString, fault);
        startSource("coinbase_exchange", {"level2_batch"});
        QTRY_VERIFY(testing::rows<BookUpdate>(*m_emitted).size() > 5);

        inject(fault);

        QTRY_COMPARE_WITH_TIMEOUT(testing::rows<BookSnapshot>(*m_emitted).size(), 2, 15000);
        QCOMPARE(testing::rows<Gap>(*m_emitted).size(), 1);
        QTRY_VERIFY_WITH_TIMEOUT(isExchangesBook(), 15000);
        QCOMPARE(m_brokenBook, QString());
    }

    // The exchange says with each heartbeat which trade was the last; here nothing else would.
    void fetchesTradesThatOnlyAHeartbeatTellsOf()
    {
        startSource("coinbase_exchange", {"matches"});
        QTRY_VERIFY(count() > 5);

        inject("gap:1000000:BTC-USD@matches");

        const qint64 newest = truth().lastKey() + 5;
        QTRY_COMPARE_WITH_TIMEOUT(wrongTrades(newest), QString(), 20000);
    }

    void goesOnWhereTheLastRunStood()
    {
        startSource("coinbase_exchange", {"matches"});
        QSignalSpy reached(m_source.get(), &Source::positionReached);
        QTRY_VERIFY(count() > 5);
        m_source->stop();
        const qint64 last = testing::rows<Trade>(*m_emitted).last().trade_id;
        NodeContext context;
        context.positions = testing::positions(reached);
        QVERIFY(!context.positions.isEmpty());
        QTRY_VERIFY(truth().lastKey() > last + 10);

        startSource("coinbase_exchange", {"matches"}, {}, context);

        QTRY_VERIFY_WITH_TIMEOUT(count() > 20, 15000);
        QCOMPARE(testing::rows<Trade>(*m_emitted).first().trade_id, last + 1);
        verifyTradesAreWhole();
        QVERIFY(testing::rows<Gap>(*m_emitted).isEmpty());
    }

    void namesAProductThatIsNotThere()
    {
        createSource("coinbase_exchange", {"matches"}, {{"symbols", QStringList{"FOO-USD", "BTC-USD"}}});
        QSignalSpy degraded(m_source.get(), &Node::degraded);
        TIDEMILL_VERIFY(m_source->start());

        QTRY_VERIFY(!degraded.isEmpty());
        const auto cause = degraded.first().first().value<Error>();
        QVERIFY2(cause.message.contains("FOO-USD is not a valid product"), qPrintable(cause.message));
        QTRY_VERIFY(count() > 5); // the other one flows
        QCOMPARE(connections(), 1);
    }

    void rejectsBadOptions_data()
    {
        QTest::addColumn<QVariantMap>("more");
        QTest::addColumn<QString>("message");

        QTest::newRow("an unknown stream")
            << QVariantMap{{"streams", QStringList{"level3"}}}
            << "streams: expected ticker, ticker_batch, matches, level2_batch or status, got 'level3'";
        QTest::newRow("both tickers") << QVariantMap{{"streams", QStringList{"ticker", "ticker_batch"}}}
                                      << "streams: ticker and ticker_batch send the same frames: choose one";
        QTest::newRow("a stream twice") << QVariantMap{{"streams", QStringList{"ticker", "ticker"}}}
                                        << "streams: 'ticker' stands there twice";
        QTest::newRow("a product twice") << QVariantMap{{"symbols", QStringList{"BTC-USD", "BTC-USD"}}}
                                         << "symbols: a product stands there twice";
        QTest::newRow("no web address")
            << QVariantMap{{"url", "ftp://x"}}
            << "url: expected an address that begins with wss:// (or ws://), got 'ftp://x'";
    }

    void rejectsBadOptions()
    {
        QFETCH(QVariantMap, more);
        QFETCH(QString, message);
        QVariantMap options{{"symbols", QStringList{"BTC-USD"}}, {"streams", QStringList{"matches"}}};
        options.insert(more);

        const auto node = testing::create<Source>("coinbase_exchange", options);

        QVERIFY(!node);
        QCOMPARE(node.error().message, message);
    }

protected:
    void readTruth(const QByteArray &line, TradesById &trades) const override
    {
        const QJsonObject frame = QJsonDocument::fromJson(line).object();
        trades.insert(frame["trade_id"].toInteger(),
                      tradeText(frame["price"].toString(), frame["size"].toString(),
                                frame["side"] == QLatin1String("sell"))); // the maker's is sent
    }
};

QTEST_GUILESS_MAIN(tst_CoinbaseExchange)

#include "tst_coinbase_exchange.moc"
