// SPDX-License-Identifier: Apache-2.0
#include "feed_shard.h"

#include "feed_context.h"

#include <QLoggingCategory>

#include <algorithm>
#include <utility>

Q_DECLARE_LOGGING_CATEGORY(lcFeed)

namespace tidemill::net {

using std::chrono::milliseconds;

// How long the goodbye of a line may take that was replaced.
static constexpr milliseconds leaveDeadline{2'000};

static QList<int> idsOf(const QList<FeedStream> &streams)
{
    QList<int> ids;
    for (const FeedStream &stream : streams)
        ids.append(stream.id);
    return ids;
}

FeedShard::FeedShard(FeedContext &context, QObject *parent)
    : QObject(parent)
    , m_context(context)
    , m_rotationBackoff(context.plan.connection.backoff)
{}

void FeedShard::start(const QList<FeedStream> &streams, milliseconds delay, milliseconds stagger)
{
    m_streams = streams;
    for (int i = 0; i < m_context.plan.redundancy; ++i) {
        FeedLine *line = makeLine();
        m_slots.push_back({line, nullptr});
        line->start(streams, delay + i * stagger);
    }
}

FeedLine *FeedShard::makeLine()
{
    auto *line = new FeedLine(m_context, this);
    connect(line, &FeedLine::changed, this, &FeedShard::refresh);
    connect(line, &FeedLine::lost, this, [this, line](const LostInfo &info) { handleLost(line, info); });
    connect(line, &FeedLine::refused, this, [this, line](const FeedStream &stream, const Error &error) {
        handleRefused(line, stream, error);
    });
    connect(line, &FeedLine::rotationWanted, this,
            [this, line](const QString &reason) { handleRotationWanted(line, reason); });
    connect(line, &FeedLine::finished, this, [this, line] { drop(line); });
    return line;
}

std::vector<FeedLine *> FeedShard::lines() const
{
    std::vector<FeedLine *> all;
    for (const Slot &slot : m_slots) {
        all.push_back(slot.line);
        if (slot.successor)
            all.push_back(slot.successor);
    }
    return all;
}

FeedShard::Slot *FeedShard::slotOf(const FeedLine *line)
{
    const auto found = std::find_if(m_slots.begin(), m_slots.end(), [line](const Slot &slot) {
        return slot.line == line || slot.successor == line;
    });
    return found == m_slots.end() ? nullptr : &*found;
}

void FeedShard::add(const QList<FeedStream> &streams)
{
    m_streams += streams;
    for (FeedLine *line : lines())
        line->add(streams);
}

void FeedShard::remove(const QList<int> &streams)
{
    m_streams.removeIf([&streams](const FeedStream &stream) { return streams.contains(stream.id); });
    for (const int stream : streams)
        m_carried.remove(stream);
    for (FeedLine *line : lines())
        line->remove(streams);
}

void FeedShard::close(milliseconds deadline)
{
    m_isClosing = true;
    for (FeedLine *line : lines())
        leave(line, deadline);
    m_slots.clear();
}

// It stays the leader, if it was, as what it still delivers counts; a successor is elected by refresh().
void FeedShard::leave(FeedLine *line, milliseconds deadline)
{
    m_leaving.push_back(line);
    line->leave(deadline);
}

void FeedShard::drop(FeedLine *line)
{
    const FeedStatistics last = line->statistics();
    m_context.counted.connectAttempts += last.connectAttempts;
    m_context.counted.bytesReceived += last.bytesReceived;
    m_context.counted.framesReceived += last.framesReceived;
    std::erase(m_leaving, line);
    if (m_leader == line)
        m_leader = nullptr;
    line->disconnect(this);
    line->deleteLater();
    if (m_isClosing && m_leaving.empty())
        emit finished();
}

void FeedShard::pause()
{
    for (FeedLine *line : lines())
        line->pause();
}

void FeedShard::resume()
{
    for (FeedLine *line : lines())
        line->resume();
}

void FeedShard::watch(Clock::time_point now)
{
    // By index, and looking again: who is asked or told in between may close the feed.
    for (size_t i = 0; i < m_slots.size(); ++i) {
        m_slots[i].line->watch(now);
        if (i < m_slots.size() && m_slots[i].successor)
            m_slots[i].successor->watch(now);
        if (i >= m_slots.size())
            return;
        Slot &slot = m_slots[i];
        if (slot.successor && slot.successor->hasCaughtUpWith(*slot.line, now))
            handOver(slot);
        else if (!slot.successor && slot.line->isDue(now))
            makeSuccessor(slot);
    }
}

void FeedShard::handleLost(FeedLine *line, const LostInfo &info)
{
    if (m_leader == line)
        m_leader = nullptr;
    ++m_context.counted.losses;
    Slot *slot = slotOf(line);
    if (!slot)
        return;
    const bool isSuccessor = slot->successor == line;
    FeedTrouble trouble{{}, info.kind, idsOf(m_streams), line->lastData()};
    trouble.what = QStringLiteral("%1 lost: %2").arg(line->name(), info.reason);
    if (slot->line == line && slot->successor) {
        trouble.what += QStringLiteral("; its successor takes over");
        slot->line = std::exchange(slot->successor, nullptr);
        drop(line);
    } else {
        trouble.what += QStringLiteral("; trying again in %1 ms").arg(info.nextTry.count());
    }
    refresh();
    // The old line still delivers; and if a live one took over, nothing is amiss.
    const bool isMissed = !isSuccessor && !isLive();
    if (isMissed && !m_isClosing)
        emit lost(trouble);
}

void FeedShard::handleRefused(const FeedLine *line, const FeedStream &stream, const Error &error)
{
    emit refused({QStringLiteral("%1: the exchange refused the stream %2: %3")
                      .arg(line->name(), QString::fromUtf8(stream.name), error.message),
                  error.kind,
                  {stream.id},
                  line->lastData()});
}

void FeedShard::handleRotationWanted(FeedLine *line, const QString &reason)
{
    const Slot *slot = slotOf(line);
    if (!slot || !line->isConnected() || (slot->line == line && slot->successor))
        return;
    const Clock::time_point now = Clock::now();
    // Long-lived as it is, its peer is not one that ends each connection at once.
    if (now - line->openedAt() >= m_context.plan.connection.goodAfter)
        m_rotationBackoff.reset();
    const milliseconds delay = m_rotationBackoff.next();
    qCInfo(lcFeed).noquote()
        << line->name() + QStringLiteral(" is to be replaced in %1 ms: %2").arg(delay.count()).arg(reason);
    line->rotateBy(now + delay);
}

void FeedShard::makeSuccessor(Slot &slot)
{
    slot.successor = makeLine();
    qCInfo(lcFeed).noquote() << slot.line->name() << "gets a successor:" << slot.successor->name();
    slot.successor->start(m_streams, milliseconds(0));
    slot.successor->learnFrom(*slot.line);
}

void FeedShard::handOver(Slot &slot)
{
    FeedLine *old = std::exchange(slot.line, std::exchange(slot.successor, nullptr));
    ++m_context.counted.rotations;
    qCInfo(lcFeed).noquote() << slot.line->name() << "has taken over from" << old->name();
    leave(old, leaveDeadline);
    refresh();
}

void FeedShard::refresh()
{
    if (m_isClosing)
        return;
    electLeader();
    QSet<int> carried;
    const std::vector<FeedLine *> all = lines();
    for (const FeedStream &stream : std::as_const(m_streams)) {
        if (std::any_of(all.begin(), all.end(),
                        [&stream](const FeedLine *line) { return line->carries(stream.id); }))
            carried.insert(stream.id);
    }
    const QSet<int> before = std::exchange(m_carried, carried);
    if (const QSet<int> gone = before - carried; !gone.isEmpty())
        emit interrupted(QList<int>(gone.begin(), gone.end()));
    if (const QSet<int> come = carried - before; !come.isEmpty())
        emit resumed(QList<int>(come.begin(), come.end()));
    emit changed();
}

// The oldest live one; while none is live, the oldest that is connected, as it may deliver already.
void FeedShard::electLeader()
{
    FeedLine *best = nullptr;
    const auto isBetter = [](const FeedLine *a, const FeedLine *b) {
        if (a->isLive() != b->isLive())
            return a->isLive();
        return a->isLive() ? *a->liveSince() < *b->liveSince() : a->openedAt() < b->openedAt();
    };
    for (FeedLine *line : lines()) {
        if (line->isConnected() && (!best || isBetter(line, best)))
            best = line;
    }
    if (!best || best == m_leader)
        return;
    if (FeedLine *former = std::exchange(m_leader, best))
        former->setLeader(false);
    best->setLeader(true);
}

bool FeedShard::isLive() const
{
    return std::all_of(m_slots.begin(), m_slots.end(), [](const Slot &slot) { return slot.line->isLive(); });
}

QList<FeedStream> FeedShard::refusedStreams() const
{
    QSet<int> seen;
    QList<FeedStream> refused;
    for (const Slot &slot : m_slots) {
        for (const FeedStream &stream : slot.line->refusedStreams()) {
            if (!seen.contains(stream.id))
                refused.append(stream);
            seen.insert(stream.id);
        }
    }
    return refused;
}

void FeedShard::addTo(FeedFigures &figures) const
{
    const auto add = [&figures](const FeedLine *line) {
        const FeedStatistics now = line->statistics();
        figures.connectAttempts += now.connectAttempts;
        figures.bytesReceived += now.bytesReceived;
        figures.framesReceived += now.framesReceived;
    };
    for (const FeedLine *line : lines())
        add(line);
    for (const FeedLine *line : m_leaving)
        add(line);
    figures.connections += static_cast<int>(m_slots.size());
    for (const Slot &slot : m_slots)
        figures.connectionsLive += slot.line->isLive();
}

} // namespace tidemill::net
