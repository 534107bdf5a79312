// SPDX-License-Identifier: Apache-2.0
#include "client_probe.h"
#include "peer_messages.h"
#include "peer_process.h"

#include <QSignalSpy>
#include <QTest>

using namespace tidemill;
using namespace tidemill::net;

// Against servers that others wrote: ws for Node.js, websockets for Python. What arrives is compared byte for
// byte with what both sides can work out.
class tst_WebSocketIndependent : public QObject
{
    Q_OBJECT

private slots:
    void initTestCase()
    {
        m_missing[0] = m_peers[0].startNode(QStringLiteral(TIDEMILL_PEER_MODULES));
        m_missing[1] = m_peers[1].startPython();
        for (int peer = 0; peer < 2; ++peer)
            QVERIFY2(!m_peers[peer].hasFailed(), qPrintable(m_missing[peer]));
    }

    void receivesAStream_data() { everyPeer(); }
    void receivesAStream() { receive(QStringLiteral("stream")); }

    void receivesFragmentsAndAnswersPingsAmongThem_data() { everyPeer(); }
    void receivesFragmentsAndAnswersPingsAmongThem() { receive(QStringLiteral("fragments")); }

    void isUnderstood_data() { everyPeer(); }

    // What we send comes back the same.
    void isUnderstood()
    {
        QFETCH(int, peer);
        if (!m_missing[peer].isEmpty())
            QSKIP(qPrintable(m_missing[peer]));
        QList<peer::Message> received;
        open(QStringLiteral("echo"), received);
        QTRY_COMPARE(m_client->state(), WebSocketClient::State::Open);
        QSignalSpy arrived(m_client.get(), &WebSocketClient::framesReceived);

        const QList<peer::Message> sent = peer::messages();
        for (qsizetype i = 0; i < sent.size(); ++i) {
            QVERIFY(sent[i].text ? m_client->sendText(sent[i].payload)
                                 : m_client->sendBinary(sent[i].payload));
            if (received.size() <= i)
                QVERIFY(arrived.wait(20'000));
            QCOMPARE(received.size(), i + 1);
            QVERIFY2(received[i] == sent[i], qPrintable(QStringLiteral("message %1").arg(i)));
        }

        m_client->close(4001, QStringLiteral("5 \u20ac"));
        QTRY_VERIFY(m_closed);
        QVERIFY(m_closed->clean);
        QFETCH(QString, variant);
        QCOMPARE(m_peers[peer].nextLine(),
                 QJsonObject({{"variant", variant}, {"code", 4001}, {"reason", "5 \u20ac"}}));
    }

    void hearsHowItEnds_data() { everyPeer(); }

    void hearsHowItEnds()
    {
        QFETCH(int, peer);
        if (!m_missing[peer].isEmpty())
            QSKIP(qPrintable(m_missing[peer]));
        for (const int code : {1000, 1001, 1003, 1008, 1011, 3000, 4999}) {
            QList<peer::Message> received;
            open(QStringLiteral("close?code=%1&reason=reason-%1").arg(code), received);
            QTRY_VERIFY(m_closed);
            QCOMPARE(int(m_closed->code), code);
            QCOMPARE(m_closed->reason, QStringLiteral("reason-%1").arg(code));
            QVERIFY(m_closed->clean);
            QVERIFY(received.isEmpty());
            QCOMPARE(m_peers[peer].nextLine().value("code").toInt(), code);
        }
    }

private:
    static void everyPeer()
    {
        QTest::addColumn<int>("peer");
        QTest::addColumn<QString>("variant");
        QTest::addColumn<Compression>("wanted");
        const char *const names[] = {"ws", "websockets"};
        for (int peer = 0; peer < 2; ++peer) {
            const auto row = [&](const char *name, const char *variant, const Compression &wanted) {
                QTest::addRow("%s, %s", names[peer], name) << peer << QString(variant) << wanted;
            };
            const Compression on{.enabled = true, .minimumBytes = 1};
            Compression forgetful = on;
            forgetful.peerKeepsContext = forgetful.weKeepContext = false;
            Compression small = on;
            small.peerWindowBits = 9;
            row("neither compresses", "plain", {});
            row("only we would", "plain", on);
            row("only the peer would", "takeover", {});
            row("with context", "takeover", on);
            row("the peer wants no context", "forgetful", on);
            row("we want no context", "takeover", forgetful);
            row("the peer wants a small window", "small", on);
            row("we want a small window", "takeover", small);
        }
    }

    void open(const QString &action, QList<peer::Message> &received)
    {
        QFETCH(int, peer);
        QFETCH(QString, variant);
        QFETCH(Compression, wanted);
        m_client = std::make_unique<WebSocketClient>();
        m_closed.reset();
        connect(m_client.get(), &WebSocketClient::opened, this, [this, wanted, variant] {
            QCOMPARE(m_client->isCompressed(), wanted.enabled && variant != QLatin1String("plain"));
        });
        connect(m_client.get(), &WebSocketClient::framesReceived, this, [&received](const Frames &frames) {
            for (const Frame &frame : frames)
                received.append({frame.payload.toByteArray(), frame.text});
        });
        connect(m_client.get(), &WebSocketClient::closed, this,
                [this](const CloseInfo &info) { m_closed = info; });
        WebSocketSettings settings;
        settings.compression = wanted;
        QVERIFY(m_client->open(m_peers[peer].url(variant, action), settings));
    }

    void receive(const QString &action)
    {
        QFETCH(int, peer);
        if (!m_missing[peer].isEmpty())
            QSKIP(qPrintable(m_missing[peer]));
        QList<peer::Message> received;
        open(action, received);

        QTRY_VERIFY_WITH_TIMEOUT(m_closed, 30'000);

        QCOMPARE(m_closed->message, QStringLiteral("the peer closed the connection (1000 done)"));
        const QList<peer::Message> expected = peer::messages();
        for (qsizetype i = 0; i < std::min(received.size(), expected.size()); ++i)
            QVERIFY2(received[i] == expected[i], qPrintable(QStringLiteral("message %1").arg(i)));
        QCOMPARE(received.size(), expected.size());
        QCOMPARE(m_peers[peer].nextLine().value("code").toInt(), 1000);
    }

    PeerProcess m_peers[2];
    QString m_missing[2];
    std::unique_ptr<WebSocketClient> m_client;
    std::optional<CloseInfo> m_closed;
};

QTEST_GUILESS_MAIN(tst_WebSocketIndependent)

#include "tst_websocket_independent.moc"
