// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "rows.h"
#include "zip_reader.h"

namespace tidemill::binance_history {

// The rows of a bulk file, some at a time, in order.
class ArchiveRows
{
public:
    static Result<std::unique_ptr<ArchiveRows>> open(const QString &path, const QByteArray &entryName,
                                                     const Series &series,
                                                     const ZipReader::Limits &limits = {});

    // The next ones, at most so many; none at the end of the file. After an error there is nothing more.
    Result<Rows> next(std::size_t most);

private:
    ArchiveRows(std::unique_ptr<ZipReader> zip, const Series &series)
        : m_zip(std::move(zip))
        , m_series(series)
    {}

    // Without its end; nothing at the end of the file. Valid until the next call.
    Result<std::optional<QByteArrayView>> nextLine();

    std::unique_ptr<ZipReader> m_zip;
    Series m_series;
    QByteArray m_buffer;
    qsizetype m_at = 0; // in the buffer
    qint64 m_lines = 0;
    qint64 m_lastKey = -1;
    bool m_isAtEnd = false; // of the file; the buffer may hold more
};

} // namespace tidemill::binance_history
