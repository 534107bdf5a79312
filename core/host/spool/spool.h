// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "../queue_policy.h"
#include "spool_files.h"

#include <tidemill/batch.h>

#include <QElapsedTimer>
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
    // disk): nothing was taken.
    Result<BatchPtr> append(const Batch &batch, bool copyNow);

    struct Read
    {
        BatchPtr batch;       // null: nothing is unread
        quint64 lostRows = 0; // that were damaged on the way to it; said in the log
    };
    // Its delivery is a SpooledDelivery.
    Read readNext();
    bool hasUnread() const;
    quint64 unreadRows() const;

    void confirm(quint64 sequence);
    // Writes down what is confirmed. What comes after changes nothing on the disk.
    void close();

    bool isEmpty() const; // everything is confirmed
    qint64 bytes() const;
    quint64 quarantined() const;

private:
    Spool(const QString &folder, const SpoolSettings &settings);

    // All under the lock.
    Result<> writeBatch(const Batch &batch, const QByteArray &payload);
    Result<> beginSegment();
    void removeConfirmed();
    void confirmRange(quint64 first, quint64 last);
    void saveCursor();
    bool nextSegment(Read &read);
    bool readEntry(SpoolEntryHeader &header, QByteArray &payload);
    void skipDamage();
    BatchPtr restore(const SpoolEntryHeader &header, QByteArrayView payload, Read &read);

    const QString m_folder;
    const SpoolSettings m_settings;
    mutable std::mutex m_lock;
    QFile m_lockFile;
    std::deque<SpoolSegment> m_segments; // the last one is being written if m_writer is open
    QFile m_writer;
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
    qint64 m_bytes = 0;
    quint64 m_unreadRows = 0;
    quint64 m_quarantined = 0;
    QElapsedTimer m_cursorAge;
    QElapsedTimer m_syncAge;
    bool m_closed = false;
};

// The delivery of a batch that is in a spool. Not the end of its life confirms it but settle(): a sink that
// is deleted with batches in hand has not stored them.
class SpooledDelivery final : public Delivery
{
public:
    SpooledDelivery(std::shared_ptr<Spool> spool, quint64 sequence)
        : m_spool(std::move(spool))
        , m_sequence(sequence)
    {}

    void settle() const { m_spool->confirm(m_sequence); }

private:
    std::shared_ptr<Spool> m_spool;
    quint64 m_sequence;
};

} // namespace tidemill::host
