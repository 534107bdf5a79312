// SPDX-License-Identifier: Apache-2.0
#include "feed_bench.h"

#include <QElapsedTimer>
#include <QTimer>

using namespace tidemill;
using namespace tidemill::net;
using namespace std::chrono_literals;

// Make before break: a successor is live, and delivers, before a connection is left.
class tst_FeedRotation : public FeedBench
{
    Q_OBJECT

private:
    // Data of each stream, all the time, from whoever is there.
    void keepPublishing(const QStringList &streams)
    {
        connect(&m_ticker, &QTimer::timeout, this, [this, streams] {
            for (const QString &stream : streams)
                m_exchange->publish(stream);
        });
        m_ticker.start(10);
    }

private slots:
    void init()
    {
        create();
        m_plan.silenceFloor = 100ms;
        m_plan.silenceCeiling = 2s;
    }
    void cleanup()
    {
        m_ticker.stop();
        m_ticker.disconnect();
        destroy();
    }

    void anOldConnectionIsReplacedWithoutAGap()
    {
        m_plan.lifetime = 300ms;
        QSignalSpy troubled(m_feed.get(), &Feed::troubled);
        QSignalSpy interrupted(m_feed.get(), &Feed::interrupted);
        goLive("ab");
        keepPublishing({"a", "b"});

        QTRY_VERIFY(m_feed->figures().rotations >= 3);

        QVERIFY(troubled.isEmpty());
        QVERIFY(interrupted.isEmpty());
        QCOMPARE(m_feed->figures().losses, quint64(0));
        QVERIFY(m_feed->isLive());
        QCOMPARE(m_feed->figures().connections, 1);
        QCOMPARE(m_exchange->peer(1).received, QStringList({"sub a b"}));
        // Closed with a goodbye.
        QTRY_VERIFY(m_exchange->peer(0).isGone);
        QCOMPARE(m_exchange->peer(0).socket->closeCode(), QWebSocketProtocol::CloseCodeNormal);
        // Each leads in its turn.
        QVERIFY(m_log.leads.size() >= 4);
        for (qsizetype i = 1; i < m_log.leads.size(); ++i)
            QVERIFY(m_log.leads[i] > m_log.leads[i - 1]);
        // And at any time the leader delivered.
        QVERIFY(std::count_if(m_log.data.begin(), m_log.data.end(), [](const auto &d) { return d.leads; }) >
                50);
    }

    void anAnnouncedEndIsForestalled()
    {
        QSignalSpy troubled(m_feed.get(), &Feed::troubled);
        QSignalSpy interrupted(m_feed.get(), &Feed::interrupted);
        goLive("a");
        keepPublishing({"a"});

        m_exchange->send(0, "rotate");
        m_exchange->send(0, "rotate");

        QTRY_COMPARE(m_feed->figures().rotations, quint64(1));
        QTRY_VERIFY(m_exchange->peer(0).isGone);
        QCOMPARE(m_exchange->count(), size_t(2));
        QVERIFY(troubled.isEmpty());
        QVERIFY(interrupted.isEmpty());
    }

    // A successor that is acknowledged but gets nothing is no successor, until the time for it is over.
    void aSuccessorMustDeliver_data()
    {
        QTest::addColumn<bool>("inTime");

        QTest::newRow("it does at last") << true;
        QTest::newRow("it never does") << false;
    }

    void aSuccessorMustDeliver()
    {
        QFETCH(bool, inTime);
        m_plan.handoverTimeout = inTime ? 60s : 400ms;
        goLive("ab");
        connect(&m_ticker, &QTimer::timeout, this, [this] {
            m_exchange->send(0, "data a");
            m_exchange->send(0, "data b");
            if (m_exchange->count() > 1)
                m_exchange->send(1, "data a");
        });
        m_ticker.start(10);
        QElapsedTimer asked;
        asked.start();
        m_exchange->send(0, "rotate");
        QTRY_COMPARE(m_exchange->count(), size_t(2));
        QTRY_VERIFY(std::any_of(m_log.data.begin(), m_log.data.end(),
                                [this](const auto &d) { return d.connection != m_log.leads.first(); }));
        if (inTime) {
            QSignalSpy tick(&m_ticker, &QTimer::timeout);
            QTRY_VERIFY(tick.size() >= 20); // 200 ms in which b is missing
            QCOMPARE(m_feed->figures().rotations, quint64(0));
            m_exchange->send(1, "data b");
        }

        QTRY_COMPARE(m_feed->figures().rotations, quint64(1));
        QVERIFY(inTime || asked.elapsed() >= 400);
        QCOMPARE(m_log.leads.size(), 2);
    }

    void aStreamThatIsQuietOnBothDoesNotHoldItUp()
    {
        m_plan.silenceCeiling = 300ms;
        goLive("ab");
        keepPublishing({"a"});

        m_exchange->send(0, "rotate");

        QTRY_COMPARE(m_feed->figures().rotations, quint64(1));
    }

    void theOldOneStaysWhileNoSuccessorCanBeMade()
    {
        QSignalSpy troubled(m_feed.get(), &Feed::troubled);
        goLive("a");
        keepPublishing({"a"});
        const auto port = static_cast<quint16>(m_exchange->url().port());
        m_exchange->stopListening();

        m_exchange->send(0, "rotate");

        QTRY_VERIFY(m_feed->figures().losses >= 3);
        QVERIFY(m_feed->isLive());
        QVERIFY(troubled.isEmpty()); // nothing is amiss yet
        m_exchange->listenAgain(port);
        QTRY_COMPARE(m_feed->figures().rotations, quint64(1));
        QVERIFY(troubled.isEmpty());
    }

    void ifTheOldOneDiesTheSuccessorIsTheConnection_data()
    {
        QTest::addColumn<bool>("live");

        QTest::newRow("live") << true;
        QTest::newRow("still subscribing") << false;
    }

    void ifTheOldOneDiesTheSuccessorIsTheConnection()
    {
        QFETCH(bool, live);
        QSignalSpy troubled(m_feed.get(), &Feed::troubled);
        QSignalSpy recovered(m_feed.get(), &Feed::recovered);
        QSignalSpy interrupted(m_feed.get(), &Feed::interrupted);
        goLive("a");
        connect(&m_ticker, &QTimer::timeout, this, [this] {
            if (!m_exchange->peer(0).isGone) // the successor gets nothing, so it is not taken
                m_exchange->send(0, "data a");
        });
        m_ticker.start(10);
        m_exchange->acknowledges = live;
        QSignalSpy resumed(m_feed.get(), &Feed::resumed);
        int acknowledged = 0;
        m_log.onMessage = [&acknowledged](FeedLink &, const QString &text) {
            acknowledged += text == "ack a";
        };
        m_exchange->send(0, "rotate");
        QTRY_COMPARE(m_exchange->count(), size_t(2));
        QTRY_COMPARE(m_exchange->peer(1).received, QStringList({"sub a"}));
        if (live)
            QTRY_COMPARE(acknowledged, 1);

        m_exchange->peer(0).socket->abort();

        QTRY_COMPARE(m_feed->figures().losses, quint64(1));
        if (live) {
            QVERIFY(m_feed->isLive());
            QVERIFY(troubled.isEmpty());
            QVERIFY(interrupted.isEmpty());
        } else {
            QCOMPARE(troubled.size(), 1);
            QVERIFY(troubleOf(troubled).what.endsWith("; its successor takes over"));
            QCOMPARE(interrupted.size(), 1);
            m_exchange->send(1, "ack a");
            QTRY_COMPARE(recovered.size(), 1);
            QCOMPARE(resumed.size(), 1);
        }
        m_exchange->send(1, "data a");
        QTRY_COMPARE(m_log.data.last().connection, m_log.leads.last());
        QVERIFY(m_log.data.last().leads);
        QCOMPARE(m_exchange->count(), size_t(2)); // and no third one
        QCOMPARE(m_feed->figures().connections, 1);
    }

    void whatChangesMeanwhileReachesBoth()
    {
        goLive("ab");
        connect(&m_ticker, &QTimer::timeout, this, [this] { m_exchange->send(0, "data b"); });
        m_ticker.start(10);
        m_exchange->send(0, "rotate");
        QTRY_COMPARE(m_exchange->count(), size_t(2));
        QTRY_COMPARE(m_exchange->peer(1).received, QStringList({"sub a b"}));

        m_feed->setStreams(named("bc"));

        QTRY_COMPARE(m_exchange->peer(0).received, QStringList({"sub a b", "unsub a", "sub c"}));
        QTRY_COMPARE(m_exchange->peer(1).received, QStringList({"sub a b", "unsub a", "sub c"}));
    }

    void closingInBetweenClosesBoth()
    {
        QSignalSpy finished(m_feed.get(), &Feed::finished);
        goLive("a");
        connect(&m_ticker, &QTimer::timeout, this, [this] { m_exchange->send(0, "data a"); });
        m_ticker.start(10);
        m_exchange->send(0, "rotate");
        QTRY_COMPARE(m_exchange->count(), size_t(2));

        m_feed->close();

        QTRY_COMPARE(finished.size(), 1);
        QTRY_COMPARE(m_exchange->present(), size_t(0));
    }

private:
    QTimer m_ticker;
};

QTEST_GUILESS_MAIN(tst_FeedRotation)

#include "tst_feed_rotation.moc"
