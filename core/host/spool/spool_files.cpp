// SPDX-License-Identifier: Apache-2.0
#include "spool_files.h"

#include "spool_cursor.h"

#include <QCoreApplication>
#include <QDateTime>
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
                     const QByteArray &data, bool mayBeTorn, RecoveredSpool &recovered)
{
    // The same in the middle, where no batch is missing before the next segment: a write that the disk
    // refused.
    if (mayBeTorn && scan.hasTornTail(data.size())) {
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

quint64 firstOfSegment(const QString &path)
{
    return QFileInfo(path).completeBaseName().toULongLong();
}

QByteArray readWholeFile(const QString &path)
{
    QFile file(path);
    return file.open(QIODevice::ReadOnly) ? file.readAll() : QByteArray();
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
    for (qsizetype i = 0; i < paths.size(); ++i) {
        const QString &path = paths[i];
        const QByteArray data = readWholeFile(path);
        const SpoolScan scan = scanSpoolSegment(data);
        SpoolSegment segment{path, firstOfSegment(path), 0, data.size(), 0, false};
        segment.last = std::max(segment.first, quint64(1)) - 1;
        const bool isLast = i + 1 == paths.size();
        if (!scan.headerGood && data.size() < spoolSegmentHeaderSize && isLast) {
            QFile::remove(path); // killed between making the file and writing to it
            continue;
        }
        const qint64 writtenMs = QFileInfo(path).lastModified().toMSecsSinceEpoch();
        for (const SpoolScan::Entry &entry : scan.entries) {
            if (entry.header.kind != SpoolEntryKind::Batch)
                continue;
            segment.last = std::max(segment.last, entry.header.sequence);
            if (entry.header.sequence > recovered.lastSequence) {
                segment.unreadRows += entry.header.rowCount;
                ++recovered.batches;
            }
            recovered.lastSequence = std::max(recovered.lastSequence, entry.header.sequence);
        }
        if (!scan.headerGood || !scan.damages.empty()) {
            const bool mayBeTorn = isLast || firstOfSegment(paths[i + 1]) == segment.last + 1;
            if (const auto mended = mendSegment(folder, segment, scan, data, mayBeTorn, recovered); !mended)
                return mended.error();
            segment.size = QFileInfo(path).size();
        }
        if (segment.unreadRows == 0) {
            QFile::remove(path);
            continue;
        }
        if (recovered.segments.empty())
            recovered.oldestMs = writtenMs;
        recovered.segments.push_back(segment);
    }
    return recovered;
}

Result<QString> lockSpool(QFile &lock, const QString &folder)
{
    lock.setFileName(folder + QStringLiteral("/lock"));
    return takeLock(lock, QStringLiteral("another process uses this spool"));
}

Result<QString> takeLock(QFile &lock, const QString &refusal)
{
    if (!lock.open(QIODevice::ReadWrite | QIODevice::Unbuffered))
        return fileError(lock.fileName(), lock.errorString());
#ifdef Q_OS_UNIX
    if (::flock(lock.handle(), LOCK_EX | LOCK_NB) != 0)
        return fileError(QFileInfo(lock.fileName()).path(), refusal);
#endif
    const QString before = QString::fromUtf8(lock.read(100)).trimmed();
    // Only for people, so a full disk does not matter.
    lock.resize(0);
    lock.seek(0);
    lock.write(QStringLiteral("process %1, begun %2\n")
                   .arg(QCoreApplication::applicationPid())
                   .arg(QDateTime::currentDateTimeUtc().toString(Qt::ISODate))
                   .toUtf8());
    return before;
}

bool syncToDisk(const QFile &file)
{
#ifdef Q_OS_UNIX
    return ::fdatasync(file.handle()) == 0;
#else
    return ::_commit(file.handle()) == 0;
#endif
}

bool syncFolder([[maybe_unused]] const QString &folder)
{
#ifdef Q_OS_UNIX
    const int handle = ::open(QFile::encodeName(folder).constData(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (handle < 0)
        return false;
    const bool synced = ::fsync(handle) == 0;
    ::close(handle);
    return synced;
#else
    return true; // the file system's own business
#endif
}

} // namespace tidemill::host
