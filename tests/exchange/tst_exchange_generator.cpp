// SPDX-License-Identifier: Apache-2.0
#include "exchange/market_generator.h"
#include "exchange/order_book.h"
#include "exchange_test.h"

#include <deque>
#include <numeric>

using namespace tidemill::exchange;
using namespace tidemill::exchange::testing;

namespace {

const QSet<QByteArray> allStreams{"btcusdt@trade",         "btcusdt@aggTrade",    "btcusdt@bookTicker",
                                  "btcusdt@depth",         "btcusdt@depth@100ms", "btcusdt@depth5@100ms",
                                  "btcusdt@depth20@100ms", "btcusdt@depth10",     "btcusdt@kline_1s",
                                  "btcusdt@kline_1m"};

// Runs a market without a network, as fast as it goes.
struct Run
{
    Run(const GeneratorOptions &options, const QSet<QByteArray> &streams, qsizetype count)
        : generator(options)
    {
        QObject::connect(&generator, &MarketData::published, &generator,
                         [this, count](const StreamFrame &frame) {
                             frames.append(frame);
                             if (frames.size() >= count)
                                 generator.setCongested(true);
                         });
        generator.setDemand(streams);
        generator.setAudience(1);
        if (QTest::qWaitFor([&] { return frames.size() >= count; }, 20'000))
            frames.resize(count); // one step may make several
    }

    QList<QJsonObject> of(const QByteArray &stream) const
    {
        QList<QJsonObject> list;
        for (const StreamFrame &frame : frames) {
            if (frame.stream == stream)
                list.append(json(frame.payload));
        }
        return list;
    }

    MarketGenerator generator;
    QList<StreamFrame> frames;
};

GeneratorOptions flood(quint64 seed = 1)
{
    GeneratorOptions options;
    options.seed = seed;
    options.flood = true;
    return options;
}

// What the system that Tidemill replaces computes of one depth event: the first five of each side, price by
// quantity.
double weightedPrice(const QJsonObject &event)
{
    double notional = 0;
    double quantity = 0;
    for (const char16_t *side : {u"b", u"a"}) {
        const QJsonArray levels = event[QStringView(side)].toArray();
        for (qsizetype index = 0; index < std::min<qsizetype>(5, levels.size()); ++index) {
            const double part = levels[index][1].toString().toDouble();
            notional += levels[index][0].toString().toDouble() * part;
            quantity += part;
        }
    }
    return quantity > 0 ? notional / quantity : 0;
}

QList<QByteArray> lines(MarketData::Chunks chunks)
{
    QByteArray all;
    for (QByteArray chunk = chunks(); !chunk.isEmpty(); chunk = chunks())
        all += chunk;
    all.chop(1);
    return all.split('\n');
}

} // namespace

class tst_ExchangeGenerator : public QObject
{
    Q_OBJECT

private slots:
    void sameSeedGivesTheSameFrames()
    {
        const Run first(flood(42), allStreams, 2000);
        const Run second(flood(42), allStreams, 2000);
        const Run other(flood(43), allStreams, 2000);

        QCOMPARE(first.frames.size(), 2000);
        QSet<QByteArray> seen;
        bool differs = false;
        for (qsizetype index = 0; index < 2000; ++index) {
            QCOMPARE(second.frames[index].stream, first.frames[index].stream);
            QCOMPARE(second.frames[index].payload, first.frames[index].payload);
            differs |= other.frames[index].payload != first.frames[index].payload;
            seen.insert(first.frames[index].stream);
        }
        QVERIFY(differs);
        QCOMPARE(seen.size(), allStreams.size());
    }

    void idsAreConsecutive()
    {
        const Run run(flood(), allStreams, 5000);

        qint64 tradeId = -1;
        for (const QJsonObject &trade : run.of("btcusdt@trade")) {
            if (tradeId >= 0)
                QCOMPARE(trade[u"t"].toInteger(), tradeId + 1);
            tradeId = trade[u"t"].toInteger();
        }
        QVERIFY(tradeId > (qint64(1) << 32));
        qint64 aggId = -1;
        qint64 lastTrade = -1;
        for (const QJsonObject &trade : run.of("btcusdt@aggTrade")) {
            if (aggId >= 0) {
                QCOMPARE(trade[u"a"].toInteger(), aggId + 1);
                QCOMPARE(trade[u"f"].toInteger(), lastTrade + 1);
            }
            aggId = trade[u"a"].toInteger();
            lastTrade = trade[u"l"].toInteger();
        }
        for (const QByteArray stream : {"btcusdt@depth", "btcusdt@depth@100ms"}) {
            qint64 updateId = -1;
            for (const QJsonObject &event : run.of(stream)) {
                if (updateId >= 0)
                    QCOMPARE(event[u"U"].toInteger(), updateId + 1);
                updateId = event[u"u"].toInteger();
                QVERIFY(updateId >= event[u"U"].toInteger());
            }
            QVERIFY(updateId > 0);
        }
    }

    // The exchange's documented procedure, followed by a book of another kind.
    void differencesLeadFromOneSnapshotToTheNext()
    {
        MarketGenerator generator(flood(7));
        OrderBook book;
        int applied = 0;
        int different = 0;
        connect(&generator, &MarketData::published, &generator, [&](const StreamFrame &frame) {
            if (book.isEmpty()) {
                QVERIFY(book.load(json(*generator.depth("BTCUSDT", 5000))));
                return;
            }
            applied += book.apply(json(frame.payload)) == OrderBook::Applied::Applied ? 1 : 0;
            different += book.toJson(5000) == *generator.depth("BTCUSDT", 5000) ? 0 : 1;
            generator.setCongested(applied >= 100);
        });
        generator.setDemand({"btcusdt@depth@100ms"});
        generator.setAudience(1);

        QTRY_COMPARE(applied, 100);
        QCOMPARE(different, 0);
    }

    void bestPricesAndPartialBooksAgreeWithTheBook()
    {
        const Run run(flood(3), allStreams, 3000);

        QVERIFY(!run.of("btcusdt@bookTicker").isEmpty());
        for (const QJsonObject &best : run.of("btcusdt@bookTicker")) {
            QVERIFY(!best.contains(u"e"));
            QVERIFY(sortKey(best[u"b"].toString().toLatin1()) < sortKey(best[u"a"].toString().toLatin1()));
        }
        const auto partial = run.of("btcusdt@depth5@100ms");
        QVERIFY(!partial.isEmpty());
        QCOMPARE(partial.first()[u"bids"].toArray().size(), 5);
        QCOMPARE(partial.first()[u"asks"].toArray().size(), 5);
        QCOMPARE(partial.first()[u"lastUpdateId"], run.of("btcusdt@depth@100ms").first()[u"u"]);
    }

    void eachCandleClosesOnce()
    {
        const Run run(flood(5), {"btcusdt@kline_1s", "btcusdt@kline_1m"}, 400);

        for (const QByteArray stream : {"btcusdt@kline_1s", "btcusdt@kline_1m"}) {
            QList<qint64> closed;
            for (const QJsonObject &event : run.of(stream)) {
                const QJsonObject candle = event[u"k"].toObject();
                if (candle[u"x"].toBool())
                    closed.append(candle[u"t"].toInteger());
            }
            const qint64 length = stream.endsWith("1s") ? 1000 : 60'000;
            QVERIFY(closed.size() >= 3);
            for (qsizetype index = 1; index < closed.size(); ++index)
                QCOMPARE(closed[index], closed[index - 1] + length);
        }
    }

    void quietSecondsHaveEmptyCandles()
    {
        GeneratorOptions options = flood();
        options.eventsPerSecond = 1;
        const Run run(options, {"btcusdt@kline_1s"}, 20);

        int empty = 0;
        for (const QJsonObject &event : run.of("btcusdt@kline_1s")) {
            const QJsonObject candle = event[u"k"].toObject();
            if (candle[u"n"].toInt() > 0)
                continue;
            ++empty;
            QCOMPARE(candle[u"f"].toInteger(), -1);
            QCOMPARE(candle[u"o"], candle[u"c"]);
            QCOMPARE(candle[u"v"].toString(), QStringLiteral("0.00000000"));
        }
        QVERIFY(empty > 0);
    }

    void movingAveragesCrossWithinSeconds()
    {
        for (quint64 seed = 1; seed <= 5; ++seed) {
            const Run run(flood(seed), {"btcusdt@depth@100ms"}, 150); // fifteen seconds
            std::deque<double> prices;
            int up = 0;
            int down = 0;
            double previous = 0;
            for (const QJsonObject &event : run.of("btcusdt@depth@100ms")) {
                prices.push_back(weightedPrice(event));
                if (prices.size() < 30)
                    continue;
                const double shortMean = std::accumulate(prices.end() - 10, prices.end(), 0.0) / 10;
                const double longMean = std::accumulate(prices.end() - 30, prices.end(), 0.0) / 30;
                const double difference = shortMean - longMean;
                up += previous < 0 && difference > 0 ? 1 : 0;
                down += previous > 0 && difference < 0 ? 1 : 0;
                previous = difference;
            }
            QVERIFY2(up >= 1 && down >= 1,
                     qPrintable(QStringLiteral("seed %1: %2 up, %3 down").arg(seed).arg(up).arg(down)));
        }
    }

    void truthIsWhatWasPublished()
    {
        Run run(flood(9), allStreams, 2000);

        QList<QByteArray> trades;
        QList<QByteArray> depth;
        for (const StreamFrame &frame : std::as_const(run.frames)) {
            if (frame.stream == "btcusdt@trade")
                trades.append(frame.payload);
            if (frame.stream == "btcusdt@depth@100ms")
                depth.append(frame.payload);
        }

        // One step of the market can make several frames, so the truth may be ahead of the last frame taken.
        QCOMPARE(lines(run.generator.truth("trade", "BTCUSDT")).mid(0, trades.size()), trades);
        QCOMPARE(lines(run.generator.truth("depth", "BTCUSDT")).mid(0, depth.size()), depth);
        QVERIFY(!run.generator.truth("trade", "NOSUCH"));
    }

    void truthIncludesWhatCameBeforeTheFirstClient()
    {
        GeneratorOptions options = flood(9);
        options.warmupUs = 5'000'000;
        MarketGenerator warm(options);

        const QList<QByteArray> truth = lines(warm.truth("trade", "BTCUSDT"));

        QVERIFY(truth.size() > 100);
        QCOMPARE(json(truth.last())[u"t"].toInteger(),
                 warm.history("BTCUSDT")->trades({{}, {}, {}, 1}).first().id);
    }

    void microsecondsAreTheSameEventsFiner()
    {
        MarketGenerator generator(flood());
        QList<StreamFrame> frames;
        connect(&generator, &MarketData::published, &generator, [&](const StreamFrame &frame) {
            frames.append(frame);
            generator.setCongested(frames.size() >= 50);
        });
        generator.setMicrosecondsWanted(true);
        generator.setDemand({"btcusdt@trade"});
        generator.setAudience(1);
        QTRY_VERIFY(frames.size() >= 50);

        for (const StreamFrame &frame : std::as_const(frames)) {
            const QJsonObject ms = json(frame.payload);
            const QJsonObject us = json(frame.micros);
            QCOMPARE(us[u"t"], ms[u"t"]);
            QCOMPARE(us[u"T"].toInteger() / 1000, ms[u"T"].toInteger());
            QVERIFY(us[u"T"].toInteger() > 1'000'000'000'000'000);
        }
    }

    void keepsToItsPace()
    {
        GeneratorOptions options;
        options.eventsPerSecond = 1000;
        MarketGenerator generator(options);
        QElapsedTimer clock;
        clock.start();
        generator.setAudience(1);

        QTRY_VERIFY(generator.nowUs() >= options.epochUs + 300'000);

        QVERIFY2(clock.elapsed() >= 290, qPrintable(QString::number(clock.elapsed())));
    }

    void waitsForItsFirstClient()
    {
        GeneratorOptions options;
        options.startClients = 2;
        MarketGenerator generator(options);
        QSignalSpy began(&generator, &MarketData::began);

        generator.setAudience(1);
        QCOMPARE(began.size(), 0);
        generator.setAudience(2);
        QCOMPARE(began.size(), 1);
        generator.setAudience(0);
        QTRY_VERIFY(generator.nowUs() > options.epochUs); // life goes on
    }
};

QTEST_GUILESS_MAIN(tst_ExchangeGenerator)

#include "tst_exchange_generator.moc"
