// SPDX-License-Identifier: Apache-2.0
#include "client_probe.h"
#include "raw_peer.h"
#include "server_frames.h"
#include "test_certificate.h"
#include "test_proxy.h"

#include <tidemill/net/feed_connection.h>
#include <tidemill/net/http_client.h>
#include <tidemill/net/proxy.h>

#include <QTest>

using namespace tidemill;
using namespace tidemill::net;
using namespace std::chrono_literals;

Q_DECLARE_METATYPE(TestProxy::Kind)

// The way through a proxy, of WebSockets and of HTTP requests.
class tst_Proxy : public QObject
{
    Q_OBJECT

private slots:
    void initTestCase()
    {
        // Were the environment to count, nothing here would get through.
        qputenv("http_proxy", "http://127.0.0.1:1");
        qputenv("https_proxy", "http://127.0.0.1:1");
        qputenv("all_proxy", "socks5://127.0.0.1:1");
    }

    void readsAddresses_data()
    {
        QTest::addColumn<QString>("address");
        QTest::addColumn<bool>("good");
        const auto row = [](const char *address, bool good) {
            QTest::newRow(address) << QString(address) << good;
        };

        row("", true);
        row("http://proxy:3128", true);
        row("http://proxy.example:3128/", true);
        row("http://[::1]:3128", true);
        row("socks5://127.0.0.1:1080", true);
        row("http://user:secret@proxy:3128", true);
        row("http://user:s%40%2F%3Aecret@proxy:3128", true);

        row("proxy:3128", false);
        row("proxy", false);
        row("https://user:secret@proxy:3128", false);
        row("socks4://user:secret@proxy:1080", false);
        row("http://user:secret@proxy", false);
        row("http://user:secret@proxy:0", false);
        row("http://user:secret@proxy:65536", false);
        row("http://user:secret@:3128", false);
        row("http://user:secret@proxy:3128/path", false);
        row("http://user:secret@proxy:3128?secret", false);
        row("http://user:secret@proxy:3128#secret", false);
        row("http://user:se/secret@proxy:3128", false);
        row("http://user: secret@proxy:3128", false);
        row("http://user:secret%@proxy:3128", false);
    }

    void readsAddresses()
    {
        QFETCH(QString, address);
        QFETCH(bool, good);
        WebSocketSettings socket;
        socket.proxy = address;
        HttpSettings http;
        http.proxy = address;

        const auto checked = checkProxy(address);
        QCOMPARE(checked.has_value(), good);
        QCOMPARE(WebSocketClient::check(QUrl("ws://host/"), socket).has_value(), good);
        QCOMPARE(HttpClient().configure(http).has_value(), good);
        if (good)
            return;
        QCOMPARE(checked.error().kind, Error::Kind::Config);
        QVERIFY2(!checked.error().message.contains("secret"), qPrintable(checked.error().message));
        QVERIFY(
            checked.error().message.startsWith("expected a proxy as http://[user:password@]host:port or "));
    }

    void environmentDoesNotCount()
    {
        RawPeer peer;
        ClientProbe probe;
        QVERIFY(probe.client.open(peer.url("ws")));
        const auto socket = peer.acceptWebSocket();
        QVERIFY(socket);
        QTRY_COMPARE(probe.opened, 1);
    }

    void carriesAWebSocket_data() { kinds(); }

    void carriesAWebSocket()
    {
        QFETCH(TestProxy::Kind, kind);
        TestProxy proxy(kind);
        RawPeer peer;
        ClientProbe probe;
        open(probe, nameless(peer.url("ws")), proxy.address());
        const auto socket = peer.acceptWebSocket(server::text("hello"));
        QVERIFY(socket);

        QTRY_COMPARE(probe.messages, QList<QByteArray>{"hello"});
        QVERIFY(probe.client.sendText("and back"));
        QTRY_COMPARE(clientFrames(socket->peek(100)), QList<QByteArray>{"1:and back"});
        QCOMPARE(proxy.asked, QList<QByteArray>{hostPort(nameless(peer.url("ws")))});
        socket->close();
        QTRY_COMPARE(probe.closed, 1);
    }

    void carriesAWebSocketOverTls_data() { kinds(); }

    void carriesAWebSocketOverTls()
    {
        QFETCH(TestProxy::Kind, kind);
        TestCertificate certificate;
        if (!certificate.create("DNS:no-such-host.invalid"))
            QSKIP("no openssl on this machine");
        TestProxy proxy(kind);
        RawPeer peer(certificate.forServer());
        ClientProbe probe;
        WebSocketSettings settings;
        settings.caFile = certificate.file();
        open(probe, nameless(peer.url("wss")), proxy.address(), settings);
        const auto socket = peer.acceptWebSocket(server::text("hello"));
        QVERIFY(socket);

        QTRY_COMPARE(probe.messages, QList<QByteArray>{"hello"});
        QCOMPARE(proxy.asked, QList<QByteArray>{hostPort(nameless(peer.url("wss")))});
    }

    // The proxy is no reason to trust: who answers must still be who was asked for.
    void aProxyIsNotTheHost()
    {
        TestCertificate certificate;
        if (!certificate.create("DNS:localhost,IP:127.0.0.1"))
            QSKIP("no openssl on this machine");
        TestProxy proxy(TestProxy::Kind::Http);
        RawPeer peer(certificate.forServer());
        ClientProbe probe;
        WebSocketSettings settings;
        settings.caFile = certificate.file();
        open(probe, nameless(peer.url("wss")), proxy.address(), settings);

        QTRY_COMPARE(probe.closed, 1);
        QCOMPARE(probe.opened, 0);
        QVERIFY2(!probe.last.message.contains("proxy"), qPrintable(probe.last.message)); // it did its part
    }

    void letsInWhoHasThePassword_data() { kinds(); }

    void letsInWhoHasThePassword()
    {
        QFETCH(TestProxy::Kind, kind);
        TestProxy proxy(kind);
        proxy.user = "me";
        proxy.password = "p@ss/word";
        RawPeer peer;
        {
            ClientProbe probe;
            open(probe, nameless(peer.url("ws")), proxy.address("me:p%40ss%2Fword"));
            const auto socket = peer.acceptWebSocket();
            QVERIFY(socket);
            QTRY_COMPARE(probe.opened, 1);
        }
        for (const char *const credentials : {"", "me:wrong"}) {
            ClientProbe probe;
            open(probe, nameless(peer.url("ws")), proxy.address(credentials));
            QTRY_COMPARE(probe.closed, 1);
            QCOMPARE(probe.opened, 0);
            QVERIFY(namesProxy(probe.last.message, proxy));
            QVERIFY(probe.last.message.contains("user and password"));
            QVERIFY(!probe.last.message.contains("wrong"));
        }
    }

    void saysWhatTheProxyAnswered_data()
    {
        QTest::addColumn<TestProxy::Kind>("kind");
        QTest::addColumn<QByteArray>("refusal");
        QTest::addColumn<QString>("message");
        const auto http = [](const char *name, const QByteArray &refusal, const QString &message) {
            QTest::newRow(name) << TestProxy::Kind::Http << refusal << message;
        };
        const auto socks = [](const char *name, const QByteArray &refusal, const QString &message) {
            QTest::newRow(name) << TestProxy::Kind::Socks5 << refusal << message;
        };
        const QByteArray end = "\r\nContent-Length: 0\r\n\r\n";

        http("403", "HTTP/1.1 403 Forbidden" + end, "it answered 403 Forbidden");
        http("502", "HTTP/1.0 502 Bad Gateway" + end, "it answered 502 Bad Gateway");
        http("no phrase", "HTTP/1.1 503" + end, "it answered 503");
        http("101", "HTTP/1.1 101 Switching" + end, "it answered 101 Switching");
        http("no HTTP", "220 mail.example ESMTP\r\n\r\n", "its answer is no HTTP");
        http("endless", QByteArray("HTTP/1.1 200 OK\r\n") + QByteArray("X: abcdefgh\r\n").repeated(3000),
             "its answer has more than 16384 bytes of headers");
        http("more than its answer", "HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 101", "it sent more than its answer");
        socks("not allowed", "\5\2", "it answered code 2 (not allowed by its rules)");
        socks("host unreachable", "\5\4", "it answered code 4 (host unreachable)");
        socks("last code", "\5\x08", "it answered code 8 (kind of address not supported)");
        socks("unknown code", "\5\x77", "it answered code 119");
        socks("other version", "\4\x5a", "expected an answer of SOCKS5, got the bytes 04 5a");
        socks("unknown kind of address", QByteArray("\5\0\0\7\0\0\0\0\0\0", 10),
              "expected an answer of SOCKS5, got the bytes 05 00");
        socks("more than its answer", QByteArray("\5\0\0\3\1x\0\0more", 12), "it sent more than its answer");
    }

    void saysWhatTheProxyAnswered()
    {
        QFETCH(TestProxy::Kind, kind);
        QFETCH(QByteArray, refusal);
        QFETCH(QString, message);
        TestProxy proxy(kind);
        proxy.refusal = refusal;
        ClientProbe probe;
        open(probe, QUrl("ws://no-such-host.invalid/"), proxy.address("me:secret"));

        QTRY_COMPARE(probe.closed, 1);

        const char *const name = kind == TestProxy::Kind::Http ? "HTTP" : "SOCKS5";
        QCOMPARE(probe.last.message,
                 QStringLiteral("no-such-host.invalid:80: through the %1 proxy 127.0.0.1:%2: %3")
                     .arg(name)
                     .arg(proxy.port())
                     .arg(message));
    }

    void reportsAProxyThatIsAway_data() { kinds(); }

    void reportsAProxyThatIsAway()
    {
        QFETCH(TestProxy::Kind, kind);
        TestProxy proxy(kind);
        const QString address = proxy.address("me:secret");
        proxy.isMute = true;
        {
            ClientProbe probe;
            WebSocketSettings settings;
            settings.connectTimeout = 60ms;
            open(probe, QUrl("ws://no-such-host.invalid/"), address, settings);
            QTRY_COMPARE(probe.closed, 1);
            QVERIFY(namesProxy(probe.last.message, proxy));
            QVERIFY(probe.last.message.endsWith(": no connection in 60 ms"));
        }
        const quint16 port = proxy.port();
        proxy.stop();
        ClientProbe probe;
        open(probe, QUrl("ws://no-such-host.invalid/"), address);
        QTRY_COMPARE(probe.closed, 1);
        QVERIFY(probe.last.message.contains(QStringLiteral(" proxy 127.0.0.1:%1: ").arg(port)));
        QVERIFY(!probe.last.message.contains("secret"));
    }

    // Back-pressure goes through: what a paused client takes from the proxy is bounded.
    void aPauseIsFeltBehindTheProxy_data() { kinds(); }

    void aPauseIsFeltBehindTheProxy()
    {
        QFETCH(TestProxy::Kind, kind);
        TestProxy proxy(kind);
        RawPeer peer;
        ClientProbe probe;
        open(probe, nameless(peer.url("ws")), proxy.address());
        const auto socket = peer.acceptWebSocket();
        QVERIFY(socket);
        QTRY_COMPARE(probe.opened, 1);
        probe.client.pause();
        constexpr qint64 total = 64 << 20;
        const QByteArray message = server::frame(2, QByteArray(65'000, 'x'));
        qint64 written = 0;
        const auto fill = [&] {
            while (written < total && socket->bytesToWrite() < 1 << 20)
                written += socket->write(message);
        };
        connect(socket.get(), &QTcpSocket::bytesWritten, this, fill);
        fill();

        // Nothing has moved for a while: every buffer on the way is full.
        qint64 before = -1;
        QTRY_VERIFY_WITH_TIMEOUT(std::exchange(before, proxy.relayed) == proxy.relayed && before > 0, 20'000);
        QVERIFY(proxy.relayed < total / 2);
        probe.client.resume();
        QTRY_VERIFY_WITH_TIMEOUT(qint64(probe.client.receivedBytes()) > total, 20'000);
    }

    void carriesRequests_data() { kinds(); }

    void carriesRequests()
    {
        QFETCH(TestProxy::Kind, kind);
        TestCertificate certificate;
        if (!certificate.create("DNS:no-such-host.invalid"))
            QSKIP("no openssl on this machine");
        TestProxy proxy(kind);
        proxy.user = "me";
        proxy.password = "secret";
        RawPeer peer(certificate.forServer());
        HttpClient client;
        HttpSettings settings;
        settings.caFile = certificate.file();
        settings.proxy = proxy.address("me:secret");
        QVERIFY(client.configure(settings));
        std::optional<HttpReply> reply;
        client.get(nameless(peer.url("https", "/book")), {}, this, [&](const HttpReply &r) { reply = r; });

        const auto socket = peer.accept();
        QVERIFY(socket);
        QVERIFY(RawPeer::readRequest(*socket).startsWith("GET /book HTTP/1.1\r\n"));
        socket->write("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbook");

        QTRY_VERIFY(reply);
        QVERIFY2(!reply->error, qPrintable(reply->error.value_or(Error{}).message));
        QCOMPARE(reply->body, QByteArray("book"));
        QCOMPARE(proxy.asked, QList<QByteArray>{hostPort(nameless(peer.url("https")))});
    }

    void requestsSayWhatTheProxyAnswered_data()
    {
        QTest::addColumn<TestProxy::Kind>("kind");
        QTest::addColumn<QByteArray>("refusal");
        QTest::addColumn<QString>("credentials");
        using Kind = TestProxy::Kind;
        const QByteArray forbidden = "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n";
        QTest::newRow("403") << Kind::Http << forbidden << "me:secret";
        QTest::newRow("HTTP, wrong password") << Kind::Http << forbidden << "me:wrong";
        QTest::newRow("HTTP, no password") << Kind::Http << forbidden << "";
        QTest::newRow("not allowed") << Kind::Socks5 << QByteArray("\5\2\0\1\0\0\0\0\0\0", 10) << "me:secret";
        QTest::newRow("SOCKS5, wrong password") << Kind::Socks5 << QByteArray("\5\2") << "me:wrong";
    }

    void requestsSayWhatTheProxyAnswered()
    {
        QFETCH(TestProxy::Kind, kind);
        QFETCH(QByteArray, refusal);
        QFETCH(QString, credentials);
        TestProxy proxy(kind);
        proxy.user = "me";
        proxy.password = "secret";
        proxy.refusal = refusal;
        HttpClient client;
        HttpSettings settings;
        settings.proxy = proxy.address(credentials);
        QVERIFY(client.configure(settings));
        std::optional<HttpReply> reply;

        client.get(QUrl("https://no-such-host.invalid/"), {}, this, [&](const HttpReply &r) { reply = r; });

        QTRY_VERIFY(reply);
        QVERIFY(reply->error);
        QVERIFY(namesProxy(reply->error->message, proxy));
        QVERIFY(!reply->error->message.contains("secret"));
        QVERIFY(!reply->error->message.contains("wrong"));
    }

    void aFeedGoesThroughIt()
    {
        TestProxy proxy(TestProxy::Kind::Http);
        RawPeer peer;
        FeedConnection feed;
        FeedSettings settings;
        settings.url = nameless(peer.url("ws"));
        settings.proxy = QStringLiteral("ftp://me:secret@127.0.0.1:1");
        QVERIFY(!feed.open(settings));
        settings.proxy = proxy.address();
        QVERIFY(feed.open(settings));
        const auto socket = peer.acceptWebSocket();
        QVERIFY(socket);
        QTRY_VERIFY(feed.isConnected());
    }

private:
    static void kinds()
    {
        QTest::addColumn<TestProxy::Kind>("kind");
        QTest::newRow("HTTP") << TestProxy::Kind::Http;
        QTest::newRow("SOCKS5") << TestProxy::Kind::Socks5;
    }

    // The same place by a name that only the proxy knows.
    static QUrl nameless(QUrl url)
    {
        url.setHost(QStringLiteral("no-such-host.invalid"));
        return url;
    }

    static QByteArray hostPort(const QUrl &url)
    {
        return QStringLiteral("%1:%2").arg(url.host()).arg(url.port()).toLatin1();
    }

    static bool namesProxy(const QString &message, const TestProxy &proxy)
    {
        return message.contains(QStringLiteral(" proxy 127.0.0.1:%1: ").arg(proxy.port()));
    }

    static void open(ClientProbe &probe, const QUrl &url, const QString &proxy,
                     WebSocketSettings settings = {})
    {
        settings.proxy = proxy;
        QVERIFY(probe.client.open(url, settings));
    }
};

QTEST_GUILESS_MAIN(tst_Proxy)

#include "tst_proxy.moc"
