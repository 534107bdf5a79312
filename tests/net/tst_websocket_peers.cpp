// SPDX-License-Identifier: Apache-2.0
#include "client_probe.h"
#include "raw_peer.h"
#include "server_frames.h"

#include <QTest>

using namespace tidemill;
using namespace tidemill::net;
using namespace std::chrono_literals;

// Against peers that do what they should not.
class tst_WebSocketPeers : public QObject
{
    Q_OBJECT

private slots:
    void reportsARefusedHandshake_data()
    {
        QTest::addColumn<QByteArray>("reply");
        QTest::addColumn<int>("status");
        QTest::addColumn<qint64>("retryAfter"); // ms, -1: nothing

        QTest::newRow("429 with seconds")
            << QByteArray("HTTP/1.1 429 Too Many Requests\r\nRetry-After: 7\r\n\r\n") << 429 << qint64(7000);
        QTest::newRow("418 with a body") << QByteArray("HTTP/1.1 418 I'm a teapot\r\nRetry-After: 120\r\n"
                                                       "Content-Length: 6\r\n\r\nbanned")
                                         << 418 << qint64(120'000);
        QTest::newRow("503 with a date gone by")
            << QByteArray("HTTP/1.1 503 Busy\r\nRetry-After: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\n") << 503
            << qint64(0);
        QTest::newRow("403") << QByteArray("HTTP/1.1 403 Forbidden\r\n\r\n") << 403 << qint64(-1);
        QTest::newRow("redirect") << QByteArray("HTTP/1.1 302 Found\r\nLocation: ws://elsewhere/\r\n\r\n")
                                  << 302 << qint64(-1);
        QTest::newRow("wrong key") << QByteArray(
                                          "HTTP/1.1 101 OK\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                                          "Sec-WebSocket-Accept: AAAA\r\n\r\n")
                                   << 101 << qint64(-1);
        QTest::newRow("no HTTP") << QByteArray("220 mail.example ESMTP\r\n\r\n") << 0 << qint64(-1);
    }

    void reportsARefusedHandshake()
    {
        QFETCH(QByteArray, reply);
        QFETCH(int, status);
        QFETCH(qint64, retryAfter);
        ClientProbe probe;
        QVERIFY(probe.client.open(m_peer.url("ws")));
        const auto socket = m_peer.accept();
        QVERIFY(socket);
        QVERIFY(!RawPeer::readRequest(*socket).isEmpty());

        socket->write(reply);

        QTRY_COMPARE(probe.closed, 1);
        QCOMPARE(probe.opened, 0);
        QCOMPARE(probe.last.handshakeStatus, status);
        QCOMPARE(probe.last.retryAfter ? probe.last.retryAfter->count() : -1, retryAfter);
        QCOMPARE(probe.last.kind, Error::Kind::Protocol);
        QTRY_COMPARE(socket->state(), QAbstractSocket::UnconnectedState);
    }

    void anEndlessHandshakeIsCutOff()
    {
        ClientProbe probe;
        QVERIFY(probe.client.open(m_peer.url("ws")));
        const auto socket = m_peer.accept();
        QVERIFY(socket);

        socket->write("HTTP/1.1 101 OK\r\n" + QByteArray("X-Filler: abcdefgh\r\n").repeated(100'000));

        QTRY_COMPARE(probe.closed, 1);
        QVERIFY(probe.last.message.contains("16384 bytes of headers"));
    }

    void waitsOnlySoLong_data()
    {
        QTest::addColumn<QByteArray>("scheme");
        QTest::addColumn<QByteArray>("reply");
        QTest::addColumn<QString>("message");

        QTest::newRow("silence") << QByteArray("ws") << QByteArray()
                                 << QStringLiteral("no answer to the WebSocket handshake in 50 ms");
        QTest::newRow("half a handshake")
            << QByteArray("ws") << QByteArray("HTTP/1.1 101 Switching Protocols\r\nUpgr")
            << QStringLiteral("no answer to the WebSocket handshake in 50 ms");
        QTest::newRow("silence instead of TLS")
            << QByteArray("wss") << QByteArray() << QStringLiteral("no connection in 60 ms");
    }

    void waitsOnlySoLong()
    {
        QFETCH(QByteArray, scheme);
        QFETCH(QByteArray, reply);
        QFETCH(QString, message);
        ClientProbe probe;
        WebSocketSettings settings;
        settings.connectTimeout = scheme == "wss" ? 60ms : 5s;
        settings.handshakeTimeout = 50ms;
        QVERIFY(probe.client.open(m_peer.url(scheme), settings));
        const auto socket = m_peer.accept();
        QVERIFY(socket);

        socket->write(reply);

        QTRY_COMPARE(probe.closed, 1);
        QVERIFY2(probe.last.message.endsWith(message), qPrintable(probe.last.message));
        QCOMPARE(probe.last.kind, Error::Kind::Network);
    }

    void aPeerThatHangsUpDuringTheHandshakeIsReported()
    {
        ClientProbe probe;
        QVERIFY(probe.client.open(m_peer.url("ws")));
        auto socket = m_peer.accept();
        QVERIFY(socket);

        socket.reset();

        QTRY_COMPARE(probe.closed, 1);
        QCOMPARE(probe.opened, 0);
    }

    void framesBehindTheHandshakeAreNotLost()
    {
        ClientProbe probe;
        QVERIFY(probe.client.open(m_peer.url("ws")));

        const auto socket = m_peer.acceptWebSocket(server::text("first") + server::text("second").left(4));
        QVERIFY(socket);
        QTRY_COMPARE(probe.messages, QList<QByteArray>{"first"});
        socket->write(server::text("second").mid(4));

        QTRY_COMPARE(probe.messages, QList<QByteArray>({"first", "second"}));
    }

    void closesWhenARuleIsBroken_data()
    {
        QTest::addColumn<QByteArray>("bytes");
        QTest::addColumn<int>("code");

        QTest::newRow("masked") << server::frame(1, "a", {.masked = true}) << 1002;
        QTest::newRow("compressed, though not agreed")
            << server::frame(1, "a", {.reservedBits = 0x40}) << 1002;
        QTest::newRow("not UTF-8") << server::text("\xff\xfe") << 1007;
        QTest::newRow("too long") << server::text(QByteArray(2000, 'x')) << 1009;
    }

    void closesWhenARuleIsBroken()
    {
        QFETCH(QByteArray, bytes);
        QFETCH(int, code);
        ClientProbe probe;
        WebSocketSettings settings;
        settings.maxMessageBytes = 1000;
        QVERIFY(probe.client.open(m_peer.url("ws"), settings));
        const auto socket = m_peer.acceptWebSocket();
        QVERIFY(socket);

        socket->write(server::text("good") + bytes + server::text("must not be seen"));

        QTRY_COMPARE(probe.client.state(), WebSocketClient::State::Closing);
        QTRY_VERIFY(socket->bytesAvailable() > 8);
        const QList<QByteArray> sent = clientFrames(socket->readAll());
        QCOMPARE(sent.size(), 1);
        QVERIFY(sent.first().startsWith("8:" + QByteArray(1, static_cast<char>(code >> 8)) +
                                        static_cast<char>(code)));
        socket->disconnectFromHost();
        QTRY_COMPARE(probe.closed, 1);
        QCOMPARE(probe.messages, QList<QByteArray>{"good"});
        QCOMPARE(probe.last.code, quint16(code));
        QCOMPARE(probe.last.kind, Error::Kind::Protocol);
        QVERIFY(!probe.last.clean);
    }

    // It floods us and never hears that we have closed: we still get away, with 1009 and little memory.
    void anEndlessMessageEndsTheConnection()
    {
        ClientProbe probe;
        WebSocketSettings settings;
        settings.maxMessageBytes = 1 << 20;
        settings.closeTimeout = 300ms;
        QVERIFY(probe.client.open(m_peer.url("ws"), settings));
        const auto socket = m_peer.acceptWebSocket(server::fragment(1, "x"));
        QVERIFY(socket);
        const QByteArray piece = server::fragment(0, QByteArray(60'000, 'x'));
        const auto flood = [&] {
            while (socket->bytesToWrite() < 1'000'000 && socket->state() == QAbstractSocket::ConnectedState)
                socket->write(piece);
        };
        connect(socket.get(), &QTcpSocket::bytesWritten, this, flood);

        flood();

        QTRY_COMPARE(probe.closed, 1);
        QCOMPARE(probe.last.code, quint16(1009));
        QVERIFY(probe.messages.isEmpty());
        QVERIFY(probe.last.message.contains("1048576"));
    }

    void answersAFloodOfPingsWithFewPongs()
    {
        ClientProbe probe;
        QVERIFY(probe.client.open(m_peer.url("ws")));
        const auto socket = m_peer.acceptWebSocket();
        QVERIFY(socket);

        QByteArray pings;
        for (int i = 0; i < 20'000; ++i)
            pings += server::frame(9, QByteArray::number(i));
        socket->write(pings + server::text("end"));

        QTRY_COMPARE(probe.messages, QList<QByteArray>{"end"});
        QByteArray sent;
        QTRY_VERIFY((sent += socket->readAll(),
                     clientFrames(sent).value(clientFrames(sent).size() - 1) == "10:19999"));
        QVERIFY(clientFrames(sent).size() < 100);
    }

    void reportsAConnectionThatJustEnds_data()
    {
        QTest::addColumn<bool>("reset");

        QTest::newRow("end of stream") << false;
        QTest::newRow("reset") << true;
    }

    void reportsAConnectionThatJustEnds()
    {
        QFETCH(bool, reset);
        ClientProbe probe;
        QVERIFY(probe.client.open(m_peer.url("ws")));
        const auto socket = m_peer.acceptWebSocket();
        QVERIFY(socket);
        QTRY_COMPARE(probe.opened, 1);

        if (reset) {
            // Unread bytes turn the end into a reset.
            QVERIFY(probe.client.sendText("never read"));
            QTRY_VERIFY(socket->bytesAvailable() > 0);
            socket->abort();
        } else {
            socket->write(server::text("last") + server::text("half").left(3));
            socket->disconnectFromHost();
        }

        QTRY_COMPARE(probe.closed, 1);
        QCOMPARE(probe.messages.size(), reset ? 0 : 1);
        QCOMPARE(probe.last.code, quint16(1006));
        QVERIFY(!probe.last.clean);
        QCOMPARE(probe.last.kind, Error::Kind::Network);
        QVERIFY(!probe.last.message.isEmpty());
    }

    void doesNotWaitForeverForAGoodbye()
    {
        ClientProbe probe;
        WebSocketSettings settings;
        settings.closeTimeout = 50ms;
        QVERIFY(probe.client.open(m_peer.url("ws"), settings));
        const auto socket = m_peer.acceptWebSocket();
        QVERIFY(socket);
        QTRY_COMPARE(probe.opened, 1);

        probe.client.close();
        socket->write(server::text("what still comes counts"));

        QTRY_COMPARE(probe.closed, 1);
        QVERIFY(!probe.last.clean);
        QCOMPARE(probe.messages.size(), 1);
    }

    void doesNotWaitForeverForThePeerToHangUp()
    {
        ClientProbe probe;
        WebSocketSettings settings;
        settings.closeTimeout = 50ms;
        QVERIFY(probe.client.open(m_peer.url("ws"), settings));
        const auto socket =
            m_peer.acceptWebSocket(server::closeFrame(1001, "bye") + server::text("too late"));
        QVERIFY(socket);

        QTRY_COMPARE(probe.closed, 1);
        QVERIFY(probe.last.clean);
        QCOMPARE(probe.last.code, quint16(1001));
        QVERIFY(probe.messages.isEmpty());
        QCOMPARE(clientFrames(socket->readAll()), QList<QByteArray>{"8:\x03\xe9"});
    }

    void noticesAPeerThatDoesNotAnswerPings()
    {
        ClientProbe probe;
        WebSocketSettings settings;
        settings.pingInterval = 20ms;
        settings.pongTimeout = 60ms;
        QVERIFY(probe.client.open(m_peer.url("ws"), settings));
        const auto socket = m_peer.acceptWebSocket();
        QVERIFY(socket);

        QTRY_COMPARE(probe.closed, 1);
        QCOMPARE(probe.opened, 1);
        QVERIFY(probe.last.message.contains("no answer to a ping"));
    }

private:
    RawPeer m_peer;
};

QTEST_GUILESS_MAIN(tst_WebSocketPeers)

#include "tst_websocket_peers.moc"
