// SPDX-License-Identifier: Apache-2.0
#include "crc32c.h"

#include <QtEndian>

#include <array>

#if defined(Q_PROCESSOR_X86_64) && (defined(Q_CC_GNU) || defined(Q_CC_CLANG))
#include <nmmintrin.h>
#define TIDEMILL_HAS_SSE42_CODE
#endif

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

quint32 crc32cByTable(QByteArrayView data)
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

#ifdef TIDEMILL_HAS_SSE42_CODE

bool hasCrc32cInstruction()
{
    static const bool has = __builtin_cpu_supports("sse4.2");
    return has;
}

// Compiled for a newer CPU than the rest, so nobody may call it unasked.
__attribute__((target("sse4.2"))) quint32 crc32cByInstruction(QByteArrayView data)
{
    const auto *at = reinterpret_cast<const uchar *>(data.data());
    qsizetype left = data.size();
    quint64 sum = ~0U;
    for (; left >= 8; left -= 8, at += 8)
        sum = _mm_crc32_u64(sum, qFromUnaligned<quint64>(at));
    auto small = quint32(sum);
    for (; left > 0; --left, ++at)
        small = _mm_crc32_u8(small, *at);
    return ~small;
}

#else

bool hasCrc32cInstruction()
{
    return false;
}

quint32 crc32cByInstruction(QByteArrayView data)
{
    return crc32cByTable(data);
}

#endif

quint32 crc32c(QByteArrayView data)
{
    return hasCrc32cInstruction() ? crc32cByInstruction(data) : crc32cByTable(data);
}

} // namespace tidemill::host
