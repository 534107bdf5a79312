// SPDX-License-Identifier: Apache-2.0
#include "spool_format.h"

#include "byte_order.h"
#include "crc32c.h"

#include <algorithm>

namespace tidemill::host {

namespace {

constexpr QByteArrayView segmentMagic("TMSPOOL\n");
constexpr QByteArrayView cursorMagic("TMCURSR\n");
constexpr QByteArrayView entryMagic("TMSE");
constexpr quint32 fileVersion = 1;
constexpr quint16 entryVersion = 1;

// Both small files are the same but for the magic: a version, a number, a sum.
QByteArray numberBlock(QByteArrayView magic, quint64 number)
{
    QByteArray block = magic.toByteArray();
    appendLe<quint32>(block, fileVersion);
    appendLe<quint32>(block, 0);
    appendLe<quint64>(block, number);
    appendLe<quint32>(block, crc32c(block));
    appendLe<quint32>(block, 0);
    return block;
}

std::optional<quint64> parseNumberBlock(QByteArrayView magic, QByteArrayView data)
{
    LeReader reader(data);
    const bool isOurs = reader.take(magic.size()) == magic && reader.number<quint32>() == fileVersion;
    (void)reader.number<quint32>();
    const auto number = reader.number<quint64>();
    const auto sum = reader.number<quint32>();
    if (!isOurs || !reader.isGood() || sum != crc32c(data.first(24)))
        return {};
    return number;
}

} // namespace

QByteArray spoolSegmentHeader(quint64 firstSequence)
{
    return numberBlock(segmentMagic, firstSequence);
}

std::optional<quint64> parseSpoolSegmentHeader(QByteArrayView data)
{
    if (data.size() < spoolSegmentHeaderSize)
        return {};
    return parseNumberBlock(segmentMagic, data);
}

QByteArray spoolCursor(quint64 confirmedThrough)
{
    return numberBlock(cursorMagic, confirmedThrough);
}

std::optional<quint64> parseSpoolCursor(QByteArrayView data)
{
    const auto first = parseNumberBlock(cursorMagic, data);
    const auto second = parseNumberBlock(cursorMagic, data.sliced(std::min(spoolCursorSpacing, data.size())));
    return first && second ? std::max(first, second) : first ? first : second;
}

QByteArray spoolEntry(SpoolEntryHeader header, QByteArrayView payload)
{
    QByteArray entry;
    entry.reserve(spoolEntryHeaderSize + payload.size());
    entry.append(entryMagic);
    appendLe<quint16>(entry, quint16(header.kind));
    appendLe<quint16>(entry, entryVersion);
    appendLe<quint64>(entry, header.sequence);
    appendLe<quint64>(entry, header.fingerprint);
    appendLe<quint32>(entry, header.rowCount);
    appendLe<quint32>(entry, quint32(payload.size()));
    appendLe<quint32>(entry, crc32c(payload));
    appendLe<quint32>(entry, crc32c(entry));
    entry.append(payload);
    return entry;
}

std::optional<SpoolEntryHeader> parseSpoolEntryHeader(QByteArrayView data)
{
    LeReader reader(data);
    const bool isEntry = reader.take(entryMagic.size()) == entryMagic;
    SpoolEntryHeader header;
    const auto kind = reader.number<quint16>();
    const auto version = reader.number<quint16>();
    header.kind = SpoolEntryKind(kind);
    header.sequence = reader.number<quint64>();
    header.fingerprint = reader.number<quint64>();
    header.rowCount = reader.number<quint32>();
    header.payloadSize = reader.number<quint32>();
    header.payloadSum = reader.number<quint32>();
    const auto sum = reader.number<quint32>();
    if (!isEntry || !reader.isGood() || version != entryVersion || header.payloadSize > spoolMaxPayload ||
        (header.kind != SpoolEntryKind::Schema && header.kind != SpoolEntryKind::Batch) ||
        sum != crc32c(data.first(spoolEntryHeaderSize - 4)))
        return {};
    return header;
}

qsizetype findSpoolEntry(QByteArrayView data, qsizetype from)
{
    for (qsizetype at = data.indexOf(entryMagic, from); at >= 0; at = data.indexOf(entryMagic, at + 1)) {
        const auto header = parseSpoolEntryHeader(data.sliced(at));
        if (!header || qsizetype(header->payloadSize) > data.size() - at - spoolEntryHeaderSize)
            continue;
        if (crc32c(data.sliced(at + spoolEntryHeaderSize, header->payloadSize)) == header->payloadSum)
            return at;
    }
    return -1;
}

SpoolScan scanSpoolSegment(QByteArrayView data)
{
    SpoolScan scan;
    const auto first = parseSpoolSegmentHeader(data);
    scan.headerGood = first.has_value();
    scan.firstSequence = first.value_or(0);
    scan.goodEnd = scan.headerGood ? spoolSegmentHeaderSize : 0;
    while (scan.goodEnd < data.size()) {
        const qsizetype next = findSpoolEntry(data, scan.goodEnd);
        const qsizetype damageEnd = next < 0 ? data.size() : next;
        if (damageEnd > scan.goodEnd)
            scan.damages.push_back({scan.goodEnd, damageEnd - scan.goodEnd});
        if (next < 0)
            break;
        const SpoolEntryHeader header = *parseSpoolEntryHeader(data.sliced(next));
        scan.entries.push_back({header, next});
        scan.goodEnd = next + spoolEntryHeaderSize + header.payloadSize;
    }
    return scan;
}

} // namespace tidemill::host
