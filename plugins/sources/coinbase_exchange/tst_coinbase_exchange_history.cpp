// SPDX-License-Identifier: Apache-2.0
#include "history.h"

#include <tidemill/testing.h>

using namespace tidemill;
using coinbase_exchange::History;
using Page = net::HistoryPage<Trade>;

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

    // It comes with HTTP status 200, and makes no hole.
    void asksAgainForWhatCannotBeRead_data()
    {
        QTest::addColumn<QByteArray>("body");
        QTest::newRow("truncated body, then whole") << QByteArray(R"([{"trade_id":7,"side":"buy","size":)");
        QTest::newRow("a proxy's page") << QByteArray("<html>");
        QTest::newRow("nothing") << QByteArray();
    }
    void asksAgainForWhatCannotBeRead()
    {
        QFETCH(QByteArray, body);
        net::RestClient rest;
        History history = replayed(rest);
        std::optional<Result<Page>> got;
        history.fetch("BTC-USD"_sym, 7, 7, [&got](const Result<Page> &page) { got = page; });
        const QUrl url("https://api.example/products/BTC-USD/trades?after=8");

        for (int attempt = 0; attempt < 3; ++attempt) {
            rest.replayAnswer(url, body);
            QVERIFY(!got);
            QCOMPARE(rest.waiting(), 1);
        }
        rest.replayAnswer(
            url,
            R"([{"trade_id":7,"side":"buy","size":"1","price":"6100.4","time":"2026-03-20T00:22:57Z"}])");

        QVERIFY(got);
        TIDEMILL_VERIFY(*got);
        QCOMPARE((*got)->records.size(), std::size_t(1));
        QVERIFY((*got)->complete);
    }

    // A page without anything that was asked for: ids were left out, or history is not there yet. It may get
    // there between two questions, so the next page must not be taken for the first one that there is.
    void leavesNothingOutThatHistoryDoesNotHaveYet_data()
    {
        QTest::addColumn<QStringList>("pages"); // one answer after the other: AFTER:OLDEST-NEWEST
        QTest::addColumn<QString>("got");
        QTest::addColumn<bool>("complete");

        QTest::newRow("nothing yet") << QStringList{"6001:4001-5000", ":4001-5000"} << "" << true;
        QTest::newRow("not one trade ever") << QStringList{"6001:", ":"} << "" << true;
        QTest::newRow("the first of them by now")
            << QStringList{"6001:4001-5000", ":4004-5003"} << "5001-5003" << true;
        QTest::newRow("the whole page and no more by now")
            << QStringList{"6001:4001-5000", ":5001-6000"} << "5001-6000" << true;
        QTest::newRow("beyond the page by now")
            << QStringList{"6001:4001-5000", ":5002-6001", "6001:5001-6000"} << "5001-6000" << false;
        QTest::newRow("left out indeed")
            << QStringList{"6001:4001-5000", ":9001-9500", "6001:4001-5000", "7001:6500-7000"} << "6500-7000"
            << false;
        QTest::newRow("left out to the end: how far it reaches is asked once")
            << QStringList{"6001:4001-5000", ":9001-9500", "6001:4001-5000", "7001:4001-5000",
                           "8001:4001-5000"}
            << "" << true;
    }

    void leavesNothingOutThatHistoryDoesNotHaveYet()
    {
        QFETCH(QStringList, pages);
        QFETCH(QString, got);
        QFETCH(bool, complete);
        net::RestClient rest;
        History history = replayed(rest);
        std::optional<Result<Page>> answer;

        history.fetch("BTC-USD"_sym, 5001, 8000, [&answer](const Result<Page> &page) { answer = page; });
        for (const QString &page : std::as_const(pages)) {
            QVERIFY(!answer);
            QCOMPARE(rest.waiting(), 1);
            const QString after = page.section(u':', 0, 0);
            rest.replayAnswer(QUrl("https://api.example/products/BTC-USD/trades" +
                                   (after.isEmpty() ? QString() : "?after=" + after)),
                              body(page.section(u':', 1)));
        }

        QVERIFY(answer);
        TIDEMILL_VERIFY(*answer);
        const auto &trades = (*answer)->records;
        QCOMPARE(trades.empty()
                     ? QString()
                     : QStringLiteral("%1-%2").arg(trades.front().trade_id).arg(trades.back().trade_id),
                 got);
        QCOMPARE((*answer)->complete, complete);
        QCOMPARE(rest.waiting(), 0);
    }

    // Up to now: the newest page has told how far history reaches.
    void asksOnlyOnceHowFarHistoryReaches()
    {
        net::RestClient rest;
        History history = replayed(rest);
        const auto url = [](const char *query) {
            return QUrl(QStringLiteral("https://api.example/products/BTC-USD/trades") + query);
        };
        std::optional<Result<Page>> answer;

        history.fetch("BTC-USD"_sym, 5001, 0, [&answer](const Result<Page> &page) { answer = page; });
        rest.replayAnswer(url(""), body("7001-8000"));
        rest.replayAnswer(url("?after=6001"), body("4001-5000"));
        rest.replayAnswer(url("?after=7001"), body("6999-7000"));

        QVERIFY(answer);
        TIDEMILL_VERIFY(*answer);
        QCOMPARE((*answer)->records.size(), std::size_t(2));
        QVERIFY(!(*answer)->complete);
    }

    // [time, low, high, open, close, volume], newest first, numbers as JSON has them.
    void decodesCandles()
    {
        const auto candles = History::decodeCandles(
            R"([[1772442900,9,9,9,9,9],[1772442780,61000.10,61234.50,61100,61200.0,1e-8,"novelty"],)"
            R"([1772442720,0.1,0.30,0.20,0.2,1234567.00120000],[1772442720,1,1,1,1,1],[1772442750,1,1,1,1,1],)"
            R"([1772442660,1,1,1,1,1]])",
            range());
        TIDEMILL_VERIFY(candles);

        // Neither what was not asked for, nor one that opens in between, nor the same one twice.
        QCOMPARE(candles->size(), std::size_t(2));
        const Candle &first = candles->front();
        QCOMPARE(first.ts_open, Timestamp::fromSeconds(1772442720));
        QCOMPARE(first.low.toString(), "0.1");
        QCOMPARE(first.high.toString(), "0.30");
        QCOMPARE(first.open.toString(), "0.20");
        QCOMPARE(first.close.toString(), "0.2");
        QCOMPARE(first.volume.toString(), "1234567.00120000");
        QCOMPARE(first.exchange, "coinbase_exchange"_sym);
        QCOMPARE(first.symbol, "BTC-USD"_sym);
        QCOMPARE(first.interval, "1m"_sym);
        QCOMPARE(first.ts_close.ns, Timestamp::fromSeconds(1772442780).ns - 1);
        QVERIFY(first.closed);
        QCOMPARE(first.provenance, Provenance::Backfill);
        const Candle &last = candles->back();
        QCOMPARE(last.open.toString(), "61100");
        QCOMPARE(last.high.toString(), "61234.50");
        QCOMPARE(last.close.toString(), "61200.0");
        QCOMPARE(last.volume, *Decimal::parse("0.00000001"));
    }

    void decodesNoCandles()
    {
        const auto candles = History::decodeCandles("[]", range());

        TIDEMILL_VERIFY(candles);
        QVERIFY(candles->empty());
    }

    void tellsWhatIsWrongWithCandles_data()
    {
        QTest::addColumn<QByteArray>("body");

        QTest::newRow("nothing") << QByteArray();
        QTest::newRow("a message") << QByteArray(R"({"message":"NotFound"})");
        QTest::newRow("cut off") << QByteArray("[[1772442720,1,1,1,1,1],[17724");
        QTest::newRow("no volume") << QByteArray("[[1772442720,1,1,1,1]]");
        QTest::newRow("no rows") << QByteArray("[1772442720,1,1,1,1,1]");
        QTest::newRow("nulls") << QByteArray("[[1772442720,1,1,null,1,1]]");
        QTest::newRow("too large a number") << QByteArray("[[1772442720,1,1,1,1,123456789012345678901]]");
        QTest::newRow("no time") << QByteArray("[[1.5,1,1,1,1,1]]");
    }

    void tellsWhatIsWrongWithCandles()
    {
        QFETCH(QByteArray, body);

        const auto candles = History::decodeCandles(body, range());

        QVERIFY(!candles);
        QCOMPARE(candles.error().message,
                 "candles: expected rows of time, low, high, open, close and volume");
    }

private:
    // Nobody is asked: the answers are the test's.
    History replayed(net::RestClient &rest)
    {
        rest.beginReplay();
        History history(rest, this);
        history.setUrl(QUrl("https://api.example"));
        return history;
    }

    // The trades OLDEST-NEWEST as the exchange sends them; none for no text.
    static QByteArray body(const QString &range)
    {
        QByteArrayList rows;
        if (!range.isEmpty()) {
            for (qint64 id = range.section(u'-', 1).toLongLong();
                 id >= range.section(u'-', 0, 0).toLongLong(); --id)
                rows.append(R"({"trade_id":)" + QByteArray::number(id) +
                            R"(,"side":"buy","size":"1","price":"6100.4","time":"2026-03-20T00:22:57Z"})");
        }
        return '[' + rows.join(',') + ']';
    }

    static History::CandleRange range()
    {
        return {.product = "BTC-USD"_sym,
                .interval = "1m"_sym,
                .length = std::chrono::seconds(60),
                .from = Timestamp::fromSeconds(1772442720),
                .to = Timestamp::fromSeconds(1772442840)};
    }
};

QTEST_GUILESS_MAIN(tst_CoinbaseExchangeHistory)

#include "tst_coinbase_exchange_history.moc"
