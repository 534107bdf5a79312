// SPDX-License-Identifier: Apache-2.0
#include "line_streams.h"

#include <QStringList>

#include <algorithm>

namespace tidemill::net {

QString streamNames(const QList<FeedStream> &streams)
{
    constexpr qsizetype named = 5;
    QStringList names;
    for (const FeedStream &stream : streams.first(std::min(streams.size(), named)))
        names.append(QString::fromUtf8(stream.name));
    const QString list = names.join(QStringLiteral(", "));
    return streams.size() <= named ? list
                                   : QStringLiteral("%1 and %2 more").arg(list).arg(streams.size() - named);
}

LineStreams::LineStreams(std::chrono::milliseconds floor, std::chrono::milliseconds ceiling)
    : m_floor(floor)
    , m_ceiling(ceiling)
{}

void LineStreams::add(const QList<FeedStream> &streams)
{
    for (const FeedStream &stream : streams) {
        if (m_index.contains(stream.id))
            continue;
        m_index.insert(stream.id, m_entries.size());
        m_entries.push_back({stream, StreamRhythm(m_floor, m_ceiling), {}, {}, {}, {}, {}, {}});
    }
}

QList<FeedStream> LineStreams::remove(const QList<int> &streams)
{
    QList<FeedStream> asked;
    std::vector<Entry> rest;
    for (const Entry &entry : m_entries) {
        if (!streams.contains(entry.stream.id))
            rest.push_back(entry);
        else if (entry.state == State::Asked || entry.state == State::Confirmed)
            asked.append(entry.stream);
    }
    m_entries = std::move(rest);
    m_index.clear();
    for (size_t i = 0; i < m_entries.size(); ++i)
        m_index.insert(m_entries[i].stream.id, i);
    return asked;
}

void LineStreams::learnFrom(const LineStreams &other)
{
    for (Entry &entry : m_entries) {
        const Entry *known = other.find(entry.stream.id);
        if (!known)
            continue;
        entry.rhythm = known->rhythm;
        entry.rhythm.restart();
        entry.lastData = known->lastData;
    }
}

QList<FeedStream> LineStreams::ask(Clock::time_point now)
{
    QList<FeedStream> asked;
    for (Entry &entry : m_entries) {
        if (entry.state != State::Idle)
            continue;
        entry.state = State::Asked;
        entry.since = now;
        asked.append(entry.stream);
    }
    return asked;
}

bool LineStreams::confirm(int stream, Clock::time_point now)
{
    Entry *entry = find(stream);
    if (!entry || (entry->state != State::Asked && entry->state != State::Refused))
        return false;
    entry->state = State::Confirmed;
    entry->since = now;
    return true;
}

bool LineStreams::refuse(int stream)
{
    Entry *entry = find(stream);
    if (!entry || entry->state == State::Idle || entry->state == State::Refused)
        return false;
    entry->state = State::Refused;
    return true;
}

void LineStreams::heard(int stream, Clock::time_point now, Timestamp received)
{
    Entry *entry = find(stream);
    if (!entry)
        return;
    entry->rhythm.heard(now);
    entry->heard = now;
    entry->lastData = received;
    entry->suspicion = Suspicion::None;
}

void LineStreams::disconnected()
{
    for (Entry &entry : m_entries) {
        entry.state = State::Idle;
        entry.suspicion = Suspicion::None;
        entry.heard.reset();
        entry.rhythm.restart();
    }
}

void LineStreams::restart(Clock::time_point now)
{
    for (Entry &entry : m_entries) {
        entry.since = now;
        entry.suspicion = Suspicion::None;
        entry.rhythm.restart();
    }
}

void LineStreams::postpone(Clock::time_point now)
{
    for (Entry &entry : m_entries) {
        if (entry.state == State::Asked)
            entry.since = now;
    }
}

bool LineStreams::allAnswered() const
{
    return std::none_of(m_entries.begin(), m_entries.end(), [](const Entry &entry) {
        return entry.state == State::Idle || entry.state == State::Asked;
    });
}

QList<FeedStream> LineStreams::unansweredSince(Clock::time_point time) const
{
    QList<FeedStream> unanswered;
    for (const Entry &entry : m_entries) {
        if (entry.state == State::Asked && entry.since <= time)
            unanswered.append(entry.stream);
    }
    return unanswered;
}

const LineStreams::Entry *LineStreams::find(int stream) const
{
    const auto found = m_index.constFind(stream);
    return found == m_index.constEnd() ? nullptr : &m_entries[*found];
}

LineStreams::Entry *LineStreams::find(int stream)
{
    const auto found = m_index.constFind(stream);
    return found == m_index.constEnd() ? nullptr : &m_entries[*found];
}

} // namespace tidemill::net
