// SPDX-License-Identifier: Apache-2.0
#include "crc32c.h"

#include <QtEndian>

#include <array>

namespace tidemill::host {

namespace {

constexpr quint32 polynomial = 0x82f63b78; // reflected

// tables[n][b]: what the byte b does to the sum when n more bytes follow it in a group of eight.
constexpr auto makeTables()
{
    std::array<std::array<quint32, 256>, 8> tables{};
    for (quint32 byte = 0; byte < 256; ++byte) {
        quint32 sum = byte;
        for (int bit = 0; bit < 8; ++bit)
            sum = (sum >> 1) ^ ((sum & 1) != 0 ? polynomial : 0);
        tables[0][byte] = sum;
    }
    for (std::size_t n = 1; n < 8; ++n) {
        for (std::size_t byte = 0; byte < 256; ++byte)
            tables[n][byte] = (tables[n - 1][byte] >> 8) ^ tables[0][tables[n - 1][byte] & 0xff];
    }
    return tables;
}

constexpr auto tables = makeTables();

} // namespace

quint32 crc32c(QByteArrayView data)
{
    const auto *at = reinterpret_cast<const uchar *>(data.data());
    qsizetype left = data.size();
    quint32 sum = ~0U;
    for (; left >= 8; left -= 8, at += 8) {
        const quint32 low = qFromLittleEndian<quint32>(at) ^ sum;
        const quint32 high = qFromLittleEndian<quint32>(at + 4);
        sum = tables[7][low & 0xff] ^ tables[6][(low >> 8) & 0xff] ^ tables[5][(low >> 16) & 0xff] ^
              tables[4][low >> 24] ^ tables[3][high & 0xff] ^ tables[2][(high >> 8) & 0xff] ^
              tables[1][(high >> 16) & 0xff] ^ tables[0][high >> 24];
    }
    for (; left > 0; --left, ++at)
        sum = (sum >> 8) ^ tables[0][(sum ^ *at) & 0xff];
    return ~sum;
}

} // namespace tidemill::host
