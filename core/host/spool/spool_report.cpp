// SPDX-License-Identifier: Apache-2.0
#include "spool_report.h"

#include "batch_codec.h"
#include "schema_codec.h"
#include "spool_files.h"

#include <QDir>
#include <QDirIterator>
#include <QFileInfo>

#include <algorithm>

namespace tidemill::host {

namespace {

void inspectEntry(const SpoolScan::Entry &entry, QByteArrayView data, quint64 confirmed,
                  QHash<quint64, const Schema *> &schemas, SpoolReport::Segment &segment)
{
    const SpoolEntryHeader &header = entry.header;
    const QByteArrayView payload =
        data.sliced(entry.offset + spoolEntryHeaderSize, qsizetype(header.payloadSize));
    if (header.kind == SpoolEntryKind::Schema) {
        if (const auto schema = decodeSchema(payload, header.fingerprint); schema)
            schemas.insert(header.fingerprint, *schema);
        else
            segment.problems.append(
                QStringLiteral("byte %1: %2").arg(entry.offset).arg(schema.error().message));
        return;
    }
    ++segment.batches;
    const Schema *schema = schemas.value(header.fingerprint);
    const QString type = schema ? QString::fromUtf8(schema->name()) : QStringLiteral("(type not described)");
    segment.rows[type] += header.rowCount;
    if (header.sequence > confirmed)
        segment.unconfirmed += header.rowCount;
    if (!schema) {
        segment.problems.append(QStringLiteral("byte %1: record type not described").arg(entry.offset));
    } else if (const auto batch = decodeBatch(*schema, header.rowCount, payload, {}); !batch) {
        segment.problems.append(QStringLiteral("byte %1: %2").arg(entry.offset).arg(batch.error().message));
    }
}

// The number that the first batch behind a segment has when none is missing.
quint64 nextAfter(const SpoolScan &scan)
{
    quint64 next = scan.firstSequence;
    for (const SpoolScan::Entry &entry : scan.entries) {
        if (entry.header.kind == SpoolEntryKind::Batch)
            next = std::max(next, entry.header.sequence + 1);
    }
    return next;
}

} // namespace

bool SpoolReport::isDamaged() const
{
    return !cursorGood || std::any_of(segments.begin(), segments.end(), [](const Segment &segment) {
        return !segment.headerGood || !segment.problems.isEmpty() ||
               (!segment.damages.empty() && !segment.tornTail);
    });
}

quint64 SpoolReport::unconfirmed() const
{
    quint64 rows = 0;
    for (const Segment &segment : segments)
        rows += segment.unconfirmed;
    return rows;
}

SpoolReport inspectSpool(const QString &folder)
{
    SpoolReport report;
    report.folder = folder;
    if (const QString cursor = folder + QStringLiteral("/cursor"); QFile::exists(cursor)) {
        const auto confirmed = parseSpoolCursor(readWholeFile(cursor));
        report.cursorGood =
            confirmed.has_value() || QFileInfo(cursor).size() == 0; // made, and never written to
        report.confirmed = confirmed.value_or(0);
    }
    const QStringList paths = spoolSegmentFiles(folder);
    QHash<quint64, const Schema *> schemas;
    for (qsizetype i = 0; i < paths.size(); ++i) {
        const QString &path = paths[i];
        const QByteArray data = readWholeFile(path);
        const SpoolScan scan = scanSpoolSegment(data);
        SpoolReport::Segment segment;
        segment.path = path;
        segment.bytes = data.size();
        segment.headerGood = scan.headerGood;
        segment.damages = scan.damages;
        const bool mayBeTorn = i + 1 == paths.size() || nextAfter(scan) == firstOfSegment(paths[i + 1]);
        segment.tornTail = mayBeTorn && scan.hasTornTail(data.size());
        for (const SpoolScan::Entry &entry : scan.entries)
            inspectEntry(entry, data, report.confirmed, schemas, segment);
        report.segments.append(segment);
    }
    for (const QString &name :
         QDir(folder + QStringLiteral("/quarantine")).entryList(QDir::Files, QDir::Name))
        report.quarantined.append(name);
    return report;
}

QStringList findSpools(const QString &folder)
{
    const auto isSpool = [](const QString &path) {
        const QDir dir(path);
        return dir.exists(QStringLiteral("lock")) &&
               (dir.exists(QStringLiteral("cursor")) || !dir.entryList({QStringLiteral("*.seg")}).isEmpty());
    };
    QStringList found;
    if (isSpool(folder) || !QDir(folder).entryList({QStringLiteral("*.seg")}).isEmpty())
        found.append(folder);
    QDirIterator folders(folder, QDir::Dirs | QDir::NoDotAndDotDot, QDirIterator::Subdirectories);
    while (folders.hasNext()) {
        const QString path = folders.next();
        if (isSpool(path))
            found.append(path);
    }
    found.sort();
    return found;
}

} // namespace tidemill::host
