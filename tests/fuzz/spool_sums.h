// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "host/spool/crc32c.h"
#include "host/spool/spool_format.h"

#include <QtEndian>

namespace tidemill::fuzz {

inline void putSum(QByteArray &bytes, qsizetype at, QByteArrayView of)
{
    qToLittleEndian(host::crc32c(of), bytes.data() + at);
}

// A segment with the check sums that its bytes should have.
inline QByteArray mended(QByteArray bytes)
{
    if (bytes.size() >= host::spoolSegmentHeaderSize)
        putSum(bytes, 24, QByteArrayView(bytes).first(24));
    for (qsizetype at = bytes.indexOf("TMSE"); at >= 0; at = bytes.indexOf("TMSE", at + 1)) {
        const qsizetype payload = at + host::spoolEntryHeaderSize;
        if (payload > bytes.size())
            break;
        const auto size = qFromLittleEndian<quint32>(bytes.constData() + at + 28);
        if (size <= bytes.size() - payload)
            putSum(bytes, at + 32, QByteArrayView(bytes).sliced(payload, size));
        putSum(bytes, at + 36, QByteArrayView(bytes).sliced(at, 36));
    }
    return bytes;
}

} // namespace tidemill::fuzz
