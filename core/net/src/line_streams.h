// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "stream_rhythm.h"

#include <tidemill/net/feed_session.h>

#include <QHash>
#include <QList>
#include <QString>

#include <optional>
#include <vector>

namespace tidemill::net {

// The streams of one connection: which are asked for, which acknowledged, when each was heard of. What is
// learnt about their rhythm outlives the connection, all else ends with it. Pure: takes times.
class LineStreams
{
public:
    using Clock = StreamRhythm::Clock;

    enum class State { Idle, Asked, Confirmed, Refused };
    enum class Suspicion {
        None,
        Probing, // the prober was asked
        Quiet,   // too quiet, and nobody can tell whether that is right
    };

    struct Entry
    {
        FeedStream stream;
        StreamRhythm rhythm;
        State state = State::Idle;
        Suspicion suspicion = Suspicion::None;
        Clock::time_point since;                // deadlines and silence count from here
        Clock::time_point probed;               // when the suspicion arose
        std::optional<Clock::time_point> heard; // on this connection
        Timestamp lastData;                     // on any
    };

    LineStreams(std::chrono::milliseconds floor, std::chrono::milliseconds ceiling);

    void add(const QList<FeedStream> &streams);
    // Those of them that had been asked for.
    QList<FeedStream> remove(const QList<int> &streams);
    void learnFrom(const LineStreams &other); // its rhythms

    // Those that have not been asked for on this connection now are; they are returned.
    QList<FeedStream> ask(Clock::time_point now);
    bool confirm(int stream, Clock::time_point now); // false if that changes nothing
    bool refuse(int stream);
    void heard(int stream, Clock::time_point now, Timestamp received);
    void disconnected();
    // Time stood still until now.
    void restart(Clock::time_point now);
    // Deadlines of acknowledgements count from now.
    void postpone(Clock::time_point now);

    bool allAnswered() const;
    QList<FeedStream> unansweredSince(Clock::time_point time) const;
    const Entry *find(int stream) const;
    Entry *find(int stream);
    std::vector<Entry> &entries() { return m_entries; }
    const std::vector<Entry> &entries() const { return m_entries; }

private:
    std::chrono::milliseconds m_floor;
    std::chrono::milliseconds m_ceiling;
    std::vector<Entry> m_entries; // in the order they were added
    QHash<int, size_t> m_index;   // by id
};

// For a message: the first few by name, and how many there are besides.
QString streamNames(const QList<FeedStream> &streams);

} // namespace tidemill::net
