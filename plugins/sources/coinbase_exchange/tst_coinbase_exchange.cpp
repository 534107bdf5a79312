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
        addLosses();
        QTest::newRow("a hole in the ids") << QStringList{"gap:5:BTC-USD@matches"};
        QTest::newRow("repeats") << QStringList{"repeat:5:BTC-USD@matches"};
        QTest::newRow("a hole, and no history for a second")
            << QStringList{"rest:429:1:1s", "gap:5:BTC-USD@matches"};
    }

    void losesNoTradeAndRepeatsNone()
    {
        QFETCH(QStringList, faults);
        verifyNoTradeIsLost("coinbase_exchange", "matches", faults, 10);
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
        verifyBookComesAnew("coinbase_exchange", "level2_batch", fault);
        QTRY_VERIFY_WITH_TIMEOUT(isExchangesBook(), 15000);
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

    // They come by themselves with matches only.
    void subscribesToHeartbeatsIfAskedTo_data()
    {
        QTest::addColumn<QStringList>("streams");
        QTest::addColumn<bool>("expected");

        QTest::newRow("tickers alone") << QStringList{"ticker"} << false;
        QTest::newRow("with tickers") << QStringList{"ticker", "heartbeat"} << true;
        QTest::newRow("with matches") << QStringList{"matches"} << true;
        QTest::newRow("both ways") << QStringList{"matches", "heartbeat"} << true;
    }

    void subscribesToHeartbeatsIfAskedTo()
    {
        QFETCH(QStringList, streams);
        QFETCH(bool, expected);
        createSource("coinbase_exchange", streams);
        QSignalSpy health(m_source.get(), &Source::streamsChanged);
        TIDEMILL_VERIFY(m_source->start());

        const auto sent = [this](const QString &channel) {
            return m_exchange->stats()["streams"]["BTC-USD@" + channel]["sent"].toInt();
        };
        QTRY_VERIFY_WITH_TIMEOUT(sent(streams.first()) > 30, 10000); // for longer than between heartbeats
        if (expected)
            QTRY_VERIFY(sent("heartbeat") > 0);
        QCOMPARE(sent("heartbeat") > 0, expected);
        QCOMPARE(violations(), 0);
        QCOMPARE(health.last().first().value<QList<Source::Stream>>().size(), 1); // quiet is not unhealthy
    }

    void goesOnWhereTheLastRunStood() { verifyGoesOnWhereItStood("coinbase_exchange", "matches", 10); }

    // A run that ended hours ago, and far more trades since than are fetched.
    void fillsTheTimeOfALongHoleWithCandles()
    {
        const qint64 now = Timestamp::now().ns;
        const qint64 ended = now - 400 * minute;
        endSource();
        startExchange({.protocol = ProtocolName::CoinbaseExchange}, {.seed = 7,
                                                                     .symbols = {"BTC-USD"},
                                                                     .eventsPerSecond = 20,
                                                                     .epochUs = now / 1000,
                                                                     .pastMinutes = 600});
        const QByteArray position = QByteArray::number(ended);
        NodeContext context;
        context.positions.insert("BTC-USD matches", position + " 0 " + position);
        const QVariantMap options{{"gap_candles", "1m"}, {"max_backfill", 5}};
        const QList<CandleRow> expected = candlesBetween(ended, now - minute - minute / 6);
        QVERIFY(expected.size() > 100);

        startSource("coinbase_exchange", {"matches"}, options, context);
        QSignalSpy reached(m_source.get(), &Source::positionReached);
        QTRY_VERIFY(testing::rows<Candle>(*m_emitted).size() >= expected.size());

        const auto candles = testing::rows<Candle>(*m_emitted);
        for (qsizetype i = 0; i < expected.size(); ++i)
            QVERIFY2(isSame(candles[i], expected[i]), candles[i].ts_open.toString().constData());
        const auto gaps = testing::rows<Gap>(*m_emitted);
        QCOMPARE(gaps.first().first_missing, 1);
        QCOMPARE(gaps.first().state, GapState::Open);
        QCOMPARE(violations(), 0);

        // The next run has only the candles left that were not over yet.
        m_source->stop();
        context.positions = testing::positions(reached);
        QVERIFY(context.positions.contains("BTC-USD gap_candles 1m"));
        startSource("coinbase_exchange", {"matches"}, options, context);
        QTRY_VERIFY(count() > 5);
        for (const Candle &candle : testing::rows<Candle>(*m_emitted))
            QVERIFY(candle.ts_open > candles.last().ts_open);
    }

    void namesAProductThatIsNotThere()
    {
        verifyNamesWhatIsNotThere("coinbase_exchange", "matches", {"FOO-USD", "BTC-USD"},
                                  "FOO-USD is not a valid product");
        QCOMPARE(connections(), 1);
    }

    void rejectsBadOptions_data()
    {
        QTest::addColumn<QVariantMap>("more");
        QTest::addColumn<QString>("message");

        QTest::newRow("an unknown stream") << QVariantMap{{"streams", QStringList{"level3"}}}
                                           << "streams: expected ticker, ticker_batch, matches, heartbeat, "
                                              "level2_batch or status, got 'level3'";
        QTest::newRow("both tickers") << QVariantMap{{"streams", QStringList{"ticker", "ticker_batch"}}}
                                      << "streams: ticker and ticker_batch send the same frames: choose one";
        QTest::newRow("a stream twice") << QVariantMap{{"streams", QStringList{"ticker", "ticker"}}}
                                        << "streams: 'ticker' stands there twice";
        QTest::newRow("a product twice") << QVariantMap{{"symbols", QStringList{"BTC-USD", "BTC-USD"}}}
                                         << "symbols: a product stands there twice";
        QTest::newRow("candles of a length that there is not")
            << QVariantMap{{"gap_candles", "2m"}}
            << "gap_candles: expected one of off, 1m, 5m, 15m, 1h, 6h, 1d, got '2m'";
        QTest::newRow("candles without trades")
            << QVariantMap{{"gap_candles", "1m"}, {"streams", QStringList{"ticker"}}}
            << "gap_candles: is of use only with the stream matches, for holes in it";
        QTest::newRow("no web address")
            << QVariantMap{{"url", "ftp://x"}}
            << "url: expected an address that begins with wss:// (or ws://), got 'ftp://x'";
    }

    void rejectsBadOptions()
    {
        QFETCH(QVariantMap, more);
        QFETCH(QString, message);
        verifyRejects("coinbase_exchange",
                      {{"symbols", QStringList{"BTC-USD"}}, {"streams", QStringList{"matches"}}}, more,
                      message);
    }

protected:
    void readTruth(const QByteArray &line, TradesById &trades) const override
    {
        const QJsonObject frame = QJsonDocument::fromJson(line).object();
        trades.insert(frame["trade_id"].toInteger(),
                      tradeText(frame["price"].toString(), frame["size"].toString(),
                                frame["side"] == QLatin1String("sell"))); // the maker's is sent
    }

private:
    static constexpr qint64 minute = 60000000000;

    // Of the exchange, whose minutes hold any time from..to.
    QList<CandleRow> candlesBetween(qint64 from, qint64 to) const
    {
        QList<CandleRow> rows = m_exchange->data()->buckets(m_symbol, minute / 1000);
        rows.removeIf([from, to](const CandleRow &row) {
            return row.openUs * 1000 <= from - minute || row.openUs * 1000 > to;
        });
        return rows;
    }

    static bool isSame(const Candle &ours, const CandleRow &theirs)
    {
        const auto is = [](const Decimal &number, const Number &other) {
            return number == *Decimal::parse(other.text());
        };
        return ours.ts_open.ns == theirs.openUs * 1000 && is(ours.open, theirs.open) &&
               is(ours.high, theirs.high) && is(ours.low, theirs.low) && is(ours.close, theirs.close) &&
               is(ours.volume, theirs.volume) && ours.closed;
    }
};

QTEST_GUILESS_MAIN(tst_CoinbaseExchange)

#include "tst_coinbase_exchange.moc"
