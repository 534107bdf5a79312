// SPDX-License-Identifier: Apache-2.0
#include "continuity_bench.h"

#include <QElapsedTimer>

using namespace tidemill;
using namespace tidemill::net;
using namespace std::chrono_literals;
using Bench = ContinuityBench;

class tst_Continuity : public QObject
{
    Q_OBJECT

private slots:
    void knowsWhatItLacks()
    {
        Bench bench({.maxHeldRecords = 2});
        QVERIFY(bench.continuity.lacks(0, 5));
        bench.add({5, 8});
        const auto lacked = [&bench] {
            QList<qint64> ids;
            for (qint64 id = 4; id <= 12; ++id) {
                if (bench.continuity.lacks(0, id))
                    ids.append(id);
            }
            return ids;
        };
        QCOMPARE(lacked(), (QList<qint64>{6, 7, 9, 10, 11, 12}));

        bench.add({9, 10}); // they do not wait any longer
        QCOMPARE(lacked(), (QList<qint64>{6, 7, 11, 12}));
        bench.answer(page({6}, false));
        QCOMPARE(lacked(), (QList<qint64>{7, 11, 12}));

        QVERIFY(!bench.continuity.lacks(0, -1));
        QVERIFY(!bench.continuity.lacks(7, 5)); // no such stream
    }

    void passesWhatFollowsOn()
    {
        Bench bench;
        bench.add({5, 6, 7});
        QCOMPARE(bench.take(), "5, 6, 7");
        QCOMPARE(bench.continuity.completeTo(0), 7);
        QCOMPARE(bench.continuity.takeRepeats(), 0);
    }

    void dropsRepeats()
    {
        Bench bench;
        bench.add({5, 5, 6, 4, 6, 7});
        QCOMPARE(bench.take(), "5, 6, 7");
        QCOMPARE(bench.continuity.takeRepeats(), 3);
        QCOMPARE(bench.continuity.takeRepeats(), 0);
        QCOMPARE(bench.continuity.figures(0).repeats, 3u);
    }

    void fillsAHoleInItsPlace()
    {
        Bench bench;
        bench.add({5, 8, 9});
        QCOMPARE(bench.take(), "5, ask 6-7");
        QCOMPARE(bench.continuity.completeTo(0), 5);
        bench.answer(page({6, 7}));
        QCOMPARE(bench.take(), "b6, b7, 8, 9");
        bench.add({10});
        QCOMPARE(bench.take(), "10");
        QCOMPARE(bench.continuity.figures(0).filled, 2u);
    }

    void takesAnAnswerWithinTheCall()
    {
        Bench bench;
        bench.atOnce = page({6, 7});
        bench.add({5, 8});
        QCOMPARE(bench.take(), "5, ask 6-7, b6, b7, 8");
    }

    void asksOnUntilComplete()
    {
        Bench bench;
        bench.add({1, 8});
        bench.answer(page({2, 3}, false));
        bench.answer(page({4, 5, 6, 7}, true));
        QCOMPARE(bench.take(), "1, ask 2-7, b2, b3, ask 4-7, b4, b5, b6, b7, 8");
    }

    void endsWhenHistoryMakesNoProgress()
    {
        Bench bench;
        bench.add({1, 8});
        bench.answer(page({1, 9}, false));
        QCOMPARE(bench.take(), "1, ask 2-7, gap 2-7, 8");
        QVERIFY2(bench.reason.contains("nothing of what was asked"), bench.reason);
    }

    void saysExactlyWhatIsMissing()
    {
        Bench bench;
        bench.add({1, 9}, 5);
        bench.answer(page({0, 3, 4, 6, 12}));
        QCOMPARE(bench.take(), "1, ask 2-8, gap 2-2, b3, b4, gap 5-5, b6, gap 7-8, 9");
        QCOMPARE(bench.gaps.size(), 3u);
        QCOMPARE(bench.gaps[0].cause, GapCause::Sequence);
        QCOMPARE(bench.gaps[0].ts_from, trade(1, 5).ts_recv);
        QCOMPARE(bench.gaps[2].ts_event, trade(9).ts_event);
        // A Gap's key: none replaces another.
        QVERIFY(bench.gaps[0].ts_from < bench.gaps[1].ts_from);
        QVERIFY(bench.gaps[1].ts_from < bench.gaps[2].ts_from);
        QCOMPARE(bench.continuity.figures(0).missing, 4u);
    }

    // Its last trades reach an exchange's history a moment later than us.
    void asksAgainWhereHistoryLags()
    {
        Bench bench;
        bench.add({1, 5}, 1000);
        bench.answer(page({2}));
        QCOMPARE(bench.take(), "1, ask 2-4, b2");
        QCOMPARE(bench.continuity.due(), Timestamp{startNs + 2000 * ms});
        bench.add({6, 8}, 1500);
        bench.continuity.tick(Timestamp{startNs + 1999 * ms});
        QCOMPARE(bench.take(), "");
        bench.continuity.tick(Timestamp{startNs + 2000 * ms});
        QCOMPARE(bench.take(), "ask 3-4");
        bench.answer(page({3}));
        bench.add({4}, 2500); // from another connection: nothing to wait for in front of the next hole
        QCOMPARE(bench.take(), "b3, 4, 5, 6, ask 7-7");
        bench.answer(page({7}));
        QCOMPARE(bench.take(), "b7, 8");
        QVERIFY(bench.gaps.empty());
        QVERIFY(bench.continuity.due().isNull());
    }

    void makesAGapOfWhatHistoryDoesNotGetTo()
    {
        Bench bench;
        bench.add({1, 5}, 1000);
        for (qint64 second = 2; second <= 6; ++second) {
            bench.answer(page({}));
            QCOMPARE(bench.take(), second == 2 ? "1, ask 2-4" : "ask 2-4");
            bench.continuity.tick(Timestamp{startNs + second * 1000 * ms});
        }
        bench.answer(page({}));
        QCOMPARE(bench.take(), "ask 2-4, gap 2-4, 5");
    }

    void waitsForNoHistoryThatIsToldNotToLag()
    {
        ContinuitySettings settings;
        settings.historyLag = 0ms;
        Bench bench(settings);
        bench.add({1, 5}, 1000);
        bench.answer(page({2}));
        QCOMPARE(bench.take(), "1, ask 2-4, b2, gap 3-4, 5");
    }

    void asksAgainForALateHole()
    {
        ContinuitySettings settings;
        settings.maxHeldRecords = 0;
        Bench bench(settings);
        bench.add({1, 5}, 1000);
        bench.answer(page({2}));
        QCOMPARE(bench.take(), "1, gap 2-4, 5, ask 2-4, b2");
        QCOMPARE(bench.continuity.due(), Timestamp{startNs + 2000 * ms});
        QCOMPARE(bench.continuity.figures(0).missing, 0u);
        bench.continuity.tick(Timestamp{startNs + 2000 * ms});
        bench.answer(page({3, 4}));
        QCOMPARE(bench.take(), "ask 3-4, b3, b4, filled 2-4");
    }

    void makesAFailureAGap()
    {
        Bench bench;
        bench.add({1, 5});
        bench.answer(page({2}, false));
        bench.answer(Error{Error::Kind::Network, QStringLiteral("refused")});
        QCOMPARE(bench.take(), "1, ask 2-4, b2, ask 3-4, gap 3-4, 5");
        QVERIFY2(bench.reason.contains("refused"), bench.reason);
    }

    void needsNoHistory()
    {
        Bench bench({}, false);
        bench.add({1, 5, 6});
        QCOMPARE(bench.take(), "1, gap 2-4, 5, 6");
    }

    void waitsForAnotherConnection()
    {
        ContinuitySettings settings;
        settings.reorder = 50ms;
        Bench bench(settings);
        bench.add({1, 3}, 1000);
        QCOMPARE(bench.take(), "1");
        QCOMPARE(bench.continuity.due(), Timestamp{startNs + 1050 * ms});
        bench.add({2}, 1020);
        QCOMPARE(bench.take(), "2, 3");
        bench.add({5}, 2000);
        bench.continuity.tick(Timestamp{startNs + 2049 * ms});
        QCOMPARE(bench.take(), "");
        bench.continuity.tick(Timestamp{startNs + 2050 * ms});
        QCOMPARE(bench.take(), "ask 4-4");
    }

    void joinsWhatComesLiveMeanwhile()
    {
        Bench bench;
        bench.add({1, 6, 4, 2});
        QCOMPARE(bench.take(), "1, ask 2-5, 2");
        bench.answer(page({2, 3, 4, 5}));
        QCOMPARE(bench.take(), "b3, 4, b5, 6");
    }

    void fillsHolesBehindTheFirst()
    {
        Bench bench;
        bench.add({1, 3, 5});
        bench.answer(page({2}));
        QCOMPARE(bench.take(), "1, ask 2-2, b2, 3, ask 4-4");
        bench.answer(page({4}));
        QCOMPARE(bench.take(), "b4, 5");
    }

    void closesAStream()
    {
        Bench bench;
        std::optional<Missed> missed;
        bench.add({1, 3});
        bench.continuity.catchUp(0, [&missed](Missed verdict) { missed = verdict; });
        bench.continuity.close(0);
        QCOMPARE(bench.take(), "1, ask 2-2, gap 2-2, 3");
        QCOMPARE(missed, Missed::Unknown);
        bench.answer(page({2})); // too late
        bench.add({4});
        QCOMPARE(bench.take(), "");
        QCOMPARE(bench.continuity.takeRepeats(), 1);
        bench.continuity.open(0, {Symbol("test"), Symbol("BTCUSDT"), Symbol("trade")});
        bench.add({9});
        QCOMPARE(bench.take(), "9");
    }

    void tellsWhatMoved()
    {
        Bench bench;
        bench.continuity.open(1, {Symbol("test"), Symbol("ETHUSDT"), Symbol("trade")});
        bench.add({1, 2});
        QList<int> moved;
        const auto note = [&](int stream, const QByteArray &position) {
            moved.append(stream);
            QVERIFY(position.startsWith("2 "));
        };
        bench.continuity.eachMoved(note);
        bench.continuity.eachMoved(note);
        QCOMPARE(moved, QList<int>{0});
        bench.add({4}); // held
        bench.continuity.eachMoved(note);
        QCOMPARE(moved, QList<int>{0});
    }

    void ignoresAnswersWhenGone()
    {
        Continuity<Trade>::Answer kept;
        {
            Continuity<Trade> gone(
                {}, {.record = [](int, const Trade &) {},
                     .gap = [](int, const Gap &, const QByteArray &) {},
                     .fetch = [&kept](int, qint64, qint64, const auto &answer) { kept = answer; }});
            gone.open(0, {});
            gone.add(0, trade(1));
            gone.add(0, trade(3));
        }
        QVERIFY(kept);
        kept(page({2}));
    }

    void costsLittleWhenAllIsWell()
    {
        qint64 sum = 0;
        Continuity<Trade> continuity(
            {},
            {.record = [&sum](int, const Trade &record) { sum += record.trade_id; }, .gap = {}, .fetch = {}});
        for (int stream = 0; stream < 100; ++stream)
            continuity.open(stream, {});
        constexpr int rounds = 100000;
        Trade record = trade(1);
        QElapsedTimer timer;
        timer.start();
        for (qint64 id = 1; id <= rounds; ++id) {
            record.trade_id = id;
            for (int stream = 0; stream < 100; ++stream)
                continuity.add(stream, record);
        }
        const double ns = double(timer.nsecsElapsed()) / (100.0 * rounds);
        QCOMPARE(sum, qint64(rounds) * (rounds + 1) / 2 * 100);
        qInfo("%.1f ns a record", ns);
        QVERIFY2(ns < 500, "a hash or an allocation has come into the fast path");
    }
};

QTEST_GUILESS_MAIN(tst_Continuity)
#include "tst_continuity.moc"
