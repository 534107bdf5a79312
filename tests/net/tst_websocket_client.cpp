// SPDX-License-Identifier: Apache-2.0
#include "client_probe.h"

#include <QSignalSpy>
#include <QTest>
#include <QWebSocket>
#include <QWebSocketServer>

#include <memory>

using namespace tidemill;
using namespace tidemill::net;
using namespace std::chrono_literals;

// Against Qt's server: an implementation that shares nothing with ours.
class tst_WebSocketClient : public QObject
{
    Q_OBJECT

private slots:
    void init()
    {
        m_server = std::make_unique<QWebSocketServer>("peer", QWebSocketServer::NonSecureMode);
        QVERIFY(m_server->listen(QHostAddress::LocalHost));
        m_probe = std::make_unique<ClientProbe>();
    }

    void cleanup()
    {
        m_probe.reset();
        m_peer.reset();
        m_server.reset();
    }

    void talksBothWays()
    {
        connectThem();
        QSignalSpy text(m_peer.get(), &QWebSocket::textMessageReceived);
        QSignalSpy binary(m_peer.get(), &QWebSocket::binaryMessageReceived);
        const Timestamp before = Timestamp::now();

        QVERIFY(m_probe->client.sendText("5 \xe2\x82\xac"));
        QVERIFY(m_probe->client.sendBinary(QByteArray(70'000, '\xff')));
        m_peer->sendTextMessage(QStringLiteral("hello"));
        m_peer->sendTextMessage(QString());

        QTRY_COMPARE(m_probe->messages, QList<QByteArray>({"hello", ""}));
        QVERIFY(m_probe->allText);
        QVERIFY(m_probe->received >= before && m_probe->received <= Timestamp::now());
        QTRY_COMPARE(binary.size(), 1);
        QCOMPARE(text.first().first().toString(), QStringLiteral("5 \u20ac"));
        QCOMPARE(binary.first().first().toByteArray(), QByteArray(70'000, '\xff'));
        QCOMPARE(m_probe->client.receivedFrames(), quint64(2));
    }

    void receivesLargeMessagesInFragments()
    {
        connectThem();
        m_peer->setOutgoingFrameSize(10'000);
        const QByteArray large = QByteArray("0123456789").repeated(300'000);

        m_peer->sendBinaryMessage(large);
        m_peer->sendTextMessage(QStringLiteral("after"));

        QTRY_COMPARE(m_probe->messages.size(), 2);
        QCOMPARE(m_probe->messages.first(), large);
        QCOMPARE(m_probe->messages.last(), QByteArray("after"));
    }

    void sendsOurHeaders()
    {
        WebSocketSettings settings;
        settings.headers = {{"X-MBX-APIKEY", "abc"}};
        connectThem(settings);

        QCOMPARE(m_peer->request().rawHeader("X-MBX-APIKEY"), QByteArray("abc"));
        QVERIFY(m_peer->request().rawHeader("User-Agent").startsWith("tidemill/"));
    }

    void answersPingsAndSeesPongs()
    {
        connectThem();
        QSignalSpy peerPong(m_peer.get(), &QWebSocket::pong);
        QSignalSpy pongSent(&m_probe->client, &WebSocketClient::pongSent);
        QSignalSpy pongReceived(&m_probe->client, &WebSocketClient::pongReceived);

        m_peer->ping("payload");
        QVERIFY(m_probe->client.ping("ours"));

        QTRY_COMPARE(peerPong.size(), 1);
        QCOMPARE(peerPong.first().last().toByteArray(), QByteArray("payload"));
        QCOMPARE(pongSent.size(), 1);
        QTRY_COMPARE(pongReceived.size(), 1);
    }

    void keepsAnIdleConnectionWithPings()
    {
        WebSocketSettings settings;
        settings.pingInterval = 10ms;
        settings.pongTimeout = 2s;
        connectThem(settings);
        QSignalSpy pongReceived(&m_probe->client, &WebSocketClient::pongReceived);

        QTRY_VERIFY(pongReceived.size() >= 2);
        QCOMPARE(m_probe->closed, 0);
    }

    void weSayGoodbye()
    {
        connectThem();
        QSignalSpy disconnected(m_peer.get(), &QWebSocket::disconnected);

        m_probe->client.close(1001, QStringLiteral("going"));

        QCOMPARE(m_probe->client.state(), WebSocketClient::State::Closing);
        QTRY_COMPARE(m_probe->closed, 1);
        QVERIFY(m_probe->last.clean);
        QCOMPARE(m_probe->last.code, quint16(1001));
        QCOMPARE(m_probe->client.state(), WebSocketClient::State::Closed);
        QTRY_COMPARE(disconnected.size(), 1);
        QCOMPARE(m_peer->closeCode(), QWebSocketProtocol::CloseCodeGoingAway);
        QCOMPARE(m_peer->closeReason(), QStringLiteral("going"));
    }

    void thePeerSaysGoodbye()
    {
        connectThem();
        m_peer->sendTextMessage(QStringLiteral("last"));

        m_peer->close(static_cast<QWebSocketProtocol::CloseCode>(1012), QStringLiteral("restart"));

        QTRY_COMPARE(m_probe->closed, 1);
        QCOMPARE(m_probe->messages, QList<QByteArray>{"last"});
        QVERIFY(m_probe->last.clean);
        QCOMPARE(m_probe->last.code, quint16(1012));
        QCOMPARE(m_probe->last.reason, QStringLiteral("restart"));
        QCOMPARE(m_probe->last.kind, Error::Kind::Network);
        QVERIFY(m_probe->last.message.contains("restart"));
    }

    void aReasonThatIsTooLongIsCutBetweenCharacters()
    {
        connectThem();
        QSignalSpy disconnected(m_peer.get(), &QWebSocket::disconnected);

        m_probe->client.close(1000, QString(100, QChar(0x20ac)));

        QTRY_COMPARE(disconnected.size(), 1);
        QCOMPARE(m_peer->closeReason(), QString(41, QChar(0x20ac)));
    }

    void abortTellsAtOnceAndOnce()
    {
        connectThem();

        m_probe->client.abort();
        m_probe->client.abort();

        QCOMPARE(m_probe->closed, 1);
        QVERIFY(!m_probe->last.clean);
        QCOMPARE(m_probe->client.state(), WebSocketClient::State::Closed);
    }

    void closeBeforeOpenDropsTheAttempt()
    {
        QVERIFY(m_probe->client.open(m_server->serverUrl()));
        QCOMPARE(m_probe->client.state(), WebSocketClient::State::Connecting);

        m_probe->client.close();

        QCOMPARE(m_probe->closed, 1);
        QCOMPARE(m_probe->opened, 0);
    }

    void opensAgainAfterEachKindOfEnd()
    {
        for (int round = 0; round < 3; ++round) {
            connectThem();
            QCOMPARE(m_probe->opened, round + 1);
            if (round == 0)
                m_probe->client.abort();
            else if (round == 1)
                m_probe->client.close();
            else
                m_peer->abort();
            QTRY_COMPARE(m_probe->closed, round + 1);
        }
    }

    void refusesASecondOpen()
    {
        connectThem();

        const auto again = m_probe->client.open(m_server->serverUrl());

        QVERIFY(!again);
        QCOMPARE(m_probe->client.state(), WebSocketClient::State::Open);
    }

    void refusesToSendWhatItCannot()
    {
        QVERIFY(!m_probe->client.sendText("not open"));
        connectThem();

        QVERIFY(!m_probe->client.sendText("\xff"));
        QVERIFY(!m_probe->client.ping(QByteArray(126, 'x')));
    }

    void reportsAPeerThatRefuses()
    {
        const QUrl url = m_server->serverUrl();
        m_server->close();

        QVERIFY(m_probe->client.open(url));

        QTRY_COMPARE(m_probe->closed, 1);
        QCOMPARE(m_probe->opened, 0);
        QCOMPARE(m_probe->last.kind, Error::Kind::Network);
        QVERIFY(m_probe->last.message.contains("refused"));
        QVERIFY(m_probe->last.message.contains(QString::number(url.port())));
    }

    void reportsANameThatDoesNotExist()
    {
        QVERIFY(m_probe->client.open(QUrl("ws://no-such-host.invalid/")));

        QTRY_COMPARE_WITH_TIMEOUT(m_probe->closed, 1, 12'000);
        QVERIFY(m_probe->last.message.startsWith("no-such-host.invalid:80: "));
    }

    void survivesWhatASlotDoes_data()
    {
        QTest::addColumn<QByteArray>("action");

        QTest::newRow("close") << QByteArray("close");
        QTest::newRow("abort") << QByteArray("abort");
        QTest::newRow("abort and open again") << QByteArray("open");
        QTest::newRow("deleteLater") << QByteArray("delete");
    }

    void survivesWhatASlotDoes()
    {
        QFETCH(QByteArray, action);
        auto *client = new WebSocketClient;
        QPointer<WebSocketClient> watched(client);
        int messages = 0;
        connect(client, &WebSocketClient::framesReceived, client, [&](const Frames &frames) {
            if (action == "close")
                client->close();
            else if (action == "delete")
                client->deleteLater();
            else
                client->abort();
            if (action == "open")
                QVERIFY(client->open(m_server->serverUrl()));
            for (const Frame &frame : frames) // the views outlive all of that
                messages += frame.payload.startsWith("message") ? 1 : 0;
        });
        QSignalSpy closed(client, &WebSocketClient::closed);
        QSignalSpy opened(client, &WebSocketClient::opened);
        QVERIFY(client->open(m_server->serverUrl()));
        acceptPeer();
        QTRY_COMPARE(opened.size(), 1);

        for (int i = 0; i < 1000; ++i)
            m_peer->sendTextMessage(QStringLiteral("message %1").arg(i));

        if (action == "delete") {
            QTRY_VERIFY(!watched);
            QVERIFY(messages > 0);
            return;
        }
        QTRY_COMPARE(closed.size(), 1);
        QVERIFY(messages > 0);
        if (action == "open")
            QTRY_COMPARE(opened.size(), 2);
        client->deleteLater();
        QTRY_VERIFY(!watched);
    }

private:
    void acceptPeer()
    {
        if (!m_server->hasPendingConnections())
            QVERIFY(QSignalSpy(m_server.get(), &QWebSocketServer::newConnection).wait());
        m_peer.reset(m_server->nextPendingConnection());
        QVERIFY(m_peer);
    }

    void connectThem(const WebSocketSettings &settings = {})
    {
        const int opened = m_probe->opened;
        QVERIFY(m_probe->client.open(m_server->serverUrl(), settings));
        acceptPeer();
        QTRY_COMPARE(m_probe->opened, opened + 1);
        QCOMPARE(m_probe->client.state(), WebSocketClient::State::Open);
    }

    std::unique_ptr<QWebSocketServer> m_server;
    std::unique_ptr<QWebSocket> m_peer;
    std::unique_ptr<ClientProbe> m_probe;
};

QTEST_GUILESS_MAIN(tst_WebSocketClient)

#include "tst_websocket_client.moc"
