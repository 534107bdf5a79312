// SPDX-License-Identifier: Apache-2.0
#include "feed_bench.h"

#include <QElapsedTimer>

#include <algorithm>

using namespace tidemill;
using namespace tidemill::net;
using namespace std::chrono_literals;

// Loss: what is said, who leads then, and that a peer which drops us is never answered at full speed.
class tst_FeedTrouble : public FeedBench
{
    Q_OBJECT

private slots:
    void init() { create(); }
    void cleanup() { destroy(); }

    void tellsOfALossAndOfItsEnd()
    {
        QSignalSpy troubled(m_feed.get(), &Feed::troubled);
        QSignalSpy recovered(m_feed.get(), &Feed::recovered);
        QSignalSpy interrupted(m_feed.get(), &Feed::interrupted);
        goLive("ab");
        QSignalSpy resumed(m_feed.get(), &Feed::resumed);
        m_exchange->publish("a");
        QTRY_COMPARE(m_log.data.size(), 1);

        m_exchange->peer(0).socket->abort();

        QTRY_COMPARE(troubled.size(), 1);
        const FeedTrouble trouble = troubleOf(troubled);
        QVERIFY2(trouble.what.startsWith("connection 1 to 127.0.0.1 lost: "), qPrintable(trouble.what));
        QVERIFY2(trouble.what.contains("; trying again in "), qPrintable(trouble.what));
        QCOMPARE(trouble.streams, QList<int>({0, 1}));
        QCOMPARE(trouble.kind, Error::Kind::Network);
        QVERIFY(trouble.since > Timestamp() && trouble.since <= Timestamp::now());
        QCOMPARE(interrupted.size(), 1);
        QCOMPARE(sorted(interrupted.first().first().value<QList<int>>()), QList<int>({0, 1}));
        QVERIFY(recovered.isEmpty());
        QTRY_COMPARE(recovered.size(), 1);
        QVERIFY(!resumed.isEmpty());
        QCOMPARE(m_feed->figures().losses, quint64(1));
        QCOMPARE(m_log.made, 2);
        QCOMPARE(m_exchange->peer(1).received, QStringList({"sub a b"}));
        QVERIFY(m_log.leads.size() == 2 && m_log.leads[1] > m_log.leads[0]);
    }

    void anExchangeThatIsAwayIsNoError()
    {
        QSignalSpy troubled(m_feed.get(), &Feed::troubled);
        QSignalSpy interrupted(m_feed.get(), &Feed::interrupted);
        const auto port = static_cast<quint16>(m_exchange->url().port());
        m_exchange->stopListening();

        QVERIFY(m_feed->open(m_plan, named("a")));

        QTRY_VERIFY(troubled.size() >= 3);
        QVERIFY(troubleOf(troubled).since.isNull());
        m_exchange->listenAgain(port);
        QTRY_VERIFY(m_feed->isLive());
        QVERIFY(interrupted.isEmpty()); // there was nothing to be interrupted
    }

    void recyclingFromWithinASessionIsSafe()
    {
        QSignalSpy troubled(m_feed.get(), &Feed::troubled);
        goLive("a");

        m_exchange->send(0, "recycle");
        m_exchange->publish("a");

        QTRY_COMPARE(troubled.size(), 1);
        QVERIFY(troubleOf(troubled).what.contains("lost: a hole; trying again in"));
        QVERIFY(!m_log.sentAfterRecycle);
        QTRY_COMPARE(m_exchange->count(), size_t(2));
        QTRY_VERIFY(m_feed->isLive());
        QCOMPARE(m_log.made, 2);
        QCOMPARE(m_log.ended, 1);
        QVERIFY(!m_log.endedWithinItsCall);
    }

    // As the answer of a REST request would: the session is on the stack, but not called by its link.
    void recyclingFromElsewhereIsSafeToo()
    {
        QSignalSpy troubled(m_feed.get(), &Feed::troubled);
        FeedLink *link = nullptr;
        m_log.onMessage = [&link](FeedLink &ours, const QString &) { link = &ours; };
        goLive("a");
        QVERIFY(link);

        link->recycle("a bad snapshot");

        QCOMPARE(m_log.ended, 0); // not within the call
        QTRY_COMPARE(troubled.size(), 1);
        QTRY_COMPARE(m_exchange->count(), size_t(2));
    }

    void aRedundantFeedGoesOn()
    {
        m_plan.redundancy = 2;
        QSignalSpy troubled(m_feed.get(), &Feed::troubled);
        QSignalSpy recovered(m_feed.get(), &Feed::recovered);
        QSignalSpy interrupted(m_feed.get(), &Feed::interrupted);
        goLive("a");
        QCOMPARE(m_feed->figures().connectionsLive, 2);
        m_exchange->publish("a");
        QTRY_COMPARE(m_log.data.size(), 2);
        QCOMPARE(std::count_if(m_log.data.begin(), m_log.data.end(), [](const auto &d) { return d.leads; }),
                 1);
        const qint64 first = m_log.leads.last();
        const qint64 leader = std::find_if(m_log.data.begin(), m_log.data.end(), [](const auto &d) {
                                  return d.leads;
                              })->connection;
        QCOMPARE(leader, first);

        m_exchange->peer(0).socket->abort();

        QTRY_COMPARE(troubled.size(), 1);
        QTRY_COMPARE(m_log.leads.size(), 2);
        QVERIFY(m_log.leads.last() != first);
        QTRY_COMPARE(recovered.size(), 1);
        QCOMPARE(m_log.leads.size(), 2); // who comes back waits for its turn
        QVERIFY(interrupted.isEmpty());

        m_exchange->peer(1).socket->abort();
        QTRY_COMPARE(m_log.leads.size(), 3);
        QVERIFY(m_log.leads[2] > m_log.leads[1]);
        QVERIFY(interrupted.isEmpty());
    }

    // Data of a connection that still waits for its last acknowledgement counts, while there is no better
    // one.
    void whoIsNotLiveYetLeadsIfNobodyElseIs()
    {
        m_exchange->mute = {"b"};
        QVERIFY(m_feed->open(m_plan, named("ab")));
        QTRY_COMPARE(m_exchange->subscribers("a").size(), 1);

        m_exchange->publish("a");

        QTRY_COMPARE(m_log.data.size(), 1);
        QVERIFY(m_log.data.first().leads);
    }

    void aStormIsNeverAnsweredAtFullSpeed_data()
    {
        QTest::addColumn<int>("code");

        QTest::newRow("hung up") << -1;
        QTest::newRow("normal") << 1000;
        QTest::newRow("going away") << 1001;
        QTest::newRow("restart") << 1012;
    }

    void aStormIsNeverAnsweredAtFullSpeed()
    {
        QFETCH(int, code);
        m_plan.connection.backoff = {40ms, 200ms, 2};
        m_plan.connection.goodAfter = 0ms; // data would reset at once; there is none
        m_exchange->closesWith = code;
        QSignalSpy troubled(m_feed.get(), &Feed::troubled);
        QElapsedTimer clock;
        clock.start();

        QVERIFY(m_feed->open(m_plan, named("a")));

        QTRY_VERIFY(troubled.size() >= 12);
        std::chrono::milliseconds waited{0};
        std::chrono::milliseconds longest{0};
        for (qsizetype i = 0; i + 1 < troubled.size(); ++i) {
            const QString what = troubled[i].first().value<FeedTrouble>().what;
            const std::chrono::milliseconds delay(
                what.section("trying again in ", 1).section(' ', 0, 0).toInt());
            QVERIFY2(delay >= 4ms, qPrintable(what));
            waited += delay;
            longest = std::max(longest, delay);
        }
        QVERIFY(clock.elapsed() >= waited.count());
        QVERIFY(longest > 40ms);
        QVERIFY(m_exchange->count() <= size_t(troubled.size()) + 1);
        QCOMPARE(m_feed->figures().losses, quint64(troubled.size()));
    }

    // It announces its end to each that comes: going over to the next one must not become a storm either.
    void announcementsAreNeverFollowedAtFullSpeed()
    {
        m_plan.connection.backoff = {40ms, 400ms, 2};
        m_plan.handoverTimeout = 10ms;
        m_exchange->greeting = "rotate";
        QElapsedTimer clock;
        clock.start();
        QVERIFY(m_feed->open(m_plan, named("a")));

        QTRY_VERIFY(m_feed->figures().rotations >= 7);

        // Seven draws between 4 ms and a bound that doubles from 40 to 400 ms.
        QVERIFY2(clock.elapsed() > 100, qPrintable(QString::number(clock.elapsed())));
        QVERIFY(m_exchange->count() <= m_feed->figures().rotations + 2);
    }
};

QTEST_GUILESS_MAIN(tst_FeedTrouble)

#include "tst_feed_trouble.moc"
