// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <QStringList>

namespace tidemill::host {

// What becomes of a batch that comes to a full queue.
enum class QueuePolicy {
    Block,      // it goes in, and what feeds the queue is held until the queue is half empty
    DropOldest, // it goes in, and the oldest batches go
    DropNewest, // it goes
    Latest,     // it goes in, and of all that waits only the newest record per key stays
    Spool,      // sinks: everything is on disk before it counts as taken, and what has no room waits there
};

// As pipeline files spell them, in the enum's order.
inline QStringList queuePolicyNames()
{
    return {QStringLiteral("block"), QStringLiteral("drop_oldest"), QStringLiteral("drop_newest"),
            QStringLiteral("latest"), QStringLiteral("spool")};
}

// Where what waits for a sink is kept.
enum class BufferType {
    Memory,
    Disk, // in a spool: the same as QueuePolicy::Spool
};

inline QStringList bufferTypeNames()
{
    return {QStringLiteral("memory"), QStringLiteral("disk")};
}

// When a spool's data goes from the kernel to the disk.
enum class SpoolFsync {
    Never,    // safe from a crash of the process; a crash of the machine may cost what the kernel still held
    Interval, // within a second of being written
};

inline QStringList spoolFsyncNames()
{
    return {QStringLiteral("never"), QStringLiteral("interval")};
}

} // namespace tidemill::host
