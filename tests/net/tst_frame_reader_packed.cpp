// SPDX-License-Identifier: Apache-2.0
#include "frame_reader.h"
#include "packed.h"

#include <QTest>

#include <cstring>

using namespace tidemill;
using namespace tidemill::net;

// What came out of a reader, one word per event: "text:abc", "binary:0001", "ping", "fail:1002". A message
// longer than 100 bytes stands as its size.
static QStringList read(FrameReader &reader, QByteArrayView bytes, qsizetype step)
{
    QStringList events;
    while (!bytes.isEmpty() && !reader.failure()) {
        const std::span<char> space = reader.space();
        const qsizetype size = std::min({step, bytes.size(), static_cast<qsizetype>(space.size())});
        std::memcpy(space.data(), bytes.data(), static_cast<size_t>(size));
        bytes = bytes.sliced(size);
        reader.commit(size);
        do {
            reader.parse();
            for (const Frame &frame : reader.messages()) {
                const QByteArray payload = frame.payload.toByteArray();
                const QByteArray shown = payload.size() > 100 ? QByteArray::number(payload.size()) : payload;
                events += QString::fromUtf8(frame.text ? "text:" + shown : "binary:" + shown.toHex());
            }
            if (reader.lastPing())
                events += QStringLiteral("ping");
        } while (reader.hasMore());
    }
    if (const auto &failure = reader.failure())
        events += QStringLiteral("fail:%1").arg(failure->code);
    return events;
}

static void restart(FrameReader &reader, qsizetype limit = 1 << 20)
{
    reader.reset(limit, std::make_unique<Inflater>());
}

// Packed messages among frames.
class tst_FrameReaderPacked : public QObject
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
        Packer packer;
        const QByteArray one = packer.pack("one of them");
        const QByteArray two = packer.pack("two of them"); // refers to the one
        const QByteArray large = Packer().pack(QByteArray(300'000, 'x'));
        const QByteArray euro = Packer().pack("5 \xe2\x82\xac");

        row("packed", packedText(one), {"text:one of them"});
        row("binary", frame(2, Packer().pack("\1\2"), {.reservedBits = rsv1}), {"binary:0102"});
        row("keeps context", packedText(one) + packedText(two), {"text:one of them", "text:two of them"});
        row("plain ones between", text("a") + packedText(one) + text("b") + packedText(two) + text("c"),
            {"text:a", "text:one of them", "text:b", "text:two of them", "text:c"});
        row("larger than a block", packedText(large) + text("a"), {"text:300000", "text:a"});
        row("nothing", packedText("") + packedText(one), {"text:", "text:one of them"});
        row("fragments", packedFragment(1, one.left(3)) + fragment(0, one.mid(3, 4)) + frame(0, one.mid(7)),
            {"text:one of them"});
        row("empty fragments", packedFragment(1, "") + fragment(0, one) + frame(0, ""), {"text:one of them"});
        row("ping between fragments", packedFragment(1, one.left(3)) + frame(9, "p") + frame(0, one.mid(3)),
            {"text:one of them", "ping"});
        row("fragmented with context",
            packedFragment(1, one.left(3)) + frame(0, one.mid(3)) + packedFragment(1, two.left(2)) +
                frame(0, two.mid(2)),
            {"text:one of them", "text:two of them"});
        row("plain fragments between packed ones",
            packedText(one) + fragment(1, "a") + frame(0, "b") + packedText(two),
            {"text:one of them", "text:ab", "text:two of them"});
        row("not ascii", packedText(euro), {"text:5 \u20ac"});
        row("fragments cut a character", packedFragment(1, euro.left(4)) + frame(0, euro.mid(4)),
            {"text:5 \u20ac"});
    }

    void readsFrames()
    {
        QFETCH(QByteArray, bytes);
        QFETCH(QStringList, events);
        events.sort(); // a cut may let a control frame out before the message around it
        FrameReader reader;
        for (const qsizetype step : {bytes.size(), qsizetype(1), qsizetype(3)}) {
            restart(reader);
            QStringList seen = read(reader, bytes, step);
            seen.sort();
            QCOMPARE(seen, events);
        }
    }

    void refuses_data()
    {
        using namespace server;
        QTest::addColumn<QByteArray>("bytes");
        QTest::addColumn<QString>("failure");
        const auto row = [](const char *name, const QByteArray &bytes, int code) {
            QTest::newRow(name) << bytes << QStringLiteral("fail:%1").arg(code);
        };
        const QByteArray packed = Packer().pack("message");

        row("second reserved bit", frame(1, packed, {.reservedBits = 0x20}), 1002);
        row("third reserved bit", frame(1, packed, {.reservedBits = 0x10}), 1002);
        row("two reserved bits", frame(1, packed, {.reservedBits = 0x60}), 1002);
        row("packed ping", frame(9, packed, {.reservedBits = rsv1}), 1002);
        row("packed pong", frame(10, packed, {.reservedBits = rsv1}), 1002);
        row("packed close", frame(8, packed, {.reservedBits = rsv1}), 1002);
        row("packed continuation",
            packedFragment(1, packed.left(2)) + frame(0, packed.mid(2), {.reservedBits = rsv1}), 1002);
        row("continuation of a plain message that is packed",
            fragment(1, "a") + frame(0, packed, {.reservedBits = rsv1}), 1002);
        row("packed continuation of nothing", frame(0, packed, {.reservedBits = rsv1}), 1002);
        row("packed and of an unknown opcode", frame(3, packed, {.reservedBits = rsv1}), 1002);

        row("no deflate", packedText("Hello, this was never packed"), 1007);
        row("cut", packedText(packed.chopped(2)), 1007);
        row("cut in fragments", packedFragment(1, packed.left(2)) + frame(0, packed.mid(2).chopped(2)), 1007);
        row("bad text", packedText(Packer().pack("\xff")), 1007);
        row("text cut within a character", packedText(Packer().pack("\xe2\x82")), 1007);

        const QByteArray zeros = Packer().pack(QByteArray(1001, '\0'));
        row("unpacks to more than the limit", packedText(zeros), 1009);
        row("unpacks to more than the limit, fragments",
            packedFragment(1, zeros.left(2)) + frame(0, zeros.mid(2)), 1009);
        row("packed form above the limit", packedText(QByteArray(1100, '\0')), 1009);
        row("packed form above the limit, fragments",
            packedFragment(1, QByteArray(600, '\0')) + frame(0, QByteArray(500, '\0')), 1009);
    }

    void refuses()
    {
        QFETCH(QByteArray, bytes);
        QFETCH(QString, failure);
        FrameReader reader;
        for (const qsizetype step : {bytes.size(), qsizetype(1), qsizetype(3)}) {
            restart(reader, 1000);
            QCOMPARE(read(reader, bytes + server::text("behind"), step), QStringList{failure});
            QVERIFY(!reader.failure()->what.isEmpty());
        }
    }

    void takesAMessageOfTheLimitThatCannotBePacked()
    {
        QByteArray noise(1000, '\0');
        quint32 state = 1;
        for (char &c : noise)
            c = static_cast<char>((state = state * 1664525 + 1013904223) >> 24);
        const QByteArray packed = Packer().pack(noise);
        QVERIFY(packed.size() > 1000);
        FrameReader reader;
        restart(reader, 1000);

        const QByteArray bytes = server::frame(2, packed, {.reservedBits = server::rsv1});
        QCOMPARE(read(reader, bytes, 4096), QStringList{"binary:" + QByteArray("1000").toHex()});
    }

    void isPlainAgainAfterReset()
    {
        FrameReader reader;
        restart(reader);
        reader.reset(1 << 20);

        QCOMPARE(read(reader, server::packedText(Packer().pack("a")), 100), QStringList{"fail:1002"});
    }

    void manyBombsInOneReadAreUnpackedBitByBit()
    {
        constexpr qsizetype bombBytes = 900'000;
        constexpr int count = 200; // 180 MB, in one read
        Packer packer(15, false);
        const QByteArray bomb = server::packedText(packer.pack(QByteArray(bombBytes, 'x')));
        const QByteArray bytes = bomb.repeated(count) + server::text("end");
        FrameReader reader;
        restart(reader);
        const std::span<char> space = reader.space();
        QVERIFY(static_cast<qsizetype>(space.size()) >= bytes.size());
        std::memcpy(space.data(), bytes.constData(), static_cast<size_t>(bytes.size()));
        reader.commit(bytes.size());

        int messages = 0;
        bool sawEnd = false;
        do {
            reader.parse();
            qsizetype unpacked = 0;
            for (const Frame &frame : reader.messages()) {
                sawEnd = frame.payload == "end";
                unpacked += frame.payload.size();
                messages += frame.payload.count('x') == bombBytes ? 1 : 0;
            }
            QVERIFY(unpacked < FrameReader::unpackedPerParse + bombBytes);
        } while (reader.hasMore());

        QCOMPARE(messages, count);
        QVERIFY(sawEnd);
    }

    void bytesBehindAMessageCanBeRead()
    {
        Packer packer(15, false);
        FrameReader reader;
        restart(reader);
        // To the very end of its blocks: AddressSanitizer and Valgrind see any byte that is not ours.
        const QByteArray bytes = server::packedText(packer.pack(QByteArray(4096, 'x'))).repeated(300);
        const std::span<char> space = reader.space();
        std::memcpy(space.data(), bytes.constData(), static_cast<size_t>(bytes.size()));
        reader.commit(bytes.size());

        int messages = 0;
        do {
            reader.parse();
            for (const Frame &frame : reader.messages()) {
                char behind[FrameReader::padding];
                std::memcpy(behind, frame.payload.data() + frame.payload.size(), sizeof behind);
                messages += frame.payload.size() == 4096 ? 1 : 0;
            }
        } while (reader.hasMore());
        QCOMPARE(messages, 300);
    }
};

QTEST_GUILESS_MAIN(tst_FrameReaderPacked)

#include "tst_frame_reader_packed.moc"
