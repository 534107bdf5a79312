// SPDX-License-Identifier: Apache-2.0
#include "gzip.h"

#include <zlib.h>

namespace tidemill::pulsestream {

QByteArray gzipped(const QByteArray &bytes)
{
    constexpr int gzipHeader = 16; // added to the window's bits: zlib's way to ask for it
    constexpr int windowBits = 15;
    constexpr int memoryLevel = 8; // zlib's default
    z_stream stream{};
    if (deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, windowBits + gzipHeader, memoryLevel,
                     Z_DEFAULT_STRATEGY) != Z_OK)
        return {};
    QByteArray packed(qsizetype(deflateBound(&stream, uLong(bytes.size()))), Qt::Uninitialized);
    // zlib does not write to its input.
    stream.next_in = reinterpret_cast<Bytef *>(const_cast<char *>(bytes.constData()));
    stream.avail_in = uInt(bytes.size());
    stream.next_out = reinterpret_cast<Bytef *>(packed.data());
    stream.avail_out = uInt(packed.size());
    const bool isWhole = deflate(&stream, Z_FINISH) == Z_STREAM_END;
    packed.truncate(isWhole ? qsizetype(stream.total_out) : 0);
    deflateEnd(&stream);
    return packed;
}

} // namespace tidemill::pulsestream
