// SPDX-License-Identifier: Apache-2.0
#include "silence_watch.h"

#include <QTest>

using namespace tidemill;
using namespace tidemill::net;
using namespace std::chrono_literals;

using Clock = SilenceWatch::Clock;
using Suspicion = LineStreams::Suspicion;

// Two streams, a and b, that tick once a second and are known for that.
class tst_SilenceWatch : public QObject
{
    Q_OBJECT

private:
    void tick(const QList<int> &streams, int times)
    {
        for (int i = 0; i < times; ++i) {
            m_now += 1s;
            m_watch->peerHeard(m_now);
            for (const int stream : streams) {
                m_streams->heard(stream, m_now, Timestamp::fromSeconds(1));
                m_watch->streamHeard();
            }
        }
    }

    void start(bool hasProber)
    {
        m_now = Clock::time_point{} + 1h;
        m_streams = std::make_unique<LineStreams>(2s, 60s);
        m_watch = std::make_unique<SilenceWatch>(SilenceWatch::Rules{2s, 60s, 1s, hasProber});
        m_watch->restart(m_now);
        m_streams->add({{0, "a"}, {1, "b"}});
        m_streams->ask(m_now);
        m_streams->confirm(0, m_now);
        m_streams->confirm(1, m_now);
        tick({0, 1}, 100);
    }

    SilenceWatch::Step look(std::chrono::milliseconds later)
    {
        m_now += later;
        return m_watch->look(*m_streams, m_now);
    }

private slots:
    void aStreamInItsRhythmIsLeftAlone()
    {
        start(true);

        for (int i = 0; i < 100; ++i) {
            const auto step = look(500ms);
            QVERIFY(!step.ping && step.ask.isEmpty() && step.recycle.isEmpty());
            tick({0, 1}, 1);
        }
    }

    void whoDoesNotAnswerAPingIsGone()
    {
        start(true);

        const auto step = look(20s);
        QVERIFY(step.ping);
        QCOMPARE(step.ask, QList<int>({0, 1}));
        QVERIFY(look(500ms).recycle.isEmpty());
        QVERIFY(look(500ms).recycle.contains("no answer to a ping"));
    }

    void aMuteStreamAmongOthersIsAskedAbout()
    {
        start(true);
        tick({1}, 20);

        auto step = look(10ms);

        QCOMPARE(step.ask, QList<int>({0}));
        QVERIFY(step.ping);
        step = look(10ms);
        QVERIFY(step.ask.isEmpty() && !step.ping); // once is enough
        m_watch->pongReceived();
        QVERIFY(look(10s).recycle.isEmpty());
    }

    void withoutAProberASingleMuteStreamIsNoReason()
    {
        start(false);

        for (int i = 0; i < 100; ++i) {
            tick({1}, 1);
            const auto step = look(10ms);
            QVERIFY(step.ask.isEmpty());
            QVERIFY(step.recycle.isEmpty());
        }
        QCOMPARE(m_streams->find(0)->suspicion, Suspicion::Quiet);
        tick({0, 1}, 1);
        QCOMPARE(m_streams->find(0)->suspicion, Suspicion::None);
    }

    void aMuteConnectionWithoutAProberIsTriedOnceAndThenGivenTime_data()
    {
        QTest::addColumn<bool>("hasProber");

        QTest::newRow("there is none") << false;
        QTest::newRow("it does not answer") << true;
    }

    void aMuteConnectionWithoutAProberIsTriedOnceAndThenGivenTime()
    {
        QFETCH(bool, hasProber);
        start(hasProber);
        const auto limit = m_streams->find(0)->rhythm.limit();
        QVERIFY(look(20s).ping);
        m_watch->pongReceived();
        const auto step = look(1s);
        QVERIFY2(step.recycle.contains("any of 2 streams"), qPrintable(step.recycle));

        // The new connection is as quiet.
        m_streams->disconnected();
        m_watch->restart(m_now);
        m_streams->ask(m_now);
        m_streams->confirm(0, m_now);
        m_streams->confirm(1, m_now);
        QVERIFY(look(20s).ping);
        m_watch->pongReceived();
        QVERIFY(look(1s).recycle.isEmpty());
        QVERIFY(m_streams->find(0)->rhythm.limit() >= 2 * limit - 1ms);
        QCOMPARE(m_streams->find(0)->suspicion, Suspicion::None);

        // Once data came, it may be tried again.
        tick({0, 1}, 1);
        look(3600s);
        m_watch->pongReceived();
        QVERIFY(!look(1s).recycle.isEmpty());
    }

    // Each stream is rare, all together are not: that they stop at once is seen before any is missed.
    void aBusyConnectionThatStopsIsPinged()
    {
        start(true);
        m_streams->add({{2, "rare"}});
        m_streams->ask(m_now);
        m_streams->confirm(2, m_now);
        m_streams->remove({0, 1});
        for (int i = 0; i < 1000; ++i)
            m_watch->peerHeard(m_now += 10ms);

        auto step = look(3s);
        QVERIFY(step.ping);
        QVERIFY(step.ask.isEmpty());
        m_watch->pongReceived();
        step = look(10ms);
        QVERIFY(step.recycle.isEmpty());
        QVERIFY(!look(10ms).ping); // it was given more time
    }

    void refusedAndUnconfirmedStreamsAreNotJudged()
    {
        m_now = Clock::time_point{} + 1h;
        m_streams = std::make_unique<LineStreams>(2s, 60s);
        m_watch = std::make_unique<SilenceWatch>(SilenceWatch::Rules{2s, 60s, 1s, true});
        m_watch->restart(m_now);
        m_streams->add({{0, "a"}, {1, "b"}});
        m_streams->ask(m_now);
        m_streams->refuse(0);

        const auto step = look(1h);

        QVERIFY(step.ask.isEmpty());
        m_watch->pongReceived();
        QVERIFY(look(1s).recycle.isEmpty());
    }

private:
    Clock::time_point m_now;
    std::unique_ptr<LineStreams> m_streams;
    std::unique_ptr<SilenceWatch> m_watch;
};

QTEST_APPLESS_MAIN(tst_SilenceWatch)

#include "tst_silence_watch.moc"
