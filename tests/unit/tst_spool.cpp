// SPDX-License-Identifier: Apache-2.0
#include "host/spool/spool.h"
#include "host/spool/spool_report.h"

#include <tidemill/json.h>
#include <tidemill/testing.h>

#include <QDir>
#include <QTemporaryDir>

using namespace tidemill;
using namespace tidemill::host;

namespace {

enum class Mood : quint8 { Calm, Wild };

} // namespace

namespace tidemill {
TIDEMILL_ENUM(Mood, "calm", "wild")
} // namespace tidemill

namespace {

// A record type that only a plugin would know.
struct Weather
{
    Symbol place;
    qint64 number = 0;
    quint64 big = 0;
    double warmth = 0;
    bool rain = false;
    Decimal depth;
    Timestamp at;
    Text words;
    Bytes raw;
    Levels tides;
    Mood mood = Mood::Calm;
};
TIDEMILL_RECORD(Weather, 3, State, (place, number),
                (place, number, big, warmth, rain, depth, at, words, raw, tides, mood))

// A row in which every field has a value of its own.
template<typename T>
BatchPtr full(qint64 seed)
{
    UntypedBatchBuilder builder(schemaOf<T>());
    for (qint64 row = seed; row < seed + 3; ++row) {
        const std::vector<Level> levels{{Decimal{row, -2}, Decimal{7, 0}},
                                        {Decimal{row, 3}, Decimal::null()}};
        const QByteArray words = "words \"" + QByteArray::number(row) + "\" \xc3\xa9";
        const Text text = builder.text(words);
        const Bytes bytes = builder.bytes(QByteArray("\0\xff", 2) + words);
        const Levels stored = row % 2 == 0 ? builder.levels(levels) : Levels{};
        std::byte *out = builder.appendRow();
        quint8 count = 0;
        for (const Field &field : schemaOf<T>().fields()) {
            ++count;
            const auto put = [&](const auto &value) {
                std::memcpy(out + field.offset, &value, sizeof value);
            };
            switch (field.type) {
            case FieldType::Int64:
                put(qint64(-row * 1000 - count));
                break;
            case FieldType::UInt64:
                put(std::numeric_limits<quint64>::max() - count);
                break;
            case FieldType::Double:
                put(0.1 * double(row));
                break;
            case FieldType::Bool:
                put(row % 2 == 0);
                break;
            case FieldType::Decimal:
                put(Decimal{row * 100 + count, -3});
                break;
            case FieldType::Timestamp:
                put(Timestamp{1'700'000'000'000'000'000 + row * 7 + count});
                break;
            case FieldType::Symbol:
                put(row % 3 == 2 ? Symbol() : Symbol("S" + QByteArray::number(row * 50 + count)));
                break;
            case FieldType::Text:
                put(text);
                break;
            case FieldType::Bytes:
                put(bytes);
                break;
            case FieldType::Levels:
                put(stored);
                break;
            case FieldType::Enum:
                put(quint8(row % qint64(field.enumNames.size())));
                break;
            }
        }
    }
    return builder.finish();
}

QList<BatchPtr> oneOfEach()
{
    return {full<Trade>(1),      full<AggTrade>(2),     full<Quote>(3),   full<Ticker>(4), full<Candle>(5),
            full<BookUpdate>(6), full<BookSnapshot>(7), full<Wap>(8),     full<Signal>(9), full<Order>(10),
            full<Frame>(11),     full<Gap>(12),         full<Weather>(13)};
}

BatchPtr trade(qint64 id)
{
    return testing::batch({Trade{.exchange = "test"_sym, .symbol = "BTCUSDT"_sym, .trade_id = id}});
}

qint64 idOf(const BatchPtr &batch)
{
    return batch && batch->rowCount() > 0 ? batch->rows<Trade>()[0].trade_id : -1;
}

void settle(const BatchPtr &batch)
{
    dynamic_cast<const SpooledDelivery &>(*batch->delivery()).settle();
}

bool sameRows(const BatchPtr &a, const BatchPtr &b)
{
    if (!a || !b || a->rowCount() != b->rowCount())
        return false;
    for (qsizetype row = 0; row < a->rowCount(); ++row) {
        if (!sameRecord(*a, row, *b, row))
            return false;
    }
    return true;
}

QList<qint64> drain(Spool &spool, quint64 *lost = nullptr)
{
    QList<qint64> ids;
    while (spool.hasUnread()) {
        const Spool::Read read = spool.readNext();
        if (lost)
            *lost += read.lostRows;
        if (read.batch)
            ids.append(idOf(read.batch));
    }
    return ids;
}

// As it is on the disk at this moment: what a killed process leaves.
void copyFolder(const QString &from, const QString &to)
{
    QDir().mkpath(to);
    for (const QString &name : QDir(from).entryList(QDir::Files)) {
        if (name != "lock")
            QVERIFY(QFile::copy(from + '/' + name, to + '/' + name));
    }
}

void writeFile(const QString &path, const QByteArray &data)
{
    QFile file(path);
    QVERIFY(file.open(QIODevice::WriteOnly));
    QCOMPARE(file.write(data), data.size());
}

} // namespace

class tst_Spool : public QObject
{
    Q_OBJECT

private slots:
    void init()
    {
        m_temporary = std::make_unique<QTemporaryDir>();
        m_folder = m_temporary->filePath("spool");
    }

    void givesEveryRecordTypeBack()
    {
        const QList<BatchPtr> sent = oneOfEach();
        auto spool = Spool::open(m_folder, {});
        TIDEMILL_VERIFY(spool);

        for (const BatchPtr &batch : sent) {
            const auto copy = (*spool)->append(*batch, true);
            TIDEMILL_VERIFY(copy);
            QVERIFY(sameRows(*copy, batch));
        }

        spool = Error{}; // closed, and nothing was confirmed
        auto again = Spool::open(m_folder, {});
        TIDEMILL_VERIFY(again);
        QCOMPARE((*again)->unreadRows(), quint64(3 * sent.size()));
        for (const BatchPtr &batch : sent)
            QVERIFY2(sameRows((*again)->readNext().batch, batch), batch->schema().name().data());
        QVERIFY(!(*again)->readNext().batch);
        QVERIFY(!inspectSpool(m_folder).isDamaged());
    }

    void keepsOrderThroughSegments()
    {
        auto spool = Spool::open(m_folder, {.segmentBytes = 600});
        TIDEMILL_VERIFY(spool);
        QList<qint64> sent;
        for (qint64 id = 1; id <= 50; ++id) {
            TIDEMILL_VERIFY((*spool)->append(*trade(id), false));
            sent.append(id);
        }
        QVERIFY(spoolSegmentFiles(m_folder).size() > 10);

        QList<BatchPtr> read;
        while ((*spool)->hasUnread())
            read.append((*spool)->readNext().batch);

        QList<qint64> ids;
        for (const BatchPtr &batch : read)
            ids.append(idOf(batch));
        QCOMPARE(ids, sent);
        // In no order: what is confirmed beyond a hole waits for the hole.
        for (qsizetype i = read.size() - 1; i >= 0; --i) {
            QVERIFY(!(*spool)->isEmpty());
            settle(read[i]);
        }
        QVERIFY((*spool)->isEmpty());
        QCOMPARE(spoolSegmentFiles(m_folder).size(), 1); // the one being written
        (*spool)->close();
        QCOMPARE(spoolSegmentFiles(m_folder).size(), 0);
        QCOMPARE(readSpoolCursor(m_folder), quint64(50));
    }

    void goesOnAfterAKill()
    {
        auto spool = Spool::open(m_folder, {.segmentBytes = 600});
        TIDEMILL_VERIFY(spool);
        QList<BatchPtr> taken;
        for (qint64 id = 1; id <= 20; ++id)
            taken.append(*(*spool)->append(*trade(id), true));
        for (int i = 0; i < 5; ++i)
            settle(taken[i]);
        const QString left = m_temporary->filePath("left");
        copyFolder(m_folder, left);

        auto again = Spool::open(left, {});
        TIDEMILL_VERIFY(again);

        const QList<qint64> ids = drain(**again);
        QCOMPARE(ids.first(), 6); // every single confirmation is on record
        QCOMPARE(ids.last(), 20);
        for (int i = 1; i < ids.size(); ++i)
            QCOMPARE(ids[i], ids[i - 1] + 1);
        TIDEMILL_VERIFY((*again)->append(*trade(21), false));
        QCOMPARE(drain(**again), QList<qint64>{21});
    }

    void neverConfirmsWhatIsOnlyLetGoOf()
    {
        {
            auto spool = Spool::open(m_folder, {});
            TIDEMILL_VERIFY(spool);
            for (qint64 id = 1; id <= 3; ++id)
                TIDEMILL_VERIFY((*spool)->append(*trade(id), true)); // gone at once
        }

        auto again = Spool::open(m_folder, {});
        TIDEMILL_VERIFY(again);
        QCOMPARE(drain(**again), (QList<qint64>{1, 2, 3}));
    }

    void cutsATornTail()
    {
        {
            auto spool = Spool::open(m_folder, {});
            TIDEMILL_VERIFY(spool);
            for (qint64 id = 1; id <= 3; ++id)
                TIDEMILL_VERIFY((*spool)->append(*trade(id), false));
        }
        const QString path = spoolSegmentFiles(m_folder).value(0);
        const QByteArray whole = readWholeFile(path);
        const SpoolScan scan = scanSpoolSegment(whole);
        QCOMPARE(scan.entries.size(), std::size_t(4)); // a schema and three batches
        const qsizetype lastEntry = scan.entries.back().offset;

        for (qsizetype size = lastEntry; size < whole.size(); ++size) {
            writeFile(path, whole.first(size));
            QVERIFY(!inspectSpool(m_folder).isDamaged());
            auto spool = Spool::open(m_folder, {});
            TIDEMILL_VERIFY(spool);
            QCOMPARE(drain(**spool), (QList<qint64>{1, 2}));
            QCOMPARE((*spool)->figures().quarantined, quint64(0));
            QCOMPARE(QFileInfo(path).size(), lastEntry);
        }
    }

    void cutsAFileThatHardlyBegan()
    {
        for (qsizetype size = 0; size < spoolSegmentHeaderSize; ++size) {
            QDir().mkpath(m_folder);
            writeFile(spoolSegmentPath(m_folder, 1), spoolSegmentHeader(1).first(size));
            auto spool = Spool::open(m_folder, {});
            TIDEMILL_VERIFY(spool);
            QVERIFY(!(*spool)->hasUnread());
            TIDEMILL_VERIFY((*spool)->append(*trade(1), true));
            spool = Error{};
            QDir(m_folder).removeRecursively();
        }
    }

    void findsEveryFlippedByte()
    {
        {
            auto spool = Spool::open(m_folder, {});
            TIDEMILL_VERIFY(spool);
            for (qint64 id = 1; id <= 3; ++id)
                TIDEMILL_VERIFY((*spool)->append(*trade(id), false));
        }
        const QString path = spoolSegmentFiles(m_folder).value(0);
        const QByteArray whole = readWholeFile(path);
        const SpoolScan scan = scanSpoolSegment(whole);
        const qsizetype second = scan.entries[2].offset;
        const qsizetype third = scan.entries[3].offset;

        for (qsizetype at = second; at < third; ++at) {
            QByteArray flipped = whole;
            flipped[at] = char(flipped[at] ^ 0x10);
            const QString folder = m_temporary->filePath(QString::number(at));
            QDir().mkpath(folder);
            writeFile(spoolSegmentPath(folder, 1), flipped);
            QVERIFY(inspectSpool(folder).isDamaged());

            auto spool = Spool::open(folder, {});
            TIDEMILL_VERIFY(spool);
            QCOMPARE((*spool)->figures().quarantined, quint64(1));
            QCOMPARE(drain(**spool), (QList<qint64>{1, 3}));
            const SpoolReport report = inspectSpool(folder);
            QCOMPARE(report.quarantined.size(), 1);
            QVERIFY(!report.isDamaged());
            QCOMPARE(readWholeFile(folder + "/quarantine/" + report.quarantined[0]), flipped);
            QDir(folder).removeRecursively();
        }
    }

    void countsWhatIsDamagedWhileItRuns()
    {
        auto spool = Spool::open(m_folder, {});
        TIDEMILL_VERIFY(spool);
        for (qint64 id = 1; id <= 4; ++id)
            TIDEMILL_VERIFY((*spool)->append(*trade(id), false));
        const QString path = spoolSegmentFiles(m_folder).value(0);
        QByteArray data = readWholeFile(path);
        const SpoolScan scan = scanSpoolSegment(data);
        for (const std::size_t entry : {2, 4}) {
            QFile file(path);
            QVERIFY(file.open(QIODevice::ReadWrite));
            QVERIFY(file.seek(scan.entries[entry].offset + 50));
            QVERIFY(file.putChar('\x7f'));
        }

        quint64 lost = 0;
        QList<BatchPtr> read;
        while ((*spool)->hasUnread()) {
            const Spool::Read next = (*spool)->readNext();
            lost += next.lostRows;
            if (next.batch)
                read.append(next.batch);
        }

        QCOMPARE(read.size(), 2);
        QCOMPARE(idOf(read[0]), 1);
        QCOMPARE(idOf(read[1]), 3);
        QCOMPARE(lost, quint64(2));
        QCOMPARE((*spool)->unreadRows(), quint64(0));
        settle(read[0]);
        settle(read[1]);
        QVERIFY((*spool)->isEmpty()); // the damaged ones do not hold it up
    }

    void survivesAnything()
    {
        QDir().mkpath(m_folder);
        writeFile(spoolSegmentPath(m_folder, 1), QByteArray(5000, 'x'));
        writeFile(spoolSegmentPath(m_folder, 7), spoolSegmentHeader(7) + QByteArray(100, '\0'));
        writeFile(m_folder + "/cursor", "nonsense");

        auto spool = Spool::open(m_folder, {});

        TIDEMILL_VERIFY(spool);
        QVERIFY(!(*spool)->hasUnread());
        QCOMPARE((*spool)->figures().quarantined, quint64(1)); // the second has a torn tail only
        TIDEMILL_VERIFY((*spool)->append(*trade(1), false));
        QCOMPARE(drain(**spool), QList<qint64>{1});
    }

    void refusesWhatIsBeyondItsBudget()
    {
        auto spool = Spool::open(m_folder, {.maxBytes = 4000, .segmentBytes = 1000});
        TIDEMILL_VERIFY(spool);
        qint64 id = 0;
        while ((*spool)->append(*trade(id + 1), false))
            ++id;
        QVERIFY(id > 5);
        QVERIFY((*spool)->figures().bytes <= 4000);

        for (qint64 expected = 1; expected <= id; ++expected) {
            const BatchPtr batch = (*spool)->readNext().batch;
            QCOMPARE(idOf(batch), expected);
            settle(batch);
        }

        TIDEMILL_VERIFY((*spool)->append(*trade(100), false)); // there is room again
        QCOMPARE(drain(**spool), QList<qint64>{100});
    }

    void isUsedByOneAtATime()
    {
        auto spool = Spool::open(m_folder, {});
        TIDEMILL_VERIFY(spool);

        QVERIFY(!Spool::open(m_folder, {}));

        spool = Error{};
        TIDEMILL_VERIFY(Spool::open(m_folder, {}));
    }

private:
    std::unique_ptr<QTemporaryDir> m_temporary;
    QString m_folder;
};

QTEST_GUILESS_MAIN(tst_Spool)

#include "tst_spool.moc"
