// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <QByteArray>
#include <QtEndian>

// Frames as a server sends them, and as it must not send them.
namespace server {

struct FrameOptions
{
    bool final = true;
    uchar reservedBits = 0; // 0x40, 0x20, 0x10
    int lengthBytes = -1;   // 0, 2 or 8 extra ones; -1 for the shortest form
    bool masked = false;
};

inline QByteArray frame(int opcode, const QByteArray &payload, const FrameOptions &options = {})
{
    const quint64 length = static_cast<quint64>(payload.size());
    const int extra = options.lengthBytes >= 0 ? options.lengthBytes
                      : length < 126           ? 0
                      : length <= 0xffff       ? 2
                                               : 8;
    QByteArray bytes;
    bytes.append(static_cast<char>((options.final ? 0x80 : 0) | options.reservedBits | opcode));
    const quint64 field = extra == 0 ? length : extra == 2 ? 126 : 127;
    bytes.append(static_cast<char>(field | (options.masked ? 0x80U : 0U)));
    char big[8];
    qToBigEndian(length, big);
    bytes.append(big + 8 - extra, extra);
    if (options.masked)
        bytes.append(4, '\0'); // the mask that changes nothing
    return bytes + payload;
}

inline QByteArray text(const QByteArray &payload)
{
    return frame(1, payload);
}

inline QByteArray fragment(int opcode, const QByteArray &payload)
{
    return frame(opcode, payload, {.final = false});
}

inline QByteArray closeFrame(quint16 code, const QByteArray &reason = {})
{
    char big[2];
    qToBigEndian(code, big);
    return frame(8, QByteArray(big, 2) + reason);
}

} // namespace server
