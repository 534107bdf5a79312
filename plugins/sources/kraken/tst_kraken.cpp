// SPDX-License-Identifier: Apache-2.0
#include "source/source_fixture.h"

#include <QRegularExpression>

using namespace tidemill;
using namespace tidemill::exchange;

// The source against an exchange that enforces the rules, over real sockets.
class tst_Kraken : public testing::SourceFixture
{
    Q_OBJECT

private slots:
    void init()
    {
        m_path = QStringLiteral("/v2");
        startExchange({.protocol = ProtocolName::Kraken},
                      {.seed = 7, .symbols = {"BTC/USD"}, .eventsPerSecond = 50, .pastMinutes = 1});
    }

    void cleanup() { endSource(); }

    void collectsAllKindsOfStreams()
    {
        startSource("kraken", {"trade", "ticker", "book_10", "ohlc_1"});

        QTRY_VERIFY(count() > 5);
        QTRY_VERIFY(!testing::rows<Ticker>(*m_emitted).isEmpty());
        QTRY_VERIFY(!testing::rows<Candle>(*m_emitted).isEmpty());
        QTRY_VERIFY(testing::rows<BookUpdate>(*m_emitted).size() > 10);
        QCOMPARE(testing::rows<BookSnapshot>(*m_emitted).size(), 1);
        QVERIFY(testing::rows<Gap>(*m_emitted).isEmpty());
        QCOMPARE(m_brokenBook, QString());
        verifyTradesAreWhole();
        QCOMPARE(violations(), 0);
    }

    void losesNoTradeAndRepeatsNone_data()
    {
        addLosses();
        QTest::newRow("a hole in the ids") << QStringList{"gap:5:BTC/USD@trade"};
        QTest::newRow("repeats") << QStringList{"repeat:5:BTC/USD@trade"};
        QTest::newRow("a hole, and no history for a second") << QStringList{"rest:429:1:1s", "gap:5"};
    }

    void losesNoTradeAndRepeatsNone()
    {
        QFETCH(QStringList, faults);
        verifyNoTradeIsLost("kraken", "trade", faults, 20);
    }

    void keepsTheExchangesBook_data()
    {
        QTest::addColumn<QString>("fault");
        QTest::newRow("a hole") << "gap:2:BTC/USD@book-10";
        QTest::newRow("a wrong checksum") << "corrupt:1:BTC/USD@book-10";
        QTest::newRow("a lost connection") << "abort";
    }

    void keepsTheExchangesBook()
    {
        QFETCH(QString, fault);
        verifyBookComesAnew("kraken", "book_10", fault);
    }

    void goesOnWhereTheLastRunStood()
    {
        // More than the snapshot of the next connection brings.
        verifyGoesOnWhereItStood("kraken", "trade", 80);
    }

    void namesASymbolThatIsNotThere()
    {
        verifyNamesWhatIsNotThere("kraken", "trade", {"FOO/USD", "BTC/USD"},
                                  "Currency pair not supported FOO/USD");
    }

    void rejectsBadOptions_data()
    {
        QTest::addColumn<QVariantMap>("more");
        QTest::addColumn<QString>("message");

        QTest::newRow("an unknown stream")
            << QVariantMap{{"streams", QStringList{"book_11"}}}
            << "streams: expected trade, ticker, book, book_10|25|100|500|1000 or "
               "ohlc_1|5|15|30|60|240|1440|10080|21600, got 'book_11'";
        QTest::newRow("two depths") << QVariantMap{{"streams", QStringList{"book", "book_25"}}}
                                    << "streams: 'book_25': there can be only one of its kind";
        QTest::newRow("a symbol twice") << QVariantMap{{"symbols", QStringList{"BTC/USD", "BTC/USD"}}}
                                        << "symbols: a symbol stands there twice";
    }

    void rejectsBadOptions()
    {
        QFETCH(QVariantMap, more);
        QFETCH(QString, message);
        verifyRejects("kraken", {{"symbols", QStringList{"BTC/USD"}}, {"streams", QStringList{"trade"}}},
                      more, message);
    }

protected:
    // By pattern: JSON's numbers would lose their digits.
    void readTruth(const QByteArray &line, TradesById &trades) const override
    {
        static const QRegularExpression trade(QStringLiteral(
            "\"side\":\"([a-z]+)\",\"price\":([0-9.]+),\"qty\":([0-9.]+),[^}]*\"trade_id\":([0-9]+)"));
        auto all = trade.globalMatch(QString::fromLatin1(line));
        while (all.hasNext()) {
            const auto one = all.next();
            trades.insert(one.captured(4).toLongLong(), tradeText(one.captured(2), one.captured(3),
                                                                  one.captured(1) == QLatin1String("buy")));
        }
    }
};

QTEST_GUILESS_MAIN(tst_Kraken)

#include "tst_kraken.moc"
