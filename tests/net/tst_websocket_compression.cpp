// SPDX-License-Identifier: Apache-2.0
#include "client_probe.h"
#include "packed.h"
#include "raw_peer.h"

#include <QTest>

using namespace tidemill;
using namespace tidemill::net;
using namespace std::chrono_literals;

// A client that asked for compression, and what a server makes of that.
class tst_WebSocketCompression : public QObject
{
    Q_OBJECT

private slots:
    void init() { m_probe = std::make_unique<ClientProbe>(); }

    void cleanup()
    {
        m_probe.reset();
        m_socket.reset();
    }

    void asksForNothingUnlessTold()
    {
        open({}, "");

        QVERIFY(!m_request.contains("Sec-WebSocket-Extensions"));
        QVERIFY(!m_probe->client.isCompressed());
        m_socket->write(server::packedText(Packer().pack("a")));
        QTRY_COMPARE(m_probe->closed, 1);
        QCOMPARE(m_probe->last.code, quint16(1002));
    }

    void goesOnWithoutWhenThePeerDoesNot()
    {
        open({.enabled = true, .minimumBytes = 1}, "");

        QVERIFY(m_request.contains("permessage-deflate"));
        QVERIFY(!m_probe->client.isCompressed());
        QVERIFY(m_probe->client.sendText("plain"));
        QTRY_COMPARE(clientFrames(m_socket->peek(1000)), QList<QByteArray>{"1:plain"});
    }

    void receivesPackedMessages()
    {
        open({.enabled = true}, "permessage-deflate");
        QVERIFY(m_probe->client.isCompressed());
        Packer packer;

        for (const char *const text : {"one of them", "two of them", ""})
            m_socket->write(server::packedText(packer.pack(text)) + server::text("plain"));

        QTRY_COMPARE(m_probe->messages.size(), 6);
        QCOMPARE(m_probe->messages,
                 QList<QByteArray>({"one of them", "plain", "two of them", "plain", "", "plain"}));
        QVERIFY(m_probe->allText);
        m_probe->client.abort();
        QVERIFY(!m_probe->client.isCompressed());
    }

    void packsOnlyWhatIsLongEnough()
    {
        open({.enabled = true, .minimumBytes = 20}, "permessage-deflate");

        const QByteArray longEnough = "a message of some length, a message of some length";
        QVERIFY(m_probe->client.sendText("short"));
        QVERIFY(m_probe->client.sendText(longEnough));
        QVERIFY(m_probe->client.sendText(longEnough));

        QTRY_COMPARE(clientFrames(m_socket->peek(1000)).size(), 3);
        const QByteArray bytes = m_socket->readAll();
        const QList<QByteArray> frames = clientFrames(bytes);
        QCOMPARE(frames[0], QByteArray("1:short"));
        Inflated inflated;
        QCOMPARE(inflated.next(frames[1].mid(2)), longEnough);
        QCOMPARE(inflated.next(frames[2].mid(2)), longEnough);
        QVERIFY(frames[2].size() < frames[1].size()); // it refers to the first
        QCOMPARE(bytes.front(), '\x81');
        QCOMPARE(bytes[6 + 5], '\xc1'); // marked as packed
    }

    void forgetsWhenThePeerWantsThat()
    {
        open({.enabled = true, .minimumBytes = 1}, "permessage-deflate; client_no_context_takeover");

        QVERIFY(m_probe->client.sendText("a message of some length"));
        QVERIFY(m_probe->client.sendText("a message of some length"));

        QTRY_COMPARE(clientFrames(m_socket->peek(1000)).size(), 2);
        const QList<QByteArray> frames = clientFrames(m_socket->readAll());
        QCOMPARE(frames[0], frames[1]);
        QCOMPARE(Inflated().next(frames[1].mid(2)), QByteArray("a message of some length"));
    }

    void sendsPlainlyInAWindowThatZlibCannotDo()
    {
        open({.enabled = true, .minimumBytes = 1}, "permessage-deflate; client_max_window_bits=8");

        QVERIFY(m_probe->client.isCompressed());
        QVERIFY(m_probe->client.sendText("plain"));
        QTRY_COMPARE(clientFrames(m_socket->peek(1000)), QList<QByteArray>{"1:plain"});
    }

    void eachConnectionBeginsAnew()
    {
        for (int round = 0; round < 2; ++round) {
            open({.enabled = true, .minimumBytes = 1}, "permessage-deflate");
            m_socket->write(server::packedText(Packer().pack("the same")));
            QVERIFY(m_probe->client.sendText("ours"));
            QTRY_COMPARE(m_probe->messages.size(), round + 1);
            QTRY_COMPARE(clientFrames(m_socket->peek(1000)).size(), 1);
            QCOMPARE(Inflated().next(clientFrames(m_socket->readAll()).first().mid(2)), QByteArray("ours"));
            m_probe->client.abort();
        }
        QCOMPARE(m_probe->messages, QList<QByteArray>({"the same", "the same"}));
    }

    void refusesABadAnswer()
    {
        WebSocketSettings settings;
        settings.compression = {.enabled = true};
        QVERIFY(m_probe->client.open(m_peer.url("ws"), settings));
        m_socket = m_peer.accept();
        QVERIFY(m_socket);

        m_socket->write(reply(RawPeer::readRequest(*m_socket), "permessage-deflate; level=9"));

        QTRY_COMPARE(m_probe->closed, 1);
        QCOMPARE(m_probe->opened, 0);
        QCOMPARE(m_probe->last.kind, Error::Kind::Protocol);
        QCOMPARE(m_probe->last.handshakeStatus, 101);
        QVERIFY(m_probe->last.message.endsWith("sets 'level' of permessage-deflate, which is not known"));
    }

    void refusesSettingsThatCannotBe()
    {
        WebSocketSettings settings;
        settings.compression = {.enabled = true, .peerWindowBits = 8};

        QVERIFY(!WebSocketClient::check(m_peer.url("ws"), settings));
        QVERIFY(!m_probe->client.open(m_peer.url("ws"), settings));
    }

    void endsWithThePeersFault_data()
    {
        QTest::addColumn<QByteArray>("bytes");
        QTest::addColumn<int>("code");

        QTest::newRow("bomb: 1 MB for 1 GB") << server::packedText(bomb()) << 1009;
        QTest::newRow("damaged") << server::packedText("this was never packed") << 1007;
        QTest::newRow("not UTF-8") << server::packedText(Packer().pack("\xff")) << 1007;
        QTest::newRow("packed ping") << server::frame(9, "x", {.reservedBits = 0x40}) << 1002;
    }

    void endsWithThePeersFault()
    {
        QFETCH(QByteArray, bytes);
        QFETCH(int, code);
        open({.enabled = true}, "permessage-deflate", 4 << 20);

        m_socket->write(server::packedText(Packer().pack("good")) + bytes);

        QTRY_VERIFY(m_socket->bytesAvailable() > 0);
        const QList<QByteArray> frames = clientFrames(m_socket->readAll());
        QCOMPARE(frames.size(), 1);
        QByteArray expected("8:");
        expected += static_cast<char>(code >> 8);
        expected += static_cast<char>(code & 0xff);
        QVERIFY(frames.first().startsWith(expected));
        m_socket->close();
        QTRY_COMPARE(m_probe->closed, 1);
        QCOMPARE(m_probe->messages, QList<QByteArray>{"good"});
        QCOMPARE(m_probe->last.code, quint16(code));
        QCOMPARE(m_probe->last.kind, Error::Kind::Protocol);
    }

    // One read of the socket, more than one parse() of it: a pause in between holds what is left of it.
    void aPauseHoldsWhatIsNotUnpackedYet()
    {
        open({.enabled = true}, "permessage-deflate; server_no_context_takeover");
        qsizetype count = 0;
        int signalsSeen = 0;
        connect(&m_probe->client, &WebSocketClient::framesReceived, this, [&](const Frames &frames) {
            ++signalsSeen;
            count += frames.size();
            m_probe->client.pause();
        });
        Packer packer(15, false);
        const QByteArray packed = server::packedText(packer.pack(QByteArray(500'000, 'x')));

        m_socket->write(packed.repeated(9));

        for (int expected = 1; count < 9; ++expected) {
            QTRY_COMPARE(signalsSeen, expected);
            QVERIFY(count <= 3 * expected); // 1 MiB and one more
            m_probe->client.resume();
        }
        QCOMPARE(count, 9);
        QVERIFY(signalsSeen >= 3);
        m_socket->close();
        QTRY_COMPARE(m_probe->closed, 1);
    }

    // The peer goes while some of what it sent is not unpacked yet: all of it is delivered first.
    void theEndWaitsForWhatIsNotUnpackedYet()
    {
        open({.enabled = true}, "permessage-deflate; server_no_context_takeover");
        Packer packer(15, false);
        const QByteArray packed = server::packedText(packer.pack(QByteArray(500'000, 'x')));

        m_socket->write(packed.repeated(60));
        m_socket->disconnectFromHost();

        QTRY_COMPARE(m_probe->closed, 1);
        QCOMPARE(m_probe->messages.size(), 60);
        QVERIFY(m_probe->reads > 10);
    }

private:
    // What a client packed, read by zlib itself.
    class Inflated
    {
    public:
        Inflated() { inflateInit2(&m_stream, -15); }
        ~Inflated() { inflateEnd(&m_stream); }
        QByteArray next(QByteArray packed)
        {
            packed += QByteArray::fromHex("0000ffff");
            QByteArray out(100'000, '\0');
            m_stream.next_in = reinterpret_cast<Bytef *>(packed.data());
            m_stream.avail_in = uInt(packed.size());
            m_stream.next_out = reinterpret_cast<Bytef *>(out.data());
            m_stream.avail_out = uInt(out.size());
            ::inflate(&m_stream, Z_SYNC_FLUSH);
            out.chop(qsizetype(m_stream.avail_out));
            return out;
        }

    private:
        Q_DISABLE_COPY_MOVE(Inflated)
        z_stream m_stream{};
    };

    static QByteArray reply(const QByteArray &request, const QByteArray &extensions)
    {
        QByteArray reply = RawPeer::upgradeReply(request);
        if (!extensions.isEmpty())
            reply.insert(reply.size() - 2, "Sec-WebSocket-Extensions: " + extensions + "\r\n");
        return reply;
    }

    void open(const Compression &compression, const QByteArray &answer, qsizetype limit = 32 << 20)
    {
        const int opened = m_probe->opened;
        WebSocketSettings settings;
        settings.compression = compression;
        settings.maxMessageBytes = limit;
        QVERIFY(m_probe->client.open(m_peer.url("ws"), settings));
        m_socket = m_peer.accept();
        QVERIFY(m_socket);
        m_request = RawPeer::readRequest(*m_socket);
        m_socket->write(reply(m_request, answer));
        QTRY_COMPARE(m_probe->opened, opened + 1);
    }

    RawPeer m_peer;
    RawPeer::Socket m_socket;
    QByteArray m_request;
    std::unique_ptr<ClientProbe> m_probe;
};

QTEST_GUILESS_MAIN(tst_WebSocketCompression)

#include "tst_websocket_compression.moc"
