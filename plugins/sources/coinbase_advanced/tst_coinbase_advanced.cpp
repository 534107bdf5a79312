// SPDX-License-Identifier: Apache-2.0
#include "source/source_fixture.h"

#include <QFile>
#include <QTemporaryDir>

using namespace tidemill;
using namespace tidemill::exchange;

// The source against an exchange that enforces the rules, over real sockets.
class tst_CoinbaseAdvanced : public testing::SourceFixture
{
    Q_OBJECT

private slots:
    void init()
    {
        startExchange({.protocol = ProtocolName::CoinbaseAdvanced},
                      {.seed = 7, .symbols = {"BTC-USD"}, .eventsPerSecond = 20, .pastMinutes = 1});
    }

    void cleanup() { endSource(); }

    void collectsAllKindsOfStreams()
    {
        startSource("coinbase_advanced", {"candles", "ticker", "market_trades", "level2", "status"});

        QTRY_VERIFY(count() > 5);
        QTRY_VERIFY(!testing::rows<Ticker>(*m_emitted).isEmpty());
        QTRY_VERIFY(!testing::rows<Candle>(*m_emitted).isEmpty());
        QTRY_VERIFY(testing::rows<BookUpdate>(*m_emitted).size() > 5);
        QTRY_VERIFY(testing::printed(testing::batches(*m_emitted)).contains("\"type\":\"product_status\""));
        QTRY_VERIFY_WITH_TIMEOUT(isExchangesBook(), 15000);
        QVERIFY(testing::rows<Gap>(*m_emitted).isEmpty());
        QCOMPARE(m_brokenBook, QString());
        verifyTradesAreWhole();
        QCOMPARE(violations(), 0);
        QCOMPARE(connections(), 1);
    }

    // Books and the last trades come again with a new subscription, which is all the history there is.
    void losesNoTradeAndRepeatsNone_data()
    {
        addLosses();
        QTest::newRow("a hole in the sequence") << QStringList{"gap:5:BTC-USD@market_trades"};
        QTest::newRow("repeats") << QStringList{"repeat:5:BTC-USD@market_trades"};
    }

    void losesNoTradeAndRepeatsNone()
    {
        QFETCH(QStringList, faults);
        startExchange({.protocol = ProtocolName::CoinbaseAdvanced},
                      {.seed = 7, .symbols = {"BTC-USD"}, .eventsPerSecond = 5, .pastMinutes = 1});
        verifyNoTradeIsLost("coinbase_advanced", "market_trades", faults, 5);
        QVERIFY(testing::rows<Gap>(*m_emitted).isEmpty());
    }

    // More than a snapshot has: then the record says to the id what is missing.
    void recordsWhatCannotBeHad()
    {
        startExchange({.protocol = ProtocolName::CoinbaseAdvanced},
                      {.seed = 7, .symbols = {"BTC-USD"}, .eventsPerSecond = 500, .pastMinutes = 1});
        startSource("coinbase_advanced", {"market_trades"});
        QTRY_VERIFY(count() > 5);

        inject("refuse:2s");

        QTRY_COMPARE_WITH_TIMEOUT(testing::rows<Gap>(*m_emitted).size(), 1, 30000);
        const Gap gap = testing::rows<Gap>(*m_emitted).first();
        QCOMPARE(gap.cause, GapCause::Disconnect);
        qint64 last = 0;
        for (const Trade &trade : testing::rows<Trade>(*m_emitted)) {
            if (trade.trade_id == gap.last_missing + 1)
                QCOMPARE(last, gap.first_missing - 1);
            else if (last != 0)
                QCOMPARE(trade.trade_id, last + 1);
            last = trade.trade_id;
        }
        QVERIFY(last > gap.last_missing);
    }

    // A snapshot has the last hundred candles, and the run before stopped long before these.
    void fillsCandlesOfALongTimeAway_data()
    {
        QTest::addColumn<QString>("fault");
        QTest::newRow("asked once") << "";
        QTest::newRow("asked to stop asking") << "rest:429:1:500ms";
        QTest::newRow("server trouble") << "rest:503:0:500ms";
    }

    void fillsCandlesOfALongTimeAway()
    {
        QFETCH(QString, fault);
        beginLongAgo();
        if (!fault.isEmpty())
            inject(fault);
        QSignalSpy reached(m_source.get(), &Source::positionReached);
        TIDEMILL_VERIFY(m_source->start());

        // Of those that the exchange has (it leaves out buckets without a trade) none but the running one.
        const auto missing = [this] {
            QSet<qint64> closed;
            for (const Candle &candle : testing::rows<Candle>(*m_emitted)) {
                if (candle.closed)
                    closed.insert(candle.ts_open.ns / 1000);
            }
            qsizetype count = 0;
            const QList<CandleRow> all = m_exchange->data()->buckets("BTC-USD", 300000000);
            for (const CandleRow &row : all.first(all.size() - 1))
                count += row.openUs * 1000 < m_longAgo.ns || closed.contains(row.openUs) ? 0 : 1;
            return count;
        };
        QTRY_COMPARE_WITH_TIMEOUT(missing(), 0, 20000);
        QVERIFY(testing::rows<Candle>(*m_emitted).size() > 300);
        QVERIFY(testing::rows<Gap>(*m_emitted).isEmpty());
        QTRY_VERIFY(!reached.isEmpty());
        QCOMPARE(reached.last()[0].toByteArray(), "BTC-USD candles");
        QTRY_VERIFY(reached.last()[1].toByteArray().toLongLong() > (m_longAgo + std::chrono::hours(48)).ns);
    }

    void saysWhichCandlesCannotBeHad_data()
    {
        QTest::addColumn<QString>("fault");
        QTest::addColumn<QVariantMap>("more");
        QTest::addColumn<QByteArray>("reason");
        QTest::newRow("refused") << "rest:404:0:60s" << QVariantMap()
                                 << QByteArray("candles: HTTP status 404");
        QTest::newRow("not asked") << "" << QVariantMap{{"backfill", false}}
                                   << QByteArray("candles are missing");
        QTest::newRow("too many") << "" << QVariantMap{{"max_backfill", 10}}
                                  << QByteArray("more candles than are asked for");
    }

    void saysWhichCandlesCannotBeHad()
    {
        QFETCH(QString, fault);
        QFETCH(QVariantMap, more);
        QFETCH(QByteArray, reason);
        beginLongAgo(more);
        if (!fault.isEmpty())
            inject(fault);
        TIDEMILL_VERIFY(m_source->start());

        QTRY_COMPARE(testing::rows<Gap>(*m_emitted).size(), 1);
        QVERIFY(testing::printed(testing::batches(*m_emitted)).contains(reason));
        QCOMPARE(testing::rows<Gap>(*m_emitted).first().ts_from, m_longAgo);
    }

    void keepsTheExchangesBook_data()
    {
        QTest::addColumn<QString>("fault");
        QTest::newRow("a hole") << "gap:2:BTC-USD@level2";
        QTest::newRow("a lost connection") << "abort";
    }

    void keepsTheExchangesBook()
    {
        QFETCH(QString, fault);
        verifyBookComesAnew("coinbase_advanced", "level2", fault);
        QTRY_VERIFY_WITH_TIMEOUT(isExchangesBook(), 15000);
    }

    void staysConnectedWhileNothingHappens()
    {
        Settings settings{.protocol = ProtocolName::CoinbaseAdvanced};
        settings.limits.idleClose = std::chrono::seconds(1);
        startExchange(settings, {.seed = 7, .symbols = {"BTC-USD"}, .eventsPerSecond = 1, .pastMinutes = 1});
        startSource("coinbase_advanced", {"candles"});
        QTRY_VERIFY(!testing::rows<Candle>(*m_emitted).isEmpty());

        QVERIFY(!QTest::qWaitFor([this] { return connections() > 1; }, 3000));
    }

    void showsItsKey_data()
    {
        QTest::addColumn<bool>("isRight");
        QTest::newRow("the right one") << true;
        QTest::newRow("another one") << false;
    }

    void showsItsKey()
    {
        QFETCH(bool, isRight);
        // The key of RFC 8032's first test, and its second: published, so no secrets.
        const QByteArray first = "nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=";
        const QByteArray second = "TM0Imyj/ltqdtsNG7BFOD1uKMZ81q6Yk2oz27U+4pvs=";
        startExchange({.protocol = ProtocolName::CoinbaseAdvanced,
                       .jwtKey = first,
                       .jwtKeyName = "organizations/o/apiKeys/k"},
                      {.seed = 7, .symbols = {"BTC-USD"}, .eventsPerSecond = 20, .pastMinutes = 1});
        createSource("coinbase_advanced", {"market_trades"},
                     {{"key_name", "organizations/o/apiKeys/k"},
                      {"key_secret", QString::fromLatin1(isRight ? first : second)}});
        QSignalSpy degraded(m_source.get(), &Node::degraded);
        TIDEMILL_VERIFY(m_source->start());

        if (isRight) {
            QTRY_VERIFY(count() > 5);
            QCOMPARE(violations(), 0);
            return;
        }
        QTRY_VERIFY(!degraded.isEmpty());
        const QString message = degraded.first().first().value<Error>().message;
        QVERIFY2(message.contains("authentication failure"), qPrintable(message));
        QVERIFY(!message.contains(QString::fromLatin1(second)));
    }

    void takesItsKeyFromAFile()
    {
        QTemporaryDir folder;
        QFile file(folder.filePath("key.json"));
        QVERIFY(file.open(QIODevice::WriteOnly));
        file.write(R"({"name":"organizations/o/apiKeys/k","privateKey":)"
                   R"("nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A="})");
        file.close();
        startExchange({.protocol = ProtocolName::CoinbaseAdvanced,
                       .jwtKey = "nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A="},
                      {.seed = 7, .symbols = {"BTC-USD"}, .eventsPerSecond = 20, .pastMinutes = 1});

        startSource("coinbase_advanced", {"market_trades"}, {{"key_file", "key.json"}},
                    {.baseDirectory = folder.path()});

        QTRY_VERIFY(count() > 5);
        QCOMPARE(violations(), 0);
    }

    void rejectsBadOptions_data()
    {
        QTest::addColumn<QVariantMap>("more");
        QTest::addColumn<QString>("message");

        QTest::newRow("an unknown stream") << QVariantMap{{"streams", QStringList{"matches"}}}
                                           << "streams: expected candles, ticker, ticker_batch, "
                                              "market_trades, level2, status or heartbeats, "
                                              "got 'matches'";
        QTest::newRow("one product under two names")
            << QVariantMap{{"symbols", QStringList{"BTC-USDC", "BTC-USD"}}}
            << "symbols: BTC-USDC and BTC-USD come under one name, so only one of them can be collected";
        QTest::newRow("a name without a key")
            << QVariantMap{{"key_name", "k"}}
            << "key_secret: is missing: key_name and key_secret belong together";
        QTest::newRow("a key that is none")
            << QVariantMap{{"key_name", "k"}, {"key_secret", "hush"}}
            << "key_secret: expected a private key: PEM that begins with -----BEGIN, or base64 of an Ed25519 "
               "key of 32 or 64 bytes";
    }

    void rejectsBadOptions()
    {
        QFETCH(QVariantMap, more);
        QFETCH(QString, message);
        verifyRejects("coinbase_advanced",
                      {{"symbols", QStringList{"BTC-USD"}}, {"streams", QStringList{"candles"}}}, more,
                      message);
    }

private:
    // A source whose last run stopped two days ago.
    void beginLongAgo(const QVariantMap &more = {})
    {
        startExchange({.protocol = ProtocolName::CoinbaseAdvanced},
                      {.seed = 7, .symbols = {"BTC-USD"}, .eventsPerSecond = 5, .pastMinutes = 3000});
        NodeContext context;
        context.positions.insert("BTC-USD candles", QByteArray::number(m_longAgo.ns));
        createSource("coinbase_advanced", {"candles"}, more, context);
    }

    // By the market's clock, which begins at 1,700,000,000 s.
    const Timestamp m_longAgo = Timestamp::fromSeconds((1700000000LL - 2900 * 60) / 300 * 300);

protected:
    void readTruth(const QByteArray &line, TradesById &trades) const override
    {
        const QJsonObject frame = QJsonDocument::fromJson(line).object();
        for (const QJsonValue &event : frame["events"].toArray()) {
            for (const QJsonValue &trade : event["trades"].toArray())
                trades.insert(trade["trade_id"].toString().toLongLong(),
                              tradeText(trade["price"].toString(), trade["size"].toString(),
                                        trade["side"] == QLatin1String("SELL"))); // the maker's is sent
        }
    }
};

QTEST_GUILESS_MAIN(tst_CoinbaseAdvanced)

#include "tst_coinbase_advanced.moc"
