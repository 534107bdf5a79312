// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "../kept_delivery.h"
#include "../queue_policy.h"
#include "spool_cursor.h"
#include "spool_files.h"
#include "spool_syncer.h"

#include <tidemill/batch.h>

#include <QHash>
#include <QSet>

#include <deque>
#include <map>
#include <memory>
#include <mutex>

namespace tidemill::host {

struct SpoolSettings
{
    qint64 maxBytes = qint64(1) << 30;
    qint64 segmentBytes = qint64(16) << 20;
    SpoolFsync fsync = SpoolFsync::Never;
};

// What a spool has to say about itself.
struct SpoolFigures
{
    qint64 bytes = 0;           // on disk
    quint64 waitingBatches = 0; // not confirmed
    quint64 waitingRows = 0;
    qint64 oldestAgeMs = 0;   // of what is not confirmed; to a second
    quint64 quarantined = 0;  // segments put aside since it was opened
    quint64 writeErrors = 0;  // since it was opened
    qint64 unsyncedBytes = 0; // that SpoolFsync::Interval has still to bring to the disk
};

// What a sink has not confirmed yet, on disk: append, read in the same order, confirm in any. What append()
// took is there after a kill -9, and open() gives what was not confirmed again. All functions: any thread.
class Spool : public std::enable_shared_from_this<Spool>
{
public:
    // Makes the folder, mends what a crash left, locks it against other processes.
    static Result<std::shared_ptr<Spool>> open(const QString &folder, const SpoolSettings &settings);
    ~Spool();
    Q_DISABLE_COPY_MOVE(Spool)

    // Once it returns well, the batch is the spool's business. With `copyNow` (only when nothing is unread)
    // it counts as read, and this is what readNext() would have given; otherwise null. An error (budget,
    // disk): nothing was taken, and trying again later is right.
    Result<BatchPtr> append(const Batch &batch, bool copyNow);
    // Whether the last append() found the budget spent: that is back-pressure and no trouble of the disk.
    bool isFull() const;
    // After an append() that failed: whether the disk has room for such a batch now.
    bool hasRoomAgain();

    struct Read
    {
        BatchPtr batch;       // null: nothing is unread
        quint64 lostRows = 0; // that were damaged on the way to it; said in the log
    };
    // Its delivery is a SpooledDelivery.
    Read readNext();
    bool hasUnread() const;
    quint64 unreadRows() const;

    void confirm(quint64 sequence, quint64 rows);
    // Writes down what is confirmed. What comes after changes nothing on the disk.
    void close();

    bool isEmpty() const; // everything is confirmed
    SpoolFigures figures() const;
    const QString &folder() const { return m_folder; }
    // Who has used it before: "process 4711, begun 2024-08-08T23:54:15Z"; empty: nobody.
    const QString &usedBefore() const { return m_usedBefore; }

private:
    Spool(const QString &folder, const SpoolSettings &settings);

    // All under the lock.
    Result<> writeBatch(const Batch &batch, const QByteArray &payload);
    Result<> beginSegment();
    Error failedToWrite(const QString &path, const QString &reason);
    void endWriting();
    void removeConfirmed();
    void confirmRange(quint64 first, quint64 last);
    bool isConfirmed(quint64 sequence) const;
    void saveCursor();
    void noteTime(quint64 sequence, qint64 ms);
    bool nextSegment(Read &read);
    bool readEntry(SpoolEntryHeader &header, QByteArray &payload);
    void skipDamage();
    BatchPtr restore(const SpoolEntryHeader &header, QByteArrayView payload, Read &read);

    const QString m_folder;
    const SpoolSettings m_settings;
    QString m_usedBefore;
    mutable std::mutex m_lock;
    QFile m_lockFile;
    SpoolCursor m_cursor;
    std::unique_ptr<SpoolSyncer> m_syncer; // with SpoolFsync::Interval
    std::deque<SpoolSegment> m_segments;   // the last one is being written if there is a writer
    std::shared_ptr<QFile> m_writer;
    QSet<quint64> m_described; // schemas that the segment being written has
    QHash<quint64, const Schema *> m_schemas;
    QFile m_reader;
    std::size_t m_readSegment = 0; // index into m_segments
    qint64 m_readOffset = spoolSegmentHeaderSize;
    quint64 m_last = 0;                 // the last one taken
    quint64 m_lastRead = 0;             // the last one given out or given up
    quint64 m_confirmed = 0;            // all up to here
    std::map<quint64, quint64> m_ahead; // confirmed beyond: first and last of ranges
    quint64 m_savedCursor = 0;
    quint64 m_unreadRows = 0;
    qint64 m_refusedBytes = 0; // what the last append() that failed wanted to write
    bool m_full = false;
    bool m_cursorFails = false;
    bool m_closed = false;
    SpoolFigures m_figures; // without what others know
    // Of some batches, about one a second, when they were taken: number and ms since 1970.
    std::deque<std::pair<quint64, qint64>> m_times;
};

// The delivery of a batch that is in a spool.
class SpooledDelivery final : public KeptDelivery
{
public:
    SpooledDelivery(std::shared_ptr<Spool> spool, quint64 sequence, quint64 rows)
        : m_spool(std::move(spool))
        , m_sequence(sequence)
        , m_rows(rows)
    {}

    void settle() const override { m_spool->confirm(m_sequence, m_rows); }

private:
    std::shared_ptr<Spool> m_spool;
    quint64 m_sequence;
    quint64 m_rows;
};

} // namespace tidemill::host
