// SPDX-License-Identifier: Apache-2.0
#include "silence_watch.h"

#include <algorithm>
#include <utility>

namespace tidemill::net {

using std::chrono::duration_cast;
using std::chrono::milliseconds;
using State = LineStreams::State;
using Suspicion = LineStreams::Suspicion;

static StreamRhythm::Clock::time_point lastSign(const LineStreams::Entry &entry)
{
    return entry.heard ? std::max(*entry.heard, entry.since) : entry.since;
}

SilenceWatch::SilenceWatch(const Rules &rules) : m_rules(rules), m_peer(rules.floor, rules.ceiling) {}

void SilenceWatch::restart(Clock::time_point now)
{
    m_peer.restart();
    m_lastHeard = now;
    m_pinged.reset();
}

void SilenceWatch::peerHeard(Clock::time_point now)
{
    m_peer.heard(now);
    m_lastHeard = now;
    m_isAnswered = true;
}

SilenceWatch::Step SilenceWatch::look(LineStreams &streams, Clock::time_point now)
{
    Step step;
    bool isSuspect = now - m_lastHeard >= m_peer.limit();
    for (LineStreams::Entry &entry : streams.entries()) {
        if (entry.state != State::Confirmed)
            continue;
        if (entry.suspicion == Suspicion::None && now - lastSign(entry) >= entry.rhythm.limit()) {
            isSuspect = true;
            entry.probed = now;
            entry.suspicion = m_rules.hasProber ? Suspicion::Probing : Suspicion::Quiet;
            if (m_rules.hasProber)
                step.ask.append(entry.stream.id);
        } else if (entry.suspicion == Suspicion::Probing && now - entry.probed >= m_rules.probeTimeout) {
            entry.suspicion = Suspicion::Quiet; // the prober cannot tell
        }
    }
    if (m_pinged)
        step.recycle = judgePeer(now);
    else if (isSuspect) {
        step.ping = true;
        m_pinged = now;
        m_isAnswered = false;
    }
    // Who does not answer a ping is gone; only of a peer that is there it matters what it sends.
    if (!m_pinged && step.recycle.isEmpty())
        step.recycle = judgeQuiet(streams, now);
    return step;
}

QString SilenceWatch::judgePeer(Clock::time_point now)
{
    if (m_isAnswered) {
        m_pinged.reset();
        if (now - m_lastHeard >= m_peer.limit())
            m_peer.relax();
        return {};
    }
    if (now - *m_pinged < m_rules.probeTimeout)
        return {};
    m_pinged.reset();
    return QStringLiteral("no data for %1 ms, and no answer to a ping in %2 ms")
        .arg(duration_cast<milliseconds>(now - m_lastHeard).count())
        .arg(m_rules.probeTimeout.count());
}

// Nobody can tell whether the market or the connection is at fault, so the connection is tried once.
QString SilenceWatch::judgeQuiet(LineStreams &streams, Clock::time_point now)
{
    qsizetype confirmed = 0;
    Clock::time_point last = Clock::time_point::min();
    for (const LineStreams::Entry &entry : streams.entries()) {
        if (entry.state != State::Confirmed)
            continue;
        if (entry.suspicion != Suspicion::Quiet)
            return {};
        ++confirmed;
        last = std::max(last, lastSign(entry));
    }
    if (confirmed == 0)
        return {};
    if (!std::exchange(m_isRecycled, true))
        return QStringLiteral("no data of any of %1 streams for %2 ms, although the peer answers a ping")
            .arg(confirmed)
            .arg(duration_cast<milliseconds>(now - last).count());
    for (LineStreams::Entry &entry : streams.entries()) {
        if (entry.state != State::Confirmed)
            continue;
        entry.suspicion = Suspicion::None;
        entry.rhythm.relax();
    }
    return {};
}

} // namespace tidemill::net
