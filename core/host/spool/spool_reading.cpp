// SPDX-License-Identifier: Apache-2.0
#include "batch_codec.h"
#include "crc32c.h"
#include "schema_codec.h"
#include "spool.h"

#include <QLoggingCategory>

Q_LOGGING_CATEGORY(lcSpoolReading, "tidemill.host.spool")

namespace tidemill::host {

// To the next segment; false when there is none. What the one left behind still had is lost.
bool Spool::nextSegment(Read &read)
{
    SpoolSegment &segment = m_segments[m_readSegment];
    read.lostRows += segment.unreadRows;
    m_unreadRows -= segment.unreadRows;
    segment.unreadRows = 0;
    if (m_readSegment + 1 >= m_segments.size())
        return false;
    ++m_readSegment;
    m_readOffset = spoolSegmentHeaderSize;
    m_reader.close();
    return true;
}

// The entry at the reader's place; moves it behind.
bool Spool::readEntry(SpoolEntryHeader &header, QByteArray &payload)
{
    if (!m_reader.isOpen()) {
        m_reader.setFileName(m_segments[m_readSegment].path);
        if (!m_reader.open(QIODevice::ReadOnly | QIODevice::Unbuffered))
            return false;
    }
    if (!m_reader.seek(m_readOffset))
        return false;
    const auto parsed = parseSpoolEntryHeader(m_reader.read(spoolEntryHeaderSize));
    if (!parsed)
        return false;
    payload = m_reader.read(qint64(parsed->payloadSize));
    if (payload.size() != qsizetype(parsed->payloadSize) || crc32c(payload) != parsed->payloadSum)
        return false;
    header = *parsed;
    m_readOffset += spoolEntryHeaderSize + qint64(parsed->payloadSize);
    return true;
}

void Spool::skipDamage()
{
    SpoolSegment &segment = m_segments[m_readSegment];
    qCCritical(lcSpoolReading).noquote()
        << QStringLiteral("%1: no good entry at byte %2").arg(segment.path).arg(m_readOffset);
    if (!std::exchange(segment.isAside, true)) {
        quarantineSegment(m_folder, segment.path);
        ++m_figures.quarantined;
    }
    const QByteArray data = readWholeFile(segment.path);
    const qsizetype next = findSpoolEntry(data, m_readOffset + 1);
    m_readOffset = next < 0 ? segment.size : next;
}

BatchPtr Spool::restore(const SpoolEntryHeader &header, QByteArrayView payload, Read &read)
{
    const Schema *schema = m_schemas.value(header.fingerprint);
    Result<BatchPtr> batch =
        schema ? decodeBatch(
                     *schema, header.rowCount, payload,
                     std::make_shared<SpooledDelivery>(shared_from_this(), header.sequence, header.rowCount))
               : Result<BatchPtr>(
                     Error{Error::Kind::Storage, QStringLiteral("its record type is not described")});
    if (batch)
        return *batch;
    qCCritical(lcSpoolReading).noquote() << QStringLiteral("%1: batch %2 cannot be restored: %3")
                                                .arg(m_segments[m_readSegment].path)
                                                .arg(header.sequence)
                                                .arg(batch.error().message);
    read.lostRows += header.rowCount;
    return {};
}

Spool::Read Spool::readNext()
{
    const std::scoped_lock lock(m_lock);
    Read read;
    SpoolEntryHeader header;
    QByteArray payload;
    std::vector<std::pair<quint64, quint64>> missing; // that nobody will ever confirm
    while (m_lastRead < m_last && !m_closed) {
        const bool hasSegment = m_readSegment < m_segments.size();
        if (!hasSegment || m_readOffset >= m_segments[m_readSegment].size) {
            if (hasSegment && nextSegment(read))
                continue;
            missing.emplace_back(m_lastRead + 1, m_last);
            m_lastRead = m_last;
            break;
        }
        if (!readEntry(header, payload)) {
            skipDamage();
            continue;
        }
        if (header.kind == SpoolEntryKind::Schema) {
            if (const auto schema = decodeSchema(payload, header.fingerprint); schema)
                m_schemas.insert(header.fingerprint, *schema);
            continue;
        }
        if (header.sequence <= m_lastRead || header.sequence > m_last)
            continue;
        if (header.sequence > m_lastRead + 1)
            missing.emplace_back(m_lastRead + 1, header.sequence - 1);
        m_lastRead = header.sequence;
        SpoolSegment &segment = m_segments[m_readSegment];
        const quint64 rows = std::min<quint64>(header.rowCount, segment.unreadRows);
        segment.unreadRows -= rows;
        m_unreadRows -= rows;
        read.batch = restore(header, payload, read);
        if (read.batch)
            break;
        missing.emplace_back(header.sequence, header.sequence);
    }
    // Not before the end: this may remove segments.
    for (const auto &[first, last] : missing) {
        m_figures.waitingBatches -= std::min(m_figures.waitingBatches, last - first + 1);
        confirmRange(first, last);
    }
    m_figures.waitingRows -= std::min(m_figures.waitingRows, read.lostRows);
    if (m_confirmed == m_last) // numbers may have been missing that never were anything
        m_figures.waitingBatches = m_figures.waitingRows = 0;
    return read;
}

} // namespace tidemill::host
