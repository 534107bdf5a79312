// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "feed_line.h"

#include <tidemill/backoff.h>

#include <QObject>
#include <QSet>

#include <vector>

namespace tidemill::net {

// Streams that share connections: as many lines as the plan's redundancy says carry all of them, and while
// one of these is rotated, its successor does too. Knows who leads, and which streams are carried by anybody.
class FeedShard : public QObject
{
    Q_OBJECT

public:
    using Clock = FeedLine::Clock;

    FeedShard(FeedContext &context, QObject *parent);

    // Each next line `stagger` later.
    void start(const QList<FeedStream> &streams, std::chrono::milliseconds delay,
               std::chrono::milliseconds stagger);
    void add(const QList<FeedStream> &streams);
    void remove(const QList<int> &streams);
    void close(std::chrono::milliseconds deadline); // finished() follows, from the event loop

    void pause();
    void resume();
    void watch(Clock::time_point now);

    const QList<FeedStream> &streams() const { return m_streams; }
    bool isClosing() const { return m_isClosing; }
    bool isLive() const; // every line that is wanted is
    QList<FeedStream> refusedStreams() const;
    void addTo(FeedFigures &figures) const;

Q_SIGNALS:
    void changed();
    void lost(const tidemill::net::FeedTrouble &trouble); // not for a successor: the old one goes on
    void refused(const tidemill::net::FeedTrouble &trouble);
    void interrupted(const QList<int> &streams);
    void resumed(const QList<int> &streams);
    void finished();

private:
    struct Slot
    {
        FeedLine *line = nullptr; // a child, as is the next
        FeedLine *successor = nullptr;
    };

    FeedLine *makeLine();
    std::vector<FeedLine *> lines() const; // all but those that are being left
    Slot *slotOf(const FeedLine *line);
    void handleLost(FeedLine *line, const LostInfo &info);
    void handleRefused(const FeedLine *line, const FeedStream &stream, const Error &error);
    void handleRotationWanted(FeedLine *line, const QString &reason);
    void makeSuccessor(Slot &slot);
    void handOver(Slot &slot);
    void leave(FeedLine *line, std::chrono::milliseconds deadline);
    void drop(FeedLine *line);
    void refresh();
    void electLeader();

    FeedContext &m_context;
    QList<FeedStream> m_streams;
    std::vector<Slot> m_slots;
    std::vector<FeedLine *> m_leaving; // children
    FeedLine *m_leader = nullptr;      // one of lines()
    QSet<int> m_carried;
    // An exchange that announces its end on each new connection must not be followed at full speed.
    Backoff m_rotationBackoff;
    bool m_isClosing = false;
};

} // namespace tidemill::net
