// SPDX-License-Identifier: Apache-2.0
#include "frame_reader.h"
#include "server_frames.h"

#include <QTest>

#include <cstring>

using namespace tidemill;
using namespace tidemill::net;

// What came out of a reader, one word per event: "text:abc", "binary:0001", "ping:x", "pong",
// "close:1000:bye", "fail:1002".
static QStringList read(FrameReader &reader, QByteArrayView bytes, qsizetype step)
{
    QStringList events;
    while (!bytes.isEmpty() && !reader.failure() && !reader.close()) {
        const std::span<char> space = reader.space();
        const qsizetype size = std::min({step, bytes.size(), static_cast<qsizetype>(space.size())});
        std::memcpy(space.data(), bytes.data(), static_cast<size_t>(size));
        bytes = bytes.sliced(size);
        reader.commit(size);
        reader.parse();
        for (const Frame &frame : reader.messages()) {
            const QByteArray payload = frame.payload.toByteArray();
            events += QString::fromUtf8(frame.text ? "text:" + payload : "binary:" + payload.toHex());
        }
        if (reader.lastPing())
            events += QStringLiteral("ping:") + QString::fromUtf8(*reader.lastPing());
        if (reader.sawPong())
            events += QStringLiteral("pong");
    }
    if (const auto &close = reader.close())
        events += QStringLiteral("close:%1:%2").arg(close->code.value_or(0)).arg(close->reason);
    if (const auto &failure = reader.failure())
        events += QStringLiteral("fail:%1").arg(failure->code);
    return events;
}

class tst_FrameReader : public QObject
{
    Q_OBJECT

private slots:
    void readsFrames_data()
    {
        using namespace server;
        QTest::addColumn<QByteArray>("bytes");
        QTest::addColumn<QStringList>("events");
        const auto row = [](const char *name, const QByteArray &bytes, const QStringList &events) {
            QTest::newRow(name) << bytes << events;
        };
        const QByteArray longText(126, 'a');
        const QByteArray longer(65'536, 'b');

        row("text", text("abc"), {"text:abc"});
        row("binary", frame(2, QByteArray("\0\1", 2)), {"binary:0001"});
        row("empty text", text(""), {"text:"});
        row("several", text("a") + text("b") + frame(2, "c"), {"text:a", "text:b", "binary:63"});
        row("125 bytes", text(longText.left(125)), {"text:" + longText.left(125)});
        row("126 bytes", text(longText), {"text:" + longText});
        row("65,535 bytes", text(longer.left(65'535)), {"text:" + longer.left(65'535)});
        row("65,536 bytes", text(longer), {"text:" + longer});
        row("not ascii", text("5 \xe2\x82\xac"), {"text:5 \u20ac"});

        row("two fragments", fragment(1, "ab") + frame(0, "cd"), {"text:abcd"});
        row("binary fragments", fragment(2, "\xff") + frame(0, "\xfe"), {"binary:fffe"});
        row("many fragments",
            fragment(1, "a") + fragment(0, "b") + fragment(0, "") + fragment(0, "c") + frame(0, "d"),
            {"text:abcd"});
        row("empty last fragment", fragment(1, "a") + frame(0, ""), {"text:a"});
        row("fragments cut a character", fragment(1, "\xe2") + fragment(0, "\x82") + frame(0, "\xac"),
            {"text:\u20ac"});
        row("ping between fragments", fragment(1, "ab") + frame(9, "p") + frame(0, "cd"),
            {"text:abcd", "ping:p"});
        row("controls between fragments",
            fragment(1, "ab") + frame(9, "") + frame(10, "x") + frame(0, "cd") + text("e"),
            {"text:abcd", "text:e", "ping:", "pong"});
        row("two fragmented messages", fragment(1, "a") + frame(0, "b") + fragment(1, "c") + frame(0, "d"),
            {"text:ab", "text:cd"});

        row("ping", frame(9, "hello"), {"ping:hello"});
        row("ping of 125 bytes", frame(9, longText.left(125)), {"ping:" + longText.left(125)});
        row("pong", frame(10, "late"), {"pong"});
        row("close", closeFrame(1000, "bye"), {"close:1000:bye"});
        row("close without a code", frame(8, ""), {"close:0:"});
        row("close without a reason", closeFrame(1012), {"close:1012:"});
        row("close of an application", closeFrame(4999), {"close:4999:"});
        row("nothing counts behind a close", text("a") + closeFrame(1001) + text("b"),
            {"text:a", "close:1001:"});
        row("close within a message", fragment(1, "a") + closeFrame(1001), {"close:1001:"});
    }

    void readsFrames()
    {
        QFETCH(QByteArray, bytes);
        QFETCH(QStringList, events);
        FrameReader reader;
        reader.reset(1 << 20);

        QCOMPARE(read(reader, bytes, bytes.size()), events);
    }

    void readsFramesCutAnywhere_data() { readsFrames_data(); }

    void readsFramesCutAnywhere()
    {
        QFETCH(QByteArray, bytes);
        QFETCH(QStringList, events);
        events.sort(); // a cut may let a control frame out before the message around it
        FrameReader reader;

        const qsizetype cuts = std::min<qsizetype>(bytes.size(), 200);
        for (qsizetype cut = 1; cut < cuts; ++cut) {
            reader.reset(1 << 20);
            QStringList seen = read(reader, bytes.first(cut), cut);
            if (!reader.close())
                seen += read(reader, bytes.sliced(cut), bytes.size());
            seen.sort();
            QCOMPARE(seen, events);
        }
        reader.reset(1 << 20);
        QStringList byByte = read(reader, bytes, 1);
        byByte.sort();
        QCOMPARE(byByte, events);
    }

    void refuses_data()
    {
        using namespace server;
        QTest::addColumn<QByteArray>("bytes");
        QTest::addColumn<QString>("failure");
        const auto row = [](const char *name, const QByteArray &bytes, int code) {
            QTest::newRow(name) << bytes << QStringLiteral("fail:%1").arg(code);
        };
        const QByteArray maxLength = QByteArray::fromHex("7fffffffffffffff");

        row("first reserved bit", frame(1, "a", {.reservedBits = 0x40}), 1002);
        row("second reserved bit", frame(1, "a", {.reservedBits = 0x20}), 1002);
        row("third reserved bit", frame(1, "a", {.reservedBits = 0x10}), 1002);
        row("reserved bit on a ping", frame(9, "a", {.reservedBits = 0x40}), 1002);
        for (const int opcode : {3, 4, 5, 6, 7, 11, 12, 13, 14, 15}) {
            const QByteArray name = "opcode " + QByteArray::number(opcode);
            row(name, frame(opcode, "a"), 1002);
        }
        row("masked", frame(1, "a", {.masked = true}), 1002);
        row("masked, by its first two bytes", QByteArray("\x81\x81"), 1002);
        row("length 5 in two bytes", frame(1, "abcde", {.lengthBytes = 2}), 1002);
        row("length 125 in two bytes", frame(1, QByteArray(125, 'a'), {.lengthBytes = 2}), 1002);
        row("length 5 in eight bytes", frame(1, "abcde", {.lengthBytes = 8}), 1002);
        row("length 65,535 in eight bytes", frame(1, QByteArray(65'535, 'a'), {.lengthBytes = 8}), 1002);
        row("highest bit of the length", QByteArray("\x82\x7f") + QByteArray::fromHex("8000000000000000"),
            1002);
        row("largest length", QByteArray("\x82\x7f") + maxLength, 1009);

        row("ping of 126 bytes", frame(9, QByteArray(126, 'a')), 1002);
        row("ping of 126 bytes, by its first two bytes", QByteArray("\x89\x7e"), 1002);
        row("pong with a long length", frame(10, "a", {.lengthBytes = 8}), 1002);
        row("fragmented ping", fragment(9, "a"), 1002);
        row("fragmented close", fragment(8, ""), 1002);
        row("continuation of nothing", frame(0, "a"), 1002);
        row("continuation after a whole message", text("a") + frame(0, "b"), 1002);
        row("message within a message", fragment(1, "a") + text("b"), 1002);
        row("other kind within a message", fragment(1, "a") + fragment(2, "b"), 1002);

        row("bad text", text("\xff"), 1007);
        row("bad text in fragments", fragment(1, "\xe2") + frame(0, "("), 1007);
        row("text cut within a character", text("\xe2\x82"), 1007);
        row("message above the limit", text(QByteArray(1001, 'a')), 1009);
        row("fragments above the limit", fragment(1, QByteArray(600, 'a')) + frame(0, QByteArray(401, 'a')),
            1009);

        row("half a close code", frame(8, "\x03"), 1002);
        row("bad close reason", closeFrame(1000, "\xc3"), 1007);
        for (const int code : {0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65535}) {
            const QByteArray name = "close code " + QByteArray::number(code);
            row(name, closeFrame(static_cast<quint16>(code)), 1002);
        }
    }

    void refuses()
    {
        QFETCH(QByteArray, bytes);
        QFETCH(QString, failure);
        FrameReader reader;

        for (const qsizetype step : {bytes.size(), qsizetype(1), qsizetype(3)}) {
            reader.reset(1000);
            QStringList events = read(reader, bytes, step);
            QCOMPARE(events.takeLast(), failure);
            QVERIFY(!reader.failure()->what.isEmpty());
        }
    }

    void deliversWhatCameBeforeAFailure()
    {
        FrameReader reader;
        reader.reset(1000);
        const QByteArray bytes =
            server::text("a") + server::text("b") + server::frame(3, "") + server::text("c");

        QCOMPARE(read(reader, bytes, bytes.size()), QStringList({"text:a", "text:b", "fail:1002"}));
    }

    void acceptsAMessageOfExactlyTheLimit()
    {
        FrameReader reader;
        reader.reset(1000);

        QCOMPARE(read(reader, server::text(QByteArray(1000, 'a')), 4096).size(), 1);
        QCOMPARE(read(reader, server::fragment(1, QByteArray(999, 'a')) + server::frame(0, "a"), 4096).size(),
                 1);
        QVERIFY(!reader.failure());
    }

    void answersOnlyTheLastOfManyPings()
    {
        FrameReader reader;
        reader.reset(1000);

        const QByteArray pings = server::frame(9, "1") + server::frame(9, "2") + server::frame(9, "3");

        QCOMPARE(read(reader, pings, pings.size()), QStringList{"ping:3"});
    }

    void isNewAfterReset()
    {
        FrameReader reader;
        reader.reset(1000);
        read(reader, server::fragment(1, "ab") + server::frame(3, ""), 4096);
        QVERIFY(reader.failure());

        reader.reset(1000);

        QCOMPARE(read(reader, server::text("c"), 4096), QStringList{"text:c"});
    }
};

QTEST_GUILESS_MAIN(tst_FrameReader)

#include "tst_frame_reader.moc"
