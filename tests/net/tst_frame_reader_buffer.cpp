// SPDX-License-Identifier: Apache-2.0
#include "frame_reader.h"
#include "server_frames.h"

#include <QCryptographicHash>
#include <QRandomGenerator>
#include <QTest>

#include <algorithm>
#include <cstring>

using namespace tidemill;
using namespace tidemill::net;

// Gives a reader all of `bytes`, as much at once as it takes but at most `step`. Returns the largest capacity
// seen.
template<typename OnMessage>
static qsizetype feed(FrameReader &reader, QByteArrayView bytes, qsizetype step, OnMessage onMessage)
{
    qsizetype largest = 0;
    while (!bytes.isEmpty() && !reader.failure() && !reader.close()) {
        const std::span<char> space = reader.space();
        largest = std::max(largest, reader.capacity());
        const qsizetype size = std::min({step, bytes.size(), static_cast<qsizetype>(space.size())});
        std::memcpy(space.data(), bytes.data(), static_cast<size_t>(size));
        bytes = bytes.sliced(size);
        reader.commit(size);
        reader.parse();
        for (const Frame &frame : reader.messages())
            onMessage(frame.payload);
    }
    return largest;
}

// The sliding buffer below the frames: how large it gets, what it keeps, what lies behind a message.
class tst_FrameReaderBuffer : public QObject
{
    Q_OBJECT

private slots:
    void keepsEveryByteOverManySlides()
    {
        QRandomGenerator random(1);
        QByteArray bytes;
        QCryptographicHash sent(QCryptographicHash::Md5);
        int messages = 0;
        while (bytes.size() < 8'000'000) {
            // Mostly small, now and then larger than the buffer; some in fragments with pings between.
            const bool isLarge = random.bounded(200) == 0;
            QByteArray payload(random.bounded(isLarge ? 600'000 : 400), Qt::Uninitialized);
            for (char &c : payload)
                c = static_cast<char>(random.bounded(256));
            sent.addData(payload);
            ++messages;
            if (random.bounded(3) == 0) {
                const qsizetype cut = payload.size() / 3;
                bytes += server::fragment(2, payload.left(cut)) + server::frame(9, "ping") +
                         server::fragment(0, payload.mid(cut, cut)) + server::frame(0, payload.mid(2 * cut));
            } else {
                bytes += server::frame(2, payload);
            }
        }

        for (const qsizetype step : {qsizetype(1'000'000), qsizetype(64 * 1024), qsizetype(1447)}) {
            FrameReader reader;
            reader.reset(1 << 20);
            QCryptographicHash received(QCryptographicHash::Md5);
            int count = 0;
            const qsizetype largest = feed(reader, bytes, step, [&](QByteArrayView payload) {
                received.addData(QByteArray::fromRawData(payload.data(), payload.size()));
                ++count;
            });
            QVERIFY(!reader.failure());
            QCOMPARE(count, messages);
            QCOMPARE(received.result(), sent.result());
            QVERIFY(largest > FrameReader::initialCapacity);
            QVERIFY(largest < (1 << 20) + FrameReader::minimumRead + 64);
        }
    }

    void givesBackWhatALargeMessageNeeded()
    {
        FrameReader reader;
        reader.reset(32 << 20);
        qsizetype size = 0;
        const auto measure = [&size](QByteArrayView payload) { size = payload.size(); };

        const qsizetype largest = feed(reader, server::text(QByteArray(5'079'379, 'x')), 65'536, measure);

        QCOMPARE(size, 5'079'379);
        QVERIFY(largest < 5'079'379 + 2 * FrameReader::minimumRead);
        feed(reader, server::text("small"), 65'536, measure);
        QCOMPARE(size, 5);
        QCOMPARE(reader.capacity(), FrameReader::initialCapacity);
    }

    void staysBoundedOnAnEndlessMessage_data()
    {
        QTest::addColumn<QByteArray>("piece");

        QTest::newRow("fragments of 64 KiB") << server::fragment(0, QByteArray(65'536, 'x'));
        QTest::newRow("fragments of one byte") << server::fragment(0, "x");
        QTest::newRow("fragments among pings")
            << server::fragment(0, "xy") + server::frame(9, QByteArray(125, 'p'));
    }

    void staysBoundedOnAnEndlessMessage()
    {
        QFETCH(QByteArray, piece);
        constexpr qsizetype limit = 2 << 20;
        FrameReader reader;
        reader.reset(limit);
        const auto ignore = [](QByteArrayView) {};
        feed(reader, server::fragment(1, "x"), 10, ignore);
        const QByteArray bytes = piece.repeated(std::max<qsizetype>(1, 100'000 / piece.size()));

        qsizetype largest = 0;
        for (qsizetype sent = 0; !reader.failure() && sent < 200 * limit; sent += bytes.size())
            largest = std::max(largest, feed(reader, bytes, bytes.size(), ignore));

        QVERIFY(reader.failure());
        QCOMPARE(reader.failure()->code, quint16(1009));
        QVERIFY(largest <= limit + FrameReader::minimumRead + 64);
    }

    void endlessEmptyFragmentsTakeNoMemory()
    {
        FrameReader reader;
        reader.reset(1 << 20);
        const auto ignore = [](QByteArrayView) {};
        feed(reader, server::fragment(1, "x"), 10, ignore);
        const QByteArray empty = server::fragment(0, "").repeated(500'000);

        const qsizetype largest = feed(reader, empty, empty.size(), ignore);

        QVERIFY(!reader.failure());
        QCOMPARE(largest, FrameReader::initialCapacity);
    }

    void bytesBehindAMessageCanBeRead()
    {
        FrameReader reader;
        reader.reset(1 << 20);
        int messages = 0;
        // Up to the very end of the buffer: AddressSanitizer and Valgrind see any byte that is not ours.
        const QByteArray bytes = server::text(QByteArray(1000, 'x')).repeated(600);

        feed(reader, bytes, bytes.size(), [&messages](QByteArrayView payload) {
            char behind[FrameReader::padding];
            std::memcpy(behind, payload.data() + payload.size(), sizeof behind);
            messages += behind[0] == '\x81' || payload.size() == 1000 ? 1 : 0;
        });

        QCOMPARE(messages, 600);
    }

    void survivesRandomBytes()
    {
        QRandomGenerator random(20);
        int failures = 0;
        for (int round = 0; round < 3000; ++round) {
            FrameReader reader;
            reader.reset(4096);
            QByteArray bytes;
            while (bytes.size() < 2000) {
                QByteArray next = server::frame(random.bounded(16), QByteArray(random.bounded(300), 'x'),
                                                {.final = random.bounded(4) != 0});
                if (random.bounded(8) == 0)
                    next[random.bounded(static_cast<int>(next.size()))] =
                        static_cast<char>(random.bounded(256));
                bytes += next;
            }
            qsizetype received = 0;
            feed(reader, bytes, 1 + random.bounded(700), [&](QByteArrayView payload) {
                received += payload.size();
                QVERIFY(payload.size() <= 4096);
            });
            QVERIFY(received <= bytes.size());
            failures += reader.failure() ? 1 : 0;
        }
        QVERIFY(failures > 2000);
    }
};

QTEST_GUILESS_MAIN(tst_FrameReaderBuffer)

#include "tst_frame_reader_buffer.moc"
