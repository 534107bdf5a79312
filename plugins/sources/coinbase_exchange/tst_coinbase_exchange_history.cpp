// SPDX-License-Identifier: Apache-2.0
#include "history.h"

#include <tidemill/testing.h>

using namespace tidemill;
using coinbase_exchange::History;

class tst_CoinbaseExchangeHistory : public QObject
{
    Q_OBJECT

private slots:
    void decodesAPage()
    {
        const auto trades = History::decode(
            R"([{"trade_id":900000125,"side":"buy","size":"0.00123400","price":"6100.48000000",)"
            R"("time":"2026-03-20T00:22:57.833Z","novelty":[1]},)"
            R"({"trade_id":900000124,"side":"sell","size":"2","price":"6100.4","time":"2026-03-20T00:22:57Z"}])",
            "BTC-USD"_sym);
        TIDEMILL_VERIFY(trades);

        // Newest first over there, oldest first here.
        QCOMPARE(trades->size(), std::size_t(2));
        QCOMPARE(trades->front().trade_id, 900000124);
        const Trade &last = trades->back();
        QCOMPARE(last.trade_id, 900000125);
        QCOMPARE(last.exchange, "coinbase_exchange"_sym);
        QCOMPARE(last.symbol, "BTC-USD"_sym);
        QCOMPARE(last.quantity.toString(), "0.00123400");
        QCOMPARE(last.price.toString(), "6100.48000000");
        QCOMPARE(last.ts_event, *Timestamp::parse("2026-03-20T00:22:57.833Z"));
        QCOMPARE(last.side, Side::Sell); // the maker bought
        QCOMPARE(trades->front().side, Side::Buy);
    }

    void decodesAnEmptyPage()
    {
        const auto trades = History::decode("[]", "BTC-USD"_sym);

        TIDEMILL_VERIFY(trades);
        QVERIFY(trades->empty());
    }

    void tellsWhatIsWrong_data()
    {
        QTest::addColumn<QByteArray>("body");
        QTest::addColumn<QString>("message");

        const QString rows = "trades: expected rows of trade_id, price, size, side and time";
        QTest::newRow("nothing") << QByteArray() << "trades: expected a JSON array";
        QTest::newRow("a message") << QByteArray(R"({"message":"NotFound"})") << rows;
        QTest::newRow("cut off") << QByteArray(R"([{"trade_id":1,"side":"buy","size":"1")") << rows;
        QTest::newRow("no side")
            << QByteArray(R"([{"trade_id":1,"size":"1","price":"1","time":"2026-03-20T00:22:57Z"}])") << rows;
        QTest::newRow("an unknown side")
            << QByteArray(
                   R"([{"trade_id":1,"side":"x","size":"1","price":"1","time":"2026-03-20T00:22:57Z"}])")
            << rows;
    }

    void tellsWhatIsWrong()
    {
        QFETCH(QByteArray, body);
        QFETCH(QString, message);

        const auto trades = History::decode(body, "BTC-USD"_sym);

        QVERIFY(!trades);
        QCOMPARE(trades.error().message, message);
    }
};

QTEST_GUILESS_MAIN(tst_CoinbaseExchangeHistory)

#include "tst_coinbase_exchange_history.moc"
