// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <QByteArray>
#include <QHash>

#include <deque>
#include <mutex>

namespace tidemill::host {

// Which of a source's positions may be kept: a position is worth what all deliveries emitted before it are
// worth. It may be kept once the whole prefix of them has settled and none was abandoned. Any thread.
class CheckpointTracker
{
public:
    using Positions = QHash<QByteArray, QByteArray>;

    // A delivery goes out; its number, for settle().
    quint64 emitted();
    // An abandoned one stops everything: no position moves past it any more.
    void settle(quint64 number, bool abandoned);
    // `stream` is complete up to `position` with what has been emitted until now.
    void reached(const QByteArray &stream, const QByteArray &position);
    // The source has lost something itself: what it says it has reached from now on counts no more.
    void close();
    // What has not settled by now never will, as far as positions go.
    void freeze();

    // The newest position of each stream that may be kept.
    Positions kept();

private:
    // Beyond so many a position replaces the one before it: a sink that is away for hours must not cost
    // memory for each burst.
    static constexpr std::size_t maxWaiting = 64;

    struct Mark
    {
        quint64 after = 0; // may be kept when all deliveries up to this number have settled
        QByteArray position;
    };
    struct Stream
    {
        std::deque<Mark> waiting;
        QByteArray kept;
    };

    void keep(Stream &stream) const;

    std::mutex m_lock;
    quint64 m_emitted = 0;       // number of the last delivery
    quint64 m_settledPrefix = 0; // all up to this one have settled
    std::deque<bool> m_settled;  // of those behind the prefix
    bool m_closed = false;
    bool m_blocked = false;
    QHash<QByteArray, Stream> m_streams;
};

} // namespace tidemill::host
