// SPDX-License-Identifier: Apache-2.0
#include "host/spool/crc32c.h"
#include "host/spool/spool.h"

#include <tidemill/testing.h>

#include <QCoreApplication>
#include <QDir>
#include <QRandomGenerator>
#include <QTemporaryDir>

using namespace tidemill;
using namespace tidemill::host;

namespace {

BatchPtr trade(qint64 id)
{
    return testing::batch({Trade{.exchange = "test"_sym, .symbol = "BTCUSDT"_sym, .trade_id = id}});
}

void settle(const BatchPtr &batch)
{
    dynamic_cast<const SpooledDelivery &>(*batch->delivery()).settle();
}

void writeFile(const QString &path, const QByteArray &data)
{
    QFile file(path);
    QVERIFY(file.open(QIODevice::WriteOnly));
    QCOMPARE(file.write(data), data.size());
}

QList<qint64> drain(Spool &spool)
{
    QList<qint64> ids;
    while (spool.hasUnread()) {
        if (const BatchPtr batch = spool.readNext().batch)
            ids.append(batch->rows<Trade>()[0].trade_id);
    }
    return ids;
}

} // namespace

// What a spool is made of, and what it says about itself.
class tst_SpoolParts : public QObject
{
    Q_OBJECT

private slots:
    void init()
    {
        m_temporary = std::make_unique<QTemporaryDir>();
        m_folder = m_temporary->filePath("spool");
    }

    void sumsAsCastagnoli()
    {
        QCOMPARE(crc32c("123456789"), 0xe3069283U);
        QCOMPARE(crc32c({}), 0U);
        QCOMPARE(crc32c(QByteArray(32, '\0')), 0x8a9136aaU); // RFC 3720, B.4
        QCOMPARE(crc32c(QByteArray(32, '\xff')), 0x62a8ab43U);
    }

    void sumsTheSameEitherWay()
    {
        if (!hasCrc32cInstruction())
            QSKIP("this CPU has no instruction for it");
        QCOMPARE(crc32cByTable("123456789"), 0xe3069283U);
        QCOMPARE(crc32cByInstruction("123456789"), 0xe3069283U);
        QByteArray data(400, '\0');
        QRandomGenerator random(3);
        for (char &byte : data)
            byte = char(random.bounded(256));
        for (qsizetype start = 0; start < 9; ++start) {
            for (qsizetype size = 0; size < 300; ++size) {
                const QByteArrayView piece = QByteArrayView(data).sliced(start, size);
                QCOMPARE(crc32cByInstruction(piece), crc32cByTable(piece));
            }
        }
    }

    void keepsItsPlaceWithOneSlotOfTheCursor()
    {
        QDir().mkpath(m_folder);
        SpoolCursor cursor;
        TIDEMILL_VERIFY(cursor.open(m_folder, 7));
        QCOMPARE(readSpoolCursor(m_folder), quint64(7));
        TIDEMILL_VERIFY(cursor.save(8));
        TIDEMILL_VERIFY(cursor.save(9));
        cursor.close();
        const QString path = m_folder + "/cursor";
        const QByteArray whole = readWholeFile(path);
        QCOMPARE(readSpoolCursor(m_folder), quint64(9));

        for (qsizetype at = 0; at < 28; ++at) { // each byte of a number that counts; four at the end do not
            for (const qsizetype slot : {qsizetype(0), spoolCursorSpacing}) {
                QByteArray torn = whole;
                torn[slot + at] = char(torn[slot + at] ^ 0x40);
                writeFile(path, torn);
                QCOMPARE(readSpoolCursor(m_folder), parseSpoolCursor(whole.sliced(slot, 32)) == 9U ? 8U : 9U);
            }
        }

        TIDEMILL_VERIFY(cursor.open(m_folder, 9)); // goes on from there
        TIDEMILL_VERIFY(cursor.save(10));
        QCOMPARE(readSpoolCursor(m_folder), quint64(10));
        writeFile(path, spoolCursor(11)); // a single slot
        QCOMPARE(readSpoolCursor(m_folder), quint64(11));
    }

    void syncsWhatWasWrittenBeforeAPause()
    {
        auto spool = Spool::open(m_folder, {.segmentBytes = 600, .fsync = SpoolFsync::Interval});
        TIDEMILL_VERIFY(spool);
        for (qint64 id = 1; id <= 5; ++id)
            TIDEMILL_VERIFY((*spool)->append(*trade(id), false));
        QVERIFY((*spool)->figures().unsyncedBytes > 0);

        QTRY_COMPARE_WITH_TIMEOUT((*spool)->figures().unsyncedBytes, qint64(0), 10000); // nothing more comes

        QCOMPARE((*spool)->figures().writeErrors, quint64(0));
        TIDEMILL_VERIFY((*spool)->append(*trade(6), false));
        QVERIFY((*spool)->figures().unsyncedBytes > 0);
        QTRY_COMPARE_WITH_TIMEOUT((*spool)->figures().unsyncedBytes, qint64(0), 10000);
        QCOMPARE(drain(**spool), (QList<qint64>{1, 2, 3, 4, 5, 6}));
    }

    void saysWhatWaits()
    {
        auto spool = Spool::open(m_folder, {});
        TIDEMILL_VERIFY(spool);
        const BatchPtr first =
            *(*spool)->append(*testing::batch({Trade{.trade_id = 1}, Trade{.trade_id = 2}}), true);
        const BatchPtr second = *(*spool)->append(*trade(3), true);
        QCOMPARE((*spool)->figures().waitingBatches, quint64(2));
        QCOMPARE((*spool)->figures().waitingRows, quint64(3));

        settle(second); // beyond a hole
        settle(second); // which says nothing new
        QCOMPARE((*spool)->figures().waitingBatches, quint64(1));
        QCOMPARE((*spool)->figures().waitingRows, quint64(2));
        QTRY_VERIFY((*spool)->figures().oldestAgeMs > 0);
        settle(first);
        QCOMPARE((*spool)->figures().waitingBatches, quint64(0));
        QCOMPARE((*spool)->figures().waitingRows, quint64(0));
        QCOMPARE((*spool)->figures().oldestAgeMs, qint64(0));

        TIDEMILL_VERIFY((*spool)->append(*trade(4), true));
        (*spool)->close(); // the batches in hand keep it alive
        spool = Spool::open(m_folder, {});
        TIDEMILL_VERIFY(spool);
        QCOMPARE((*spool)->figures().waitingBatches, quint64(1));
        QCOMPARE((*spool)->figures().waitingRows, quint64(1));
        QVERIFY((*spool)->usedBefore().contains("process " +
                                                QString::number(QCoreApplication::applicationPid())));
    }

private:
    std::unique_ptr<QTemporaryDir> m_temporary;
    QString m_folder;
};

QTEST_GUILESS_MAIN(tst_SpoolParts)

#include "tst_spool_parts.moc"
