// SPDX-License-Identifier: Apache-2.0
#include "spool.h"

#include "batch_codec.h"
#include "schema_codec.h"

#include <QDateTime>
#include <QDir>
#include <QLoggingCategory>

Q_LOGGING_CATEGORY(lcSpool, "tidemill.host.spool")

namespace tidemill::host {

namespace {

constexpr qint64 timeStepMs = 1000;

qint64 nowMs()
{
    return QDateTime::currentMSecsSinceEpoch();
}

} // namespace

Spool::Spool(const QString &folder, const SpoolSettings &settings) : m_folder(folder), m_settings(settings) {}

Spool::~Spool()
{
    close();
}

Result<std::shared_ptr<Spool>> Spool::open(const QString &folder, const SpoolSettings &settings)
{
    if (!QDir().mkpath(folder))
        return Error{Error::Kind::Storage, QStringLiteral("%1: cannot be made").arg(folder)};
    std::shared_ptr<Spool> spool(new Spool(folder, settings));
    spool->m_closed = true; // it may be somebody else's
    auto before = lockSpool(spool->m_lockFile, folder);
    if (!before)
        return before.error();
    auto recovered = recoverSpool(folder);
    if (!recovered)
        return recovered.error();
    if (const auto opened = spool->m_cursor.open(folder, recovered->confirmed); !opened)
        return opened.error();
    spool->m_closed = false;
    spool->m_usedBefore = *before;
    spool->m_segments.assign(recovered->segments.begin(), recovered->segments.end());
    for (const SpoolSegment &segment : spool->m_segments) {
        spool->m_figures.bytes += segment.size;
        spool->m_unreadRows += segment.unreadRows;
    }
    spool->m_figures.waitingBatches = recovered->batches;
    spool->m_figures.waitingRows = spool->m_unreadRows;
    spool->m_figures.quarantined = recovered->quarantined;
    spool->m_confirmed = recovered->confirmed;
    spool->m_savedCursor = recovered->confirmed;
    spool->m_lastRead = recovered->confirmed;
    spool->m_last = recovered->lastSequence;
    if (recovered->batches > 0)
        spool->noteTime(recovered->confirmed + 1, recovered->oldestMs);
    if (settings.fsync == SpoolFsync::Interval)
        spool->m_syncer = std::make_unique<SpoolSyncer>(folder);
    return spool;
}

Result<BatchPtr> Spool::append(const Batch &batch, bool copyNow)
{
    const QByteArray payload = encodeBatch(batch); // outside the lock: it takes the longest
    if (payload.size() > qsizetype(spoolMaxPayload))
        return Error{Error::Kind::Storage,
                     QStringLiteral("%1: a batch of %2 bytes is more than a spool takes")
                         .arg(m_folder)
                         .arg(payload.size())};
    const std::scoped_lock lock(m_lock);
    if (m_closed)
        return Error{Error::Kind::Storage, QStringLiteral("%1: closed").arg(m_folder)};
    if (const auto written = writeBatch(batch, payload); !written)
        return written.error();
    const auto rows = quint64(batch.rowCount());
    m_schemas.insert(batch.schema().fingerprint(), &batch.schema());
    m_segments.back().last = m_last;
    ++m_figures.waitingBatches;
    m_figures.waitingRows += rows;
    noteTime(m_last, nowMs());
    if (!copyNow) {
        m_segments.back().unreadRows += rows;
        m_unreadRows += rows;
        return BatchPtr();
    }
    m_lastRead = m_last;
    m_readSegment = m_segments.size() - 1;
    m_readOffset = m_segments.back().size;
    m_reader.close();
    return decodeBatch(batch.schema(), quint32(rows), payload,
                       std::make_shared<SpooledDelivery>(shared_from_this(), m_last, rows));
}

// One entry in a second: as many as batches would take more memory than the batches take on the disk.
void Spool::noteTime(quint64 sequence, qint64 ms)
{
    if (m_times.empty() || ms - m_times.back().second >= timeStepMs)
        m_times.emplace_back(sequence, ms);
}

Result<> Spool::beginSegment()
{
    endWriting();
    const QString path = spoolSegmentPath(m_folder, m_last + 1);
    auto file = std::make_shared<QFile>(path);
    const QByteArray header = spoolSegmentHeader(m_last + 1);
    if (!file->open(QIODevice::WriteOnly | QIODevice::Truncate | QIODevice::Unbuffered) ||
        file->write(header) != header.size()) {
        const QString reason = file->errorString();
        file->remove();
        return failedToWrite(path, reason);
    }
    m_writer = std::move(file);
    if (!m_segments.empty() && m_segments.back().first == m_last + 1) { // begun, and never written to
        m_figures.bytes -= m_segments.back().size;
        m_segments.pop_back();
    }
    m_segments.push_back({path, m_last + 1, m_last, header.size(), 0, false});
    m_figures.bytes += header.size();
    removeConfirmed();
    return {};
}

void Spool::endWriting()
{
    m_writer.reset(); // the syncer keeps it for as long as it needs it
    m_described.clear();
}

Error Spool::failedToWrite(const QString &path, const QString &reason)
{
    ++m_figures.writeErrors;
    return {Error::Kind::Storage, QStringLiteral("%1: %2").arg(path, reason)};
}

Result<> Spool::writeBatch(const Batch &batch, const QByteArray &payload)
{
    const quint64 fingerprint = batch.schema().fingerprint();
    QByteArray entry = spoolEntry(
        {SpoolEntryKind::Batch, m_last + 1, fingerprint, quint32(batch.rowCount()), 0, 0}, payload);
    const bool rotate = !m_writer || (m_segments.back().last >= m_segments.back().first &&
                                      m_segments.back().size + entry.size() > m_settings.segmentBytes);
    if (rotate || !m_described.contains(fingerprint))
        entry.prepend(
            spoolEntry({SpoolEntryKind::Schema, 0, fingerprint, 0, 0, 0}, encodeSchema(batch.schema())));
    m_refusedBytes = entry.size();
    m_full = m_figures.bytes + entry.size() + spoolSegmentHeaderSize > m_settings.maxBytes;
    if (m_full)
        return Error{Error::Kind::Storage,
                     QStringLiteral("%1: full (%2 bytes)").arg(m_folder).arg(m_figures.bytes)};
    if (rotate) {
        if (const auto begun = beginSegment(); !begun)
            return begun;
    }
    SpoolSegment &segment = m_segments.back();
    if (m_writer->write(entry) != entry.size()) {
        const QString reason = m_writer->errorString();
        // What was half written is taken back. Should not even that be possible, it lies at the end of a
        // segment that nothing follows in: the next batch begins a new one.
        (void)m_writer->resize(segment.size);
        endWriting();
        return failedToWrite(segment.path, reason);
    }
    m_described.insert(fingerprint);
    segment.size += entry.size();
    m_figures.bytes += entry.size();
    ++m_last;
    if (m_syncer)
        m_syncer->wrote(m_writer, entry.size());
    return {};
}

bool Spool::isFull() const
{
    const std::scoped_lock lock(m_lock);
    return m_full;
}

bool Spool::hasRoomAgain()
{
    const std::scoped_lock lock(m_lock);
    if (m_full) {
        m_full = m_figures.bytes + m_refusedBytes + spoolSegmentHeaderSize > m_settings.maxBytes;
        return !m_full;
    }
    QFile probe(m_folder + QStringLiteral("/probe"));
    const QByteArray bytes(m_refusedBytes, '\0');
    const bool has =
        probe.open(QIODevice::WriteOnly | QIODevice::Unbuffered) && probe.write(bytes) == bytes.size();
    probe.remove();
    return has;
}

void Spool::confirm(quint64 sequence, quint64 rows)
{
    const std::scoped_lock lock(m_lock);
    if (m_closed || sequence > m_last || isConfirmed(sequence))
        return;
    m_figures.waitingBatches -= std::min<quint64>(m_figures.waitingBatches, 1);
    m_figures.waitingRows -= std::min(m_figures.waitingRows, rows);
    confirmRange(sequence, sequence);
}

bool Spool::isConfirmed(quint64 sequence) const
{
    if (sequence <= m_confirmed)
        return true;
    const auto behind = m_ahead.upper_bound(sequence);
    return behind != m_ahead.begin() && std::prev(behind)->second >= sequence;
}

void Spool::confirmRange(quint64 first, quint64 last)
{
    if (first > m_confirmed + 1) {
        quint64 &end = m_ahead[first];
        end = std::max(end, last);
        return;
    }
    m_confirmed = std::max(m_confirmed, last);
    while (!m_ahead.empty() && m_ahead.begin()->first <= m_confirmed + 1) {
        m_confirmed = std::max(m_confirmed, m_ahead.begin()->second);
        m_ahead.erase(m_ahead.begin());
    }
    while (m_times.size() > 1 && m_times[1].first <= m_confirmed + 1)
        m_times.pop_front();
    if (m_confirmed == m_last)
        m_times.clear();
    saveCursor(); // before segments go: what is not there would be given out again with the same numbers
    removeConfirmed();
}

void Spool::removeConfirmed()
{
    // The last one stays while it is being written.
    while (!m_segments.empty() && m_segments.front().last <= m_confirmed &&
           (m_segments.size() > 1 || !m_writer)) {
        if (m_readSegment == 0) {
            m_reader.close();
            m_readOffset = spoolSegmentHeaderSize;
        } else {
            --m_readSegment;
        }
        m_figures.bytes -= m_segments.front().size;
        QFile::remove(m_segments.front().path);
        m_segments.pop_front();
    }
}

void Spool::saveCursor()
{
    if (m_savedCursor == m_confirmed)
        return;
    const auto saved = m_cursor.save(m_confirmed);
    if (saved) {
        m_savedCursor = m_confirmed;
    } else {
        ++m_figures.writeErrors;
        if (!m_cursorFails)
            qCWarning(lcSpool).noquote() << saved.error().message;
    }
    m_cursorFails = !saved;
}

void Spool::close()
{
    std::unique_ptr<SpoolSyncer> syncer;
    {
        const std::scoped_lock lock(m_lock);
        if (std::exchange(m_closed, true))
            return;
        saveCursor();
        m_cursor.close();
        endWriting();
        removeConfirmed();
        m_reader.close();
        syncer = std::move(m_syncer);
    }
    syncer.reset(); // waits for the disk
    m_lockFile.close();
}

bool Spool::hasUnread() const
{
    const std::scoped_lock lock(m_lock);
    return m_lastRead < m_last;
}

quint64 Spool::unreadRows() const
{
    const std::scoped_lock lock(m_lock);
    return m_unreadRows;
}

bool Spool::isEmpty() const
{
    const std::scoped_lock lock(m_lock);
    return m_confirmed == m_last;
}

SpoolFigures Spool::figures() const
{
    const std::scoped_lock lock(m_lock);
    SpoolFigures figures = m_figures;
    if (!m_times.empty())
        figures.oldestAgeMs = std::max<qint64>(0, nowMs() - m_times.front().second);
    if (m_syncer) {
        figures.writeErrors += m_syncer->errors();
        figures.unsyncedBytes = m_syncer->unsyncedBytes();
    }
    return figures;
}

} // namespace tidemill::host
