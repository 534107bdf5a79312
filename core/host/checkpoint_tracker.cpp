// SPDX-License-Identifier: Apache-2.0
#include "checkpoint_tracker.h"

namespace tidemill::host {

quint64 CheckpointTracker::emitted()
{
    const std::lock_guard lock(m_lock);
    ++m_emitted;
    if (!m_blocked)
        m_settled.push_back(false);
    return m_emitted;
}

void CheckpointTracker::settle(quint64 number, bool abandoned)
{
    const std::lock_guard lock(m_lock);
    if (m_blocked)
        return;
    if (!abandoned) {
        m_settled[number - m_settledPrefix - 1] = true;
        while (!m_settled.empty() && m_settled.front()) {
            m_settled.pop_front();
            ++m_settledPrefix;
        }
        return;
    }
    // Those before it may still settle, but a run that abandons is at its end: what they would add is not
    // worth the bookkeeping, and beginning too early does no harm.
    m_blocked = true;
    m_settled.clear();
}

void CheckpointTracker::reached(const QByteArray &stream, const QByteArray &position)
{
    const std::lock_guard lock(m_lock);
    if (m_blocked || m_closed)
        return;
    Stream &known = m_streams[stream];
    keep(known);
    if (m_emitted == m_settledPrefix) {
        known.waiting.clear();
        known.kept = position;
    } else if (!known.waiting.empty() &&
               (known.waiting.back().after == m_emitted || known.waiting.size() == maxWaiting)) {
        known.waiting.back() = {m_emitted, position};
    } else {
        known.waiting.push_back({m_emitted, position});
    }
}

void CheckpointTracker::close()
{
    const std::lock_guard lock(m_lock);
    m_closed = true;
}

void CheckpointTracker::freeze()
{
    const std::lock_guard lock(m_lock);
    m_blocked = true;
    m_settled.clear();
}

CheckpointTracker::Positions CheckpointTracker::kept()
{
    const std::lock_guard lock(m_lock);
    Positions positions;
    for (auto stream = m_streams.begin(); stream != m_streams.end(); ++stream) {
        keep(*stream);
        if (!stream->kept.isNull())
            positions.insert(stream.key(), stream->kept);
    }
    return positions;
}

void CheckpointTracker::keep(Stream &stream) const
{
    while (!stream.waiting.empty() && stream.waiting.front().after <= m_settledPrefix) {
        stream.kept = std::move(stream.waiting.front().position);
        stream.waiting.pop_front();
    }
}

} // namespace tidemill::host
