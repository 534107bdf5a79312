// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "line_streams.h"

#include <QList>
#include <QString>

#include <optional>

namespace tidemill::net {

// Judges the silence of one connection: which streams are too quiet, whether the peer still answers, and when
// both together mean that the connection is no good. Pure: takes times, and says what is to be done.
class SilenceWatch
{
public:
    using Clock = StreamRhythm::Clock;

    struct Rules
    {
        std::chrono::milliseconds floor;
        std::chrono::milliseconds ceiling;
        std::chrono::milliseconds probeTimeout;
        bool hasProber = false;
    };

    struct Step
    {
        bool ping = false;
        QList<int> ask;  // the prober about these
        QString recycle; // why, if the connection is to be given up
    };

    explicit SilenceWatch(const Rules &rules);

    // The connection is new, or time stood still (a pause).
    void restart(Clock::time_point now);
    void peerHeard(Clock::time_point now); // a message of any kind
    void streamHeard() { m_isRecycled = false; }
    void pongReceived() { m_isAnswered = true; }

    Step look(LineStreams &streams, Clock::time_point now);

private:
    QString judgePeer(Clock::time_point now);
    QString judgeQuiet(LineStreams &streams, Clock::time_point now);

    Rules m_rules;
    StreamRhythm m_peer; // of all messages together: a busy connection that dies is noticed soon
    Clock::time_point m_lastHeard;
    std::optional<Clock::time_point> m_pinged; // and neither answered nor given up
    bool m_isAnswered = false;
    bool m_isRecycled = false; // for silence, and nothing was heard of any stream since
};

} // namespace tidemill::net
