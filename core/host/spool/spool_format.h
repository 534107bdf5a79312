// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <QByteArray>
#include <QByteArrayView>

#include <optional>
#include <vector>

// What segment and cursor files look like: docs/formats/spool.md.

namespace tidemill::host {

constexpr qsizetype spoolSegmentHeaderSize = 32;
constexpr qsizetype spoolEntryHeaderSize = 40;
constexpr qsizetype spoolCursorSpacing = 64; // from one slot of a cursor file to the other
// An entry is one batch, and batches are what one socket read brought; more is no spool of ours.
constexpr quint32 spoolMaxPayload = 256U << 20;

enum class SpoolEntryKind : quint16 { Schema = 1, Batch = 2 };

struct SpoolEntryHeader
{
    SpoolEntryKind kind = SpoolEntryKind::Batch;
    quint64 sequence = 0; // of a batch; 0 for a schema
    quint64 fingerprint = 0;
    quint32 rowCount = 0;
    quint32 payloadSize = 0;
    quint32 payloadSum = 0;
};

QByteArray spoolSegmentHeader(quint64 firstSequence);
// Nothing: not a segment of a version that this program reads.
std::optional<quint64> parseSpoolSegmentHeader(QByteArrayView data);

// Header and payload.
QByteArray spoolEntry(SpoolEntryHeader header, QByteArrayView payload);
// Nothing: damaged or no entry.
std::optional<SpoolEntryHeader> parseSpoolEntryHeader(QByteArrayView data);

QByteArray spoolCursor(quint64 confirmedThrough); // one slot
// The newest number of a whole cursor file; nothing if no slot is good.
std::optional<quint64> parseSpoolCursor(QByteArrayView data);

// All that can be read of a segment, whatever happened to it.
struct SpoolScan
{
    struct Entry
    {
        SpoolEntryHeader header;
        qsizetype offset = 0; // of the header
    };
    struct Damage
    {
        qsizetype offset = 0;
        qsizetype size = 0;
    };

    bool headerGood = false;
    quint64 firstSequence = 0;
    std::vector<Entry> entries;
    // Pieces that are no good entries, between good ones or at the end.
    std::vector<Damage> damages;
    // Where the last good entry ends.
    qsizetype goodEnd = 0;
    // The only damage is at the very end: what a process that was killed while writing leaves behind.
    bool hasTornTail(qsizetype fileSize) const
    {
        return headerGood && damages.size() == 1 && damages[0].offset + damages[0].size == fileSize;
    }
};

SpoolScan scanSpoolSegment(QByteArrayView data);
// The offset of the first good entry at or after `from`; -1 if there is none.
qsizetype findSpoolEntry(QByteArrayView data, qsizetype from);

} // namespace tidemill::host
