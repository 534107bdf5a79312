// SPDX-License-Identifier: Apache-2.0
#include "handshake.h"
#include "http_text.h"

#include <QTest>
#include <QTimeZone>

using namespace tidemill;
using namespace tidemill::net;

// The example of RFC 6455 section 1.3.
static const QByteArray key = "dGhlIHNhbXBsZSBub25jZQ==";
static const QByteArray goodReply = "HTTP/1.1 101 Switching Protocols\r\n"
                                    "Upgrade: websocket\r\n"
                                    "Connection: Upgrade\r\n"
                                    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
                                    "\r\n";

static QString outcome(const QByteArray &block)
{
    const auto reply = parseUpgradeReply(block);
    if (!reply)
        return reply.error().message;
    const auto checked = checkUpgradeReply(*reply, key);
    return checked ? QString() : checked.error().message;
}

class tst_Handshake : public QObject
{
    Q_OBJECT

private slots:
    void writesTheRequest_data()
    {
        QTest::addColumn<QUrl>("url");
        QTest::addColumn<QByteArray>("line");
        QTest::addColumn<QByteArray>("host");

        QTest::newRow("no path") << QUrl("ws://example.com") << QByteArray("GET / HTTP/1.1")
                                 << QByteArray("example.com");
        QTest::newRow("path and query")
            << QUrl("wss://example.com/stream?streams=a@trade/b@depth")
            << QByteArray("GET /stream?streams=a@trade/b@depth HTTP/1.1") << QByteArray("example.com");
        QTest::newRow("empty query") << QUrl("ws://example.com/?") << QByteArray("GET /? HTTP/1.1")
                                     << QByteArray("example.com");
        QTest::newRow("port") << QUrl("wss://example.com:9443/ws") << QByteArray("GET /ws HTTP/1.1")
                              << QByteArray("example.com:9443");
        QTest::newRow("default port of ws")
            << QUrl("ws://example.com:80/") << QByteArray("GET / HTTP/1.1") << QByteArray("example.com");
        QTest::newRow("default port of wss")
            << QUrl("wss://example.com:443/") << QByteArray("GET / HTTP/1.1") << QByteArray("example.com");
        QTest::newRow("IPv6") << QUrl("ws://[::1]:8080/x") << QByteArray("GET /x HTTP/1.1")
                              << QByteArray("[::1]:8080");
        QTest::newRow("not ascii") << QUrl(QStringLiteral("ws://b\u00fccher.example/\u5e01@trade"))
                                   << QByteArray("GET /%E5%B8%81@trade HTTP/1.1")
                                   << QByteArray("xn--bcher-kva.example");
    }

    void writesTheRequest()
    {
        QFETCH(QUrl, url);
        QFETCH(QByteArray, line);
        QFETCH(QByteArray, host);
        QVERIFY(checkUpgradeRequest(url, {}));

        const QList<QByteArray> lines = upgradeRequest(url, {{"X-MBX-APIKEY", "k"}}, key).split('\n');

        QCOMPARE(lines.first(), line + '\r');
        QVERIFY(lines.contains("Host: " + host + '\r'));
        QVERIFY(lines.contains("Upgrade: websocket\r"));
        QVERIFY(lines.contains("Connection: Upgrade\r"));
        QVERIFY(lines.contains("Sec-WebSocket-Version: 13\r"));
        QVERIFY(lines.contains("Sec-WebSocket-Key: " + key + '\r'));
        QVERIFY(lines.contains("User-Agent: tidemill/0.0.0-test\r"));
        QVERIFY(lines.contains("X-MBX-APIKEY: k\r"));
        QVERIFY(upgradeRequest(url, {}, key).endsWith("\r\n\r\n"));
    }

    void aUserAgentOfTheCallerReplacesOurs()
    {
        const QByteArray request = upgradeRequest(QUrl("ws://h/"), {{"user-agent", "mine"}}, key);

        QVERIFY(request.contains("user-agent: mine\r\n"));
        QVERIFY(!request.contains("tidemill"));
    }

    void refusesWhatCannotBeAsked_data()
    {
        QTest::addColumn<QUrl>("url");
        QTest::addColumn<QByteArray>("name");
        QTest::addColumn<QByteArray>("value");

        const QUrl good("wss://example.com/");
        QTest::newRow("http") << QUrl("http://example.com/") << QByteArray("X") << QByteArray();
        QTest::newRow("no scheme") << QUrl("example.com") << QByteArray("X") << QByteArray();
        QTest::newRow("no host") << QUrl("ws:///path") << QByteArray("X") << QByteArray();
        QTest::newRow("password") << QUrl("ws://a:b@example.com/") << QByteArray("X") << QByteArray();
        QTest::newRow("fragment") << QUrl("ws://example.com/#top") << QByteArray("X") << QByteArray();
        QTest::newRow("header without a name") << good << QByteArray() << QByteArray("x");
        QTest::newRow("name with a space") << good << QByteArray("X Y") << QByteArray("x");
        QTest::newRow("name with a colon") << good << QByteArray("X:") << QByteArray("x");
        QTest::newRow("value with a line end") << good << QByteArray("X") << QByteArray("a\r\nHost: b");
        QTest::newRow("value with a zero") << good << QByteArray("X") << QByteArray("a\0b", 3);
        QTest::newRow("host") << good << QByteArray("host") << QByteArray("other");
        QTest::newRow("part of the handshake")
            << good << QByteArray("Sec-WebSocket-Extensions") << QByteArray("permessage-deflate");
    }

    void refusesWhatCannotBeAsked()
    {
        QFETCH(QUrl, url);
        QFETCH(QByteArray, name);
        QFETCH(QByteArray, value);

        const auto checked = checkUpgradeRequest(url, {{name, value}});

        QVERIFY(!checked);
        QCOMPARE(checked.error().kind, Error::Kind::Config);
    }

    void findsTheEndOfTheReply()
    {
        QCOMPARE(findReplyEnd("HTTP/1.1 101 OK\r\nA: b\r\n\r"), -1);
        QCOMPARE(findReplyEnd("HTTP/1.1 101 OK\r\n\r\n\x81\x01x"), 19);
    }

    void readsTheReply_data()
    {
        QTest::addColumn<QByteArray>("from");
        QTest::addColumn<QByteArray>("to");
        QTest::addColumn<QString>("error");
        const auto row = [](const char *name, const QByteArray &from, const QByteArray &to,
                            const QString &error) { QTest::newRow(name) << from << to << error; };
        const QByteArray end = "\r\n\r\n";
        const QString noHeader = "line 2 of the reply to the handshake is no header";
        const QString noStatus = "expected an HTTP status line, got something else";
        const QString noUpgrade = "the reply to the handshake lacks 'Upgrade: websocket'";
        const QString noConnection = "the reply to the handshake lacks 'Connection: Upgrade'";
        const QString wrongKey = "Sec-WebSocket-Accept of the reply does not answer our key";

        row("as in the RFC", "", "", "");
        row("case does not matter", "Upgrade: websocket", "UPGRADE:WebSocket", "");
        row("list in Connection", "Connection: Upgrade", "Connection: keep-alive, upgrade", "");
        row("Connection twice", "Connection: Upgrade", "Connection: keep-alive\r\nconnection: UPGRADE", "");
        row("no phrase", "101 Switching Protocols", "101 ", "");
        row("no phrase and no space", "101 Switching Protocols", "101", "");
        row("other headers", end, "\r\nServer: nginx\r\nX-Empty:\r\nX-Utf8: \xc3\xa4" + end, "");
        row("empty list of extensions", end, "\r\nSec-WebSocket-Extensions:" + end, "");

        row("wrong key", "s3pP", "s3pQ", wrongKey);
        row("key in other case", "s3pP", "S3pP", wrongKey);
        row("no key", "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n", "", wrongKey);
        row("two keys", end, "\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" + end, wrongKey);
        row("no Upgrade", "Upgrade: websocket\r\n", "", noUpgrade);
        row("other protocol", "Upgrade: websocket", "Upgrade: h2c", noUpgrade);
        row("no Connection", "Connection: Upgrade\r\n", "", noConnection);
        row("upgrade only as a part of a word", "Connection: Upgrade", "Connection: upgrades", noConnection);
        row("extension not asked for", end, "\r\nSec-WebSocket-Extensions: permessage-deflate" + end,
            "the reply agrees to an extension that was not asked for: 'permessage-deflate'");
        row("subprotocol not asked for", end, "\r\nSec-WebSocket-Protocol: chat" + end,
            "the reply agrees to a subprotocol that was not asked for");
        row("429", "101 Switching Protocols", "429 Too Many Requests",
            "expected HTTP status 101, got 429 Too Many Requests");
        row("200", "101 Switching Protocols", "200 OK", "expected HTTP status 101, got 200 OK");
        row("403 of HTTP/1.0", "HTTP/1.1 101 Switching Protocols", "HTTP/1.0 403 No",
            "expected HTTP status 101, got 403 No");

        row("no HTTP", "HTTP/1.1 101 Switching Protocols", "SSH-2.0-OpenSSH_9.2", noStatus);
        row("HTTP/2", "HTTP/1.1", "HTTP/2.0", noStatus);
        row("no status", "101 Switching", "abc Switching", noStatus);
        row("four digits", "101 Switching", "1010 Switching", noStatus);
        row("status below 100", "101 Switching", "099 Switching", noStatus);
        row("control character in the phrase", "Switching", "Swi\x1b[2Jtching", noStatus);
        row("header without a colon", "Upgrade: websocket", "Upgrade websocket", noHeader);
        row("header without a name", "Upgrade: websocket", ": websocket", noHeader);
        row("space before the colon", "Upgrade: websocket", "Upgrade : websocket", noHeader);
        row("folded header", "Upgrade: websocket", " Upgrade: websocket", noHeader);
        row("line feed alone", "Upgrade: websocket\r\nConnection", "Upgrade: websocket\nConnection",
            noHeader);
        row("zero in a value", "Upgrade: websocket", QByteArray("Upgrade: websocket\0", 19), noHeader);
        row("too many headers", end, "\r\n" + QByteArray("A: b\r\n").repeated(98) + "\r\n",
            "the reply to the handshake has too many headers");
    }

    void readsTheReply()
    {
        QFETCH(QByteArray, from);
        QFETCH(QByteArray, to);
        QFETCH(QString, error);
        QByteArray block = goodReply;
        if (!from.isEmpty()) {
            QVERIFY(block.contains(from));
            block.replace(from, to);
        }

        QCOMPARE(outcome(block), error);
    }

    void survivesAnyCut()
    {
        for (qsizetype size = 0; size < goodReply.size(); ++size)
            QVERIFY(!outcome(goodReply.first(size)).isEmpty());
    }

    void readsRetryAfter_data()
    {
        QTest::addColumn<QByteArray>("value");
        QTest::addColumn<qint64>("milliseconds"); // -1: nothing

        QTest::newRow("seconds") << QByteArray("120") << qint64(120'000);
        QTest::newRow("zero") << QByteArray("0") << qint64(0);
        QTest::newRow("spaces") << QByteArray(" 5 ") << qint64(5000);
        QTest::newRow("date") << QByteArray("Sun, 06 Nov 1994 08:50:07 GMT") << qint64(30'000);
        QTest::newRow("date gone by") << QByteArray("Sun, 06 Nov 1994 08:00:00 GMT") << qint64(0);
        QTest::newRow("absurdly long") << QByteArray("99999999999999999999999") << qint64(7) * 86'400'000;
        QTest::newRow("far date") << QByteArray("Thu, 31 Dec 2099 23:59:59 GMT") << qint64(7) * 86'400'000;
        QTest::newRow("other zone") << QByteArray("Sun, 06 Nov 1994 08:50:07 CET") << qint64(-1);
        QTest::newRow("negative") << QByteArray("-1") << qint64(-1);
        QTest::newRow("fraction") << QByteArray("1.5") << qint64(-1);
        QTest::newRow("word") << QByteArray("soon") << qint64(-1);
        QTest::newRow("empty") << QByteArray() << qint64(-1);
        QTest::newRow("day that does not exist") << QByteArray("Sun, 31 Feb 1994 08:49:37 GMT") << qint64(-1);
    }

    void readsRetryAfter()
    {
        QFETCH(QByteArray, value);
        QFETCH(qint64, milliseconds);
        const QDateTime now(QDate(1994, 11, 6), QTime(8, 49, 37), Qt::UTC);

        const auto wait = parseRetryAfter(value, now);

        QCOMPARE(wait ? wait->count() : -1, milliseconds);
    }
};

QTEST_GUILESS_MAIN(tst_Handshake)

#include "tst_handshake.moc"
