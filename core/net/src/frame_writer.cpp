// SPDX-License-Identifier: Apache-2.0
#include "frame_writer.h"

#include <QtEndian>

#include <cstring>

namespace tidemill::net {

static void appendLength(QByteArray &frame, qsizetype length)
{
    constexpr uchar masked = 0x80;
    if (length < 126) {
        frame.append(static_cast<char>(masked | length));
        return;
    }
    const bool small = length <= 0xffff;
    frame.append(static_cast<char>(masked | (small ? 126 : 127)));
    char bytes[8];
    qToBigEndian(static_cast<quint64>(length), bytes);
    frame.append(small ? bytes + 6 : bytes, small ? 2 : 8);
}

QByteArray encodeFrame(Opcode opcode, QByteArrayView payload, quint32 mask, bool packed)
{
    constexpr uchar final = 0x80;
    QByteArray frame;
    frame.reserve(payload.size() + 14);
    frame.append(static_cast<char>(final | (packed ? packedBit : 0) | static_cast<uchar>(opcode)));
    appendLength(frame, payload.size());
    char key[4];
    std::memcpy(key, &mask, sizeof key);
    frame.append(key, sizeof key);

    const qsizetype start = frame.size();
    frame.append(payload);
    char *const masked = frame.data() + start;
    for (qsizetype i = 0; i < payload.size(); ++i)
        masked[i] = static_cast<char>(masked[i] ^ key[i & 3]);
    return frame;
}

} // namespace tidemill::net
