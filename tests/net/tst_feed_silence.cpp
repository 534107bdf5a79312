// SPDX-License-Identifier: Apache-2.0
#include "feed_bench.h"

#include <QElapsedTimer>
#include <QTimer>

using namespace tidemill;
using namespace tidemill::net;
using namespace std::chrono_literals;

// Qt's server answers pings: a peer of these tests is there, however mute it is.
class tst_FeedSilence : public FeedBench
{
    Q_OBJECT

private:
    using Answer = std::function<void(Feed::Verdict)>;

    void proberSays(Feed::Verdict verdict)
    {
        m_feed->setProber([this, verdict](int stream, const Answer &answer) {
            m_asked.append(stream);
            QTimer::singleShot(0, this, [answer, verdict] { answer(verdict); });
        });
    }

private slots:
    void init()
    {
        create();
        m_asked.clear();
        m_plan.silenceFloor = 50ms;
        m_plan.silenceCeiling = 150ms;
        m_plan.probeTimeout = 500ms;
    }
    void cleanup()
    {
        m_ticker.stop();
        m_ticker.disconnect();
        destroy();
    }

    void aMissedMessageEndsTheConnection()
    {
        proberSays(Feed::Verdict::Missed);
        QSignalSpy troubled(m_feed.get(), &Feed::troubled);
        goLive("ab");
        connect(&m_ticker, &QTimer::timeout, this, [this] { m_exchange->publish("b"); });
        m_ticker.start(10);

        QTRY_COMPARE(troubled.size(), 1);

        QVERIFY2(troubleOf(troubled).what.contains("nothing came of a, although the exchange has more of it"),
                 qPrintable(troubleOf(troubled).what));
        QCOMPARE(m_asked, QList<int>({0}));
        QCOMPARE(m_feed->figures().silences, quint64(1));
        QCOMPARE(m_feed->figures().losses, quint64(1));
        QTRY_COMPARE(m_exchange->count(), size_t(2));
    }

    void aQuietMarketIsGivenTwiceTheTime()
    {
        proberSays(Feed::Verdict::Quiet);
        QSignalSpy troubled(m_feed.get(), &Feed::troubled);
        QElapsedTimer clock;
        QList<qint64> times;
        goLive("a");
        clock.start();

        for (qsizetype i = 0; i < 3; ++i) {
            QTRY_COMPARE(m_asked.size(), i + 1);
            times.append(clock.elapsed());
        }

        // At 150, 300 and 600 ms of silence.
        QVERIFY2(times[1] >= 250, qPrintable(QString::number(times[1])));
        QVERIFY2(times[2] >= 500, qPrintable(QString::number(times[2])));
        QVERIFY(troubled.isEmpty());
        QCOMPARE(m_exchange->count(), size_t(1));
        QVERIFY(m_feed->isLive());
    }

    void aMuteConnectionIsTriedOnceWithoutAProber_data()
    {
        QTest::addColumn<QString>("prober");

        QTest::newRow("none") << "none";
        QTest::newRow("cannot tell") << "unknown";
        QTest::newRow("does not answer") << "mute";
    }

    void aMuteConnectionIsTriedOnceWithoutAProber()
    {
        QFETCH(QString, prober);
        m_plan.probeTimeout = 100ms;
        if (prober == "unknown")
            proberSays(Feed::Verdict::Unknown);
        if (prober == "mute")
            m_feed->setProber([this](int stream, const Answer &) { m_asked.append(stream); });
        QSignalSpy troubled(m_feed.get(), &Feed::troubled);
        QSignalSpy recovered(m_feed.get(), &Feed::recovered);
        goLive("ab");

        QTRY_COMPARE(troubled.size(), 1);
        QVERIFY2(troubleOf(troubled).what.contains("no data of any of 2 streams for"),
                 qPrintable(troubleOf(troubled).what));
        QTRY_COMPARE(recovered.size(), 1);
        QVERIFY(!troubled.wait(1500)); // as quiet as before, and left alone
        QCOMPARE(m_exchange->count(), size_t(2));
        QCOMPARE(m_feed->figures().silences, quint64(1));
        QCOMPARE(m_asked.isEmpty(), prober == "none");
    }

    void oneMuteStreamAmongOthersIsNoReasonWithoutAProber()
    {
        QSignalSpy troubled(m_feed.get(), &Feed::troubled);
        goLive("ab");
        connect(&m_ticker, &QTimer::timeout, this, [this] { m_exchange->publish("b"); });
        m_ticker.start(10);

        QVERIFY(!troubled.wait(1000));

        QCOMPARE(m_exchange->count(), size_t(1));
    }

    // An answer that comes when its question has long been overtaken must not harm who asked.
    void lateAnswersAreIgnored_data()
    {
        QTest::addColumn<QString>("what");

        for (const char *what : {"data came", "reconnected", "removed", "feed gone"})
            QTest::newRow(what) << QString(what);
    }

    void lateAnswersAreIgnored()
    {
        QFETCH(QString, what);
        m_plan.probeTimeout = 60s;
        QList<Answer> answers;
        m_feed->setProber([&answers](int, const Answer &answer) { answers.append(answer); });
        goLive("ab");
        connect(&m_ticker, &QTimer::timeout, this, [this] { m_exchange->publish("b"); });
        m_ticker.start(10);
        QTRY_COMPARE(answers.size(), 1);
        m_plan.silenceFloor = 60s;
        if (what == "data came") {
            m_exchange->publish("a");
            QTRY_VERIFY(m_log.streams().contains("a"));
        } else if (what == "reconnected") {
            m_exchange->peer(0).socket->abort();
            QTRY_COMPARE(m_exchange->subscribers("a").size(), 1);
            QTRY_VERIFY(m_feed->isLive());
        } else if (what == "removed") {
            m_feed->setStreams(named("b"));
            QTRY_COMPARE(m_exchange->subscribers("a").size(), 0);
        } else {
            m_feed.reset();
        }
        const size_t before = m_exchange->count();

        answers.first()(Feed::Verdict::Missed);
        answers.first()(Feed::Verdict::Quiet);

        QCoreApplication::processEvents();
        if (m_feed)
            QCOMPARE(m_feed->figures().silences, quint64(0));
        QCOMPARE(m_exchange->count(), before);
    }

    void anAnswerMayComeAtOnce()
    {
        m_feed->setProber([](int, const Answer &answer) { answer(Feed::Verdict::Missed); });
        QSignalSpy troubled(m_feed.get(), &Feed::troubled);
        goLive("abc");

        QTRY_VERIFY(!troubled.isEmpty());

        QVERIFY(troubleOf(troubled).what.contains("although the exchange has more of it"));
    }

    void aProberMayCloseTheFeed()
    {
        m_plan.redundancy = 2;
        QSignalSpy finished(m_feed.get(), &Feed::finished);
        m_feed->setProber([this](int, const Answer &) { m_feed->close(); });
        goLive("abc");

        QTRY_COMPARE(finished.size(), 1);
    }

    // The time stands still while nothing is read, and starts anew.
    void aPauseIsNoSilence()
    {
        proberSays(Feed::Verdict::Missed);
        QSignalSpy troubled(m_feed.get(), &Feed::troubled);
        goLive("a");

        m_feed->pause();
        QVERIFY(!troubled.wait(600));
        QVERIFY(m_asked.isEmpty());
        m_feed->resume();

        QVERIFY(m_asked.isEmpty());
        QTRY_COMPARE(troubled.size(), 1); // from now on it runs
    }

private:
    QList<int> m_asked;
    QTimer m_ticker;
};

QTEST_GUILESS_MAIN(tst_FeedSilence)

#include "tst_feed_silence.moc"
