// SPDX-License-Identifier: Apache-2.0
#include <tidemill/backoff.h>

#include <QTest>

#include <algorithm>
#include <limits>
#include <vector>

using namespace tidemill;
using namespace std::chrono_literals;
using std::chrono::milliseconds;

class tst_Backoff : public QObject
{
    Q_OBJECT

private slots:
    void staysWithinBoundsThatGrow_data()
    {
        QTest::addColumn<int>("step");
        QTest::addColumn<int>("longest");

        QTest::newRow("first") << 0 << 500;
        QTest::newRow("second") << 1 << 1000;
        QTest::newRow("fourth") << 3 << 4000;
        QTest::newRow("seventh: the limit") << 6 << 30'000;
        QTest::newRow("hundredth: still the limit") << 99 << 30'000;
    }

    void staysWithinBoundsThatGrow()
    {
        QFETCH(int, step);
        QFETCH(int, longest);
        std::vector<milliseconds> drawn;

        for (quint32 seed = 0; seed < 500; ++seed) {
            Backoff backoff({}, seed);
            for (int i = 0; i < step; ++i)
                backoff.next();
            drawn.push_back(backoff.next());
        }

        const auto [least, most] = std::minmax_element(drawn.begin(), drawn.end());
        QVERIFY2(*least >= 50ms, "a tenth of the initial delay");
        QVERIFY(*most <= milliseconds(longest));
        // Full jitter: both ends of the range are used.
        QVERIFY(*least < milliseconds(50 + longest / 10));
        QVERIFY(*most > milliseconds(longest * 9 / 10));
    }

    void jittersAsTold_data()
    {
        QTest::addColumn<Jitter>("jitter");
        QTest::addColumn<int>("least");
        QTest::addColumn<int>("most");

        QTest::newRow("full") << Jitter::Full << 10 << 400;
        QTest::newRow("equal") << Jitter::Equal << 200 << 400;
        QTest::newRow("none") << Jitter::None << 400 << 400;
    }

    void jittersAsTold()
    {
        QFETCH(Jitter, jitter);
        QFETCH(int, least);
        QFETCH(int, most);
        int shortest = std::numeric_limits<int>::max();
        int longest = 0;
        for (quint32 seed = 0; seed < 500; ++seed) {
            Backoff backoff({.initial = 100ms, .max = 1s, .jitter = jitter}, seed);
            backoff.next();
            backoff.next();
            const int third = int(backoff.next().count());
            shortest = std::min(shortest, third);
            longest = std::max(longest, third);
        }
        QVERIFY2(shortest >= least && shortest <= least + 10, qPrintable(QString::number(shortest)));
        QVERIFY2(longest <= most && longest >= most - 10, qPrintable(QString::number(longest)));
    }

    void startsAgainAfterReset()
    {
        Backoff backoff({}, 1);
        for (int i = 0; i < 10; ++i)
            backoff.next();
        QCOMPARE(backoff.attempts(), 10);

        backoff.reset();

        QCOMPARE(backoff.attempts(), 0);
        QVERIFY(backoff.next() <= 500ms);
    }

    void neverReturnsBeforeThePeerWantsUs()
    {
        Backoff backoff({}, 7);

        const milliseconds delay = backoff.next(60s);

        QVERIFY(delay > 60s);
        QVERIFY(delay <= 60s + 500ms);
    }

    void neverReturnsZero_data()
    {
        QTest::addColumn<BackoffSettings>("settings");

        QTest::newRow("zero") << BackoffSettings{0ms, 0ms, 2};
        QTest::newRow("negative") << BackoffSettings{-5ms, -1ms, -2};
        QTest::newRow("not a factor") << BackoffSettings{1ms, 5ms, std::numeric_limits<double>::quiet_NaN()};
        QTest::newRow("limit below the start") << BackoffSettings{10ms, 1ms, 2};
    }

    void neverReturnsZero()
    {
        QFETCH(BackoffSettings, settings);
        Backoff backoff(settings);

        for (int i = 0; i < 1000; ++i) {
            const milliseconds delay = backoff.next(0ms);
            QVERIFY(delay >= 1ms);
            QVERIFY(delay <= 10ms);
        }
    }

    void isRepeatableBySeed()
    {
        Backoff one({}, 42);
        Backoff same({}, 42);
        Backoff other({}, 43);
        bool differs = false;

        for (int i = 0; i < 20; ++i) {
            const milliseconds delay = one.next();
            QCOMPARE(same.next(), delay);
            differs = differs || other.next() != delay;
        }

        QVERIFY(differs);
    }
};

QTEST_GUILESS_MAIN(tst_Backoff)

#include "tst_backoff.moc"
