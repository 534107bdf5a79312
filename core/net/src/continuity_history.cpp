// SPDX-License-Identifier: Apache-2.0
#include "continuity_stream.h"

#include <algorithm>
#include <iterator>

namespace tidemill::net {

// Which history is asked for and what its answers mean.

namespace {

// A record as young as this may still be on its way to us, so it does not show that anything was missed.
constexpr std::chrono::seconds youngAge{2};

// Until history that lags is asked again.
constexpr std::chrono::seconds lagPause{1};

// Of those who want to know whether anything was missed, while history does not answer.
constexpr std::size_t maxWaitingForVerdict = 64;

const QByteArray notInHistory = QByteArrayLiteral("the exchange's history does not have it");

} // namespace

void ContinuityCore::catchUp(int stream, std::function<void(Missed)> done)
{
    Stream *state = find(stream);
    if (!state || !state->isKnown || state->isStopped || !m_handlers.fetch) {
        if (done)
            done(Missed::Unknown);
        return;
    }
    // One that has been asked already may have been answered from before now: it is asked once more after it.
    const bool isStale = state->isCatchingUp && state->asked && state->asked->last == 0;
    if (!std::exchange(state->isCatchingUp, true)) {
        state->catchUpSince = m_now;
        state->caughtUp = 0;
    }
    state->isCatchUpStale = state->isCatchUpStale || isStale;
    const bool isRoom = state->catchUpDone.size() + state->staleDone.size() < maxWaitingForVerdict;
    if (done && isRoom)
        (isStale ? state->staleDone : state->catchUpDone).push_back(std::move(done));
    pump(stream);
    if (done && !isRoom)
        done(Missed::Unknown);
}

void ContinuityCore::finishCatchUp(int stream, bool known)
{
    Stream &state = *find(stream);
    const Missed missed = state.caughtUp > 0 ? Missed::Yes : known ? Missed::No : Missed::Unknown;
    auto finished = std::exchange(state.catchUpDone, {});
    state.isCatchingUp = std::exchange(state.isCatchUpStale, false);
    if (state.isCatchingUp)
        state.catchUpDone = std::exchange(state.staleDone, {});
    else
        std::move(state.staleDone.begin(), state.staleDone.end(), std::back_inserter(finished));
    state.staleDone.clear();
    state.catchUpSince = m_now;
    state.caughtUp = 0;
    // Last of all: they may ask for more.
    for (const auto &done : finished)
        done(missed);
}

// The hole in front is what others wait for; then what may have been missed; then what is late anyway.
bool ContinuityCore::pickRange(int stream, Range &range) const
{
    const Stream &state = *find(stream);
    const qint64 passes = m_gates[std::size_t(stream)].passes;
    const auto mustPause = [&](qint64 first) { return m_now < state.askAgain && state.lags(first); };
    if (!state.held.isEmpty()) {
        if (m_now - state.holeSince < m_settings.reorder || mustPause(state.next))
            return false;
        range = {state.next, state.held.frontId() - 1};
        return true;
    }
    if (state.isCatchingUp) {
        range = {passes != nothing ? passes : state.next, 0};
        return true;
    }
    if (state.late.empty() || mustPause(state.late.front().todo.front().first))
        return false;
    range = state.late.front().todo.front();
    return true;
}

// What answers a question of now may not know yet what happened a moment ago.
bool ContinuityCore::mayStillCome(int stream, Range range) const
{
    const Stream &state = *find(stream);
    const auto isYoung = [this](Timestamp since) {
        return !since.isNull() && m_now - since < m_settings.historyLag;
    };
    if (!state.held.isEmpty() && state.next <= range.last && isYoung(state.holeSince))
        return true;
    return std::any_of(state.late.begin(), state.late.end(), [&](const LateHole &hole) {
        return isYoung(hole.since) && hole.todo.front().first <= range.last &&
               hole.todo.back().last >= range.first;
    });
}

void ContinuityCore::pump(int stream)
{
    Range range{};
    while (true) {
        Stream *state = find(stream);
        if (!state || state->isStopped || state->asked || state->isAsking || !pickRange(stream, range))
            return;
        state->asked = Request{stream, ++m_lastRequest, range.first, range.last};
        if (!m_handlers.fetch) {
            const Error error{Error::Kind::Network, QStringLiteral("this stream has no history to ask")};
            take(stream, &error, {}, true);
            continue;
        }
        state->isAsking = true;
        m_handlers.fetch(*state->asked);
        state->isAsking = false;
        const std::optional<Early> early = std::move(state->early);
        state->early.reset();
        if (early)
            take(stream, early->error ? &*early->error : nullptr, early->rows, early->complete);
    }
}

void ContinuityCore::answer(int stream, quint64 number, const Error *error, std::span<const std::byte> rows,
                            bool complete)
{
    Stream *state = find(stream);
    if (!state || !state->asked || state->asked->number != number || state->early)
        return;
    if (state->isAsking) {
        // Not deeper than this: page after page would otherwise pile up on the stack.
        state->early =
            Early{error ? std::optional(*error) : std::nullopt, {rows.begin(), rows.end()}, complete};
        return;
    }
    take(stream, error, rows, complete);
    pump(stream);
}

void ContinuityCore::take(int stream, const Error *error, std::span<const std::byte> rows, bool complete)
{
    Stream &state = *find(stream);
    const Request asked = *std::exchange(state.asked, {});
    const bool isOpenEnded = asked.last == 0;
    state.askAgain = {};
    bool isPast = false; // history has something behind what was asked for
    Gate &gate = m_gates[std::size_t(stream)];
    if (gate.passes != nothing)
        state.next = gate.passes;
    qint64 cursor = asked.first; // everything asked for before it has been dealt with
    if (!error) {
        for (std::size_t at = 0; at + m_type.size <= rows.size(); at += m_type.size) {
            const std::byte *row = rows.data() + at;
            const qint64 id = m_type.id(row);
            if (id < cursor || id >= maxContinuityId)
                continue;
            if (!isOpenEnded && id > asked.last) {
                isPast = true;
                continue;
            }
            m_now = std::max(m_now, m_type.received(row));
            absent(stream, {cursor, id - 1}, row, notInHistory);
            place(stream, id, row);
            cursor = id + 1;
        }
    }
    if (!error && !complete && cursor > asked.first)
        return; // and on
    if (!error && complete && !isOpenEnded && !isPast && mayStillCome(stream, {cursor, asked.last})) {
        state.lagging = {cursor, asked.last};
        state.askAgain = m_now + lagPause;
        return;
    }
    QByteArray reason = notInHistory;
    if (error)
        reason = "history cannot be had: " + error->message.toUtf8();
    else if (!complete)
        reason = "history gives nothing of what was asked for, and says there is more";
    if (isOpenEnded)
        finishCatchUp(stream, !error && complete);
    else
        absent(stream, {cursor, asked.last}, nullptr, reason);
}

void ContinuityCore::place(int stream, qint64 id, const std::byte *row)
{
    Stream &state = *find(stream);
    if (id < state.next) {
        if (!takeLate(stream, id))
            return; // it has come live meanwhile
        emitRow(stream, row, true);
        ++state.figures.filled;
        state.filled.add();
        finishLate(stream, notInHistory);
        return;
    }
    if (id > state.next)
        return;
    emitRow(stream, row, true);
    ++state.figures.filled;
    state.filled.add();
    const Timestamp event = m_type.event(row);
    if (state.isCatchingUp && (event.isNull() || event < state.catchUpSince + -youngAge))
        ++state.caughtUp;
    advance(stream, id + 1);
    drain(stream);
}

// Nobody has these: a Gap for each piece that has not come live meanwhile. `behind` is the record after them,
// if history gave one.
void ContinuityCore::absent(int stream, Range range, const std::byte *behind, const QByteArray &reason)
{
    if (range.first > range.last)
        return;
    absentLate(stream, range, reason);
    Stream &state = *find(stream);
    while (state.next <= range.last && state.next >= range.first) {
        const bool upToHeld = !state.held.isEmpty() && state.held.frontId() - 1 <= range.last;
        const qint64 last = upToHeld ? state.held.frontId() - 1 : range.last;
        missing(stream, {state.next, last}, upToHeld ? state.held.front() : behind, reason);
        advance(stream, last + 1);
        drain(stream);
    }
}

} // namespace tidemill::net
