// SPDX-License-Identifier: Apache-2.0
#include "binance_test.h"

#include <QElapsedTimer>

using namespace tidemill;

// Whatever happens to connections: each trade once, each candle closed once, and a book that can be followed.
class tst_BinanceContinuity : public binance::BinanceTest
{
    Q_OBJECT

private slots:
    void init() { open(); }
    void cleanup() { close(); }

    void fillsWhatALossCost_data()
    {
        QTest::addColumn<QString>("fault");

        QTest::newRow("closed by plan") << QStringLiteral("close:1000");
        QTest::newRow("the server goes away") << QStringLiteral("close:1001");
        QTest::newRow("aborted") << QStringLiteral("abort");
        QTest::newRow("nobody listens for a while") << QStringLiteral("refuse:1s");
        QTest::newRow("shutdown announced") << QStringLiteral("serverShutdown:2s");
        QTest::newRow("five trades left out") << QStringLiteral("gap:5:btcusdt@trade");
        QTest::newRow("trades sent twice") << QStringLiteral("repeat:20:btcusdt@trade");
    }

    void fillsWhatALossCost()
    {
        QFETCH(QString, fault);
        generate(100);
        start({"trade", "aggTrade"});
        QTRY_VERIFY(rows<Trade>().size() > 20);

        inject(fault);
        const qint64 newest = tradeIds().last() + 300; // three seconds further on
        QTRY_VERIFY_WITH_TIMEOUT(tradeIds().last() > newest, 20000);

        QVERIFY(areConsecutive(tradeIds()));
        QList<qint64> aggregated;
        for (const AggTrade &trade : rows<AggTrade>())
            aggregated.append(trade.agg_trade_id);
        QVERIFY(areConsecutive(aggregated));
        QVERIFY(rows<Gap>().isEmpty());
        QCOMPARE(m_exchange->stats()["violations"].toArray().size(), 0);
    }

    void marksWhatComesFromHistory()
    {
        generate(100);
        start({"trade"});
        QTRY_VERIFY(rows<Trade>().size() > 20);

        inject(QStringLiteral("gap:5:btcusdt@trade"));

        QList<Trade> filled;
        QTRY_COMPARE_WITH_TIMEOUT((filled = backfilled(), filled.size()), 5, 10000);
        // As the exchange had sent them.
        const Trade &before = *std::find_if(m_trades.begin(), m_trades.end(), [&](const Trade &trade) {
            return trade.trade_id == filled.first().trade_id - 1;
        });
        QVERIFY(filled.first().ts_event >= before.ts_event);
        QVERIFY(!filled.first().price.isNull());
        QVERIFY(filled.first().side != Side::Unknown);
    }

    void recordsWhatHistoryDoesNotHave()
    {
        close();
        binance::Settings settings;
        settings.dataHost = true; // as the address for market data alone: no trades by id
        open(settings);
        generate(100);
        start({"trade"});
        QTRY_VERIFY(rows<Trade>().size() > 20);

        inject(QStringLiteral("gap:5:btcusdt@trade"));

        QTRY_COMPARE_WITH_TIMEOUT(rows<Gap>().size(), 1, 10000);
        const Gap gap = rows<Gap>().first();
        QCOMPARE(gap.last_missing - gap.first_missing + 1, 5);
        QCOMPARE(gap.stream, Symbol("trade"));
        QTRY_VERIFY(tradeIds().last() > gap.last_missing);
        QVERIFY(!tradeIds().contains(gap.first_missing));
    }

    void leavesHolesAloneWithoutBackfill()
    {
        generate(100);
        start({"trade"}, {{"backfill", false}});
        QTRY_VERIFY(rows<Trade>().size() > 20);

        inject(QStringLiteral("gap:5:btcusdt@trade"));

        QTRY_COMPARE(rows<Gap>().size(), 1);
        QCOMPARE(rows<Gap>().first().last_missing - rows<Gap>().first().first_missing + 1, 5);
        QVERIFY(backfilled().isEmpty());
    }

    void goesOnWhereTheRunBeforeStood()
    {
        generate(100);
        start({"trade"});
        QTRY_VERIFY(rows<Trade>().size() > 20);
        m_source->stop();
        const QList<qint64> first = tradeIds();
        const auto positions = m_positions;
        QVERIFY(positions.contains("BTCUSDT trade"));
        m_source.reset();
        // Time in which nobody collects: the market goes by the clock.
        QElapsedTimer away;
        away.start();
        QTRY_VERIFY_WITH_TIMEOUT(away.hasExpired(1000), 5000);

        start({"trade"}, {}, positions);
        QTRY_VERIFY_WITH_TIMEOUT(!rows<Trade>().isEmpty() && tradeIds().last() > first.last() + 150, 20000);

        QVERIFY(areConsecutive(first + tradeIds()));
        QVERIFY(rows<Gap>().isEmpty());
    }

    void takesEachRecordOnceFromTwoConnections()
    {
        generate(200);
        start({"trade", "bookTicker", "depth@100ms", "kline_1s"},
              {{"connections", QVariantMap{{"redundancy", 2}}}});
        QTRY_COMPARE_WITH_TIMEOUT(m_exchange->stats()["connections_now"].toInt(), 2, 10000);
        QTRY_VERIFY_WITH_TIMEOUT(rows<Trade>().size() > 400, 15000);
        inject(QStringLiteral("abort"));
        QTRY_VERIFY_WITH_TIMEOUT(rows<Trade>().size() > 1200, 20000);

        QVERIFY(areConsecutive(tradeIds()));
        qint64 quote = 0;
        for (const Quote &row : rows<Quote>()) {
            QVERIFY(row.update_id > quote);
            quote = row.update_id;
        }
        qint64 update = 0;
        for (const BookUpdate &row : rows<BookUpdate>()) {
            QVERIFY(row.last_update_id > update);
            update = row.last_update_id;
        }
    }

    void closesEachCandleOnceWhateverWasMissed()
    {
        generate(100);
        start({"kline_1s"});
        QTRY_VERIFY_WITH_TIMEOUT(closed().size() >= 2, 10000);

        inject(QStringLiteral("refuse:3s"));
        const auto isFilled = [this] {
            const QList<Candle> all = closed();
            const bool hasOld = std::any_of(all.begin(), all.end(), [](const Candle &candle) {
                return candle.provenance == Provenance::Backfill;
            });
            return hasOld && all.last().provenance == Provenance::Live;
        };
        QTRY_VERIFY_WITH_TIMEOUT(isFilled(), 30000);

        QSet<qint64> openings;
        for (const Candle &candle : closed()) {
            QVERIFY(!openings.contains(candle.ts_open.ns));
            openings.insert(candle.ts_open.ns);
        }
        const qint64 first = *std::min_element(openings.begin(), openings.end());
        const qint64 last = *std::max_element(openings.begin(), openings.end());
        QCOMPARE(qint64(openings.size()), (last - first) / 1'000'000'000 + 1);
        QVERIFY(rows<Gap>().isEmpty());
        QTRY_VERIFY(m_positions.contains("BTCUSDT kline_1s"));
    }

    void rotatesWithoutATrace()
    {
        generate(100);
        start({"trade", "depth@100ms"}, {{"connections", QVariantMap{{"lifetime", "2s"}}}});
        QTRY_VERIFY_WITH_TIMEOUT(m_exchange->stats()["connections_ever"].toInt() >= 3, 20000);

        QVERIFY(areConsecutive(tradeIds()));
        QVERIFY(rows<Gap>().isEmpty());
        QCOMPARE(rows<BookSnapshot>().size(), 1); // one book all along
    }

private:
    QList<Trade> backfilled()
    {
        m_trades = rows<Trade>();
        QList<Trade> filled;
        for (const Trade &trade : std::as_const(m_trades)) {
            if (trade.provenance == Provenance::Backfill)
                filled.append(trade);
        }
        return filled;
    }

    QList<Candle> closed() const
    {
        QList<Candle> closed;
        for (const Candle &candle : rows<Candle>()) {
            if (candle.closed)
                closed.append(candle);
        }
        return closed;
    }

    QList<Trade> m_trades;
};

QTEST_GUILESS_MAIN(tst_BinanceContinuity)

#include "tst_binance_continuity.moc"
