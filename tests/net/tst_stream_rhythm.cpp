// SPDX-License-Identifier: Apache-2.0
#include "stream_rhythm.h"

#include <QRandomGenerator>
#include <QTest>

#include <cmath>

using namespace tidemill::net;
using namespace std::chrono_literals;

using Clock = StreamRhythm::Clock;

static std::chrono::nanoseconds seconds(double s)
{
    return std::chrono::nanoseconds(static_cast<qint64>(s * 1e9));
}

// A gap of arrivals at random, `mean` apart on average.
static double randomGap(QRandomGenerator &random, double mean)
{
    return -mean * std::log(1 - random.generateDouble());
}

class tst_StreamRhythm : public QObject
{
    Q_OBJECT

private slots:
    void knowsNothingAtFirst()
    {
        StreamRhythm rhythm(2s, 60s);
        Clock::time_point now{};
        QCOMPARE(rhythm.limit(), 60s);
        for (int i = 0; i < 10; ++i)
            rhythm.heard(now += 1s);

        QVERIFY(!rhythm.isLearnt());
        QCOMPARE(rhythm.limit(), 60s);
    }

    void aBurstAtTheBeginningIsNoRhythm()
    {
        StreamRhythm rhythm(2s, 60s);
        Clock::time_point now{};

        for (int i = 0; i < 1000; ++i)
            rhythm.heard(now += 1ms);

        QVERIFY(!rhythm.isLearnt());
        QCOMPARE(rhythm.limit(), 60s);
    }

    void arrivalsOfOneReadAreOne()
    {
        StreamRhythm rhythm(2s, 60s);
        Clock::time_point now{};
        for (int i = 0; i < 40; ++i) {
            now += 1s;
            for (int k = 0; k < 50; ++k)
                rhythm.heard(now);
        }

        QVERIFY(rhythm.isLearnt());
        QVERIFY(rhythm.limit() >= 5s); // not what fifty a second would give
        QVERIFY(rhythm.limit() <= 20s);
    }

    void staysWithinItsBounds()
    {
        StreamRhythm fast(2s, 60s);
        StreamRhythm slow(2s, 60s);
        Clock::time_point now{};
        for (int i = 0; i < 10'000; ++i)
            fast.heard(now += 10ms);
        for (int i = 0; i < 100; ++i)
            slow.heard(now += 19s);

        QCOMPARE(fast.limit(), 2s);
        QCOMPARE(slow.limit(), 60s);
    }

    void aStreamThatIsSlowerThanTheCeilingGetsItsTime()
    {
        StreamRhythm candles(2s, 60s);
        Clock::time_point now{};
        candles.heard(now);

        candles.heard(now += 3600s);

        QVERIFY(candles.limit() > 3600s);
        QVERIFY(candles.limit() <= 4 * 3600s);
    }

    void aPauseTeachesNothing()
    {
        StreamRhythm rhythm(2s, 60s);
        Clock::time_point now{};
        for (int i = 0; i < 1000; ++i)
            rhythm.heard(now += 50ms);

        rhythm.restart();
        rhythm.heard(now += 1h);

        QCOMPARE(rhythm.limit(), 2s);
    }

    void relaxingDoublesAndIsForgotten()
    {
        StreamRhythm rhythm(2s, 60s);
        Clock::time_point now{};
        for (int i = 0; i < 1000; ++i)
            rhythm.heard(now += 100ms);
        const auto before = rhythm.limit();

        rhythm.relax();
        QVERIFY(std::chrono::abs(rhythm.limit() - 2 * before) <= 1ms);
        rhythm.relax();
        QVERIFY(std::chrono::abs(rhythm.limit() - 4 * before) <= 2ms);

        for (int i = 0; i < 3000; ++i)
            rhythm.heard(now += 100ms);
        QCOMPARE(rhythm.limit(), before);
    }

    void relaxingDoublesTheCeilingToo()
    {
        StreamRhythm rhythm(2s, 60s);

        rhythm.relax();

        QVERIFY(std::chrono::abs(rhythm.limit() - 120s) <= 1ms);
        for (int i = 0; i < 100; ++i)
            rhythm.relax();
        QCOMPARE(rhythm.limit(), 24h);
    }

    void chanceDoesNotTripIt_data()
    {
        QTest::addColumn<double>("rate");

        for (const double rate : {0.1, 0.3, 1.0, 3.0, 10.0, 20.0, 100.0})
            QTest::addRow("%g per second", rate) << rate;
    }

    // Ten streams of 40000 arrivals at random each: an alarm less often than once in 1e5 of them.
    void chanceDoesNotTripIt()
    {
        QFETCH(double, rate);
        int alarms = 0;
        for (quint32 seed = 1; seed <= 10; ++seed) {
            QRandomGenerator random(seed);
            StreamRhythm rhythm(2s, 60s);
            Clock::time_point now{};
            rhythm.heard(now);
            for (int i = 0; i < 40'000; ++i) {
                const auto gap = seconds(randomGap(random, 1 / rate));
                if (gap >= rhythm.limit()) {
                    ++alarms;
                    rhythm.relax(); // as who looked and found nothing does
                }
                rhythm.heard(now += gap);
            }
        }
        QVERIFY2(alarms < 4, qPrintable(QString::number(alarms)));
    }

    // Bursts of some dozen, a few milliseconds apart, with random pauses of half a minute between.
    void burstsDoNotTripIt()
    {
        int alarms = 0;
        int bursts = 0;
        for (quint32 seed = 1; seed <= 10; ++seed) {
            QRandomGenerator random(seed);
            StreamRhythm rhythm(2s, 60s);
            Clock::time_point now{};
            for (int burst = 0; burst < 1000; ++burst, ++bursts) {
                const auto pause = seconds(randomGap(random, 30));
                if (pause >= rhythm.limit()) {
                    ++alarms;
                    rhythm.relax();
                }
                rhythm.heard(now += pause);
                const int size = random.bounded(10, 60);
                for (int i = 0; i < size; ++i)
                    rhythm.heard(now += seconds(randomGap(random, 0.005)));
            }
        }
        // Some at the beginning of each, as nothing is known then.
        QVERIFY2(alarms <= 40, qPrintable(QString::number(alarms)));
        QCOMPARE(bursts, 10'000);
    }

    void silenceOfABusyStreamIsNoticedSoon()
    {
        for (quint32 seed = 1; seed <= 20; ++seed) {
            QRandomGenerator random(seed);
            StreamRhythm rhythm(2s, 60s);
            Clock::time_point now{};
            for (int i = 0; i < 2000; ++i)
                rhythm.heard(now += seconds(randomGap(random, 0.05)));

            QVERIFY2(rhythm.limit() <= 3s, qPrintable(QString::number(rhythm.limit().count())));
        }
    }
};

QTEST_APPLESS_MAIN(tst_StreamRhythm)

#include "tst_stream_rhythm.moc"
