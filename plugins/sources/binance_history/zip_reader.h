// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tidemill/result.h>

#include <QByteArray>
#include <QString>

#include <memory>
#include <span>

struct zip;
struct zip_file;

namespace tidemill::binance_history {

// Reads the one file within a ZIP archive, piece by piece: neither is ever in memory as a whole. What an
// archive says of itself is not believed: the file must be the only one, have the name that is expected, be
// packed with deflate or not at all, not be encrypted, and stay within sizes that such files have. Its
// checksum is verified with the last byte, so what was read is good only when the end was reached.
class ZipReader
{
public:
    struct Limits
    {
        qint64 bytes = 64LL << 30; // unpacked
        qint64 ratio = 300;        // unpacked to packed; candles of a market without trades reach 60
    };

    static Result<std::unique_ptr<ZipReader>> open(const QString &path, const QByteArray &entryName,
                                                   const Limits &limits);

    // How many bytes it put into `buffer`; 0: that was the end.
    Result<qint64> read(std::span<char> buffer);

private:
    struct Close
    {
        void operator()(zip *archive) const;
        void operator()(zip_file *file) const;
    };

    ZipReader() = default;

    // In this order: the file goes before the archive it is in.
    std::unique_ptr<zip, Close> m_archive;
    std::unique_ptr<zip_file, Close> m_file;
    qint64 m_size = 0;
    qint64 m_read = 0;
};

} // namespace tidemill::binance_history
