// SPDX-License-Identifier: Apache-2.0
#include <tidemill/net/rate_limiter.h>

#include <QElapsedTimer>
#include <QTest>

using namespace tidemill::net;
using namespace std::chrono_literals;
using std::chrono::milliseconds;

class tst_RateLimiter : public QObject
{
    Q_OBJECT

private slots:
    void letsSoManyThroughPerWindow()
    {
        RateLimiter limiter({5, 1s});

        for (int i = 0; i < 5; ++i)
            QCOMPARE(limiter.tryTake(at(i * 10)), 0ms);

        QCOMPARE(limiter.tryTake(at(50)), 950ms); // the first leaves the window at 1000
        QCOMPARE(limiter.tryTake(at(999)), 1ms);
        QCOMPARE(limiter.tryTake(at(1000)), 0ms);
        QCOMPARE(limiter.tryTake(at(1000)), 10ms); // and the second at 1010
    }

    // The window slides: no choice of a second may hold more than five.
    void noWindowHoldsMoreThanAllowed()
    {
        RateLimiter limiter({5, 1s});
        QList<int> taken;
        for (int ms = 0; ms < 10'000; ms += 7) {
            if (limiter.tryTake(at(ms)) == 0ms)
                taken.append(ms);
        }

        QVERIFY(taken.size() >= 45);
        for (qsizetype i = 5; i < taken.size(); ++i)
            QVERIFY(taken[i] - taken[i - 5] >= 1000);
    }

    void keepsEventsApart()
    {
        RateLimiter limiter({5, 1s, 250ms});

        QCOMPARE(limiter.tryTake(at(0)), 0ms);
        QCOMPARE(limiter.tryTake(at(1)), 249ms);
        QCOMPARE(limiter.tryTake(at(250)), 0ms);
    }

    void countsWhatCouldNotWait()
    {
        RateLimiter limiter({2, 1s});
        limiter.record(at(0));
        limiter.record(at(100));
        limiter.record(at(200)); // one more than allowed: the window is full until the second leaves it

        QCOMPARE(limiter.tryTake(at(300)), 800ms);
        QCOMPARE(limiter.tryTake(at(1100)), 0ms);
    }

    void forgetsWhenCleared()
    {
        RateLimiter limiter({1, 1h, 1h});
        QCOMPARE(limiter.tryTake(at(0)), 0ms);
        QVERIFY(limiter.tryTake(at(1)) > 0ms);

        limiter.clear();

        QCOMPARE(limiter.tryTake(at(1)), 0ms);
        QVERIFY(limiter.tryTake(at(2)) > 0ms);
    }

    void noEventsMeansNoLimit()
    {
        RateLimiter limiter;

        for (int i = 0; i < 1000; ++i)
            QCOMPARE(limiter.tryTake(at(0)), 0ms);
    }

    void isSharedByKey()
    {
        RateLimiter one = RateLimiter::shared("tst_RateLimiter a", {1, 1h});
        RateLimiter same = RateLimiter::shared("tst_RateLimiter a", {100, 1h});
        RateLimiter other = RateLimiter::shared("tst_RateLimiter b", {1, 1h});

        QCOMPARE(one.tryTake(), 0ms);
        QVERIFY(same.tryTake() > 0ms);
        QCOMPARE(other.tryTake(), 0ms);
    }

    void callsBackWhenThereIsOneFree()
    {
        RateLimiter limiter({2, 60ms});
        QObject context;
        QElapsedTimer clock;
        QList<qint64> times;
        clock.start();

        for (int i = 0; i < 5; ++i)
            limiter.whenFree(&context, [&] { times.append(clock.elapsed()); });

        QVERIFY(times.isEmpty()); // never within the call
        QTRY_COMPARE(times.size(), 5);
        QVERIFY(times[2] >= 59);
        QVERIFY(times[4] >= 118);
    }

    void doesNotCallBackForADeadContext()
    {
        RateLimiter limiter({1, 20ms});
        auto context = std::make_unique<QObject>();
        QObject alive;
        bool calledDead = false;
        bool calledAlive = false;
        limiter.record();
        limiter.whenFree(context.get(), [&] { calledDead = true; });
        context.reset();
        limiter.whenFree(&alive, [&] { calledAlive = true; });

        QTRY_VERIFY(calledAlive);
        QVERIFY(!calledDead);
    }

private:
    static RateLimiter::Clock::time_point at(int ms)
    {
        return RateLimiter::Clock::time_point(1h) + milliseconds(ms);
    }
};

QTEST_GUILESS_MAIN(tst_RateLimiter)

#include "tst_rate_limiter.moc"
