// SPDX-License-Identifier: Apache-2.0
#include "spool.h"

#include "batch_codec.h"
#include "schema_codec.h"

#include <QDir>
#include <QLoggingCategory>

Q_LOGGING_CATEGORY(lcSpool, "tidemill.host.spool")

namespace tidemill::host {

namespace {

constexpr qint64 cursorIntervalMs = 1000; // what was confirmed since is delivered again after a crash
constexpr qint64 syncIntervalMs = 1000;

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
    if (const auto locked = lockSpool(spool->m_lockFile, folder); !locked) {
        spool->m_closed = true; // it is somebody else's
        return locked.error();
    }
    auto recovered = recoverSpool(folder);
    if (!recovered) {
        spool->m_closed = true;
        return recovered.error();
    }
    spool->m_segments.assign(recovered->segments.begin(), recovered->segments.end());
    for (const SpoolSegment &segment : spool->m_segments) {
        spool->m_bytes += segment.size;
        spool->m_unreadRows += segment.unreadRows;
    }
    spool->m_confirmed = recovered->confirmed;
    spool->m_savedCursor = recovered->confirmed;
    spool->m_lastRead = recovered->confirmed;
    spool->m_last = recovered->lastSequence;
    spool->m_quarantined = recovered->quarantined;
    spool->m_cursorAge.start();
    spool->m_syncAge.start();
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
    m_schemas.insert(batch.schema().fingerprint(), &batch.schema());
    m_segments.back().last = m_last;
    if (!copyNow) {
        m_segments.back().unreadRows += quint64(batch.rowCount());
        m_unreadRows += quint64(batch.rowCount());
        return BatchPtr();
    }
    m_lastRead = m_last;
    m_readSegment = m_segments.size() - 1;
    m_readOffset = m_segments.back().size;
    m_reader.close();
    return decodeBatch(batch.schema(), quint32(batch.rowCount()), payload,
                       std::make_shared<SpooledDelivery>(shared_from_this(), m_last));
}

Result<> Spool::beginSegment()
{
    if (m_writer.isOpen()) {
        if (m_settings.fsync == SpoolFsync::Interval)
            syncToDisk(m_writer);
        m_writer.close();
    }
    const QString path = spoolSegmentPath(m_folder, m_last + 1);
    m_writer.setFileName(path);
    const QByteArray header = spoolSegmentHeader(m_last + 1);
    if (!m_writer.open(QIODevice::WriteOnly | QIODevice::Truncate | QIODevice::Unbuffered) ||
        m_writer.write(header) != header.size()) {
        const QString reason = m_writer.errorString();
        m_writer.close();
        QFile::remove(path);
        return Error{Error::Kind::Storage, QStringLiteral("%1: %2").arg(path, reason)};
    }
    m_described.clear();
    if (!m_segments.empty() && m_segments.back().first == m_last + 1) { // begun, and never written to
        m_bytes -= m_segments.back().size;
        m_segments.pop_back();
    }
    m_segments.push_back({path, m_last + 1, m_last, header.size(), 0});
    m_bytes += header.size();
    removeConfirmed();
    return {};
}

Result<> Spool::writeBatch(const Batch &batch, const QByteArray &payload)
{
    const quint64 fingerprint = batch.schema().fingerprint();
    const QByteArray entry = spoolEntry(
        {SpoolEntryKind::Batch, m_last + 1, fingerprint, quint32(batch.rowCount()), 0, 0}, payload);
    const bool rotate =
        !m_writer.isOpen() || (m_segments.back().last >= m_segments.back().first &&
                               m_segments.back().size + entry.size() > m_settings.segmentBytes);
    const QByteArray description =
        rotate || !m_described.contains(fingerprint)
            ? spoolEntry({SpoolEntryKind::Schema, 0, fingerprint, 0, 0, 0}, encodeSchema(batch.schema()))
            : QByteArray();
    if (m_bytes + entry.size() + description.size() + spoolSegmentHeaderSize > m_settings.maxBytes)
        return Error{Error::Kind::Storage, QStringLiteral("%1: full (%2 bytes)").arg(m_folder).arg(m_bytes)};
    if (rotate) {
        if (const auto begun = beginSegment(); !begun)
            return begun;
    }
    const QByteArray bytes = description + entry;
    SpoolSegment &segment = m_segments.back();
    if (m_writer.write(bytes) != bytes.size()) {
        const QString reason = m_writer.errorString();
        // Nothing half-written may stay in front of what comes next; if it cannot be taken back, the next
        // batch begins a new segment.
        if (!m_writer.resize(segment.size) || !m_writer.seek(segment.size))
            m_writer.close();
        return Error{Error::Kind::Storage, QStringLiteral("%1: %2").arg(segment.path, reason)};
    }
    m_described.insert(fingerprint);
    segment.size += bytes.size();
    m_bytes += bytes.size();
    ++m_last;
    if (m_settings.fsync == SpoolFsync::Interval && m_syncAge.hasExpired(syncIntervalMs)) {
        syncToDisk(m_writer);
        m_syncAge.restart();
    }
    return {};
}

void Spool::confirm(quint64 sequence)
{
    const std::scoped_lock lock(m_lock);
    if (m_closed || sequence <= m_confirmed || sequence > m_last)
        return;
    confirmRange(sequence, sequence);
}

void Spool::confirmRange(quint64 first, quint64 last)
{
    quint64 &end = m_ahead[first];
    end = std::max(end, last);
    while (!m_ahead.empty() && m_ahead.begin()->first <= m_confirmed + 1) {
        m_confirmed = std::max(m_confirmed, m_ahead.begin()->second);
        m_ahead.erase(m_ahead.begin());
    }
    removeConfirmed();
    if (m_cursorAge.hasExpired(cursorIntervalMs))
        saveCursor();
}

void Spool::removeConfirmed()
{
    // The last one stays while it is being written.
    while (!m_segments.empty() && m_segments.front().last <= m_confirmed &&
           (m_segments.size() > 1 || !m_writer.isOpen())) {
        if (m_readSegment == 0) {
            m_reader.close();
            m_readOffset = spoolSegmentHeaderSize;
        } else {
            --m_readSegment;
        }
        m_bytes -= m_segments.front().size;
        QFile::remove(m_segments.front().path);
        m_segments.pop_front();
    }
}

void Spool::saveCursor()
{
    m_cursorAge.restart();
    if (m_savedCursor == m_confirmed)
        return;
    if (const auto saved = writeSpoolCursor(m_folder, m_confirmed); !saved)
        qCWarning(lcSpool).noquote() << saved.error().message;
    else
        m_savedCursor = m_confirmed;
}

void Spool::close()
{
    const std::scoped_lock lock(m_lock);
    if (std::exchange(m_closed, true))
        return;
    saveCursor();
    if (m_writer.isOpen() && m_settings.fsync == SpoolFsync::Interval)
        syncToDisk(m_writer);
    m_writer.close();
    removeConfirmed();
    m_reader.close();
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

qint64 Spool::bytes() const
{
    const std::scoped_lock lock(m_lock);
    return m_bytes;
}

quint64 Spool::quarantined() const
{
    const std::scoped_lock lock(m_lock);
    return m_quarantined;
}

} // namespace tidemill::host
