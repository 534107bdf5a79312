// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tidemill/net/feed_session.h>
#include <tidemill/timestamp.h>

#include <QByteArray>

#include <optional>
#include <vector>

namespace tidemill::net {

// The bytes of capture files, as docs/formats/capture.md has them. No I/O.
namespace capture {

inline constexpr QByteArrayView fileMagic{"TMCAPT1\n", 8};
inline constexpr QByteArrayView blockMagic{"TMCB", 4};
inline constexpr qsizetype blockHeaderBytes = 32;
inline constexpr qsizetype recordHeaderBytes = 24;
inline constexpr qsizetype maxBlockBytes = 64LL * 1024 * 1024; // of its records, unpacked

// Numbers are part of the format.
enum class Kind : quint8 {
    Begin = 1,        // of a file: whose it is, JSON
    Opened = 2,       // a connection; the payload is its address without secrets
    Subscribed = 3,   // names of streams
    Unsubscribed = 4, // names of streams
    Sent = 5,         // what we sent, masked
    Text = 6,         // what came
    Binary = 7,
    Leads = 8,        // the connection is the leader of its streams from now on
    Lost = 9,         // the connection is over
    Interrupted = 10, // names of streams that no connection carries any more
    Resumed = 11,     // names of streams that one carries again
    Missed = 12,      // so many frames were not captured, decimal
    End = 13,         // of the run
    Answered = 14,    // a REST request: its address, a tab, and the body
};
inline constexpr quint8 lastKind = 14;

enum Flag : quint8 {
    MoreOfRead = 1, // the next record is of the same read of the socket
    Continued = 2,  // told again at the begin of a file, has happened before
};

struct BlockHeader
{
    quint32 packedBytes = 0;
    quint32 recordBytes = 0;
    quint32 number = 0; // in its file, from 0
    quint32 sum = 0;    // of the packed bytes
};

struct RecordHeader
{
    Kind kind = Kind::End;
    quint8 flags = 0;
    quint32 payloadBytes = 0;
    qint64 timeNs = 0;
    qint64 connection = 0; // 0: of none
};

void appendRecord(QByteArray &records, const RecordHeader &header, QByteArrayView payload);
// Nothing if the bytes do not begin with a whole record.
std::optional<RecordHeader> parseRecord(QByteArrayView records);

// Header and packed bytes; empty if there is no memory.
QByteArray packBlock(QByteArrayView records, quint32 number);
// Nothing if it is none, or its own sum is wrong, or it is larger than blocks get.
std::optional<BlockHeader> parseBlockHeader(QByteArrayView bytes);
// `records` has `padding` bytes behind its end. False: damaged.
bool unpackBlock(const BlockHeader &header, QByteArrayView packed, std::vector<char> &records);
inline constexpr qsizetype padding = 64;

// Names of streams, each with its length before it.
QByteArray packNames(const QList<QByteArray> &names);
// What is no whole name is left out.
QList<QByteArray> unpackNames(QByteArrayView bytes);

// A message of ours as it may be kept: JSON in which each value that is not known to be harmless is ***, as a
// key or a token may stand anywhere; *** alone for anything that is no JSON.
QByteArray masked(QByteArrayView message);

} // namespace capture
} // namespace tidemill::net
