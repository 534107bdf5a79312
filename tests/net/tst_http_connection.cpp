// SPDX-License-Identifier: Apache-2.0
#include "raw_peer.h"
#include "test_certificate.h"
#include "test_proxy.h"

#include <tidemill/net/http_connection.h>

#include <QTest>

#include <memory>

using namespace tidemill;
using namespace tidemill::net;
using namespace std::chrono_literals;

namespace {

const QByteArray ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

// Head and body of the client's next request; empty if none comes.
QByteArray readPost(QTcpSocket &socket)
{
    QByteArray request;
    const bool whole = QTest::qWaitFor([&] {
        request += socket.readAll();
        const qsizetype end = request.indexOf("\r\n\r\n");
        return end >= 0 &&
               request.size() - end - 4 >= RawPeer::headerOf(request, "Content-Length").toLongLong();
    });
    return whole ? request : QByteArray();
}

} // namespace

class tst_HttpConnection : public QObject
{
    Q_OBJECT

private slots:
    void init()
    {
        m_peer = std::make_unique<RawPeer>();
        m_connection = std::make_unique<HttpConnection>();
        m_replies.clear();
        connect(m_connection.get(), &HttpConnection::finished, this,
                [this](const HttpReply &reply) { m_replies.append(reply); });
        QVERIFY(m_connection->configure(m_peer->url("http"), m_settings));
    }

    void postsAndKeepsTheConnection()
    {
        const QByteArray body(100000, 'b');
        m_connection->send("POST", "/events?x=1", {{"X-API-Key", "k"}}, body);
        const auto socket = m_peer->accept();
        QVERIFY(socket);
        const QByteArray first = readPost(*socket);
        socket->write(ok);
        QTRY_COMPARE(m_replies.size(), 1);

        m_connection->send("GET", "/rate-limit", {});
        const QByteArray second = readPost(*socket);
        socket->write("HTTP/1.1 429 No\r\nRetry-After: 7\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
        QTRY_COMPARE(m_replies.size(), 2);

        QVERIFY(first.startsWith("POST /events?x=1 HTTP/1.1\r\nHost: 127.0.0.1:"));
        QVERIFY(first.endsWith("\r\n\r\n" + body));
        QCOMPARE(RawPeer::headerOf(first, "X-API-Key"), QByteArray("k"));
        QCOMPARE(RawPeer::headerOf(first, "Content-Length"), QByteArray("100000"));
        QVERIFY(second.startsWith("GET /rate-limit HTTP/1.1\r\n"));
        QVERIFY(!second.contains("Content-Length"));
        QVERIFY(!m_peer->hasClient());
        QVERIFY(m_replies[0].isSuccess());
        QCOMPARE(m_replies[0].body, QByteArray("ok"));
        QVERIFY(m_connection->mayHaveArrived());
        QCOMPARE(m_replies[1].status, 429);
        QCOMPARE(m_replies[1].retryAfter, std::optional<std::chrono::milliseconds>(7s));
    }

    void makesANewConnectionWhenTheOldOneHasEnded_data()
    {
        QTest::addColumn<QByteArray>("reply");
        QTest::addColumn<bool>("closes");

        QTest::newRow("announced") << QByteArray(
                                          "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
                                   << false;
        QTest::newRow("between requests") << ok << true;
        QTest::newRow("more than was asked for") << ok + ok << false;
    }

    void makesANewConnectionWhenTheOldOneHasEnded()
    {
        QFETCH(QByteArray, reply);
        QFETCH(bool, closes);
        m_connection->send("POST", "/", {}, "1");
        auto first = m_peer->accept();
        QVERIFY(first && !readPost(*first).isEmpty());
        first->write(reply);
        QTRY_COMPARE(m_replies.size(), 1);
        if (closes) {
            first->disconnectFromHost();
            QTRY_VERIFY(!m_connection->findChild<QTcpSocket *>()); // it has noticed
        }

        m_connection->send("POST", "/", {}, "2");
        const auto second = m_peer->accept();
        QVERIFY(second && readPost(*second).endsWith("2"));
        second->write(ok);

        QTRY_COMPARE(m_replies.size(), 2);
        QVERIFY(m_replies[1].isSuccess());
    }

    // Whether it arrived nobody knows, so it is not sent a second time.
    void reportsAKeptConnectionThatEndsInsteadOfAnswering()
    {
        m_connection->send("POST", "/", {}, "1");
        const auto socket = m_peer->accept();
        QVERIFY(socket && !readPost(*socket).isEmpty());
        socket->write(ok);
        QTRY_COMPARE(m_replies.size(), 1);

        m_connection->send("POST", "/", {}, "2");
        QVERIFY(!readPost(*socket).isEmpty());
        socket->disconnectFromHost();

        QTRY_COMPARE(m_replies.size(), 2);
        QVERIFY(m_replies[1].error);
        QVERIFY2(m_replies[1].error->message.contains("kept open"), qPrintable(m_replies[1].error->message));
        QVERIFY(m_connection->mayHaveArrived());
        QVERIFY(!m_connection->isBusy());
        QVERIFY(!m_peer->hasClient());
    }

    void reportsWhatIsNoReply_data()
    {
        QTest::addColumn<QByteArray>("bytes");
        QTest::addColumn<QString>("message");

        QTest::newRow("nothing") << QByteArray() << "the connection ended without a reply";
        QTest::newRow("half") << QByteArray("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf")
                              << "the connection ended within the reply";
        QTest::newRow("nonsense") << QByteArray("hello?\r\n\r\n")
                                  << "expected a reply of HTTP/1.1, got something else";
        QTest::newRow("packed") << QByteArray("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n"
                                              "Content-Length: 1\r\n\r\nx")
                                << "the reply is packed, though we did not ask for that";
    }

    void reportsWhatIsNoReply()
    {
        QFETCH(QByteArray, bytes);
        QFETCH(QString, message);
        m_connection->send("POST", "/", {}, "1");
        const auto socket = m_peer->accept();
        QVERIFY(socket && !readPost(*socket).isEmpty());

        socket->write(bytes);
        socket->disconnectFromHost();

        QTRY_COMPARE(m_replies.size(), 1);
        QVERIFY(m_replies[0].error);
        QVERIFY2(m_replies[0].error->message.endsWith(message), qPrintable(m_replies[0].error->message));
    }

    void readsAReplyUntilTheEnd()
    {
        m_connection->send("POST", "/", {}, "1");
        const auto socket = m_peer->accept();
        QVERIFY(socket && !readPost(*socket).isEmpty());

        socket->write("HTTP/1.1 200 OK\r\n\r\n" + QByteArray(600000, 'x'));
        socket->disconnectFromHost();

        QTRY_COMPARE(m_replies.size(), 1);
        QVERIFY(m_replies[0].isSuccess());
        QCOMPARE(m_replies[0].body.size(), 600000);
    }

    // A server that refuses a large request answers early and reads no further.
    void takesAnAnswerThatComesBeforeTheWholeRequestIsOut()
    {
        m_connection->send("POST", "/", {}, QByteArray(64000000, 'b'));
        const auto socket = m_peer->accept();
        QVERIFY(socket);
        socket->setReadBufferSize(1000);

        socket->write("HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n");

        QTRY_COMPARE(m_replies.size(), 1);
        QCOMPARE(m_replies[0].status, 413);
        QVERIFY(!m_replies[0].error);
    }

    void waitsOnlySoLong()
    {
        HttpSettings settings;
        settings.timeout = 100ms;
        QVERIFY(m_connection->configure(m_peer->url("http"), settings));

        m_connection->send("POST", "/", {}, "1");
        const auto socket = m_peer->accept();
        QVERIFY(socket && !readPost(*socket).isEmpty());

        QTRY_COMPARE(m_replies.size(), 1);
        QVERIFY(m_replies[0].error->message.endsWith("no whole reply in 100 ms"));
        QVERIFY(m_connection->mayHaveArrived());
        QTRY_COMPARE(socket->state(), QAbstractSocket::UnconnectedState);
    }

    void reportsAPeerThatRefuses()
    {
        const QUrl url = m_peer->url("http");
        m_peer.reset();
        QVERIFY(m_connection->configure(url, {}));

        m_connection->send("POST", "/", {}, "1");

        QCOMPARE(m_replies.size(), 0);
        QTRY_COMPARE(m_replies.size(), 1);
        QCOMPARE(m_replies[0].error->kind, Error::Kind::Network);
        QVERIFY(!m_connection->mayHaveArrived());
    }

    void sendsNothingThatCouldBeTwoRequests_data()
    {
        QTest::addColumn<QByteArray>("target");
        QTest::addColumn<QByteArray>("value");

        QTest::newRow("a line end in the path") << QByteArray("/a\r\nb") << QByteArray("v");
        QTest::newRow("a space in the path") << QByteArray("/a b") << QByteArray("v");
        QTest::newRow("a line end in a header") << QByteArray("/") << QByteArray("v\r\nX: y");
    }

    void sendsNothingThatCouldBeTwoRequests()
    {
        QFETCH(QByteArray, target);
        QFETCH(QByteArray, value);

        m_connection->send("POST", target, {{"X", value}}, "1");

        QTRY_COMPARE(m_replies.size(), 1);
        QCOMPARE(m_replies[0].error->kind, Error::Kind::Config);
        QVERIFY(!m_peer->hasClient());
    }

    void refusesAddressesItCannotUse_data()
    {
        QTest::addColumn<QString>("url");
        QTest::newRow("another scheme") << "ftp://127.0.0.1/";
        QTest::newRow("no host") << "http:///x";
        QTest::newRow("a password") << "http://user:secret@127.0.0.1/";
    }

    void refusesAddressesItCannotUse()
    {
        QFETCH(QString, url);

        const Result<> configured = m_connection->configure(QUrl(url), {});

        QVERIFY(!configured);
        QVERIFY(!configured.error().message.contains("secret"));
    }

    void forgetsARequestWhenClosed()
    {
        m_connection->send("POST", "/", {}, "1");
        const auto socket = m_peer->accept();
        QVERIFY(socket && !readPost(*socket).isEmpty());

        m_connection->close();
        QTRY_COMPARE(socket->state(), QAbstractSocket::UnconnectedState);
        m_connection->send("POST", "/", {}, "2");
        const auto second = m_peer->accept();
        QVERIFY(second && readPost(*second).endsWith("2"));
        second->write(ok);

        QTRY_COMPARE(m_replies.size(), 1);
    }

    void goesThroughAProxy_data()
    {
        QTest::addColumn<bool>("isSocks");
        QTest::newRow("HTTP") << false;
        QTest::newRow("SOCKS5") << true;
    }

    void goesThroughAProxy()
    {
        QFETCH(bool, isSocks);
        TestProxy proxy(isSocks ? TestProxy::Kind::Socks5 : TestProxy::Kind::Http);
        HttpSettings settings;
        settings.proxy = proxy.address();
        QUrl url = m_peer->url("http");
        url.setHost("events.invalid"); // only the proxy can know it
        QVERIFY(m_connection->configure(url, settings));

        m_connection->send("POST", "/", {}, "1");
        const auto socket = m_peer->accept();
        QVERIFY(socket);
        const QByteArray request = readPost(*socket);
        socket->write(ok);

        QTRY_COMPARE(m_replies.size(), 1);
        QVERIFY(m_replies[0].isSuccess());
        QVERIFY(request.contains("Host: events.invalid:"));
        QCOMPARE(proxy.asked.size(), 1);
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
        RawPeer peer(certificate.forServer());
        HttpSettings settings;
        if (trusted)
            settings.caFile = certificate.file();
        QVERIFY(m_connection->configure(peer.url("https"), settings));
        const QByteArray body(100000, 'b');

        m_connection->send("POST", "/", {}, body);
        const auto socket = trusted ? peer.accept() : nullptr;
        if (trusted) {
            QVERIFY(socket && readPost(*socket).endsWith(body));
            socket->write(ok);
        }

        QTRY_COMPARE(m_replies.size(), 1);
        QCOMPARE(m_replies[0].isSuccess(), trusted);
        QCOMPARE(m_connection->mayHaveArrived(), trusted);
    }

private:
    HttpSettings m_settings;
    std::unique_ptr<RawPeer> m_peer;
    std::unique_ptr<HttpConnection> m_connection;
    QList<HttpReply> m_replies;
};

QTEST_GUILESS_MAIN(tst_HttpConnection)

#include "tst_http_connection.moc"
