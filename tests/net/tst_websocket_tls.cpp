// SPDX-License-Identifier: Apache-2.0
#include "client_probe.h"
#include "raw_peer.h"
#include "server_frames.h"
#include "test_certificate.h"

#include <QSignalSpy>
#include <QTest>
#include <QWebSocket>
#include <QWebSocketServer>

#include <memory>

using namespace tidemill;
using namespace tidemill::net;
using namespace std::chrono_literals;

class tst_WebSocketTls : public QObject
{
    Q_OBJECT

private slots:
    void initTestCase()
    {
        QVERIFY(m_local.create("DNS:localhost,IP:127.0.0.1"));
        QVERIFY(m_elsewhere.create("DNS:exchange.example"));
    }

    void talksToACertificateOfThePrivateCa()
    {
        serve(m_local);
        ClientProbe probe;
        WebSocketSettings settings;
        settings.caFile = m_local.file();

        QVERIFY(probe.client.open(m_server->serverUrl(), settings));
        QTRY_COMPARE(probe.opened, 1);
        const std::unique_ptr<QWebSocket> peer(m_server->nextPendingConnection());
        QSignalSpy text(peer.get(), &QWebSocket::textMessageReceived);
        QVERIFY(probe.client.sendText("up"));
        for (int i = 0; i < 2000; ++i)
            peer->sendTextMessage(QString::number(i).repeated(50));

        QTRY_COMPARE(probe.messages.size(), 2000);
        QCOMPARE(probe.messages.last(), QByteArray("1999").repeated(50));
        QTRY_COMPARE(text.size(), 1);
        probe.client.close();
        QTRY_COMPARE(probe.closed, 1);
        QVERIFY(probe.last.clean);
    }

    void refusesACertificateItCannotVerify_data()
    {
        QTest::addColumn<bool>("trusted");
        QTest::addColumn<bool>("forUs");

        QTest::newRow("of an unknown CA") << false << true;
        QTest::newRow("for another host") << true << false;
    }

    void refusesACertificateItCannotVerify()
    {
        QFETCH(bool, trusted);
        QFETCH(bool, forUs);
        const TestCertificate &certificate = forUs ? m_local : m_elsewhere;
        serve(certificate);
        ClientProbe probe;
        WebSocketSettings settings;
        if (trusted)
            settings.caFile = certificate.file();

        QVERIFY(probe.client.open(m_server->serverUrl(), settings));

        QTRY_COMPARE(probe.closed, 1);
        QCOMPARE(probe.opened, 0);
        QVERIFY2(probe.last.message.contains("certificate", Qt::CaseInsensitive),
                 qPrintable(probe.last.message));
    }

    void refusesACaFileItCannotUse_data()
    {
        QTest::addColumn<QString>("file");

        QTest::newRow("missing") << QStringLiteral("/nonexistent/ca.pem");
        QTest::newRow("not PEM") << QString(__FILE__);
    }

    void refusesACaFileItCannotUse()
    {
        QFETCH(QString, file);
        ClientProbe probe;
        WebSocketSettings settings;
        settings.caFile = file;

        const auto opened = probe.client.open(QUrl("wss://localhost:1/"), settings);

        QVERIFY(!opened);
        QCOMPARE(opened.error().kind, Error::Kind::Config);
        QVERIFY(opened.error().message.contains(file));
        QVERIFY(!WebSocketClient::check(QUrl("wss://localhost:1/"), settings));
    }

    void aPlainServerIsNoTlsServer()
    {
        QWebSocketServer plain("plain", QWebSocketServer::NonSecureMode);
        QVERIFY(plain.listen(QHostAddress::LocalHost));
        ClientProbe probe;
        QUrl url = plain.serverUrl();
        url.setScheme("wss");

        WebSocketSettings settings;
        settings.connectTimeout = 300ms; // it may just wait for more

        QVERIFY(probe.client.open(url, settings));

        QTRY_COMPARE(probe.closed, 1);
        QCOMPARE(probe.opened, 0);
    }

    void pauseReachesThePeerAndLosesNothing()
    {
        RawPeer peer(m_local.forServer());
        ClientProbe probe;
        WebSocketSettings settings;
        settings.caFile = m_local.file();
        QVERIFY(probe.client.open(peer.url("wss"), settings));
        const auto socket = peer.acceptWebSocket();
        auto *const tls = qobject_cast<QSslSocket *>(socket.get());
        QVERIFY(tls);
        QTRY_COMPARE(probe.opened, 1);

        probe.client.pause();
        for (int i = 0; i < 20'000; ++i)
            tls->write(server::text(message(i)));
        tls->write(server::closeFrame(1001));
        tls->disconnectFromHost();
        while (QSignalSpy(tls, &QSslSocket::encryptedBytesWritten).wait(200)) {
        }
        QVERIFY2(tls->encryptedBytesToWrite() > 4'000'000, "most of 20 MB must still be the peer's");
        QVERIFY(probe.messages.isEmpty());
        probe.client.resume();

        QTRY_COMPARE(probe.closed, 1);
        QVERIFY(probe.last.clean);
        QCOMPARE(probe.messages.size(), 20'000);
        for (int i = 0; i < 20'000; ++i)
            QCOMPARE(probe.messages[i], message(i));
    }

    // The rest is inside TLS when the peer has gone already.
    void theEndOfTheConnectionWaitsBehindUnreadData_data()
    {
        QTest::addColumn<int>("count");

        QTest::newRow("less than the socket buffers") << 100;
        QTest::newRow("more than the socket buffers") << 1000;
    }

    void theEndOfTheConnectionWaitsBehindUnreadData()
    {
        QFETCH(int, count);
        RawPeer peer(m_local.forServer());
        ClientProbe probe;
        WebSocketSettings settings;
        settings.caFile = m_local.file();
        QVERIFY(probe.client.open(peer.url("wss"), settings));
        const auto socket = peer.acceptWebSocket();
        QVERIFY(socket);
        QTRY_COMPARE(probe.opened, 1);

        probe.client.pause();
        for (int i = 0; i < count; ++i)
            socket->write(server::text(message(i)));
        socket->disconnectFromHost();
        QTRY_COMPARE(socket->state(), QAbstractSocket::UnconnectedState);
        QVERIFY(!QSignalSpy(&probe.client, &WebSocketClient::closed).wait(100));
        probe.client.resume();

        QTRY_COMPARE(probe.closed, 1);
        QCOMPARE(probe.messages.size(), count);
        QCOMPARE(probe.messages.last(), message(count - 1));
    }

private:
    // Of about 1 KB and told by its number.
    static QByteArray message(int number) { return QByteArray::number(number) + QByteArray(1000, '.'); }

    void serve(const TestCertificate &certificate)
    {
        m_server = std::make_unique<QWebSocketServer>("peer", QWebSocketServer::SecureMode);
        m_server->setSslConfiguration(certificate.forServer());
        QVERIFY(m_server->listen(QHostAddress::LocalHost));
    }

    TestCertificate m_local;
    TestCertificate m_elsewhere;
    std::unique_ptr<QWebSocketServer> m_server;
};

QTEST_GUILESS_MAIN(tst_WebSocketTls)

#include "tst_websocket_tls.moc"
