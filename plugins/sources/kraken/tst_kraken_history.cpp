// SPDX-License-Identifier: Apache-2.0
#include "history.h"

#include <tidemill/testing.h>

using namespace tidemill;
using kraken::History;

class tst_KrakenHistory : public QObject
{
    Q_OBJECT

private slots:
    void decodesAPage()
    {
        // The key of the result is not the pair that was asked for.
        const auto trades = History::decode(
            R"({"error":[],"result":{"XXBTZUSD":[)"
            R"(["63501.60000","0.00010000",1762795433.9717445,"b","l","",64000001],)"
            R"(["63501.50000","1.50000000",1762795434,"s","m","",64000002]],"last":"1762795434000000000"}})",
            "BTC/USD"_sym);
        TIDEMILL_VERIFY(trades);

        QCOMPARE(trades->size(), std::size_t(2));
        const Trade &first = trades->front();
        QCOMPARE(first.exchange, "kraken"_sym);
        QCOMPARE(first.symbol, "BTC/USD"_sym);
        QCOMPARE(first.trade_id, 64000001);
        QCOMPARE(first.price.toString(), "63501.60000");
        QCOMPARE(first.quantity.toString(), "0.00010000");
        QCOMPARE(first.ts_event.ns, 1762795433971744500);
        QCOMPARE(first.side, Side::Buy);
        QCOMPARE(trades->back().side, Side::Sell);
        QCOMPARE(trades->back().ts_event.ns, 1762795434000000000);
    }

    void tellsWhatIsWrong_data()
    {
        QTest::addColumn<QByteArray>("body");
        QTest::addColumn<QString>("message");

        const QString rows = "trades: expected rows of price, volume, time, side, type, misc and id";
        QTest::newRow("refused") << QByteArray(R"({"error":["EGeneral:Too many requests"]})")
                                 << "trades: EGeneral:Too many requests";
        QTest::newRow("no JSON") << QByteArray("<html>") << "trades: expected a JSON object";
        QTest::newRow("cut off") << QByteArray(R"({"error":[],"result":{"XXBTZUSD":[["1.0")")
                                 << "trades: expected a JSON object";
        QTest::newRow("a short row")
            << QByteArray(R"({"error":[],"result":{"XXBTZUSD":[["1.0","2.0",3.0,"b","l",""]],"last":"1"}})")
            << rows;
        QTest::newRow("an unknown side")
            << QByteArray(R"({"error":[],"result":{"XXBTZUSD":[["1.0","2.0",3.0,"x","l","",1]],"last":"1"}})")
            << rows;
        QTest::newRow("no time at all")
            << QByteArray(
                   R"({"error":[],"result":{"XXBTZUSD":[["1.0","2.0","soon","b","l","",1]],"last":"1"}})")
            << rows;
    }

    void tellsWhatIsWrong()
    {
        QFETCH(QByteArray, body);
        QFETCH(QString, message);

        const auto trades = History::decode(body, "BTC/USD"_sym);

        QVERIFY(!trades);
        QCOMPARE(trades.error().message, message);
    }

    // These come with HTTP status 200. Whether they are tried again is told without a network.
    void asksAgainForWhatPasses_data()
    {
        QTest::addColumn<QByteArray>("body");
        QTest::addColumn<bool>("passes");
        QTest::newRow("too many") << QByteArray(R"({"error":["EGeneral:Too many requests"]})") << true;
        QTest::newRow("rate limit") << QByteArray(R"({"error":["EAPI:Rate limit exceeded"]})") << true;
        QTest::newRow("unavailable") << QByteArray(R"({"error":["EService:Unavailable"]})") << true;
        QTest::newRow("unknown pair") << QByteArray(R"({"error":["EQuery:Unknown asset pair"]})") << false;
        QTest::newRow("a proxy's page") << QByteArray("<html>") << true;
        QTest::newRow("truncated body, then whole")
            << QByteArray(R"({"error":[],"result":{"XXBTZUSD":[["63501.6",)") << true;
        QTest::newRow("nothing") << QByteArray() << true;
    }
    void asksAgainForWhatPasses()
    {
        QFETCH(QByteArray, body);
        QFETCH(bool, passes);
        net::RestClient rest;
        rest.beginReplay();
        History history(rest, this);
        history.setUrl(QUrl("https://api.example"));
        std::optional<Result<net::HistoryPage<Trade>>> got;

        history.fetch("BTC/USD"_sym, Timestamp{1762795433000000001}, 64000001, 64000001,
                      [&got](const Result<net::HistoryPage<Trade>> &page) { got = page; });
        const QUrl url(
            "https://api.example/0/public/Trades?pair=XBTUSD&since=1762795433000000000&count=1000");
        rest.replayAnswer(url, body);

        QCOMPARE(got.has_value(), !passes);
        QCOMPARE(rest.waiting(), passes ? 1 : 0);
        rest.replayAnswer(url, R"({"error":[],"result":{"XXBTZUSD":[)"
                               R"(["63501.60000","0.00010000",1762795433.9717445,"b","l","",64000001]]}})");
        QVERIFY(got);
        QCOMPARE(got->has_value(), passes);
        if (passes)
            QCOMPARE((*got)->records.size(), std::size_t(1));
    }

    void knowsTheOldNamesOfCurrencies()
    {
        QCOMPARE(History::pairName("BTC/USD"_sym), "XBTUSD");
        QCOMPARE(History::pairName("ETH/BTC"_sym), "ETHXBT");
        QCOMPARE(History::pairName("DOGE/EUR"_sym), "XDGEUR");
    }
};

QTEST_GUILESS_MAIN(tst_KrakenHistory)

#include "tst_kraken_history.moc"
