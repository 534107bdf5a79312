// SPDX-License-Identifier: Apache-2.0
#include "letter_store.h"

#include "../spool/spool_files.h"

#include <QCoreApplication>
#include <QDir>
#include <QDirIterator>
#include <QFileInfo>

#include <algorithm>

namespace tidemill::host {

namespace {

const QString suffix = QStringLiteral(".letter");
constexpr qint64 blockBytes = 4096;
// A letter, its head and a record type in front of it.
constexpr qint64 maxFileBytes = qint64(512) << 20;
constexpr qint64 nsPerSecond = 1'000'000'000;

Error storageError(const QString &path, const QString &what)
{
    return {Error::Kind::Storage, path + QLatin1String(": ") + what};
}

qint64 bytesOnDisk(qint64 size)
{
    return (size + blockBytes - 1) / blockBytes * blockBytes;
}

// "20240808T235415.308000000Z.letter"
QString fileName(Timestamp time)
{
    const qint64 seconds = time.ns / nsPerSecond;
    return QDateTime::fromSecsSinceEpoch(seconds, Qt::UTC).toString(QStringLiteral("yyyyMMdd'T'HHmmss")) +
           QStringLiteral(".%1Z").arg(time.ns - seconds * nsPerSecond, 9, 10, QLatin1Char('0')) + suffix;
}

// What a process that was killed while writing has left. Not what another one is writing now.
void removeLeftovers(const QString &folder)
{
    const QDateTime old = QDateTime::currentDateTimeUtc().addSecs(-3600);
    for (const QFileInfo &file :
         QDir(folder).entryInfoList({QStringLiteral("new-*")}, QDir::Files | QDir::Hidden)) {
        if (file.lastModified() < old)
            QFile::remove(file.filePath());
    }
}

} // namespace

LetterStore::LetterStore(const QString &folder, qint64 maxBytes) : m_folder(folder), m_maxBytes(maxBytes)
{
    removeLeftovers(m_folder);
}

bool LetterStore::isCurrent() const
{
    return m_looked.isValid() && QFileInfo(m_folder).lastModified() == m_looked;
}

void LetterStore::count()
{
    m_looked = QFileInfo(m_folder).lastModified();
    m_figures = {};
    for (const QString &path : letterFiles(m_folder)) {
        ++m_figures.letters;
        m_figures.bytes += bytesOnDisk(QFileInfo(path).size());
    }
}

LetterStore::Figures LetterStore::figures()
{
    if (!isCurrent())
        count();
    return m_figures;
}

// Under a name that nobody has: two processes may write here in the same nanosecond.
Result<QString> LetterStore::place(const QString &temporary, Timestamp time)
{
    for (int tries = 0; tries < 1000; ++tries) {
        const QString path = m_folder + QLatin1Char('/') + fileName({time.ns + tries});
        QFile file(temporary);
        if (file.rename(path)) // never replaces a file
            return path;
        if (!QFile::exists(path))
            return storageError(path, file.errorString());
    }
    return storageError(m_folder, QStringLiteral("no name is left for a dead letter"));
}

Result<QString> LetterStore::write(DeadLetter letter)
{
    m_full = false;
    const auto data = encodeDeadLetter(letter);
    if (!data)
        return storageError(m_folder, data.error().message);
    const qint64 bytes = bytesOnDisk(data->size());
    // A folder with many letters takes long to count; our own we know.
    if (!isCurrent() || m_figures.bytes + bytes > m_maxBytes)
        count();
    if (m_figures.bytes + bytes > m_maxBytes) {
        m_full = true;
        return storageError(m_folder,
                            QStringLiteral("the dead letters take %1 of %2 bytes (dead_letters.max)")
                                .arg(m_figures.bytes)
                                .arg(m_maxBytes));
    }
    if (!QDir().mkpath(m_folder))
        return storageError(m_folder, QStringLiteral("the folder cannot be made"));
    QFile file(QStringLiteral("%1/new-%2").arg(m_folder).arg(QCoreApplication::applicationPid()));
    if (!file.open(QIODevice::WriteOnly | QIODevice::Truncate | QIODevice::Unbuffered))
        return storageError(file.fileName(), file.errorString());
    if (file.write(*data) != data->size()) {
        const Error error = storageError(file.fileName(), file.errorString());
        file.remove();
        return error;
    }
    if (!syncToDisk(file)) {
        file.remove();
        return storageError(file.fileName(), QStringLiteral("the disk did not confirm it"));
    }
    file.close();
    auto path = place(file.fileName(), letter.time);
    if (!path) {
        file.remove();
        return path;
    }
    if (!syncFolder(m_folder))
        return storageError(m_folder, QStringLiteral("the disk did not confirm the folder"));
    ++m_figures.letters;
    m_figures.bytes += bytes;
    m_looked = QFileInfo(m_folder).lastModified();
    return path;
}

QString letterFolder(const QString &nodeStateDirectory)
{
    return nodeStateDirectory + QStringLiteral("/deadletters");
}

QStringList letterFiles(const QString &folder)
{
    QStringList paths;
    for (const QString &name : QDir(folder).entryList({QLatin1Char('*') + suffix}, QDir::Files, QDir::Name))
        paths.append(folder + QLatin1Char('/') + name);
    return paths;
}

// Two at a time could both find that a record is not there yet, and both store it.
Result<> lockReplay(QFile &lock, const QString &folder)
{
    lock.setFileName(folder + QStringLiteral("/replay.lock"));
    const auto locked = takeLock(lock, QStringLiteral("another process replays these dead letters"));
    return locked ? Result<>() : Result<>(locked.error());
}

QStringList findLetterFolders(const QString &folder)
{
    const QString name = QStringLiteral("deadletters");
    if (QFileInfo(QDir::cleanPath(folder)).fileName() == name)
        return {QDir::cleanPath(folder)};
    QStringList found;
    QDirIterator folders(folder, {name}, QDir::Dirs | QDir::NoDotAndDotDot, QDirIterator::Subdirectories);
    while (folders.hasNext())
        found.append(folders.next());
    found.sort();
    return found;
}

Result<DeadLetter> readLetter(const QString &path, DeliveryPtr delivery)
{
    QFile file(path);
    if (!file.open(QIODevice::ReadOnly))
        return storageError(path, file.errorString());
    if (file.size() > maxFileBytes)
        return storageError(
            path, QStringLiteral("it has %1 bytes, expected at most %2").arg(file.size()).arg(maxFileBytes));
    auto letter = decodeDeadLetter(file.readAll(), std::move(delivery));
    if (!letter)
        return storageError(path, letter.error().message);
    return letter;
}

} // namespace tidemill::host
