// SPDX-License-Identifier: Apache-2.0
#include "line_file.h"

#include <QDir>
#include <QFileInfo>
#include <QJsonDocument>

#include <algorithm>

namespace tidemill {

Error LineFile::storageError(const QString &what) const
{
    return {Error::Kind::Storage, QStringLiteral("%1: %2: %3").arg(m_path, what, m_file.errorString())};
}

Result<> LineFile::open(const QString &path)
{
    m_path = path;
    if (path == QLatin1String("-")) {
        m_pipe = true;
        // By its number: through a FILE, a write would go into a buffer whose loss nobody hears of.
        constexpr int standardOutput = 1;
        if (!m_file.open(standardOutput, QIODevice::WriteOnly | QIODevice::Unbuffered))
            return storageError(QStringLiteral("cannot write to the standard output"));
        return {};
    }

    m_file.setFileName(path);
    const QFileInfo info(path);
    if (!QDir().mkpath(info.absolutePath()))
        return Error{Error::Kind::Storage,
                     QStringLiteral("%1: cannot create the folder %2").arg(path, info.absolutePath())};
    // A pipe or a device has neither a size nor a past.
    m_pipe = info.exists() && !info.isFile();
    const auto mode = m_pipe ? QIODevice::WriteOnly : QIODevice::ReadWrite | QIODevice::Append;
    if (!m_file.open(mode | QIODevice::Unbuffered))
        return storageError(QStringLiteral("cannot open it"));
    return m_pipe ? Result<>() : removeTornLine();
}

Result<> LineFile::removeTornLine()
{
    constexpr qint64 step = 65'536;
    m_good = m_file.size();
    QByteArray tail; // what stands behind the last line break
    qint64 from = m_good;
    while (from > 0) {
        const qint64 size = std::min(step, from);
        from -= size;
        if (!m_file.seek(from))
            return storageError(QStringLiteral("cannot read its last line"));
        const QByteArray piece = m_file.read(size);
        if (piece.size() != size)
            return storageError(QStringLiteral("cannot read its last line"));
        const qsizetype lineBreak = piece.lastIndexOf('\n');
        tail.prepend(piece.mid(lineBreak + 1));
        if (lineBreak >= 0)
            break;
    }
    if (tail.isEmpty())
        return {};

    // An editor may have left out the last line break: that line is whole and somebody's.
    if (!QJsonDocument::fromJson(tail).isNull()) {
        if (m_file.write("\n") != 1)
            return storageError(QStringLiteral("cannot end its last line"));
        m_good += 1;
        return {};
    }
    m_good -= tail.size();
    return cutBack();
}

Result<> LineFile::cutBack()
{
    if (!m_file.resize(m_good)) {
        m_dirty = true;
        return storageError(QStringLiteral("cannot remove a torn line"));
    }
    m_dirty = false;
    return {};
}

qsizetype LineFile::append(QByteArrayView lines, Error *error)
{
    if (m_dirty) {
        if (const auto cut = cutBack(); !cut) {
            *error = cut.error();
            return 0;
        }
    }
    qsizetype written = 0;
    while (written < lines.size()) {
        const qint64 count = m_file.write(lines.data() + written, lines.size() - written);
        if (count <= 0)
            break;
        written += count;
    }
    if (written == lines.size()) {
        m_good += written;
        return written;
    }

    *error = storageError(QStringLiteral("wrote %1 of %2 bytes").arg(written).arg(lines.size()));
    if (m_pipe)
        return written;
    // If the piece cannot be removed now, the next append() tries again before it writes anything.
    static_cast<void>(cutBack().has_value());
    return 0;
}

} // namespace tidemill
