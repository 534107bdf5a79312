// SPDX-License-Identifier: Apache-2.0
#include "utf8.h"

#include <cstring>

namespace tidemill::net {

static bool isContinuation(uchar byte)
{
    return (byte & 0xc0) == 0x80;
}

// Length of the sequence at `at`, which is not ASCII; 0 if it is none.
static qsizetype sequenceLength(const uchar *at, const uchar *end)
{
    const uchar lead = at[0];
    // 0x80..0xbf cannot lead; 0xc0 and 0xc1 could only write ASCII the long way.
    const qsizetype length = lead < 0xc2 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 0;
    if (length == 0 || end - at < length)
        return 0;
    // The second byte alone tells overlong forms, surrogates and what lies above U+10FFFF.
    const uchar lowest = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
    const uchar highest = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
    if (at[1] < lowest || at[1] > highest)
        return 0;
    for (qsizetype i = 2; i < length; ++i) {
        if (!isContinuation(at[i]))
            return 0;
    }
    return length;
}

bool isValidUtf8(QByteArrayView text)
{
    constexpr quint64 highBits = 0x8080808080808080;
    const uchar *at = reinterpret_cast<const uchar *>(text.data());
    const uchar *const end = at + text.size();
    while (at < end) {
        // Market data is ASCII nearly throughout: four words at a time, which the compiler turns into SIMD.
        while (end - at >= 32) {
            quint64 words[4];
            std::memcpy(words, at, sizeof words);
            if ((words[0] | words[1] | words[2] | words[3]) & highBits)
                break;
            at += 32;
        }
        while (end - at >= 8) {
            quint64 word = 0;
            std::memcpy(&word, at, sizeof word);
            if (word & highBits)
                break;
            at += 8;
        }
        while (at < end && *at < 0x80)
            ++at;
        while (at < end && *at >= 0x80) {
            const qsizetype length = sequenceLength(at, end);
            if (length == 0)
                return false;
            at += length;
        }
    }
    return true;
}

} // namespace tidemill::net
