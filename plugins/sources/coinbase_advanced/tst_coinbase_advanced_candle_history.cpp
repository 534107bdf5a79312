// SPDX-License-Identifier: Apache-2.0
#include "candle_history.h"

#include <tidemill/net/testing.h>
#include <tidemill/testing.h>

using namespace tidemill;
using coinbase_advanced::CandleHistory;

namespace {

constexpr qint64 first = 1772442900; // seconds
constexpr qint64 length = 300;

Candle candle(int number)
{
    return {.exchange = "coinbase_advanced"_sym,
            .symbol = "BTC-USD"_sym,
            .interval = "5m"_sym,
            .ts_recv = Timestamp::fromSeconds(first + 10 * length),
            .ts_open = Timestamp::fromSeconds(first + number * length)};
}

QByteArray row(int number)
{
    return R"({"start":")" + QByteArray::number(first + number * length) +
           R"(","high":"4","low":"1","open":"2","close":"3","volume":"9"})";
}

} // namespace

class tst_CoinbaseAdvancedCandleHistory : public QObject
{
    Q_OBJECT

private slots:
    // It comes with HTTP status 200, and makes no hole.
    void asksAgainForWhatCannotBeRead_data()
    {
        QTest::addColumn<QByteArray>("body");
        QTest::newRow("truncated body, then whole") << QByteArray(R"({"candles":[{"start":)");
        QTest::newRow("a proxy's page") << QByteArray("<html>");
        QTest::newRow("nothing") << QByteArray();
    }
    void asksAgainForWhatCannotBeRead()
    {
        QFETCH(QByteArray, body);
        net::BareSource source("coinbase_advanced");
        net::RestClient rest;
        rest.beginReplay();
        CandleHistory history(source, rest);
        history.configure(QUrl("https://api.example"), 1000);
        const int stream =
            source.addStream("BTC-USD"_sym, "candles"_sym, "BTC-USD candles", net::FeedSource::Numbers::Own);
        QSignalSpy emitted(&source, &Source::emitted);
        history.follow(stream, true, candle(0), candle(0));
        history.follow(stream, true, candle(3), candle(3)); // behind a time away
        const QUrl url(QStringLiteral("https://api.example/api/v3/brokerage/market/products/BTC-USD/candles"
                                      "?start=%1&end=%2&granularity=FIVE_MINUTE")
                           .arg(first)
                           .arg(first + 3 * length - 1));

        for (int attempt = 0; attempt < 3; ++attempt) {
            rest.replayAnswer(url, body);
            source.flush();
            QCOMPARE(rest.waiting(), 1);
            QCOMPARE(emitted.size(), 0);
        }
        rest.replayAnswer(url, R"({"candles":[)" + row(2) + ',' + row(1) + ',' + row(0) + "]}");
        source.flush();

        QCOMPARE(rest.waiting(), 0);
        QCOMPARE(testing::rows<Candle>(emitted).size(), 3);
        QVERIFY(testing::rows<Gap>(emitted).isEmpty());
    }
};

QTEST_GUILESS_MAIN(tst_CoinbaseAdvancedCandleHistory)

#include "tst_coinbase_advanced_candle_history.moc"
