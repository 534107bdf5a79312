// SPDX-License-Identifier: Apache-2.0
#include "candle_backfill.h"
#include "exchange/http_server.h"

#include <tidemill/net/testing.h>
#include <tidemill/testing.h>

#include <QSet>

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
            .ts_close = open + std::chrono::milliseconds(59999),
            .closed = true};
}

Candle dayCandle(int day)
{
    Candle closed = candle(0);
    closed.interval = "1d"_sym;
    closed.ts_open = Timestamp::fromSeconds(1772409600LL + day * 86400LL);
    closed.ts_close = closed.ts_open + std::chrono::hours(24) + std::chrono::milliseconds(-1);
    closed.ts_event = closed.ts_recv = closed.ts_close;
    return closed;
}

// What the exchange has between the two times of a question.
QByteArray page(const exchange::HttpRequest &asked, qint64 length)
{
    QByteArrayList rows;
    const qint64 first = (asked.parameter("startTime").toLongLong() + length - 1) / length * length;
    for (qint64 open = first; open <= asked.parameter("endTime").toLongLong() && rows.size() < 1000;
         open += length)
        rows.append("[" + QByteArray::number(open) + R"(,"1","2","1","2","5",)" +
                    QByteArray::number(open + length - 1) + R"(,"9",3,"1","1","0"])");
    return '[' + rows.join(',') + ']';
}

// The same while it runs.
Candle running(int minute, int second)
{
    Candle open = candle(minute);
    open.ts_event = open.ts_recv = open.ts_open + std::chrono::seconds(second);
    open.closed = false;
    return open;
}

StreamState &addStream(net::BareSource &source, Streams &streams, const char *suffix)
{
    StreamState &stream = streams.add(QStringLiteral("BTCUSDT"), *parseStreamSuffix(QLatin1String(suffix)));
    stream.candles = std::make_unique<CandleFill>();
    stream.id = source.addStream(stream.symbol, stream.stream, stream.name, net::FeedSource::Numbers::Own);
    return stream;
}

// A stream of candles, and the exchange that its holes are filled from.
struct Filling
{
    Filling(const char *channel, int limit, exchange::HttpServer::Handler answer)
        : server(std::move(answer))
        , stream(addStream(source, streams, channel))
    {
        net::RestSettings settings;
        settings.backoff = {.initial = std::chrono::milliseconds(1), .max = std::chrono::milliseconds(20)};
        isGood = server.listen(QHostAddress::LocalHost) && rest.configure(settings);
        const QUrl url(QStringLiteral("http://127.0.0.1:%1").arg(server.serverPort()));
        history.setUrls(url, url);
        backfill.setLimit(limit);
    }

    exchange::HttpServer server;
    net::BareSource source{"binance"};
    net::RestClient rest;
    History history{rest, rest, &source};
    Streams streams;
    StreamState &stream;
    CandleBackfill backfill{source, streams, history};
    QSignalSpy emitted{&source, &Source::emitted};
    bool isGood = false;
};

} // namespace

// What becomes of holes between candles that nobody can fill.
class tst_CandleBackfill : public QObject
{
    Q_OBJECT

private slots:
    // What is not asked for and what is asked for in vain are two gaps, neither in the place of the other.
    void keepsTheGapsOfOneHoleApart()
    {
        Filling filling("kline_1m", 3, [](const exchange::HttpRequest &) {
            exchange::HttpResponse refusal;
            refusal.status = 400;
            refusal.body = R"({"code":-1121,"msg":"Invalid symbol."})";
            return refusal;
        });
        QVERIFY(filling.isGood);

        QVERIFY(filling.backfill.take(filling.stream, candle(0), {}));
        QVERIFY(filling.backfill.take(filling.stream, candle(10), candle(0).ts_recv));
        QTRY_VERIFY((filling.source.flush(), testing::rows<Gap>(filling.emitted).size() == 2));

        const QList<Gap> gaps = testing::rows<Gap>(filling.emitted);
        QCOMPARE(gaps[0].ts_from, candle(0).ts_recv);
        QVERIFY(gaps[0].ts_from < gaps[1].ts_from);
    }

    // Connections that come and go for days while REST is away: one question waits, and all is filled later.
    void waitsWithOneQuestionForAllHoles()
    {
        int status = 503;
        Filling filling("kline_1m", 1000000, [&status](const exchange::HttpRequest &request) {
            exchange::HttpResponse answer;
            answer.status = status;
            answer.body = page(request, 60000);
            return answer;
        });
        QVERIFY(filling.isGood);
        QSignalSpy troubled(&filling.rest, &net::RestClient::troubled);
        constexpr int holes = 1000;

        for (int i = 0; i <= holes; ++i) {
            QVERIFY(filling.backfill.take(filling.stream, candle(2 * i), candle(2 * i - 2).ts_recv));
            QVERIFY(filling.rest.waiting() <= 1);
        }
        QTRY_VERIFY(troubled.size() > 1);
        QCOMPARE(filling.stream.candles->completeTo(), candle(1).ts_open);
        status = 200;
        QTRY_COMPARE_WITH_TIMEOUT(filling.stream.candles->completeTo(), candle(2 * holes + 1).ts_open, 60000);

        filling.source.flush();
        QCOMPARE(testing::rows<Gap>(filling.emitted).size(), 0);
        QSet<qint64> filled;
        for (const Candle &row : testing::rows<Candle>(filling.emitted))
            filled.insert(row.ts_open.ns);
        for (int i = 0; i < holes; ++i)
            QVERIFY2(filled.contains(candle(2 * i + 1).ts_open.ns), qPrintable(QString::number(i)));
        QCOMPARE(filling.rest.waiting(), 0);
    }

    // However long a candle is, as many as are allowed are asked for.
    void fillsHolesOfLongCandles()
    {
        constexpr qint64 day = 86400000;
        Filling filling("kline_1d", 1000000, [](const exchange::HttpRequest &request) {
            exchange::HttpResponse answer;
            answer.body = page(request, day);
            return answer;
        });
        QVERIFY(filling.isGood);

        QVERIFY(filling.backfill.take(filling.stream, dayCandle(0), {}));
        QVERIFY(filling.backfill.take(filling.stream, dayCandle(4), dayCandle(0).ts_recv));
        QTRY_COMPARE(filling.stream.candles->completeTo(), dayCandle(5).ts_open);

        filling.source.flush();
        QCOMPARE(testing::rows<Gap>(filling.emitted).size(), 0);
        QList<Timestamp> filled;
        for (const Candle &row : testing::rows<Candle>(filling.emitted))
            filled.append(row.ts_open);
        QCOMPARE(filled,
                 (QList<Timestamp>{dayCandle(1).ts_open, dayCandle(2).ts_open, dayCandle(3).ts_open}));
    }

    // Two holes that one answer is asked for: each is judged by itself.
    void tellsWhichOfTheHolesIsNotFilled()
    {
        bool isAway = true;
        Filling filling("kline_1m", 1000, [&isAway](const exchange::HttpRequest &request) {
            exchange::HttpResponse answer;
            answer.status = isAway ? 503 : 200;
            // Nothing from the tenth minute on.
            exchange::HttpRequest known = request;
            const qint64 end = candle(10).ts_open.ns / 1000000 - 1;
            if (request.parameter("endTime").toLongLong() > end) {
                known.query.removeQueryItem("endTime");
                known.query.addQueryItem("endTime", QString::number(end));
            }
            answer.body = page(known, 60000);
            return answer;
        });
        QVERIFY(filling.isGood);

        for (const int minute : {0, 2, 5, 8, 20})
            QVERIFY(filling.backfill.take(filling.stream, candle(minute), candle(minute).ts_open));
        isAway = false;
        QTRY_COMPARE(filling.stream.candles->completeTo(), candle(21).ts_open);

        filling.source.flush();
        QList<Timestamp> filled;
        for (const Candle &row : testing::rows<Candle>(filling.emitted))
            filled.append(row.ts_open);
        QList<Timestamp> expected;
        for (const int minute : {1, 3, 4, 6, 7, 9})
            expected.append(candle(minute).ts_open);
        QCOMPARE(filled, expected);
        const QList<Gap> gaps = testing::rows<Gap>(filling.emitted);
        QCOMPARE(gaps.size(), 1);
        QCOMPARE(gaps[0].ts_event, candle(20).ts_event);
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
