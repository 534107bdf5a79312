// SPDX-License-Identifier: Apache-2.0
#include <tidemill/net/continuity.h>

#include <QElapsedTimer>
#include <QTest>

#include <optional>

using namespace tidemill;
using namespace tidemill::net;
using namespace std::chrono_literals;

namespace {

constexpr qint64 ms = 1000 * 1000;
constexpr qint64 startNs = 1700000000000 * ms;

Trade trade(qint64 id, qint64 atMs = 0)
{
    return {.exchange = Symbol("test"),
            .symbol = Symbol("BTCUSDT"),
            .ts_event = Timestamp{startNs + std::clamp<qint64>(id, -1000000, 1000000) * ms},
            .ts_recv = Timestamp{startNs + atMs * ms},
            .trade_id = id};
}

HistoryPage<Trade> page(std::initializer_list<qint64> ids, bool complete = true)
{
    HistoryPage<Trade> result;
    for (const qint64 id : ids)
        result.records.push_back(trade(id));
    result.complete = complete;
    return result;
}

// What went in and out, as words: "5" live, "b6" backfilled, "gap 7-9", "filled 7-9", "ask 7-9".
class Bench
{
public:
    explicit Bench(const ContinuitySettings &settings = {}, bool withHistory = true)
        : continuity(settings, handlers(withHistory))
    {
        continuity.open(0, {Symbol("test"), Symbol("BTCUSDT"), Symbol("trade")});
    }

    void add(std::initializer_list<qint64> ids, qint64 atMs = 0)
    {
        for (const qint64 id : ids)
            continuity.add(0, trade(id, atMs));
    }

    void answer(const Result<HistoryPage<Trade>> &result)
    {
        const auto answering = std::exchange(m_answer, {});
        QVERIFY(answering);
        answering(result);
    }

    QString take() { return std::exchange(m_words, {}).join(QLatin1String(", ")); }

    Continuity<Trade> continuity;
    std::vector<Gap> gaps;
    QByteArray reason;
    std::optional<Result<HistoryPage<Trade>>> atOnce;

private:
    static QString range(qint64 first, qint64 last) { return QStringLiteral("%1-%2").arg(first).arg(last); }

    Continuity<Trade>::Handlers handlers(bool withHistory)
    {
        Continuity<Trade>::Handlers result;
        result.record = [this](int, const Trade &record) {
            m_words.append(QLatin1String(record.provenance == Provenance::Backfill ? "b" : "") +
                           QString::number(record.trade_id));
        };
        result.gap = [this](int, const Gap &gap, const QByteArray &why) {
            gaps.push_back(gap);
            reason = why;
            m_words.append(QLatin1String(gap.state == GapState::Filled ? "filled " : "gap ") +
                           range(gap.first_missing, gap.last_missing));
        };
        if (withHistory)
            result.fetch = [this](int, qint64 first, qint64 last,
                                  const Continuity<Trade>::Answer &answering) {
                m_words.append(QLatin1String("ask ") + range(first, last));
                m_answer = answering;
                if (atOnce)
                    answering(*std::exchange(atOnce, {}));
            };
        return result;
    }

    QStringList m_words;
    Continuity<Trade>::Answer m_answer;
};

} // namespace

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
