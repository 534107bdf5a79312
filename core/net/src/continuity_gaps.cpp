// SPDX-License-Identifier: Apache-2.0
#include "continuity_stream.h"

#include <algorithm>
#include <iterator>

namespace tidemill::net {

// What is missing, for good or for now, and how a position tells of it.

namespace {

constexpr std::size_t maxLateHoles = 64;
constexpr std::size_t maxPieces = 1000; // of a late hole that is filled from the middle

qint64 length(qint64 first, qint64 last)
{
    return last - first + 1;
}

bool parseNumber(QByteArrayView text, qint64 &number)
{
    bool ok = false;
    number = text.toByteArray().toLongLong(&ok);
    return ok && number >= 0 && number < std::numeric_limits<qint64>::max();
}

} // namespace

// The key of a Gap, so two of a stream never share one: what was read at once is told apart by a nanosecond.
Timestamp ContinuityCore::nextGapFrom(int stream)
{
    Stream &state = *find(stream);
    state.lastGapFrom =
        std::max(m_gates[std::size_t(stream)].lastReceived, Timestamp{state.lastGapFrom.ns + 1});
    return state.lastGapFrom;
}

Gap ContinuityCore::describeGap(int stream, Range range, const std::byte *behind)
{
    Stream &state = *find(stream);
    return {.exchange = state.names.exchange,
            .symbol = state.names.symbol,
            .stream = state.names.stream,
            .ts_event = behind ? m_type.event(behind) : Timestamp(),
            .ts_recv = m_now,
            .ts_from = nextGapFrom(stream),
            .ts_to = behind ? m_type.received(behind) : Timestamp(),
            .first_missing = range.first,
            .last_missing = range.last,
            .reason = {},
            .cause = state.isInterrupted ? GapCause::Disconnect : GapCause::Sequence,
            .state = GapState::Open};
}

void ContinuityCore::missing(int stream, Range range, const std::byte *behind, const QByteArray &reason)
{
    Stream &state = *find(stream);
    const auto count = quint64(length(range.first, range.last));
    state.figures.missing += count;
    state.missing.add(count);
    m_handlers.gap(stream, describeGap(stream, range, behind), reason);
}

// The hole in front is left open, and what waits behind it goes out.
void ContinuityCore::makeLate(int stream, const QByteArray &reason)
{
    Stream &state = *find(stream);
    const Range range{state.next, state.held.frontId() - 1};
    LateHole hole{describeGap(stream, range, state.held.front()), {range}, {}, state.holeSince};
    m_handlers.gap(stream, hole.gap, reason);
    if (state.late.size() >= maxLateHoles)
        giveUpLate(stream, 1);
    state.late.push_back(std::move(hole));
    advance(stream, range.last + 1);
    drain(stream);
}

// Takes that id out of what is hoped for; false if it is not.
bool ContinuityCore::takeLate(int stream, qint64 id)
{
    for (LateHole &hole : find(stream)->late) {
        for (auto piece = hole.todo.begin(); piece != hole.todo.end(); ++piece) {
            if (id < piece->first || id > piece->last)
                continue;
            if (id == piece->first) {
                ++piece->first;
            } else if (id == piece->last) {
                --piece->last;
            } else {
                if (hole.todo.size() >= maxPieces)
                    return false;
                const Range front{piece->first, id - 1};
                piece->first = id + 1;
                piece = hole.todo.insert(piece, front);
            }
            if (piece->first > piece->last)
                hole.todo.erase(piece);
            noteMoved(stream);
            return true;
        }
    }
    return false;
}

// Nobody has these ids of late holes.
void ContinuityCore::absentLate(int stream, Range range, const QByteArray &reason)
{
    Stream &state = *find(stream);
    for (LateHole &hole : state.late) {
        std::vector<Range> todo;
        for (const Range &piece : hole.todo) {
            const Range gone{std::max(piece.first, range.first), std::min(piece.last, range.last)};
            if (gone.first > gone.last) {
                todo.push_back(piece);
                continue;
            }
            if (!hole.missing.empty() && hole.missing.back().last + 1 == gone.first)
                hole.missing.back().last = gone.last;
            else
                hole.missing.push_back(gone);
            state.figures.missing += quint64(length(gone.first, gone.last));
            state.missing.add(quint64(length(gone.first, gone.last)));
            if (piece.first < gone.first)
                todo.push_back({piece.first, gone.first - 1});
            if (gone.last < piece.last)
                todo.push_back({gone.last + 1, piece.last});
            noteMoved(stream);
        }
        hole.todo = std::move(todo);
    }
    finishLate(stream, reason);
}

// Says how the holes ended that nothing more is hoped for.
void ContinuityCore::finishLate(int stream, const QByteArray &reason)
{
    Stream &state = *find(stream);
    for (auto hole = state.late.begin(); hole != state.late.end();) {
        if (!hole->todo.empty()) {
            ++hole;
            continue;
        }
        const LateHole done = std::move(*hole);
        hole = state.late.erase(hole);
        noteMoved(stream);
        Gap gap = done.gap;
        const bool nothingCame = done.missing.size() == 1 && done.missing[0].first == gap.first_missing &&
                                 done.missing[0].last == gap.last_missing;
        if (nothingCame)
            continue; // stays as it was announced
        gap.state = GapState::Filled;
        gap.ts_recv = m_now;
        m_handlers.gap(stream, gap, "filled late from history");
        for (const Range &piece : done.missing) {
            Gap rest = done.gap;
            rest.ts_from = nextGapFrom(stream);
            rest.ts_recv = m_now;
            rest.first_missing = piece.first;
            rest.last_missing = piece.last;
            m_handlers.gap(stream, rest, reason);
        }
    }
}

// Nothing more comes of a hole for now: if it was filled in part, its Gap is narrowed to the first piece that
// is left, and the others get one each. Gives those that may still be filled another time.
std::deque<ContinuityCore::LateHole> ContinuityCore::splitLate(int stream, const LateHole &hole)
{
    std::deque<LateHole> left;
    for (const Range &piece : hole.todo)
        left.push_back({hole.gap, {piece}, {}});
    if (left.size() == 1 && hole.missing.empty() && hole.todo[0].first == hole.gap.first_missing &&
        hole.todo[0].last == hole.gap.last_missing)
        return left;
    std::vector<std::pair<Range, LateHole *>> pieces;
    for (const Range &piece : hole.missing)
        pieces.emplace_back(piece, nullptr);
    for (LateHole &later : left)
        pieces.emplace_back(later.todo.front(), &later);
    std::sort(pieces.begin(), pieces.end(),
              [](const auto &a, const auto &b) { return a.first.first < b.first.first; });
    for (const auto &[range, later] : pieces) {
        Gap gap = hole.gap;
        if (range.first != pieces.front().first.first)
            gap.ts_from = nextGapFrom(stream);
        gap.ts_recv = m_now;
        gap.first_missing = range.first;
        gap.last_missing = range.last;
        if (later)
            later->gap = gap;
        m_handlers.gap(stream, gap, "what is left of a longer one");
    }
    return left;
}

void ContinuityCore::giveUpLate(int stream, std::size_t holes)
{
    Stream &state = *find(stream);
    for (; holes > 0 && !state.late.empty(); --holes) {
        for (const LateHole &left : splitLate(stream, state.late.front())) {
            const auto count = quint64(length(left.todo.front().first, left.todo.front().last));
            state.figures.missing += count;
            state.missing.add(count);
        }
        state.late.pop_front();
        noteMoved(stream);
    }
}

// For position(): each hole in one piece, with a Gap of its own.
void ContinuityCore::splitAllLate(int stream)
{
    Stream &state = *find(stream);
    std::deque<LateHole> all;
    for (const LateHole &hole : state.late) {
        std::deque<LateHole> left = splitLate(stream, hole);
        std::move(left.begin(), left.end(), std::back_inserter(all));
    }
    state.late = std::move(all);
    if (state.late.size() > maxLateHoles)
        giveUpLate(stream, state.late.size() - maxLateHoles);
}

// "LAST RECEIVED", so that no later Gap has the key of one that went out, then "FIRST-LAST@FROM" for each
// hole that may still be filled.
QByteArray ContinuityCore::position(int stream) const
{
    const Stream *state = find(stream);
    if (!state || !state->isKnown)
        return {};
    const Gate &gate = m_gates[std::size_t(stream)];
    const qint64 next = gate.passes != nothing ? gate.passes : state->next;
    QByteArray text = QByteArray::number(next - 1) + ' ' +
                      QByteArray::number(std::max(gate.lastReceived.ns, state->lastGapFrom.ns + 1));
    for (const LateHole &hole : state->late) {
        // What is missing for good is told when the hole is done with, which may be the next run's to do.
        Range left{hole.todo.front().first, hole.todo.back().last};
        for (const Range &piece : hole.missing)
            left = {std::min(left.first, piece.first), std::max(left.last, piece.last)};
        text += ' ' + QByteArray::number(left.first) + '-' + QByteArray::number(left.last) + '@' +
                QByteArray::number(hole.gap.ts_from.ns);
    }
    return text;
}

qint64 ContinuityCore::completeTo(int stream) const
{
    const Stream *state = find(stream);
    if (!state || !state->isKnown)
        return -1;
    if (!state->late.empty())
        return state->late.front().todo.front().first - 1;
    const qint64 passes = m_gates[std::size_t(stream)].passes;
    return (passes != nothing ? passes : state->next) - 1;
}

bool ContinuityCore::lacks(int stream, qint64 id) const
{
    const Stream *state = find(stream);
    if (!state || id < 0 || id >= maxContinuityId)
        return false;
    if (!state->isKnown)
        return true;
    const qint64 passes = m_gates[std::size_t(stream)].passes;
    if (id >= (passes != nothing ? passes : state->next))
        return !state->held.contains(id);
    return std::any_of(state->late.begin(), state->late.end(), [id](const LateHole &hole) {
        return std::any_of(hole.todo.begin(), hole.todo.end(),
                           [id](Range piece) { return piece.first <= id && id <= piece.last; });
    });
}

bool ContinuityCore::resume(int stream, QByteArrayView position)
{
    Stream *state = find(stream);
    if (!state || state->isKnown)
        return false;
    const QByteArrayList words = position.toByteArray().split(' ');
    qint64 last = 0;
    Timestamp received;
    if (words.size() < 2 || words.size() > 2 + qsizetype(maxLateHoles) || !parseNumber(words[0], last) ||
        last >= maxContinuityId || !parseNumber(words[1], received.ns))
        return false;
    std::deque<LateHole> late;
    qint64 behind = -1; // the hole before
    for (qsizetype index = 2; index < words.size(); ++index) {
        const QByteArray &word = words[index];
        const qsizetype dash = word.indexOf('-');
        const qsizetype at = word.indexOf('@');
        Range range{};
        Timestamp from;
        if (dash < 0 || at < dash || !parseNumber(word.left(dash), range.first) ||
            !parseNumber(word.mid(dash + 1, at - dash - 1), range.last) ||
            !parseNumber(word.mid(at + 1), from.ns) || range.first <= behind || range.last < range.first ||
            range.last > last)
            return false;
        behind = range.last;
        LateHole hole{{.exchange = state->names.exchange,
                       .symbol = state->names.symbol,
                       .stream = state->names.stream,
                       .ts_event = {},
                       .ts_recv = {},
                       .ts_from = from,
                       .ts_to = {},
                       .first_missing = range.first,
                       .last_missing = range.last,
                       .reason = {},
                       .cause = GapCause::Disconnect},
                      {range},
                      {}};
        late.push_back(std::move(hole));
        state->lastGapFrom = std::max(state->lastGapFrom, from);
    }
    state->late = std::move(late);
    state->isKnown = true;
    state->isInterrupted = true;
    state->next = last + 1;
    m_gates[std::size_t(stream)].lastReceived = received;
    return true;
}

} // namespace tidemill::net
