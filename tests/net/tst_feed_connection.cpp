// SPDX-License-Identifier: Apache-2.0
#include "feed_fixture.h"
#include "raw_peer.h"

#include <QElapsedTimer>

using namespace tidemill;
using namespace tidemill::net;
using namespace std::chrono_literals;

class tst_FeedConnection : public FeedFixture
{
    Q_OBJECT

private slots:
    void init() { create(); }
    void cleanup() { destroy(); }

    void goesLiveAndEnds()
    {
        QSignalSpy finished(m_feed.get(), &FeedConnection::finished);
        goLive();
        sendData();
        QVERIFY(m_feed->statistics().lastDataAt > Timestamp());
        QCOMPARE(m_feed->statistics().framesReceived, quint64(1));
        QVERIFY(m_feed->statistics().bytesReceived > 4);
        QCOMPARE(m_feed->statistics().connectAttempts, quint64(1));

        m_feed->close();

        QVERIFY(finished.isEmpty());
        QTRY_COMPARE(finished.size(), 1);
        QCOMPARE(m_states, QList<State>({State::Connecting, State::Subscribing, State::Live, State::Closing,
                                         State::Closed}));
        QVERIFY(!m_feed->send("too late"));
    }

    void sendsInOrderAndWithinTheLimit()
    {
        m_settings.controlLimit = {2, 150ms};
        goLive();
        QElapsedTimer clock;
        QStringList received;
        QList<qint64> times;
        connect(m_peer.get(), &QWebSocket::textMessageReceived, this, [&](const QString &text) {
            received.append(text);
            times.append(clock.elapsed());
        });

        clock.start();
        for (const char *text : {"a", "b", "c", "d", "e"})
            QVERIFY(m_feed->send(text));

        QTRY_COMPARE(received, QStringList({"a", "b", "c", "d", "e"}));
        QVERIFY(times[2] >= 140); // the peer's clock runs beside ours: some milliseconds are the kernel's
        QVERIFY(times[4] >= 290);
    }

    void answeredPingsCountAgainstTheLimit()
    {
        m_settings.controlLimit = {2, 200ms};
        goLive();
        QSignalSpy pong(m_peer.get(), &QWebSocket::pong);
        QSignalSpy text(m_peer.get(), &QWebSocket::textMessageReceived);
        QElapsedTimer clock;
        clock.start();
        m_peer->ping("1");
        QTRY_COMPARE(pong.size(), 1);
        m_peer->ping("2");
        QTRY_COMPARE(pong.size(), 2);

        QVERIFY(m_feed->send("waits"));

        QTRY_COMPARE(text.size(), 1);
        QVERIFY(clock.elapsed() >= 199); // two pongs fill the window from the first of them on
    }

    void refusesToSendWithoutAConnectionOrBound()
    {
        m_settings.controlLimit = {1, 1h};
        QVERIFY(!m_feed->send("idle"));
        goLive();
        int accepted = 0;

        while (accepted < 100'000 && m_feed->send("x"))
            ++accepted;

        QCOMPARE(accepted, 1024);
    }

    void forgetsItsQueueWithTheConnection()
    {
        m_settings.controlLimit = {1, 1h};
        goLive();
        QVERIFY(m_feed->send("first"));
        QVERIFY(m_feed->send("never"));
        QSignalSpy text(m_peer.get(), &QWebSocket::textMessageReceived);
        QTRY_COMPARE(text.size(), 1);
        m_peer->abort();
        acceptPeer();
        QTRY_COMPARE(m_feed->state(), State::Subscribing);
        QSignalSpy again(m_peer.get(), &QWebSocket::textMessageReceived);

        QVERIFY(m_feed->send("anew")); // the exchange counts anew, and so do we

        QTRY_COMPARE(again.size(), 1);
        QCOMPARE(again.first().first().toString(), QStringLiteral("anew"));
    }

    void startsOverWhenNothingComes()
    {
        m_settings.silenceLimit = 60ms;
        m_settings.probeTimeout = 300ms;
        QSignalSpy lost(m_feed.get(), &FeedConnection::lost);
        goLive();
        sendData();

        QTRY_COMPARE(lost.size(), 1);

        QCOMPARE(m_states.value(m_states.indexOf(State::Lost) - 1), State::Silent);
        // Qt's server answers pings: being there is not enough.
        QCOMPARE(lost.first().first().value<LostInfo>().reason,
                 QStringLiteral("no data, although the peer answers a ping"));
        acceptPeer();
        QTRY_COMPARE(m_feed->state(), State::Subscribing);
    }

    void dataAfterTheProbeIsLife()
    {
        m_settings.silenceLimit = 30ms;
        m_settings.probeTimeout = 10s;
        QSignalSpy lost(m_feed.get(), &FeedConnection::lost);
        goLive();
        QTRY_COMPARE(m_feed->state(), State::Silent);

        sendData();

        QCOMPARE(m_feed->state(), State::Live);
        QVERIFY(lost.isEmpty());
    }

    void dataKeepsItLive()
    {
        m_settings.silenceLimit = 500ms;
        goLive();
        QTimer ticker;
        connect(&ticker, &QTimer::timeout, this, [this] { m_peer->sendTextMessage(QStringLiteral("tick")); });

        ticker.start(10);

        QVERIFY(!QSignalSpy(m_feed.get(), &FeedConnection::stateChanged).wait(1200));
        QCOMPARE(m_feed->state(), State::Live);
    }

    void aPausedConnectionIsNotSilent()
    {
        m_settings.silenceLimit = 30ms;
        m_settings.probeTimeout = 10ms;
        goLive();

        m_feed->pause();

        m_peer->sendTextMessage(QStringLiteral("waits"));
        QVERIFY(!QSignalSpy(m_feed.get(), &FeedConnection::stateChanged).wait(200));
        QSignalSpy frames(m_feed.get(), &FeedConnection::framesReceived);
        m_feed->resume();
        QTRY_COMPARE(frames.size(), 1);
        QTRY_VERIFY(m_states.contains(State::Silent)); // from now on the time runs again
    }

    void startsOverWhenTheSubscriptionIsNotAcknowledged()
    {
        m_settings.subscribeTimeout = 50ms;
        QSignalSpy lost(m_feed.get(), &FeedConnection::lost);
        QVERIFY(m_feed->open(m_settings));
        acceptPeer();
        QTRY_COMPARE(m_feed->state(), State::Subscribing);
        sendData(); // data alone is no acknowledgement

        QTRY_COMPARE(lost.size(), 1);
        QVERIFY(lost.first().first().value<LostInfo>().reason.contains("acknowledgement"));
    }

    void closesInEveryState_data()
    {
        QTest::addColumn<QByteArray>("when");

        for (const char *when :
             {"idle", "just opened", "connecting", "subscribing", "lost", "paused", "closed"})
            QTest::newRow(when) << QByteArray(when);
    }

    void closesInEveryState()
    {
        QFETCH(QByteArray, when);
        RawPeer mute;
        if (when == "connecting")
            m_settings.url = mute.url("ws");
        if (when == "lost") {
            m_server->close();
            m_settings.backoff = {1h, 1h, 1};
        }
        if (when != "idle")
            QVERIFY(m_feed->open(m_settings));
        if (when == "connecting")
            QTRY_VERIFY(mute.hasClient());
        if (when == "lost")
            QTRY_COMPARE(m_feed->state(), State::Lost);
        if (when == "subscribing" || when == "paused" || when == "closed") {
            acceptPeer();
            QTRY_COMPARE(m_feed->state(), State::Subscribing);
        }
        if (when == "paused")
            m_feed->pause();
        QSignalSpy finished(m_feed.get(), &FeedConnection::finished);
        QSignalSpy lost(m_feed.get(), &FeedConnection::lost);
        if (when == "closed") {
            m_feed->close();
            QTRY_COMPARE(finished.size(), 1);
            finished.clear();
        }

        m_feed->close();

        QVERIFY(finished.isEmpty());
        QTRY_COMPARE(finished.size(), 1);
        QCOMPARE(m_feed->state(), State::Closed);
        QVERIFY(lost.isEmpty());
        m_feed->resume();
        if (when != "lost") { // and it can be used again
            m_settings.url = m_server->serverUrl();
            QVERIFY(m_feed->open(m_settings));
            acceptPeer();
            QTRY_COMPARE(m_feed->state(), State::Subscribing);
        }
    }

    void closingEndsAtItsDeadline()
    {
        RawPeer peer;
        m_settings.url = peer.url("ws");
        QVERIFY(m_feed->open(m_settings));
        const auto socket = peer.acceptWebSocket();
        QVERIFY(socket);
        QTRY_COMPARE(m_feed->state(), State::Subscribing);
        QSignalSpy finished(m_feed.get(), &FeedConnection::finished);
        QElapsedTimer clock;
        clock.start();

        m_feed->close(50ms);

        QTRY_COMPARE(finished.size(), 1);
        QVERIFY(clock.elapsed() < 1000); // the socket alone would wait for 3 s
    }

    void refusesSettingsThatCannotWork()
    {
        m_settings.url = QUrl("https://example.com/");

        const auto opened = m_feed->open(m_settings);

        QVERIFY(!opened);
        QCOMPARE(opened.error().kind, Error::Kind::Config);
        QCOMPARE(m_feed->state(), State::Idle);
    }
};

QTEST_GUILESS_MAIN(tst_FeedConnection)

#include "tst_feed_connection.moc"
