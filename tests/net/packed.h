// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "server_frames.h"

#include <QByteArray>

#include <zlib.h>

// Packs as a server does, with zlib itself: nothing of ours takes part.
class Packer
{
public:
    explicit Packer(int windowBits = 15, bool keepsContext = true) : m_keepsContext(keepsContext)
    {
        deflateInit2(&m_stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, -windowBits, 8, Z_DEFAULT_STRATEGY);
    }
    ~Packer() { deflateEnd(&m_stream); }
    Packer(const Packer &) = delete;
    Packer &operator=(const Packer &) = delete;

    QByteArray pack(QByteArray message)
    {
        QByteArray packed = run(message, Z_SYNC_FLUSH);
        packed.chop(4);
        if (!m_keepsContext)
            deflateReset(&m_stream);
        return packed;
    }

    // With the last block marked as the last, and the byte that RFC 7692 section 7.2.3.4 wants behind it.
    QByteArray packFinal(QByteArray message)
    {
        const QByteArray packed = run(message, Z_FINISH) + QByteArray(1, '\0');
        deflateReset(&m_stream);
        return packed;
    }

private:
    QByteArray run(QByteArray &message, int flush)
    {
        QByteArray packed(static_cast<qsizetype>(deflateBound(&m_stream, uLong(message.size()))) + 64, '\0');
        m_stream.next_in = reinterpret_cast<Bytef *>(message.data());
        m_stream.avail_in = uInt(message.size());
        m_stream.next_out = reinterpret_cast<Bytef *>(packed.data());
        m_stream.avail_out = uInt(packed.size());
        ::deflate(&m_stream, flush);
        packed.chop(qsizetype(m_stream.avail_out));
        return packed;
    }

    z_stream m_stream{};
    bool m_keepsContext;
};

// 1 MB that unpacks to 1 GB, in small steps.
inline QByteArray bomb()
{
    const QByteArray part = Packer().pack(QByteArray(1 << 20, '\0')) + QByteArray::fromHex("0000ffff");
    return part.repeated((1 << 20) / part.size()).chopped(4);
}

namespace server {

constexpr uchar rsv1 = 0x40;

inline QByteArray packedText(const QByteArray &packed)
{
    return frame(1, packed, {.reservedBits = rsv1});
}

inline QByteArray packedFragment(int opcode, const QByteArray &packed)
{
    return frame(opcode, packed, {.final = false, .reservedBits = rsv1});
}

} // namespace server
