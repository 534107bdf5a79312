// SPDX-License-Identifier: Apache-2.0
#include "candle_backfill.h"
#include "exchange/http_server.h"

#include <tidemill/net/testing.h>
#include <tidemill/testing.h>

using namespace tidemill;
using namespace tidemill::binance;

namespace {

Candle candle(int minute)
{
    const Timestamp open = Timestamp::fromSeconds(1772442900LL + minute * 60LL);
    return {.exchange = "binance"_sym,
            .symbol = "BTCUSDT"_sym,
            .interval = "1m"_sym,
            .ts_event = open + std::chrono::seconds(60),
            .ts_recv = open + std::chrono::seconds(60),
            .ts_open = open,
            .ts_close = open + std::chrono::milliseconds(59'999),
            .closed = true};
}

// The same while it runs.
Candle running(int minute, int second)
{
    Candle open = candle(minute);
    open.ts_event = open.ts_recv = open.ts_open + std::chrono::seconds(second);
    open.closed = false;
    return open;
}

} // namespace

// What becomes of holes between candles that nobody can fill.
class tst_CandleBackfill : public QObject
{
    Q_OBJECT

private slots:
    // What is not asked for and what is asked for in vain are two gaps, neither in the place of the other.
    void keepsTheGapsOfOneHoleApart()
    {
        exchange::HttpServer server([](const exchange::HttpRequest &) {
            exchange::HttpResponse refusal;
            refusal.status = 400;
            refusal.body = R"({"code":-1121,"msg":"Invalid symbol."})";
            return refusal;
        });
        QVERIFY(server.listen(QHostAddress::LocalHost));
        const QUrl url(QStringLiteral("http://127.0.0.1:%1").arg(server.serverPort()));
        net::BareSource source("binance");
        net::RestClient rest;
        TIDEMILL_VERIFY(rest.configure({}));
        History history(rest, rest, &source);
        history.setUrls(url, url);
        Streams streams;
        const auto spec = parseStreamSuffix(QStringLiteral("kline_1m"));
        TIDEMILL_VERIFY(spec);
        StreamState &stream = streams.add(QStringLiteral("BTCUSDT"), *spec);
        stream.candles = std::make_unique<CandleFill>();
        stream.id =
            source.addStream(stream.symbol, stream.stream, stream.name, net::FeedSource::Numbers::Own);
        CandleBackfill backfill(source, streams, history);
        backfill.setLimit(3);
        QSignalSpy emitted(&source, &Source::emitted);

        QVERIFY(backfill.take(stream, candle(0), {}));
        QVERIFY(backfill.take(stream, candle(10), candle(0).ts_recv));
        QTRY_VERIFY((source.flush(), testing::rows<Gap>(emitted).size() == 2));

        const QList<Gap> gaps = testing::rows<Gap>(emitted);
        QCOMPARE(gaps[0].ts_from, candle(0).ts_recv);
        QVERIFY(gaps[0].ts_from < gaps[1].ts_from);
    }

    // A run that ends within its first candle has stored that as far as it had got.
    void goesOnWithACandleThatWasNeverSeenClosed()
    {
        net::BareSource source("binance");
        net::RestClient rest;
        History history(rest, rest, &source);
        Streams streams;
        const auto spec = parseStreamSuffix(QStringLiteral("kline_1m"));
        TIDEMILL_VERIFY(spec);
        StreamState &stream = streams.add(QStringLiteral("BTCUSDT"), *spec);
        stream.candles = std::make_unique<CandleFill>();
        CandleBackfill backfill(source, streams, history);
        const auto position = [](int minute) {
            return QList<std::pair<int, QByteArray>>{{0, QByteArray::number(candle(minute).ts_open.ns)}};
        };

        QVERIFY(backfill.take(stream, running(0, 5), {}));
        QCOMPARE(backfill.takeMoved(), position(0));
        QVERIFY(backfill.take(stream, running(0, 6), {}));
        QVERIFY(backfill.takeMoved().isEmpty());
        QVERIFY(backfill.take(stream, candle(0), {}));
        QCOMPARE(backfill.takeMoved(), position(1));
        QVERIFY(backfill.take(stream, running(1, 5), {}));
        QVERIFY(backfill.takeMoved().isEmpty());
    }
};

QTEST_GUILESS_MAIN(tst_CandleBackfill)

#include "tst_candle_backfill.moc"
