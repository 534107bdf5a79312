// SPDX-License-Identifier: Apache-2.0
#include "spool_files.h"

#include <QDir>
#include <QFileInfo>
#include <QLoggingCategory>
#include <QSaveFile>

#ifdef Q_OS_UNIX
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>
#else
#include <io.h>
#endif

Q_LOGGING_CATEGORY(lcSpoolFiles, "tidemill.host.spool")

namespace tidemill::host {

namespace {

Error fileError(const QString &path, const QString &message)
{
    return {Error::Kind::Storage, QStringLiteral("%1: %2").arg(path, message)};
}

// Only the good entries of a damaged segment, under its name.
Result<> rewriteSegment(const QString &path, quint64 first, const SpoolScan &scan, QByteArrayView data)
{
    QSaveFile file(path);
    if (!file.open(QIODevice::WriteOnly))
        return fileError(path, file.errorString());
    file.write(spoolSegmentHeader(first));
    for (const SpoolScan::Entry &entry : scan.entries) {
        const QByteArrayView bytes =
            data.sliced(entry.offset, spoolEntryHeaderSize + qsizetype(entry.header.payloadSize));
        file.write(bytes.data(), bytes.size());
    }
    if (!file.commit())
        return fileError(path, file.errorString());
    return {};
}

Result<> mendSegment(const QString &folder, SpoolSegment &segment, const SpoolScan &scan,
                     const QByteArray &data, bool isLast, RecoveredSpool &recovered)
{
    if (isLast && scan.hasTornTail(data.size())) {
        qCInfo(lcSpoolFiles).noquote()
            << QStringLiteral("%1: %2 bytes at the end were not written whole: cut off")
                   .arg(segment.path)
                   .arg(scan.damages[0].size);
        if (!QFile::resize(segment.path, scan.goodEnd))
            return fileError(segment.path, QStringLiteral("cannot be truncated"));
        return {};
    }
    quarantineSegment(folder, segment.path);
    ++recovered.quarantined;
    return rewriteSegment(segment.path, segment.first, scan, data);
}

} // namespace

QString spoolSegmentPath(const QString &folder, quint64 first)
{
    return QStringLiteral("%1/%2.seg").arg(folder).arg(first, 20, 10, QLatin1Char('0'));
}

QStringList spoolSegmentFiles(const QString &folder)
{
    QStringList paths;
    for (const QString &name : QDir(folder).entryList({QStringLiteral("*.seg")}, QDir::Files, QDir::Name))
        paths.append(folder + QLatin1Char('/') + name);
    return paths;
}

QByteArray readWholeFile(const QString &path)
{
    QFile file(path);
    return file.open(QIODevice::ReadOnly) ? file.readAll() : QByteArray();
}

quint64 readSpoolCursor(const QString &folder)
{
    const QString path = folder + QStringLiteral("/cursor");
    if (!QFile::exists(path))
        return 0;
    const auto confirmed = parseSpoolCursor(readWholeFile(path));
    if (!confirmed)
        qCWarning(lcSpoolFiles).noquote()
            << path + QStringLiteral(": damaged; what is in the spool is delivered again");
    return confirmed.value_or(0);
}

Result<> writeSpoolCursor(const QString &folder, quint64 confirmed)
{
    QSaveFile file(folder + QStringLiteral("/cursor")); // a new file, synced, then renamed
    if (!file.open(QIODevice::WriteOnly))
        return fileError(file.fileName(), file.errorString());
    file.write(spoolCursor(confirmed));
    if (!file.commit())
        return fileError(file.fileName(), file.errorString());
    return {};
}

void quarantineSegment(const QString &folder, const QString &path)
{
    const QString aside = folder + QStringLiteral("/quarantine");
    QDir().mkpath(aside);
    QString target = aside + QLatin1Char('/') + QFileInfo(path).fileName();
    for (int n = 1; QFile::exists(target) && n < 1000; ++n)
        target = QStringLiteral("%1/%2.%3").arg(aside, QFileInfo(path).fileName()).arg(n);
    if (QFile::copy(path, target))
        qCCritical(lcSpoolFiles).noquote()
            << QStringLiteral("%1 is damaged; kept as %2, and what is good of it is used").arg(path, target);
    else
        qCCritical(lcSpoolFiles).noquote()
            << QStringLiteral("%1 is damaged and could not be copied to %2").arg(path, target);
}

Result<RecoveredSpool> recoverSpool(const QString &folder)
{
    RecoveredSpool recovered;
    recovered.confirmed = readSpoolCursor(folder);
    recovered.lastSequence = recovered.confirmed;
    const QStringList paths = spoolSegmentFiles(folder);
    for (const QString &path : paths) {
        const QByteArray data = readWholeFile(path);
        const SpoolScan scan = scanSpoolSegment(data);
        SpoolSegment segment{path, QFileInfo(path).completeBaseName().toULongLong(), 0, data.size(), 0};
        segment.last = segment.first == 0 ? 0 : segment.first - 1;
        const bool isLast = path == paths.last();
        if (!scan.headerGood && data.size() < spoolSegmentHeaderSize && isLast) {
            QFile::remove(path); // killed between making the file and writing to it
            continue;
        }
        if (!scan.headerGood || !scan.damages.empty()) {
            if (const auto mended = mendSegment(folder, segment, scan, data, isLast, recovered); !mended)
                return mended.error();
            segment.size = QFileInfo(path).size();
        }
        for (const SpoolScan::Entry &entry : scan.entries) {
            if (entry.header.kind != SpoolEntryKind::Batch)
                continue;
            segment.last = std::max(segment.last, entry.header.sequence);
            if (entry.header.sequence > recovered.lastSequence)
                segment.unreadRows += entry.header.rowCount;
            recovered.lastSequence = std::max(recovered.lastSequence, entry.header.sequence);
        }
        if (segment.unreadRows == 0)
            QFile::remove(path);
        else
            recovered.segments.push_back(segment);
    }
    return recovered;
}

Result<> lockSpool(QFile &lock, const QString &folder)
{
    lock.setFileName(folder + QStringLiteral("/lock"));
    if (!lock.open(QIODevice::ReadWrite))
        return fileError(lock.fileName(), lock.errorString());
#ifdef Q_OS_UNIX
    if (::flock(lock.handle(), LOCK_EX | LOCK_NB) != 0)
        return fileError(folder, QStringLiteral("another process uses this spool"));
#endif
    return {};
}

bool syncToDisk(QFile &file)
{
#ifdef Q_OS_UNIX
    return ::fdatasync(file.handle()) == 0;
#else
    return ::_commit(file.handle()) == 0;
#endif
}

} // namespace tidemill::host
