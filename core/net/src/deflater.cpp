// SPDX-License-Identifier: Apache-2.0
#include "deflater.h"

#define ZLIB_CONST // its input is const
#include <zlib.h>

namespace tidemill::net {

struct Deflater::Stream
{
    z_stream z{};
};

Deflater::Deflater(int windowBits, bool keepsContext) : m_windowBits(windowBits), m_keepsContext(keepsContext)
{}

Deflater::~Deflater()
{
    if (m_stream)
        deflateEnd(&m_stream->z);
}

bool Deflater::begin()
{
    if (m_stream) {
        if (!m_keepsContext)
            deflateReset(&m_stream->z);
        return true;
    }
    auto stream = std::make_unique<Stream>();
    constexpr int memoryLevel = 8; // zlib's default
    // Negative: deflate alone, without zlib's header.
    if (deflateInit2(&stream->z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, -m_windowBits, memoryLevel,
                     Z_DEFAULT_STRATEGY) != Z_OK)
        return false;
    m_stream = std::move(stream);
    return true;
}

QByteArray Deflater::pack(QByteArrayView message)
{
    if (message.isEmpty() || message.size() > maxMessage || m_windowBits < 9 || m_windowBits > 15 || !begin())
        return {};
    z_stream &z = m_stream->z;
    z.next_in = reinterpret_cast<const Bytef *>(message.data());
    z.avail_in = static_cast<uInt>(message.size());
    QByteArray packed;
    qsizetype used = 0;
    do {
        constexpr qsizetype flushBytes = 64;
        packed.resize(used + static_cast<qsizetype>(deflateBound(&z, z.avail_in)) + flushBytes);
        const qsizetype room = packed.size() - used;
        z.next_out = reinterpret_cast<Bytef *>(packed.data() + used);
        z.avail_out = static_cast<uInt>(room);
        ::deflate(&z, Z_SYNC_FLUSH);
        used += room - static_cast<qsizetype>(z.avail_out);
    } while (z.avail_out == 0);
    // It always ends with 00 00 ff ff, which does not go out.
    packed.resize(used - 4);
    return packed;
}

} // namespace tidemill::net
