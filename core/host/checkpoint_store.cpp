// SPDX-License-Identifier: Apache-2.0
#include "checkpoint_store.h"

#include "spool/crc32c.h"
#include "spool/spool_files.h"

#include <QDir>
#include <QFile>

#include <algorithm>
#include <filesystem>

namespace tidemill::host {

namespace {

constexpr QByteArrayView firstLine = "tidemill positions 1";
constexpr qint64 maxFileBytes = 64LL * 1024 * 1024;

Error storageError(const QString &path, const QString &what)
{
    return {Error::Kind::Storage, path + QLatin1String(": ") + what};
}

QByteArray sum(QByteArrayView text)
{
    return QByteArray::number(crc32c(text), 16).rightJustified(8, '0');
}

// Nothing that a line or a word of a line ends with.
QByteArray encodeWord(const QByteArray &word)
{
    return word.toPercentEncoding("@:/,;=+");
}

} // namespace

CheckpointStore::CheckpointStore(const QString &folder)
    : m_folder(folder)
    , m_path(QDir(folder).filePath(QStringLiteral("positions")))
{}

QByteArray CheckpointStore::encode(const Positions &positions)
{
    QByteArrayList lines;
    for (auto position = positions.begin(); position != positions.end(); ++position)
        lines.append(encodeWord(position.key()) + ' ' + encodeWord(*position) + '\n');
    std::sort(lines.begin(), lines.end());
    const QByteArray text = firstLine.toByteArray() + '\n' + lines.join();
    return text + "end " + QByteArray::number(lines.size()) + ' ' + sum(text) + '\n';
}

Result<CheckpointStore::Positions> CheckpointStore::decode(QByteArrayView text)
{
    const auto damaged = [](const QString &what) { return Error{Error::Kind::Storage, what}; };
    const QList<QByteArray> lines = text.toByteArray().split('\n');
    if (lines.first() != firstLine)
        return damaged(QStringLiteral("expected '%1' as the first line, got '%2'")
                           .arg(QString::fromLatin1(firstLine.data(), firstLine.size()),
                                QString::fromUtf8(lines.first().left(40))));
    if (lines.size() < 3 || !lines.last().isEmpty())
        return damaged(QStringLiteral("it ends in the middle"));
    const QByteArray &end = lines[lines.size() - 2];
    const QByteArrayView before = text.first(text.size() - end.size() - 1);
    const qsizetype count = lines.size() - 3;
    if (end != "end " + QByteArray::number(count) + ' ' + sum(before))
        return damaged(QStringLiteral("expected 'end %1 %2' as the last line, got '%3'")
                           .arg(count)
                           .arg(QString::fromLatin1(sum(before)), QString::fromUtf8(end.left(40))));
    Positions positions;
    for (qsizetype index = 1; index <= count; ++index) {
        const QByteArray &line = lines[index];
        const qsizetype space = line.indexOf(' ');
        if (space < 0)
            return damaged(QStringLiteral("line %1 has one word, expected two").arg(index + 1));
        positions.insert(QByteArray::fromPercentEncoding(line.left(space)),
                         QByteArray::fromPercentEncoding(line.mid(space + 1)));
    }
    return positions;
}

Result<CheckpointStore::Positions> CheckpointStore::load()
{
    const std::lock_guard lock(m_lock);
    QFile file(m_path);
    if (!file.exists())
        return Positions();
    QString what;
    if (!file.open(QIODevice::ReadOnly))
        what = file.errorString();
    else if (file.size() > maxFileBytes)
        what = QStringLiteral("it has %1 bytes, expected at most %2").arg(file.size()).arg(maxFileBytes);
    if (what.isEmpty()) {
        auto positions = decode(file.readAll());
        if (positions)
            return positions;
        what = positions.error().message;
    }
    file.close();
    QString aside = m_path + QStringLiteral(".damaged");
    for (int number = 2; QFile::exists(aside); ++number)
        aside = m_path + QStringLiteral(".damaged-%1").arg(number);
    const bool moved = QFile::rename(m_path, aside);
    return storageError(m_path, what + (moved ? QStringLiteral("; it was put aside as %1").arg(aside)
                                              : QStringLiteral("; it will be replaced")));
}

Result<> CheckpointStore::save(const Positions &positions, quint64 number)
{
    const std::lock_guard lock(m_lock);
    if (number < m_saved)
        return {};
    if (!QDir().mkpath(m_folder))
        return storageError(m_folder, QStringLiteral("the folder cannot be made"));
    const QString temporary = m_path + QStringLiteral(".new");
    QFile file(temporary);
    if (!file.open(QIODevice::WriteOnly | QIODevice::Truncate | QIODevice::Unbuffered))
        return storageError(temporary, file.errorString());
    const QByteArray text = encode(positions);
    if (file.write(text) != text.size())
        return storageError(temporary, file.errorString());
    if (!syncToDisk(file))
        return storageError(temporary, QStringLiteral("the disk did not confirm it"));
    file.close();
    // QFile::rename() refuses to replace a file; this one does so at once or not at all.
    std::error_code error;
    std::filesystem::rename(temporary.toStdU16String(), m_path.toStdU16String(), error);
    if (error)
        return storageError(m_path, QString::fromStdString(error.message()));
    if (!syncFolder(m_folder))
        return storageError(m_folder, QStringLiteral("the disk did not confirm the folder"));
    m_saved = number;
    return {};
}

} // namespace tidemill::host
