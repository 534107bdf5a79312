// SPDX-License-Identifier: Apache-2.0
#include "continuity_bench.h"

using namespace tidemill;
using namespace tidemill::net;
using namespace std::chrono_literals;
using Bench = ContinuityBench;

// What is filled late or not at all, and what goes on in another run or on another connection.
class tst_ContinuityLate : public QObject
{
    Q_OBJECT

private slots:
    void goesOnWithoutSlowHistory()
    {
        ContinuitySettings settings;
        settings.maxHold = 1s;
        Bench bench(settings);
        bench.add({1, 5}, 1000);
        bench.continuity.tick(Timestamp{startNs + 1999 * ms});
        QCOMPARE(bench.take(), "1, ask 2-4");
        bench.continuity.tick(Timestamp{startNs + 2000 * ms});
        bench.add({6}, 2000);
        QCOMPARE(bench.take(), "gap 2-4, 5, 6");
        QCOMPARE(bench.continuity.completeTo(0), 1);
        QCOMPARE(bench.continuity.figures(0).openHoles, 1);
        bench.answer(page({2, 3}, false));
        bench.answer(page({4}));
        QCOMPARE(bench.take(), "b2, b3, ask 4-4, b4, filled 2-4");
        QCOMPARE(bench.gaps[0].ts_from, bench.gaps[1].ts_from);
        QCOMPARE(bench.continuity.completeTo(0), 6);
    }

    void saysWhatOfALateHoleStaysMissing()
    {
        ContinuitySettings settings;
        settings.maxHeldRecords = 1;
        Bench bench(settings);
        bench.add({1, 5, 6});
        QCOMPARE(bench.take(), "1, ask 2-4, gap 2-4, 5, 6");
        bench.add({3}); // from a connection that is far behind
        bench.answer(page({3, 4}));
        QCOMPARE(bench.take(), "3, b4, filled 2-4, gap 2-2");
        QCOMPARE(bench.continuity.figures(0).missing, 1u);
    }

    void narrowsALateHoleWhenItStops()
    {
        ContinuitySettings settings;
        settings.maxHeldRecords = 0;
        Bench bench(settings);
        bench.add({1, 9});
        bench.add({4, 6});
        bench.take();
        bench.continuity.stop();
        QCOMPARE(bench.take(), "gap 2-3, gap 5-5, gap 7-8");
        QCOMPARE(bench.gaps[1].ts_from, bench.gaps[0].ts_from); // replaces the gap of 2 to 8
        QCOMPARE(bench.continuity.position(0).count('@'), 3);
    }

    void leavesALateHoleOpenThatNobodyFills()
    {
        ContinuitySettings settings;
        settings.maxHeldRecords = 0;
        Bench bench(settings);
        bench.add({1, 5});
        bench.answer(Error{Error::Kind::Network, QStringLiteral("refused")});
        QCOMPARE(bench.take(), "1, gap 2-4, 5, ask 2-4");
        QCOMPARE(bench.continuity.completeTo(0), 5);
        QCOMPARE(bench.continuity.figures(0).missing, 3u);
    }

    void boundsBytesOfAllStreams()
    {
        ContinuitySettings settings;
        settings.maxHeldBytes = 1000;
        Bench bench(settings);
        bench.continuity.open(1, {Symbol("test"), Symbol("ETHUSDT"), Symbol("trade")});
        bench.add({1, 10, 11, 12, 13, 14, 15, 16});
        bench.take();
        bench.continuity.add(1, trade(1));
        for (qint64 id = 10; id < 16; ++id)
            bench.continuity.add(1, trade(id));
        // The one that holds most lets go.
        QVERIFY(bench.take().contains("gap 2-9, 10, 11"));
        QVERIFY(bench.continuity.heldBytes() > 0 && bench.continuity.heldBytes() <= 1000);
    }

    void asksForTheNewestOfALongHoleOnly()
    {
        ContinuitySettings settings;
        settings.maxBackfill = 10;
        Bench bench(settings);
        bench.add({1, 1000});
        QCOMPARE(bench.take(), "1, gap 2-989, ask 990-999");
    }

    void survivesIdsThatMakeNoSense()
    {
        Bench bench;
        bench.add({1, std::numeric_limits<qint64>::max(), -7, std::numeric_limits<qint64>::min(), 2});
        QCOMPARE(bench.take(), "1, 2");
        QCOMPARE(bench.continuity.takeRepeats(), 3);
        bench.continuity.add(7, trade(3)); // never opened
        QCOMPARE(bench.continuity.takeRepeats(), 1);
    }

    void noticesThatIdsStartOver()
    {
        Bench bench;
        bench.add({50000, 50001, 50004});
        Trade anew = trade(1);
        anew.ts_event = trade(50001).ts_event + 11s;
        bench.take();
        bench.continuity.add(0, anew);
        QCOMPARE(bench.take(), "gap 50002-50003, 50004, gap 0-0, 1");
        bench.add({2});
        QCOMPARE(bench.take(), "2");
    }

    void resumesWhereTheLastRunStood()
    {
        Bench last;
        last.add({5, 6}, 100);
        Bench bench;
        QVERIFY(bench.continuity.resume(0, last.continuity.position(0)));
        bench.add({9}, 5000);
        QCOMPARE(bench.take(), "ask 7-8");
        bench.answer(page({7, 9}));
        QCOMPARE(bench.take(), "b7, gap 8-8, 9");
        QCOMPARE(bench.gaps[0].cause, GapCause::Disconnect);
        QVERIFY(!bench.continuity.resume(0, "3 4")); // it runs already
    }

    void resumesHolesToo()
    {
        Bench last;
        last.add({1, 4, 5, 8}, 100);
        last.continuity.stop();
        QCOMPARE(last.take(), "1, ask 2-3, gap 2-3, 4, 5, gap 6-7, 8");
        Bench bench;
        QVERIFY(bench.continuity.resume(0, last.continuity.position(0)));
        QCOMPARE(bench.continuity.completeTo(0), 1);
        bench.continuity.tick(Timestamp{startNs + 1000 * ms});
        bench.answer(page({2, 3}));
        bench.add({9});
        bench.answer(page({6, 7}));
        QCOMPARE(bench.take(), "ask 2-3, b2, b3, filled 2-3, ask 6-7, 9, b6, b7, filled 6-7");
        QCOMPARE(bench.gaps[0].ts_from, last.gaps[0].ts_from);
        QCOMPARE(bench.gaps[1].ts_from, last.gaps[1].ts_from);
    }

    void refusesPositionsThatAreNone_data()
    {
        QTest::addColumn<QByteArray>("position");
        for (const char *text : {"", "5", "x 5", "5 x", "-5 7", "5 7 8", "5 7 2-3", "5 7 3-2@9", "5 7 2-6@9",
                                 "5 7 2-4@9 3-5@10", "9999999999999999999 7", "4611686018427387904 7"})
            QTest::newRow(text) << QByteArray(text);
    }
    void refusesPositionsThatAreNone()
    {
        QFETCH(QByteArray, position);
        Bench bench;
        QVERIFY(!bench.continuity.resume(0, position));
        bench.add({7});
        QCOMPARE(bench.take(), "7");
    }

    void catchesUpAQuietStream()
    {
        Bench bench;
        std::optional<Missed> missed;
        const auto note = [&missed](Missed verdict) { missed = verdict; };
        bench.continuity.catchUp(0, note);
        QCOMPARE(missed, Missed::Unknown); // no record yet
        bench.add({1});
        bench.continuity.tick(Timestamp{startNs + 10000 * ms});
        missed.reset();
        bench.continuity.catchUp(0, note);
        QVERIFY(!missed);
        bench.answer(page({}));
        QCOMPARE(missed, Missed::No);
        bench.continuity.catchUp(0, note);
        bench.answer(page({2, 3}));
        QCOMPARE(missed, Missed::Yes);
        bench.continuity.catchUp(0, note);
        bench.answer(Error{Error::Kind::Network, QStringLiteral("refused")});
        QCOMPARE(missed, Missed::Unknown);
        QCOMPARE(bench.take(), "1, ask 2-0, ask 2-0, b2, b3, ask 4-0");
        bench.add({4});
        QCOMPARE(bench.take(), "4");
    }

    void callsNothingMissedThatMayStillComeLive()
    {
        Bench bench;
        bench.add({1});
        bench.continuity.tick(Timestamp{startNs + 1000 * ms});
        std::optional<Missed> missed;
        bench.continuity.catchUp(0, [&missed](Missed verdict) { missed = verdict; });
        bench.answer(page({2}));
        QCOMPARE(missed, Missed::No);
        bench.add({2, 3});
        QCOMPARE(bench.take(), "1, ask 2-0, b2, 3");
    }

    // History that was asked before the connection was lost knows nothing of what was missed since.
    void catchesUpAgainAfterAnOlderRequest()
    {
        Bench bench;
        bench.add({1});
        int verdicts = 0;
        bench.continuity.catchUp(0, [&](Missed) { ++verdicts; });
        bench.continuity.interrupted(0);
        bench.continuity.catchUp(0, [&](Missed) { ++verdicts; });
        bench.answer(page({}));
        QCOMPARE(verdicts, 1);
        bench.answer(page({2}));
        QCOMPARE(verdicts, 2);
        QCOMPARE(bench.take(), "1, ask 2-0, ask 2-0, b2");
    }

    // A history that never answers is no reason to keep all who ask.
    void letsNobodyWaitWhereManyDo()
    {
        Bench bench;
        bench.add({1});
        int verdicts = 0;
        int unknown = 0;
        const auto note = [&](Missed missed) {
            ++verdicts;
            unknown += missed == Missed::Unknown ? 1 : 0;
        };
        for (int i = 0; i < 1000; ++i)
            bench.continuity.catchUp(0, note);
        QCOMPARE(unknown, verdicts);
        QVERIFY(verdicts > 900 && verdicts < 1000);
        const int before = unknown;
        bench.answer(page({}));
        bench.answer(page({}));
        QCOMPARE(verdicts, 1000);
        QCOMPARE(unknown, before);
        QCOMPARE(bench.take(), "1, ask 2-0, ask 2-0");
    }

    // By an hour, as after a start with a wrong time: nothing waits for that hour.
    void survivesAClockThatIsSetBack()
    {
        constexpr qint64 hour = 3600 * 1000;
        ContinuitySettings settings;
        settings.reorder = 100ms;
        Bench bench(settings);
        bench.add({1, 3, 5}, hour);
        bench.continuity.tick(Timestamp{startNs});
        QCOMPARE(bench.take(), "1");
        bench.continuity.tick(Timestamp{startNs + 100 * ms});
        QCOMPARE(bench.take(), "ask 2-2");
        bench.answer(page({2}));
        bench.continuity.tick(Timestamp{startNs + 200 * ms});
        QCOMPARE(bench.take(), "b2, 3, ask 4-4");
        bench.answer(page({}));
        bench.continuity.tick(Timestamp{startNs + 1200 * ms});
        QCOMPARE(bench.take(), "ask 4-4"); // history lags
        bench.continuity.tick(Timestamp{startNs + 61000 * ms});
        QCOMPARE(bench.take(), "gap 4-4, 5"); // and does not come at all
    }

    void showsWhichConnectionMadeTheHole()
    {
        Bench bench({}, false);
        bench.add({1});
        bench.continuity.interrupted(0);
        bench.add({3, 5});
        QCOMPARE(bench.take(), "1, gap 2-2, 3, gap 4-4, 5");
        QCOMPARE(bench.gaps[0].cause, GapCause::Disconnect);
        QCOMPARE(bench.gaps[1].cause, GapCause::Sequence);
    }
};

QTEST_GUILESS_MAIN(tst_ContinuityLate)
#include "tst_continuity_late.moc"
