// SPDX-License-Identifier: Apache-2.0
#include "deflater.h"
#include "inflater.h"
#include "packed.h"

#include <QRandomGenerator>
#include <QTest>

#include <cstring>

using namespace tidemill;
using namespace tidemill::net;
using Outcome = Inflater::Outcome;

static constexpr qsizetype limit = 1 << 20;

// Messages as a feed has them, one much like the other; now and then a large one.
static QList<QByteArray> feedMessages()
{
    QRandomGenerator random(7);
    QList<QByteArray> messages;
    for (int i = 0; i < 300; ++i) {
        QByteArray message = "{\"e\":\"trade\",\"s\":\"BTCUSDT\",\"t\":" + QByteArray::number(1000 + i) +
                             ",\"p\":\"" + QByteArray::number(random.bounded(100'000)) + ".01\"}";
        if (i % 50 == 7) {
            for (int j = 0; j < 60'000; ++j)
                message += static_cast<char>(random.bounded(1 << (1 + i % 8)));
        }
        messages.append(message);
    }
    return messages;
}

// Packed messages by themselves, without frames around them.
class tst_Inflater : public QObject
{
    Q_OBJECT

private slots:
    void unpacksTheExamplesOfTheRfc()
    {
        Inflater inflater;
        // RFC 7692, section 7.2.3: a compressed message, one that uses the window, no compression, a last
        // block, two blocks.
        for (const char *const hex : {"f248cdc9c90700", "f200110000", "000500faff48656c6c6f00",
                                      "f348cdc9c9070000", "f248050000 00ffffcac9c90700"}) {
            const QByteArray packed = QByteArray::fromHex(hex);
            QCOMPARE(inflater.unpack(packed, limit), Outcome::Done);
            QCOMPARE(inflater.message().toByteArray(), QByteArray("Hello"));
        }
    }

    void unpacksWhatZlibPacks_data()
    {
        QTest::addColumn<int>("windowBits");
        QTest::addColumn<bool>("keepsContext");
        for (const int bits : {9, 10, 15}) {
            QTest::addRow("%d bits", bits) << bits << true;
            QTest::addRow("%d bits, no context", bits) << bits << false;
        }
    }

    void unpacksWhatZlibPacks()
    {
        QFETCH(int, windowBits);
        QFETCH(bool, keepsContext);
        Packer packer(windowBits, keepsContext);
        Inflater inflater(windowBits, keepsContext);

        const QList<QByteArray> messages = feedMessages();
        for (const QByteArray &message : messages) {
            QCOMPARE(inflater.unpack(packer.pack(message), limit), Outcome::Done);
            QCOMPARE(inflater.message().toByteArray(), message);
        }
    }

    void unpacksWhatWePack_data() { unpacksWhatZlibPacks_data(); }

    void unpacksWhatWePack()
    {
        QFETCH(int, windowBits);
        QFETCH(bool, keepsContext);
        Deflater deflater(windowBits, keepsContext);
        Inflater inflater(windowBits, keepsContext);

        const QList<QByteArray> messages = feedMessages();
        for (const QByteArray &message : messages) {
            const QByteArray packed = deflater.pack(message);
            QVERIFY(!packed.isEmpty());
            QCOMPARE(inflater.unpack(packed, limit), Outcome::Done);
            QCOMPARE(inflater.message().toByteArray(), message);
        }
    }

    void packsInTheWindowThatWasAgreedOn()
    {
        const QByteArray random = feedMessages().at(7).right(1000);
        const QByteArray message = random + QByteArray(800, 'x') + random; // the same, 1800 bytes back

        QVERIFY(Deflater(9).pack(message).size() > Deflater(15).pack(message).size() + 100);
        QCOMPARE(Inflater(9).unpack(Deflater(9).pack(message), limit), Outcome::Done);
    }

    void keepsTheWindowThatWasAgreedOn()
    {
        const QByteArray random = feedMessages().at(7).right(1000);
        const QByteArray between(800, 'x');
        for (const int bits : {9, 15}) {
            Packer packer(15);
            Inflater inflater(bits);
            QCOMPARE(inflater.unpack(packer.pack(random), limit), Outcome::Done);
            QCOMPARE(inflater.unpack(packer.pack(between), limit), Outcome::Done);
            const QByteArray again = packer.pack(random);
            QVERIFY(again.size() < 100);
            QCOMPARE(inflater.unpack(again, limit), bits == 9 ? Outcome::Damaged : Outcome::Done);
        }
    }

    void leavesUnpackedWhatItCannotPack()
    {
        QVERIFY(Deflater(8).pack("text").isEmpty());
        QVERIFY(Deflater(15).pack("").isEmpty());
    }

    void messagesLiveUntilRecycled()
    {
        Packer packer;
        Inflater inflater;
        const QList<QByteArray> messages = feedMessages(); // more than a block of them
        QList<QByteArrayView> views;

        for (const QByteArray &message : messages) {
            QCOMPARE(inflater.unpack(packer.pack(message), limit), Outcome::Done);
            views.append(inflater.message());
        }

        qsizetype total = 0;
        for (qsizetype i = 0; i < messages.size(); ++i) {
            QCOMPARE(views[i], QByteArrayView(messages[i]));
            char behind[Inflater::padding]; // AddressSanitizer sees whether that may be read
            std::memcpy(behind, views[i].data() + views[i].size(), sizeof behind);
            total += messages[i].size();
        }
        QVERIFY(total > Inflater::blockBytes);
        QCOMPARE(inflater.unpackedBytes(), total);
        inflater.recycle();
        QCOMPARE(inflater.unpackedBytes(), 0);
        QCOMPARE(inflater.unpack(packer.pack("after"), limit), Outcome::Done);
        QCOMPARE(inflater.message(), QByteArrayView("after"));
    }

    void contextOutlivesALastBlock()
    {
        const QByteArray message = feedMessages().at(3);
        Packer packer;
        Inflater inflater;
        QCOMPARE(inflater.unpack(packer.packFinal(message), limit), Outcome::Done);
        QCOMPARE(inflater.message().toByteArray(), message);

        // One copy of 5 bytes from 20 bytes back: refers to the message before.
        QByteArray reference;
        {
            z_stream stream{};
            deflateInit2(&stream, 9, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY);
            deflateSetDictionary(&stream, reinterpret_cast<const Bytef *>(message.constData()),
                                 uInt(message.size()));
            QByteArray tail = message.right(20);
            reference.resize(200);
            stream.next_in = reinterpret_cast<Bytef *>(tail.data());
            stream.avail_in = 20;
            stream.next_out = reinterpret_cast<Bytef *>(reference.data());
            stream.avail_out = 200;
            ::deflate(&stream, Z_SYNC_FLUSH);
            reference.chop(qsizetype(stream.avail_out) + 4);
            deflateEnd(&stream);
        }
        QVERIFY(reference.size() < 12);
        QCOMPARE(inflater.unpack(reference, limit), Outcome::Done);
        QCOMPARE(inflater.message().toByteArray(), message.right(20));
        QCOMPARE(Inflater().unpack(reference, limit), Outcome::Damaged);
    }

    void withoutContextNothingRefersBack()
    {
        Packer packer; // keeps it, against what was agreed on
        Inflater inflater(15, false);
        const QByteArray message = feedMessages().at(3);

        QCOMPARE(inflater.unpack(packer.pack(message), limit), Outcome::Done);
        QCOMPARE(inflater.unpack(packer.pack(message), limit), Outcome::Damaged);
    }

    void takesAnEmptyMessageInBothForms()
    {
        Packer packer;
        Inflater inflater;
        const auto unpacked = [&inflater](const QByteArray &packed) {
            return inflater.unpack(packed, limit) == Outcome::Done ? inflater.message().toByteArray()
                                                                   : QByteArray("damaged");
        };

        QCOMPARE(unpacked(packer.pack("before")), QByteArray("before"));
        QCOMPARE(unpacked(QByteArray(1, '\0')), QByteArray());
        QCOMPARE(unpacked(QByteArray()), QByteArray());
        QVERIFY(inflater.message().data() != nullptr);
        QCOMPARE(unpacked(packer.pack("before, and after")), QByteArray("before, and after"));
    }

    void stopsAtTheLimit()
    {
        const QByteArray zeros(limit, '\0');

        QCOMPARE(Inflater().unpack(Packer().pack(zeros), limit), Outcome::Done);
        QCOMPARE(Inflater().unpack(Packer().pack(zeros), limit - 1), Outcome::TooLong);
        QCOMPARE(Inflater().unpack(Packer().pack("ab"), 1), Outcome::TooLong);
        QCOMPARE(Inflater().unpack(Packer().pack("a"), 1), Outcome::Done);
    }

    void aBombCostsNoMoreThanTheLimit()
    {
        Inflater inflater;

        QCOMPARE(inflater.unpack(bomb(), limit), Outcome::TooLong);

        QCOMPARE(inflater.unpackedBytes(), limit + 1);
    }

    void reportsDamage_data()
    {
        QTest::addColumn<QByteArray>("packed");

        const QByteArray good = Packer().pack(feedMessages().at(3));
        QTest::newRow("unknown kind of block") << QByteArray("\x07\x00", 2);
        QTest::newRow("bad length of a stored block") << QByteArray::fromHex("000500fbff48656c6c6f00");
        QTest::newRow("refers to before the beginning") << QByteArray::fromHex("f200110000");
        QTest::newRow("cut") << good.chopped(3);
        QTest::newRow("cut to one byte") << good.first(1);
        QTest::newRow("ends with a last block only") << QByteArray::fromHex("f348cdc9c90700");
        QTest::newRow("with its tail") << good + QByteArray::fromHex("0000ffff0000");
        QTest::newRow("no deflate") << QByteArray("Hello, this was never packed");
    }

    void reportsDamage()
    {
        QFETCH(QByteArray, packed);

        QCOMPARE(Inflater().unpack(packed, limit), Outcome::Damaged);
    }

    void survivesRandomDamage()
    {
        QRandomGenerator random(3);
        const QByteArray good = Packer().pack(feedMessages().at(57));
        int damaged = 0;
        for (int round = 0; round < 2000; ++round) {
            QByteArray bad = good;
            for (int changes = 0; changes < 3; ++changes)
                bad[random.bounded(qMin<qsizetype>(bad.size(), 400))] =
                    static_cast<char>(random.bounded(256));
            Inflater inflater(15, round % 2 == 0);
            const Outcome outcome = inflater.unpack(bad, 100'000);
            QVERIFY(inflater.unpackedBytes() <= 100'001);
            damaged += outcome == Outcome::Damaged ? 1 : 0;
        }
        QVERIFY2(damaged > 500, qPrintable(QString::number(damaged)));
    }
};

QTEST_GUILESS_MAIN(tst_Inflater)

#include "tst_inflater.moc"
