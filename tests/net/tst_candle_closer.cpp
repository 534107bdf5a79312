// SPDX-License-Identifier: Apache-2.0
#include <tidemill/net/candle_closer.h>
#include <tidemill/testing.h>

using namespace tidemill;
using net::CandleCloser;

namespace {

Candle candle(int minute, const char *close, bool closed = false)
{
    return {.symbol = "BTC-USD"_sym,
            .ts_recv = {1000 + minute},
            .ts_open = {qint64(minute) * 60},
            .close = *Decimal::parse(close),
            .closed = closed};
}

} // namespace

class tst_CandleCloser : public QObject
{
    Q_OBJECT

private slots:
    void closesTheOneBefore()
    {
        CandleCloser closer;
        Candle first = candle(5, "1.0");
        Candle changed = candle(5, "1.5");
        Candle next = candle(10, "2.0");

        QVERIFY(!closer.add(first));
        QVERIFY(!closer.add(changed));
        const auto closed = closer.add(next);

        QVERIFY(closed);
        QVERIFY(closed->closed);
        QCOMPARE(closed->close.toString(), "1.5");
        QCOMPARE(closed->ts_recv, next.ts_recv); // that is when it was known
        QVERIFY(!next.closed);
    }

    void closesNothingTwice()
    {
        CandleCloser closer;
        Candle first = candle(5, "1.0", true);
        Candle next = candle(10, "2.0");

        closer.add(first);

        QVERIFY(!closer.add(next));
    }

    void knowsThatAnOlderOneIsClosed()
    {
        CandleCloser closer;
        Candle newer = candle(10, "2.0");
        Candle older = candle(5, "1.0");
        closer.add(newer);

        QVERIFY(!closer.add(older));

        QVERIFY(older.closed);
        Candle next = candle(15, "3.0");
        QCOMPARE(closer.add(next)->ts_open, newer.ts_open);
    }

    // The time away may have changed it.
    void leavesOpenWhatWasNotSeenToTheEnd()
    {
        CandleCloser closer;
        Candle first = candle(5, "1.0");
        Candle next = candle(10, "2.0");
        closer.add(first);

        closer.interrupted();

        QVERIFY(!closer.add(next));
        Candle behind = candle(15, "3.0");
        QVERIFY(closer.add(behind));
    }

    void closesWhatComesAgainAfterTheLoss()
    {
        CandleCloser closer;
        Candle first = candle(5, "1.0");
        Candle again = candle(5, "1.7");
        Candle next = candle(10, "2.0");
        closer.add(first);
        closer.interrupted();
        closer.add(again);

        const auto closed = closer.add(next);

        QVERIFY(closed);
        QCOMPARE(closed->close.toString(), "1.7");
    }

    void closesAllButTheNewestOfEachStream_data()
    {
        QTest::addColumn<bool>("oldestFirst");
        QTest::newRow("oldest first") << true;
        QTest::newRow("newest first") << false;
    }

    void closesAllButTheNewestOfEachStream()
    {
        QFETCH(bool, oldestFirst);
        net::StreamCandles together{
            {0, candle(5, "1")}, {0, candle(20, "2")}, {1, candle(10, "3")}, {0, candle(25, "4")}};
        if (!oldestFirst)
            std::reverse(together.begin(), together.end());

        net::closeFollowed(together);

        QStringList closed;
        for (const auto &[stream, one] : together) {
            if (one.closed)
                closed.append(one.close.toString());
        }
        closed.sort();
        QCOMPARE(closed, (QStringList{"1", "2"}));
    }
};

QTEST_GUILESS_MAIN(tst_CandleCloser)

#include "tst_candle_closer.moc"
