// SPDX-License-Identifier: Apache-2.0
#include "raw_peer.h"
#include "test_certificate.h"

#include <tidemill/net/http_client.h>

#include <QSslServer>
#include <QTest>

#include <memory>
#include <optional>

using namespace tidemill;
using namespace tidemill::net;
using namespace std::chrono_literals;

class tst_HttpClient : public QObject
{
    Q_OBJECT

private slots:
    void init()
    {
        m_client = std::make_unique<HttpClient>();
        // A new one each time: Qt sends a request again if its connection ends, and that would be the next
        // test's.
        m_peer = std::make_unique<RawPeer>();
        m_context = std::make_unique<QObject>();
        m_reply.reset();
        m_calls = 0;
    }

    void getsAReply()
    {
        const auto socket = request("/api/v3/trades?symbol=BTCUSDT&limit=5", {{"X-MBX-APIKEY", "k"}});
        QVERIFY(socket);
        const QByteArray head = RawPeer::readRequest(*socket);
        socket->write("HTTP/1.1 200 OK\r\nContent-Length: 4\r\nX-MBX-USED-WEIGHT-1M: 25\r\n\r\n[{}]");

        QTRY_COMPARE(m_calls, 1);
        QVERIFY(head.startsWith("GET /api/v3/trades?symbol=BTCUSDT&limit=5 HTTP/1.1\r\n"));
        QCOMPARE(RawPeer::headerOf(head, "X-MBX-APIKEY"), QByteArray("k"));
        QVERIFY(RawPeer::headerOf(head, "User-Agent").startsWith("tidemill/"));
        QVERIFY(m_reply->isSuccess());
        QCOMPARE(m_reply->status, 200);
        QCOMPARE(m_reply->body, QByteArray("[{}]"));
        QCOMPARE(findHeader(m_reply->headers, "x-mbx-used-weight-1m").value_or("none"), QByteArray("25"));
        QVERIFY(!m_reply->retryAfter);
    }

    void aStatusIsAReply_data()
    {
        QTest::addColumn<QByteArray>("statusLine");
        QTest::addColumn<int>("status");

        QTest::newRow("400") << QByteArray("400 Bad Request") << 400;
        QTest::newRow("401") << QByteArray("401 Unauthorized\r\nWWW-Authenticate: Basic realm=x") << 401;
        QTest::newRow("403") << QByteArray("403 Forbidden") << 403;
        QTest::newRow("404") << QByteArray("404 Not Found") << 404;
        QTest::newRow("405") << QByteArray("405 Method Not Allowed") << 405;
        QTest::newRow("418") << QByteArray("418 I'm a teapot") << 418;
        QTest::newRow("429") << QByteArray("429 Too Many Requests") << 429;
        QTest::newRow("451") << QByteArray("451 Unavailable For Legal Reasons") << 451;
        QTest::newRow("500") << QByteArray("500 Internal Server Error") << 500;
        QTest::newRow("502") << QByteArray("502 Bad Gateway") << 502;
        QTest::newRow("503") << QByteArray("503 Service Unavailable") << 503;
        QTest::newRow("599") << QByteArray("599 Unknown") << 599;
    }

    void aStatusIsAReply()
    {
        QFETCH(QByteArray, statusLine);
        QFETCH(int, status);
        const auto socket = request("/");
        QVERIFY(socket);
        RawPeer::readRequest(*socket);

        socket->write("HTTP/1.1 " + statusLine +
                      "\r\nRetry-After: 30\r\nContent-Length: 12\r\n\r\n{\"code\":-1} ");

        QTRY_COMPARE(m_calls, 1);
        QVERIFY2(!m_reply->error, qPrintable(m_reply->error ? m_reply->error->message : QString()));
        QVERIFY(!m_reply->isSuccess());
        QCOMPARE(m_reply->status, status);
        QCOMPARE(m_reply->body, QByteArray("{\"code\":-1} "));
        QCOMPARE(m_reply->retryAfter, std::optional<std::chrono::milliseconds>(30s));
    }

    void refusesRedirects()
    {
        const auto socket = request("/");
        QVERIFY(socket);
        RawPeer::readRequest(*socket);

        socket->write("HTTP/1.1 302 Found\r\nLocation: " + m_peer->url("http", "/other").toEncoded() +
                      "\r\nContent-Length: 0\r\n\r\n");

        QTRY_COMPARE(m_calls, 1);
        QVERIFY(m_reply->error);
        QCOMPARE(m_reply->status, 302);
        QVERIFY(!m_peer->hasClient());
    }

    void sendsNoCookiesBack()
    {
        auto socket = request("/");
        QVERIFY(socket);
        RawPeer::readRequest(*socket);
        socket->write(
            "HTTP/1.1 200 OK\r\nSet-Cookie: id=1\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
        QTRY_COMPARE(m_calls, 1);
        socket = request("/");
        QVERIFY(socket);

        QVERIFY(!RawPeer::readRequest(*socket).toLower().contains("cookie"));
    }

    void refusesABodyThatIsTooLong_data()
    {
        QTest::addColumn<QByteArray>("head");

        QTest::newRow("as announced") << QByteArray("Content-Length: 100000000\r\n\r\n");
        QTest::newRow("until the end") << QByteArray("\r\n");
        QTest::newRow("chunked") << QByteArray("Transfer-Encoding: chunked\r\n\r\n5F5E100\r\n");
    }

    void refusesABodyThatIsTooLong()
    {
        QFETCH(QByteArray, head);
        HttpSettings settings;
        settings.maxBodyBytes = 100'000;
        QVERIFY(m_client->configure(settings));
        const auto socket = request("/");
        QVERIFY(socket);
        RawPeer::readRequest(*socket);

        socket->write("HTTP/1.1 200 OK\r\n" + head + QByteArray(20'000'000, 'x'));

        QTRY_COMPARE(m_calls, 1);
        QVERIFY(m_reply->error);
        QCOMPARE(m_reply->error->kind, Error::Kind::Protocol);
        QVERIFY(m_reply->error->message.contains("100000 bytes"));
        QVERIFY(m_reply->body.size() <= 100'001);
        QTRY_COMPARE(socket->state(), QAbstractSocket::UnconnectedState); // it does not read on
    }

    void acceptsABodyOfExactlyTheLimit()
    {
        HttpSettings settings;
        settings.maxBodyBytes = 600'000;
        QVERIFY(m_client->configure(settings));
        const auto socket = request("/");
        QVERIFY(socket);
        RawPeer::readRequest(*socket);

        socket->write("HTTP/1.1 200 OK\r\nContent-Length: 600000\r\n\r\n" + QByteArray(600'000, 'x'));

        QTRY_COMPARE(m_calls, 1);
        QVERIFY(m_reply->isSuccess());
        QCOMPARE(m_reply->body, QByteArray(600'000, 'x'));
    }

    void refusesAPackedBody()
    {
        const auto socket = request("/");
        QVERIFY(socket);
        const QByteArray head = RawPeer::readRequest(*socket);
        const QByteArray packed = qCompress(QByteArray(1000, 'x')).mid(4); // without Qt's own header

        socket->write("HTTP/1.1 200 OK\r\nContent-Encoding: deflate\r\nContent-Length: " +
                      QByteArray::number(packed.size()) + "\r\n\r\n" + packed);

        QTRY_COMPARE(m_calls, 1);
        QCOMPARE(RawPeer::headerOf(head, "Accept-Encoding"), QByteArray("identity"));
        QVERIFY(m_reply->error);
        QCOMPARE(m_reply->error->kind, Error::Kind::Protocol);
    }

    void waitsOnlySoLong_data()
    {
        QTest::addColumn<QByteArray>("bytes");

        QTest::newRow("silence") << QByteArray();
        QTest::newRow("half a head") << QByteArray("HTTP/1.1 200 OK\r\nConte");
        QTest::newRow("half a body") << QByteArray("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
        QTest::newRow("half an error") << QByteArray("HTTP/1.1 500 No\r\nContent-Length: 10\r\n\r\nhalf");
    }

    void waitsOnlySoLong()
    {
        QFETCH(QByteArray, bytes);
        HttpSettings settings;
        settings.timeout = 100ms;
        QVERIFY(m_client->configure(settings));
        const auto socket = request("/");
        QVERIFY(socket);

        socket->write(bytes);

        QTRY_COMPARE(m_calls, 1);
        QVERIFY(m_reply->error);
        QCOMPARE(m_reply->error->kind, Error::Kind::Network);
        QCOMPARE(m_reply->error->message, QStringLiteral("127.0.0.1: no whole reply in 100 ms"));
    }

    // A peer that sends a byte now and then must not hold us either.
    void aTrickleDoesNotExtendTheTime()
    {
        HttpSettings settings;
        settings.timeout = 200ms;
        QVERIFY(m_client->configure(settings));
        const auto socket = request("/");
        QVERIFY(socket);
        RawPeer::readRequest(*socket);
        socket->write("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
        QTimer drip;
        connect(&drip, &QTimer::timeout, this, [&] { socket->write("x"); });

        drip.start(20);

        QTRY_COMPARE(m_calls, 1);
        QVERIFY(m_reply->error);
    }

    void reportsABodyCutShort_data()
    {
        QTest::addColumn<QByteArray>("statusLine");

        QTest::newRow("200") << QByteArray("200 OK");
        QTest::newRow("500") << QByteArray("500 No");
    }

    void reportsABodyCutShort()
    {
        QFETCH(QByteArray, statusLine);
        const auto socket = request("/");
        QVERIFY(socket);
        RawPeer::readRequest(*socket);

        socket->write("HTTP/1.1 " + statusLine + "\r\nContent-Length: 10\r\n\r\nhalf");
        socket->disconnectFromHost();

        QTRY_COMPARE(m_calls, 1);
        QVERIFY(m_reply->error);
    }

    void reportsWhatCannotBeAsked_data()
    {
        QTest::addColumn<QUrl>("url");
        QTest::addColumn<QByteArray>("value");

        QTest::newRow("file") << QUrl("file:///etc/passwd") << QByteArray();
        QTest::newRow("no host") << QUrl("http:///x") << QByteArray();
        QTest::newRow("line end in a header") << QUrl("http://127.0.0.1:1/") << QByteArray("a\r\nb: c");
    }

    void reportsWhatCannotBeAsked()
    {
        QFETCH(QUrl, url);
        QFETCH(QByteArray, value);

        get(url, {{"X", value}});

        QCOMPARE(m_calls, 0);
        QTRY_COMPARE(m_calls, 1);
        QVERIFY(m_reply->error);
        QCOMPARE(m_reply->error->kind, Error::Kind::Config);
    }

    void reportsAPeerThatRefuses()
    {
        QTcpServer server;
        QVERIFY(server.listen(QHostAddress::LocalHost));
        const QUrl url(QStringLiteral("http://127.0.0.1:%1/").arg(server.serverPort()));
        server.close();

        get(url);

        QTRY_COMPARE(m_calls, 1);
        QVERIFY(m_reply->error);
        QCOMPARE(m_reply->error->kind, Error::Kind::Network);
        QCOMPARE(m_reply->status, 0);
    }

    void dropsTheRequestOfADeadContext()
    {
        const auto socket = request("/");
        QVERIFY(socket);
        RawPeer::readRequest(*socket);

        m_context.reset();

        QTRY_COMPARE(socket->state(), QAbstractSocket::UnconnectedState);
        QCOMPARE(m_calls, 0);
    }

    void dropsItsRequestsWhenDeleted()
    {
        const auto socket = request("/");
        QVERIFY(socket);
        RawPeer::readRequest(*socket);

        m_client.reset();

        QTRY_COMPARE(socket->state(), QAbstractSocket::UnconnectedState);
        QCOMPARE(m_calls, 0);
    }

    void verifiesTls_data()
    {
        QTest::addColumn<bool>("trusted");

        QTest::newRow("of the private CA") << true;
        QTest::newRow("of an unknown CA") << false;
    }

    void verifiesTls()
    {
        QFETCH(bool, trusted);
        TestCertificate certificate;
        QVERIFY(certificate.create("IP:127.0.0.1"));
        QSslServer server;
        server.setSslConfiguration(certificate.forServer());
        QVERIFY(server.listen(QHostAddress::LocalHost));
        connect(&server, &QTcpServer::pendingConnectionAvailable, this, [&server] {
            QTcpSocket *socket = server.nextPendingConnection();
            connect(socket, &QTcpSocket::readyRead, socket, [socket] {
                if (socket->readAll().endsWith("\r\n\r\n"))
                    socket->write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
            });
        });
        HttpSettings settings;
        if (trusted)
            settings.caFile = certificate.file();
        QVERIFY(m_client->configure(settings));

        get(QUrl(QStringLiteral("https://127.0.0.1:%1/").arg(server.serverPort())));

        QTRY_COMPARE(m_calls, 1);
        QCOMPARE(m_reply->isSuccess(), trusted);
        QCOMPARE(m_reply->body, QByteArray(trusted ? "ok" : ""));
    }

    void refusesACaFileItCannotUse()
    {
        HttpSettings settings;
        settings.caFile = "/nonexistent/ca.pem";

        QVERIFY(!m_client->configure(settings));
    }

private:
    void get(const QUrl &url, const HeaderList &headers = {})
    {
        m_client->get(url, headers, m_context.get(), [this](const HttpReply &reply) {
            ++m_calls;
            m_reply = reply;
        });
    }

    RawPeer::Socket request(const char *path, const HeaderList &headers = {})
    {
        get(m_peer->url("http", path), headers);
        return m_peer->accept();
    }

    std::unique_ptr<RawPeer> m_peer;
    std::unique_ptr<HttpClient> m_client;
    std::unique_ptr<QObject> m_context;
    std::optional<HttpReply> m_reply;
    int m_calls = 0;
};

QTEST_GUILESS_MAIN(tst_HttpClient)

#include "tst_http_client.moc"
