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
        QTest::addColumn<QStringList>("faults");

        QTest::newRow("away for two seconds") << QStringList{"refuse:2s"};
        QTest::newRow("reset twice") << QStringList{"abort", "abort"};
        QTest::newRow("closed by plan, twice") << QStringList{"close:1000", "close:1001"};
        QTest::newRow("silent") << QStringList{"silence:30s"};
        QTest::newRow("silent without pongs") << QStringList{"nopong:30s", "silence:30s"};
        QTest::newRow("a hole in the sequence") << QStringList{"gap:5:BTC-USD@market_trades"};
        QTest::newRow("repeats") << QStringList{"repeat:5:BTC-USD@market_trades"};
    }

    void losesNoTradeAndRepeatsNone()
    {
        QFETCH(QStringList, faults);
        startExchange({.protocol = ProtocolName::CoinbaseAdvanced},
                      {.seed = 7, .symbols = {"BTC-USD"}, .eventsPerSecond = 5, .pastMinutes = 1});
        startSource("coinbase_advanced", {"market_trades"},
                    {{"silence.floor", "500ms"}, {"silence.ceiling", "2s"}});
        QTRY_VERIFY(count() > 5);

        injectEach(faults);

        const qsizetype before = count();
        QTRY_VERIFY_WITH_TIMEOUT(count() > before + 5, 30000);
        verifyTradesAreWhole();
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

    void keepsTheExchangesBook_data()
    {
        QTest::addColumn<QString>("fault");
        QTest::newRow("a hole") << "gap:2:BTC-USD@level2";
        QTest::newRow("a lost connection") << "abort";
    }

    void keepsTheExchangesBook()
    {
        QFETCH(QString, fault);
        startSource("coinbase_advanced", {"level2"});
        QTRY_VERIFY(testing::rows<BookUpdate>(*m_emitted).size() > 5);

        inject(fault);

        QTRY_COMPARE_WITH_TIMEOUT(testing::rows<BookSnapshot>(*m_emitted).size(), 2, 15000);
        QCOMPARE(testing::rows<Gap>(*m_emitted).size(), 1);
        QTRY_VERIFY_WITH_TIMEOUT(isExchangesBook(), 15000);
        QCOMPARE(m_brokenBook, QString());
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
        QVariantMap options{{"symbols", QStringList{"BTC-USD"}}, {"streams", QStringList{"candles"}}};
        options.insert(more);

        const auto node = testing::create<Source>("coinbase_advanced", options);

        QVERIFY(!node);
        QCOMPARE(node.error().message, message);
    }

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
