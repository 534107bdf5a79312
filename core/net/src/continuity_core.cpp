// SPDX-License-Identifier: Apache-2.0
#include "continuity_stream.h"

#include <algorithm>
#include <cstring>

namespace tidemill::net {

namespace {

// A lower id is a repeat, unless it happened clearly later than what has gone out: then the exchange has
// begun to count anew, or the high id was nonsense.
constexpr std::chrono::seconds startOverAfter{10};

// Records are a little ahead of, or behind, the time that goes by. By more the clock has been set.
constexpr std::chrono::seconds clockStep{5};

} // namespace

ContinuityCore::ContinuityCore(const RowType &type, const ContinuitySettings &settings, Handlers handlers)
    : m_type(type)
    , m_settings(settings)
    , m_handlers(std::move(handlers))
    , m_scratch(type.size)
{}

ContinuityCore::~ContinuityCore() = default;

ContinuityCore::Stream *ContinuityCore::find(int stream) const
{
    return stream >= 0 && std::size_t(stream) < m_streams.size() ? m_streams[std::size_t(stream)].get()
                                                                 : nullptr;
}

void ContinuityCore::open(int stream, const ContinuityStream &names)
{
    Q_ASSERT(stream >= 0);
    if (find(stream))
        return;
    if (std::size_t(stream) >= m_streams.size()) {
        m_streams.resize(std::size_t(stream) + 1);
        m_gates.resize(m_streams.size());
    }
    auto opened = std::make_unique<Stream>(m_type.size);
    opened->names = names;
    if (m_metrics) {
        const auto counter = [&](const char *state) {
            return m_metrics->counter("tidemill_missed_records_total",
                                      "Records that did not come live: filled from history, or missing.",
                                      {{"exchange", names.exchange.name().toByteArray()},
                                       {"symbol", names.symbol.name().toByteArray()},
                                       {"stream", names.stream.name().toByteArray()},
                                       {"state", state}});
        };
        opened->filled = counter("filled");
        opened->missing = counter("missing");
    }
    m_streams[std::size_t(stream)] = std::move(opened);
    m_gates[std::size_t(stream)] = {};
}

void ContinuityCore::interrupted(int stream)
{
    Stream *state = find(stream);
    if (!state || !state->isKnown)
        return;
    Gate &gate = m_gates[std::size_t(stream)];
    if (gate.passes != nothing)
        state->next = std::exchange(gate.passes, nothing);
    state->isInterrupted = true;
}

void ContinuityCore::noteMoved(int stream)
{
    bool &moved = m_gates[std::size_t(stream)].moved;
    if (!std::exchange(moved, true))
        m_moved.push_back(stream);
}

std::vector<int> ContinuityCore::takeMoved()
{
    for (const int stream : m_moved)
        m_gates[std::size_t(stream)].moved = false;
    return std::exchange(m_moved, {});
}

// Everything before `next` is dealt with. Shuts the gate; drain() opens it if nothing waits.
void ContinuityCore::advance(int stream, qint64 next)
{
    find(stream)->next = next;
    m_gates[std::size_t(stream)].passes = nothing;
    noteMoved(stream);
}

void ContinuityCore::emitRow(int stream, const std::byte *row, bool backfill)
{
    Gate &gate = m_gates[std::size_t(stream)];
    gate.lastEvent = std::max(gate.lastEvent, m_type.event(row));
    gate.lastReceived = std::max(gate.lastReceived, m_type.received(row));
    if (backfill) {
        std::memcpy(m_scratch.data(), row, m_type.size);
        m_type.markBackfill(m_scratch.data());
        row = m_scratch.data();
    }
    m_handlers.record(stream, row);
}

// What follows on goes out; then the stream flows, or the next hole is in front.
void ContinuityCore::drain(int stream)
{
    Stream &state = *find(stream);
    bool isNextHole = false;
    while (!state.held.isEmpty() && state.held.frontId() == state.next) {
        isNextHole = true;
        emitRow(stream, state.held.front(), false);
        const std::size_t before = state.held.bytes();
        state.held.popFront();
        m_heldBytes -= before - state.held.bytes();
        advance(stream, state.next + 1);
    }
    if (state.held.isEmpty()) {
        state.isInterrupted = false;
        m_gates[std::size_t(stream)].passes = state.next;
        return;
    }
    if (isNextHole)
        state.holeSince = std::min(state.held.frontAt(), m_now);
    trim(stream);
}

void ContinuityCore::handle(int stream, const std::byte *row)
{
    Stream *state = find(stream);
    const qint64 id = m_type.id(row);
    m_now = std::max(m_now, m_type.received(row));
    if (!state || id < 0 || id >= maxContinuityId) {
        ++m_repeats;
        return;
    }
    Gate &gate = m_gates[std::size_t(stream)];
    if (gate.passes != nothing)
        state->next = gate.passes;
    if (!state->isKnown) {
        state->isKnown = true;
        state->next = id;
    }
    if (id == state->next) {
        emitRow(stream, row, false);
        advance(stream, id + 1);
        drain(stream);
    } else if (id > state->next) {
        hold(stream, id, row);
    } else if (hasStartedOver(stream, row)) {
        startOver(stream, id, row);
    } else if (takeLate(stream, id)) {
        emitRow(stream, row, false);
        finishLate(stream, {});
    } else {
        ++m_repeats;
        ++state->figures.repeats;
    }
    pump(stream);
}

void ContinuityCore::hold(int stream, qint64 id, const std::byte *row)
{
    Stream &state = *find(stream);
    if (state.held.isEmpty())
        state.holeSince = m_now;
    const std::size_t before = state.held.bytes();
    if (!state.held.insert(id, m_now, row)) {
        ++m_repeats;
        ++state.figures.repeats;
        return;
    }
    m_heldBytes += state.held.bytes() - before;
    m_gates[std::size_t(stream)].passes = nothing;
    trim(stream);
    boundMemory(stream);
}

// A hole longer than we care to fill: its older part is a Gap for good.
void ContinuityCore::trim(int stream)
{
    Stream &state = *find(stream);
    const qint64 length = state.held.frontId() - state.next;
    if (length <= m_settings.maxBackfill)
        return;
    const qint64 keepFrom = state.held.frontId() - m_settings.maxBackfill;
    missing(stream, {state.next, keepFrom - 1}, state.held.front(),
            "more than " + QByteArray::number(m_settings.maxBackfill) +
                " records: only the newest are asked for");
    advance(stream, keepFrom);
    if (m_settings.maxBackfill == 0)
        drain(stream);
}

void ContinuityCore::boundMemory(int stream)
{
    while (qsizetype(find(stream)->held.count()) > m_settings.maxHeldRecords)
        makeLate(stream, "too many records wait for what is missing");
    while (qsizetype(m_heldBytes) > m_settings.maxHeldBytes) {
        int largest = stream;
        for (int other = 0; std::size_t(other) < m_streams.size(); ++other) {
            const Stream *state = find(other);
            if (state && (!find(largest) || state->held.count() > find(largest)->held.count()))
                largest = other;
        }
        makeLate(largest, "too many records wait for what is missing");
    }
}

bool ContinuityCore::hasStartedOver(int stream, const std::byte *row) const
{
    const Timestamp event = m_type.event(row);
    const Timestamp last = m_gates[std::size_t(stream)].lastEvent;
    return !event.isNull() && !last.isNull() && event - last > startOverAfter;
}

void ContinuityCore::startOver(int stream, qint64 id, const std::byte *row)
{
    Stream &state = *find(stream);
    letGo(stream);
    giveUpLate(stream, state.late.size());
    Gap gap = describeGap(stream, {0, 0}, row);
    m_handlers.gap(stream, gap,
                   "ids start over at " + QByteArray::number(id) + " after " +
                       QByteArray::number(state.next - 1));
    emitRow(stream, row, false);
    advance(stream, id + 1);
    drain(stream);
}

// Nothing waits any more; what it waited for is left to history, if that is still asked.
void ContinuityCore::letGo(int stream)
{
    Stream &state = *find(stream);
    state.asked.reset();
    state.askAgain = {};
    state.isCatchUpStale = false;
    while (!state.held.isEmpty())
        makeLate(stream, "the stream ended before it was filled");
    finishCatchUp(stream, false);
}

QByteArray ContinuityCore::close(int stream)
{
    Stream *state = find(stream);
    if (!state)
        return {};
    if (m_gates[std::size_t(stream)].passes != nothing)
        state->next = m_gates[std::size_t(stream)].passes;
    state->isStopped = true;
    letGo(stream);
    splitAllLate(stream);
    const QByteArray reached = position(stream);
    m_gates[std::size_t(stream)].passes = nothing;
    std::erase(m_moved, stream);
    m_gates[std::size_t(stream)].moved = false;
    m_streams[std::size_t(stream)].reset();
    return reached;
}

void ContinuityCore::stop()
{
    for (int stream = 0; std::size_t(stream) < m_streams.size(); ++stream) {
        Stream *state = find(stream);
        if (!state)
            continue;
        state->isStopped = true;
        letGo(stream);
        splitAllLate(stream);
    }
}

// What waits for a time to come would otherwise wait for as long again as the clock was set back by.
void ContinuityCore::setBack(Timestamp now)
{
    const std::chrono::nanoseconds by = now - m_now; // negative
    m_now = now;
    for (const auto &state : m_streams) {
        if (!state)
            continue;
        for (Timestamp *at : {&state->holeSince, &state->askAgain, &state->catchUpSince}) {
            if (!at->isNull())
                *at = *at + by;
        }
        for (LateHole &hole : state->late) {
            if (!hole.since.isNull())
                hole.since = hole.since + by;
        }
    }
}

void ContinuityCore::tick(Timestamp now)
{
    if (m_now - now > clockStep)
        setBack(now);
    m_now = std::max(m_now, now);
    for (int stream = 0; std::size_t(stream) < m_streams.size(); ++stream) {
        Stream *state = find(stream);
        if (!state)
            continue;
        while (!state->held.isEmpty() && m_now - state->holeSince >= m_settings.maxHold)
            makeLate(stream, "history did not come in time");
        pump(stream);
    }
}

Timestamp ContinuityCore::due() const
{
    Timestamp first;
    for (const auto &state : m_streams) {
        if (!state)
            continue;
        Timestamp at;
        if (!state->held.isEmpty()) {
            at = state->holeSince + m_settings.maxHold;
            if (!state->asked)
                at = std::min(at, state->lags(state->next) ? state->askAgain
                                                           : state->holeSince + m_settings.reorder);
        } else if (!state->asked && !state->late.empty() &&
                   state->lags(state->late.front().todo.front().first)) {
            at = state->askAgain;
        }
        if (!at.isNull() && (first.isNull() || at < first))
            first = at;
    }
    return first;
}

ContinuityFigures ContinuityCore::figures(int stream) const
{
    const Stream *state = find(stream);
    if (!state)
        return {};
    ContinuityFigures figures = state->figures;
    figures.openHoles = int(state->late.size()) + (state->held.isEmpty() ? 0 : 1);
    return figures;
}

} // namespace tidemill::net
