// SPDX-License-Identifier: Apache-2.0
#include "client_probe.h"
#include "raw_peer.h"
#include "server_frames.h"

#include <QSignalSpy>
#include <QTest>

using namespace tidemill;
using namespace tidemill::net;
using namespace std::chrono_literals;

// Back-pressure: pause() must reach the peer through TCP, and resume() must lose nothing.
class tst_WebSocketPause : public QObject
{
    Q_OBJECT

private slots:
    void init()
    {
        m_probe = std::make_unique<ClientProbe>();
        QVERIFY(m_probe->client.open(m_peer.url("ws")));
        m_socket = m_peer.acceptWebSocket();
        QVERIFY(m_socket);
        QTRY_COMPARE(m_probe->opened, 1);
    }

    void cleanup()
    {
        m_probe.reset();
        m_socket.reset();
    }

    void reachesThePeerAndLosesNothing()
    {
        m_probe->client.pause();
        sendMessages(40'000);

        // Until the kernel's buffers are full and nothing moves any more.
        qint64 unsent = m_socket->bytesToWrite();
        while (QSignalSpy(m_socket.get(), &QTcpSocket::bytesWritten).wait(200))
            unsent = m_socket->bytesToWrite();
        QVERIFY2(unsent > 4'000'000, "most of 40 MB must still be the peer's");
        QVERIFY(m_probe->messages.isEmpty());

        m_probe->client.resume();

        QVERIFY2(m_probe->messages.isEmpty(), "never from within the call");
        QTRY_COMPARE(m_probe->messages.size(), 40'000);
        checkMessages(40'000);
    }

    // What the socket has buffered must come although it signals nothing new.
    void resumeTakesUpWhatLiesInTheSocket()
    {
        m_probe->client.pause();
        sendMessages(3);
        QVERIFY(!QSignalSpy(&m_probe->client, &WebSocketClient::framesReceived).wait(100));

        m_probe->client.resume();

        QTRY_COMPARE(m_probe->messages.size(), 3);
    }

    void aSlotMayPauseAfterEachRead()
    {
        connect(&m_probe->client, &WebSocketClient::framesReceived, this, [this] {
            m_probe->client.pause();
            QTimer::singleShot(0, &m_probe->client, &WebSocketClient::resume);
        });

        sendMessages(5000);

        QTRY_COMPARE(m_probe->messages.size(), 5000);
        checkMessages(5000);
        QVERIFY(m_probe->reads > 5);
    }

    void theEndOfTheConnectionWaitsBehindUnreadData()
    {
        m_probe->client.pause();
        sendMessages(200);
        m_socket->write(server::closeFrame(1001));
        m_socket->disconnectFromHost();
        QTRY_COMPARE(m_socket->state(), QAbstractSocket::UnconnectedState);
        QVERIFY(!QSignalSpy(&m_probe->client, &WebSocketClient::closed).wait(100));

        m_probe->client.resume();

        QTRY_COMPARE(m_probe->closed, 1);
        checkMessages(200);
        QVERIFY(m_probe->last.clean);
        QCOMPARE(m_probe->last.code, quint16(1001));
    }

    void aNewConnectionStartsPaused()
    {
        m_probe->client.pause();
        m_probe->client.abort();
        QVERIFY(m_probe->client.open(m_peer.url("ws")));
        m_socket = m_peer.acceptWebSocket(server::text("with the handshake"));
        QTRY_COMPARE(m_probe->opened, 2);
        m_socket->write(server::text("later"));
        QVERIFY(!QSignalSpy(&m_probe->client, &WebSocketClient::framesReceived).wait(100));

        m_probe->client.resume();

        QTRY_COMPARE(m_probe->messages, QList<QByteArray>({"with the handshake", "later"}));
    }

    void canBeClosedWhilePaused()
    {
        m_probe->client.pause();
        sendMessages(20'000);
        connect(m_socket.get(), &QTcpSocket::readyRead, this, [this] {
            if (clientFrames(m_socket->readAll()).value(0).startsWith("8:"))
                m_socket->write(server::closeFrame(1000));
        });

        m_probe->client.close();

        QTRY_COMPARE(m_probe->client.state(), WebSocketClient::State::Closing);
        QTRY_COMPARE(m_socket->bytesToWrite(), 0);
        m_socket->disconnectFromHost();
        QTRY_COMPARE(m_probe->closed, 1);
        QVERIFY(m_probe->last.clean);
        QVERIFY2(m_probe->messages.isEmpty(), "who has paused is not handed anything");
    }

    void isNotTakenForAPeerThatAnswersNoPing()
    {
        m_probe->client.abort();
        WebSocketSettings settings;
        settings.pingInterval = 10ms;
        settings.pongTimeout = 10ms;
        m_probe->client.pause();
        QVERIFY(m_probe->client.open(m_peer.url("ws"), settings));
        m_socket = m_peer.acceptWebSocket();
        QTRY_COMPARE(m_probe->opened, 2);

        QVERIFY(!QSignalSpy(&m_probe->client, &WebSocketClient::closed).wait(150));
        QCOMPARE(m_probe->client.state(), WebSocketClient::State::Open);
    }

private:
    // Each of about 1 KB and told by its number.
    static QByteArray message(int number) { return QByteArray::number(number) + QByteArray(1000, '.'); }

    void sendMessages(int count)
    {
        for (int i = 0; i < count; ++i)
            m_socket->write(server::text(message(i)));
    }

    void checkMessages(int count)
    {
        QCOMPARE(m_probe->messages.size(), count);
        for (int i = 0; i < count; ++i)
            QCOMPARE(m_probe->messages[i], message(i));
    }

    RawPeer m_peer;
    RawPeer::Socket m_socket;
    std::unique_ptr<ClientProbe> m_probe;
};

QTEST_GUILESS_MAIN(tst_WebSocketPause)

#include "tst_websocket_pause.moc"
