// SPDX-License-Identifier: Apache-2.0
#include "feed_fixture.h"
#include "raw_peer.h"

#include <QElapsedTimer>

#include <algorithm>

using namespace tidemill;
using namespace tidemill::net;
using namespace std::chrono_literals;

// How a feed gets over the loss of its connection, and how fast it does not.
class tst_FeedLoss : public FeedFixture
{
    Q_OBJECT

private slots:
    void init() { create(); }
    void cleanup() { destroy(); }

    void comesBackAfterEachKindOfEnd_data()
    {
        QTest::addColumn<int>("code"); // 0: no close frame

        QTest::newRow("hung up") << 0;
        QTest::newRow("normal") << 1000;
        QTest::newRow("going away") << 1001;
        QTest::newRow("policy") << 1008;
        QTest::newRow("restart") << 1012;
    }

    void comesBackAfterEachKindOfEnd()
    {
        QFETCH(int, code);
        QSignalSpy lost(m_feed.get(), &FeedConnection::lost);
        QSignalSpy recovered(m_feed.get(), &FeedConnection::recovered);
        goLive();
        sendData();
        const Timestamp lastData = m_feed->statistics().lastDataAt;

        if (code == 0)
            m_peer->abort();
        else
            m_peer->close(static_cast<QWebSocketProtocol::CloseCode>(code));

        QTRY_COMPARE(lost.size(), 1);
        const auto info = lost.first().first().value<LostInfo>();
        QCOMPARE(info.since, lastData);
        QCOMPARE(info.attempt, 1);
        QCOMPARE(info.closeCode, quint16(code == 0 ? 1006 : code));
        QVERIFY(info.nextTry >= 1ms && info.nextTry <= 10ms);
        QVERIFY(!info.reason.isEmpty());
        acceptPeer();
        QTRY_COMPARE(m_feed->state(), State::Subscribing);
        QVERIFY(recovered.isEmpty());
        m_feed->confirmSubscribed();
        QCOMPARE(recovered.size(), 1);
        QCOMPARE(recovered.first().first().value<Timestamp>(), lastData);
        QCOMPARE(m_feed->statistics().reconnects, quint64(1));
        QCOMPARE(m_feed->statistics().connectAttempts, quint64(2));
    }

    // Ten seconds of that would be thousands of connections if a delay could be skipped.
    void aStormOfAcceptAndCloseIsNeverAnsweredAtFullSpeed()
    {
        m_settings.backoff = {40ms, 200ms, 2};
        m_settings.goodAfter = 0ms; // data would reset at once; there is none
        int accepted = 0;
        connect(m_server.get(), &QWebSocketServer::newConnection, this, [&] {
            ++accepted;
            QWebSocket *peer = m_server->nextPendingConnection();
            peer->setParent(m_server.get());
            peer->close();
        });
        QList<std::chrono::milliseconds> delays;
        connect(m_feed.get(), &FeedConnection::lost, this,
                [&](const LostInfo &info) { delays.append(info.nextTry); });
        connect(m_feed.get(), &FeedConnection::opened, m_feed.get(), &FeedConnection::confirmSubscribed);
        QElapsedTimer clock;
        clock.start();

        QVERIFY(m_feed->open(m_settings));

        QTRY_VERIFY(delays.size() >= 12);
        std::chrono::milliseconds waited{0};
        for (qsizetype i = 0; i + 1 < delays.size(); ++i) {
            QVERIFY(delays[i] >= 4ms);
            waited += delays[i];
        }
        QVERIFY(clock.elapsed() >= waited.count());
        QVERIFY2(*std::max_element(delays.begin(), delays.end()) > 40ms,
                 "it must have grown beyond the first");
        QVERIFY(accepted <= delays.size() + 1);
    }

    void dataThatFlowsMakesTheDelaysShortAgain_data()
    {
        QTest::addColumn<std::chrono::milliseconds>("goodAfter");
        QTest::addColumn<int>("attempt");

        QTest::newRow("it flowed long enough") << 0ms << 1;
        QTest::newRow("it flowed too short") << std::chrono::milliseconds(1h) << 2;
    }

    void dataThatFlowsMakesTheDelaysShortAgain()
    {
        QFETCH(std::chrono::milliseconds, goodAfter);
        QFETCH(int, attempt);
        m_settings.goodAfter = goodAfter;
        QSignalSpy lost(m_feed.get(), &FeedConnection::lost);
        goLive();
        m_peer->abort();
        QTRY_COMPARE(lost.size(), 1);
        acceptPeer();
        QTRY_COMPARE(m_feed->state(), State::Subscribing);
        sendData();

        m_peer->abort();

        QTRY_COMPARE(lost.size(), 2);
        QCOMPARE(lost.last().first().value<LostInfo>().attempt, attempt);
    }

    void keepsTryingWhileNobodyListens()
    {
        QSignalSpy lost(m_feed.get(), &FeedConnection::lost);
        m_server->close();
        QVERIFY(m_feed->open(m_settings));
        QTRY_VERIFY(lost.size() >= 3);
        QVERIFY(lost.first().first().value<LostInfo>().since.isNull());
        QVERIFY(m_server->listen(QHostAddress::LocalHost, static_cast<quint16>(m_settings.url.port())));

        acceptPeer();

        QTRY_COMPARE(m_feed->state(), State::Subscribing);
        QCOMPARE(m_feed->statistics().reconnects, quint64(0)); // it had never been open
    }

    void honoursRetryAfter()
    {
        RawPeer peer;
        m_settings.url = peer.url("ws");
        QSignalSpy lost(m_feed.get(), &FeedConnection::lost);
        QVERIFY(m_feed->open(m_settings));
        const auto socket = peer.accept();
        QVERIFY(socket);
        RawPeer::readRequest(*socket);

        socket->write("HTTP/1.1 429 Too Many Requests\r\nRetry-After: 3\r\n\r\n");

        QTRY_COMPARE(lost.size(), 1);
        const auto info = lost.first().first().value<LostInfo>();
        QCOMPARE(info.handshakeStatus, 429);
        QVERIFY(info.nextTry >= 3s);
        QVERIFY(!QSignalSpy(m_feed.get(), &FeedConnection::stateChanged).wait(200));
    }

    void recyclesOnDemand()
    {
        QSignalSpy lost(m_feed.get(), &FeedConnection::lost);
        goLive();

        m_feed->recycle(QStringLiteral("a hole in the data"));

        QCOMPARE(m_feed->state(), State::Lost);
        QCOMPARE(lost.size(), 1);
        QCOMPARE(lost.first().first().value<LostInfo>().reason, QStringLiteral("a hole in the data"));
        acceptPeer();
        QTRY_COMPARE(m_feed->state(), State::Subscribing);
    }

    void recyclesFromWithinASlot()
    {
        QSignalSpy lost(m_feed.get(), &FeedConnection::lost);
        goLive();
        QByteArray seen;
        connect(m_feed.get(), &FeedConnection::framesReceived, this, [&](const Frames &frames) {
            m_feed->recycle(QStringLiteral("in a slot"));
            seen = frames[0].payload.toByteArray();
        });

        m_peer->sendTextMessage(QStringLiteral("bad"));

        QTRY_COMPARE(lost.size(), 1);
        QCOMPARE(seen, QByteArray("bad"));
        acceptPeer();
    }

    void keepsToTheConnectLimitOfTheHost()
    {
        m_settings.url.setHost("localhost"); // a key of its own
        m_settings.backoff = {1ms, 1ms, 1};
        m_settings.connectLimit = {3, 400ms};
        m_server->close();
        QList<qint64> times;
        QElapsedTimer clock;
        connect(m_feed.get(), &FeedConnection::lost, this, [&] { times.append(clock.elapsed()); });
        clock.start();

        QVERIFY(m_feed->open(m_settings));

        QTRY_VERIFY(times.size() >= 7);
        QVERIFY(times[6] >= 800);
        QCOMPARE(m_feed->statistics().connectAttempts, quint64(times.size()));
    }

    void survivesSlotsThatTurnOnIt_data()
    {
        QTest::addColumn<State>("when");

        QTest::newRow("subscribing") << State::Subscribing;
        QTest::newRow("live") << State::Live;
        QTest::newRow("lost") << State::Lost;
    }

    // Closing from within a signal about a state must leave no timer of that state behind.
    void survivesSlotsThatTurnOnIt()
    {
        QFETCH(State, when);
        QSignalSpy finished(m_feed.get(), &FeedConnection::finished);
        connect(m_feed.get(), &FeedConnection::stateChanged, this, [this, when](State state) {
            if (state == when)
                m_feed->close();
        });
        connect(m_feed.get(), &FeedConnection::opened, m_feed.get(), &FeedConnection::confirmSubscribed);
        QVERIFY(m_feed->open(m_settings));
        acceptPeer();
        if (when == State::Lost) {
            QTRY_COMPARE(m_feed->state(), State::Live);
            m_peer->abort();
        }

        QTRY_COMPARE(finished.size(), 1);
        QCOMPARE(m_feed->state(), State::Closed);
        QCOMPARE(m_feed->statistics().connectAttempts, quint64(1));
    }
};

QTEST_GUILESS_MAIN(tst_FeedLoss)

#include "tst_feed_loss.moc"
