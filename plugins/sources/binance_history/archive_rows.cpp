// SPDX-License-Identifier: Apache-2.0
#include "archive_rows.h"

namespace tidemill::binance_history {

namespace {

constexpr qsizetype pieceBytes = 64 * 1024;
constexpr qsizetype longestLine = 1024; // twelve columns need 200

Error broken(const QString &message)
{
    return {Error::Kind::Protocol, message};
}

} // namespace

Result<std::unique_ptr<ArchiveRows>> ArchiveRows::open(const QString &path, const QByteArray &entryName,
                                                       const Series &series, const ZipReader::Limits &limits)
{
    auto zip = ZipReader::open(path, entryName, limits);
    if (!zip)
        return zip.error();
    return std::unique_ptr<ArchiveRows>(new ArchiveRows(*std::move(zip), series));
}

Result<std::optional<QByteArrayView>> ArchiveRows::nextLine()
{
    while (true) {
        const QByteArrayView rest = QByteArrayView(m_buffer).sliced(m_at);
        const qsizetype end = rest.indexOf('\n');
        if (end > longestLine || (end < 0 && rest.size() > longestLine))
            return broken(
                QStringLiteral("line %1 is longer than %2 bytes").arg(m_lines + 1).arg(longestLine));
        if (end >= 0 || (m_isAtEnd && !rest.isEmpty())) {
            QByteArrayView line = end < 0 ? rest : rest.first(end);
            m_at += end < 0 ? rest.size() : end + 1;
            ++m_lines;
            if (line.endsWith('\r'))
                line.chop(1);
            return std::optional<QByteArrayView>(line);
        }
        if (m_isAtEnd)
            return std::optional<QByteArrayView>();
        m_buffer.remove(0, m_at);
        m_at = 0;
        const qsizetype used = m_buffer.size();
        m_buffer.resize(used + pieceBytes);
        const auto count = m_zip->read({m_buffer.data() + used, std::size_t(pieceBytes)});
        if (!count)
            return count.error();
        m_buffer.resize(used + qsizetype(*count));
        m_isAtEnd = *count == 0;
    }
}

Result<Rows> ArchiveRows::next(std::size_t most)
{
    Rows rows;
    const Timestamp now = Timestamp::now();
    while (rows.size() < most) {
        const auto line = nextLine();
        if (!line)
            return line.error();
        if (!*line)
            break;
        if ((*line)->isEmpty() || (m_lines == 1 && isCsvHeader(**line)))
            continue;
        auto row = rowFromCsv(**line, m_series, now);
        if (!row)
            return broken(QStringLiteral("line %1: %2").arg(m_lines).arg(row.error().message));
        if (keyOf(*row) <= m_lastKey)
            return broken(QStringLiteral("line %1 does not come after the one before").arg(m_lines));
        m_lastKey = keyOf(*row);
        rows.push_back(*std::move(row));
    }
    return rows;
}

} // namespace tidemill::binance_history
