// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <QByteArrayView>

namespace tidemill::exchange {

// The CRC-32 of zip files, zlib and Kraken's books.
inline quint32 crc32(QByteArrayView bytes)
{
    quint32 crc = ~0u;
    for (const char byte : bytes) {
        crc ^= quint8(byte);
        for (int bit = 0; bit < 8; ++bit)
            crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0u);
    }
    return ~crc;
}

} // namespace tidemill::exchange
