// SPDX-License-Identifier: Apache-2.0
#include "gap_candles.h"

#include <QRegularExpression>
#include <QSet>

#include <algorithm>
#include <array>

namespace tidemill::coinbase_exchange {

using std::chrono::seconds;

namespace {

constexpr qint64 second = 1000000000;
constexpr qint64 candlesPerHole = 30000; // the newest of a longer one
constexpr seconds settling{10};          // the newest candle may be late, and our clock ahead
constexpr std::size_t maxHoles = 16;     // of a stream; further ones become one
constexpr std::size_t maxJumps = 8;
constexpr qint64 maxSeconds = 9000000000; // what nanoseconds can hold

struct Length
{
    const char *name;
    seconds length;
};
constexpr std::array<Length, 7> lengths{{{"off", seconds(0)},
                                         {"1m", seconds(60)},
                                         {"5m", seconds(300)},
                                         {"15m", seconds(900)},
                                         {"1h", seconds(3600)},
                                         {"6h", seconds(21600)},
                                         {"1d", seconds(86400)}}};

} // namespace

QStringList candleLengthNames()
{
    QStringList names;
    for (const Length &length : lengths)
        names.append(QLatin1String(length.name));
    return names;
}

void GapCandles::configure(CandleLength length)
{
    m_interval = Symbol(lengths[std::size_t(length)].name);
    m_length = lengths[std::size_t(length)].length;
    m_lengthNs = std::chrono::nanoseconds(m_length).count();
}

void GapCandles::addStream(int stream, const QByteArray &position)
{
    if (m_lengthNs == 0)
        return;
    State &state = m_states[stream];
    state.symbol = m_source.stream(stream).symbol;
    state.last = {m_source.completeTo(stream), m_source.stream(stream).lastTradeAt};
    m_streams.insert(state.symbol, stream);
    resume(state, position);
}

void GapCandles::follow(const Batch &batch)
{
    for (const Trade &trade : batch.rows<Trade>()) {
        if (const int stream = m_streams.value(trade.symbol, -1); stream >= 0)
            noteTrade(m_states[stream], trade);
    }
    QSet<int> moved;
    for (const Gap &gap : batch.rows<Gap>()) {
        const int stream = m_streams.value(gap.symbol, -1);
        if (stream < 0 || gap.stream != m_source.stream(stream).name)
            continue;
        noteGap(m_states[stream], gap);
        moved.insert(stream);
    }
    for (const int stream : std::as_const(moved))
        m_tell(stream, position(m_states[stream]));
}

// Our clock does not say when missing trades happened: what was fetched before them was read just now.
void GapCandles::noteTrade(State &state, const Trade &trade) const
{
    if (trade.trade_id <= state.last.id)
        return;
    if (state.last.id >= 0 && trade.trade_id > state.last.id + 1) {
        state.jumpedAt.push_back(state.last);
        if (state.jumpedAt.size() > maxJumps)
            state.jumpedAt.pop_front();
    }
    state.last = {trade.trade_id, trade.ts_event};
}

void GapCandles::noteGap(State &state, const Gap &gap) const
{
    const auto known = std::find_if(state.holes.begin(), state.holes.end(),
                                    [&gap](const Hole &hole) { return hole.key == gap.ts_from; });
    if (known != state.holes.end())
        known->isFilled = gap.state == GapState::Filled;
    if (known != state.holes.end() || gap.state == GapState::Filled)
        return;
    if (gap.first_missing <= 0) { // ids start over: nothing is hoped for any more
        for (Hole &hole : state.holes)
            hole.first = hole.last = 0;
        state.last = {};
        state.jumpedAt.clear();
    }
    Hole added = describe(state, gap);
    // What is left of a hole that was filled in part happened within its time.
    const auto whole = std::find_if(state.holes.begin(), state.holes.end(), [&added](const Hole &hole) {
        return hole.first > 0 && hole.first <= added.first && added.last <= hole.last;
    });
    if (whole != state.holes.end()) {
        added.from = whole->from;
        added.to = whole->to;
    }
    if (state.holes.size() >= maxHoles) {
        Hole &into = whole != state.holes.end() ? *whole : state.holes.back();
        into.key = added.key;
        into.last = std::max(into.last, added.last);
        into.to = std::max(into.to, added.to);
        into.from = std::max(into.from, into.to + -m_length * candlesPerHole);
        into.isFilled = false;
    } else {
        state.holes.insert(whole != state.holes.end() ? whole + 1 : whole, added);
    }
}

GapCandles::Hole GapCandles::describe(const State &state, const Gap &gap) const
{
    const qint64 now = gap.ts_recv.isNull() ? m_source.now().ns : gap.ts_recv.ns;
    TradeAt before;
    for (const TradeAt &trade : state.jumpedAt) {
        if (trade.id < gap.first_missing)
            before = trade;
    }
    if (state.last.id >= 0 && state.last.id < gap.first_missing)
        before = state.last;
    // Times of an exchange are taken only as far as they make sense.
    const qint64 behind = gap.ts_event.isNull() ? now : std::clamp<qint64>(gap.ts_event.ns, 0, now);
    const qint64 to = opening({behind}).ns + m_lengthNs;
    const qint64 begun = before.at.isNull() ? gap.ts_from.ns : before.at.ns;
    const qint64 earliest = std::max<qint64>(to - candlesPerHole * m_lengthNs, 0);
    const qint64 from = opening({std::clamp(begun, earliest, to - 1)}).ns;
    return {
        .key = gap.ts_from, .first = gap.first_missing, .last = gap.last_missing, .from = {from}, .to = {to}};
}

void GapCandles::tick(Timestamp now)
{
    if (m_lengthNs == 0)
        return;
    m_now = now;
    // How holes ended is to be heard before they are judged by their ids.
    m_source.out().flush();
    askNext();
}

// Takes away the holes in front that need nothing any more; true if the first one left is decided.
bool GapCandles::dropDone(int stream, State &state) const
{
    while (!state.holes.empty()) {
        Hole &hole = state.holes.front();
        if (m_source.completeTo(stream) < hole.last)
            return false;
        hole.from = std::max(hole.from, state.reached);
        if (!hole.isFilled && hole.from < hole.to)
            return true;
        state.holes.pop_front();
    }
    return false;
}

void GapCandles::askNext()
{
    if (m_isAsking)
        return;
    const Timestamp over = opening(std::max(m_now + -settling, Timestamp()));
    for (auto &[stream, state] : m_states) {
        const std::size_t before = state.holes.size();
        const bool isDecided = dropDone(stream, state);
        if (state.holes.size() != before)
            m_tell(stream, position(state));
        if (!isDecided)
            continue;
        const Hole &hole = state.holes.front();
        const Timestamp to =
            std::min({hole.to, Timestamp{hole.from.ns + History::candlesPerPage * m_lengthNs}, over});
        if (hole.from < to)
            return ask(stream, hole.from, to);
    }
}

void GapCandles::ask(int stream, Timestamp from, Timestamp to)
{
    const History::CandleRange range{m_states[stream].symbol, m_interval, m_length, from, to};
    m_isAsking = true;
    m_history.fetchCandles(range, [this, stream, to](const Result<std::vector<Candle>> &candles) {
        m_isAsking = false;
        if (!candles && candles.error().kind == Error::Kind::Network)
            return; // not asked at all: once more with the next tick
        take(stream, to, candles);
        askNext();
    });
}

void GapCandles::take(int stream, Timestamp to, const Result<std::vector<Candle>> &candles)
{
    State &state = m_states[stream];
    if (candles) {
        for (Candle candle : *candles) {
            candle.ts_recv = m_source.now();
            m_source.out().add(candle);
        }
        m_source.flush();
        state.reached = to;
    } else {
        // What the exchange refuses once it would refuse again.
        m_source.rejectFrame(candles.error(), state.symbol.name());
        state.reached = state.holes.front().to;
    }
    m_tell(stream, position(state));
}

// "REACHED", then "KEY:FIRST-LAST@FROM-TO" for each hole; times but the key in seconds.
QByteArray GapCandles::position(const State &state) const
{
    QByteArray text = QByteArray::number(state.reached.ns / second);
    for (const Hole &hole : state.holes) {
        if (!hole.isFilled)
            text += ' ' + QByteArray::number(hole.key.ns) + ':' + QByteArray::number(hole.first) + '-' +
                    QByteArray::number(hole.last) + '@' + QByteArray::number(hole.from.ns / second) + '-' +
                    QByteArray::number(hole.to.ns / second);
    }
    return text;
}

void GapCandles::resume(State &state, const QByteArray &position) const
{
    static const QRegularExpression format(
        QStringLiteral("^(\\d{1,19}):(\\d{1,19})-(\\d{1,19})@(\\d{1,10})-(\\d{1,10})$"));
    const QStringList words = QString::fromLatin1(position).split(u' ');
    bool isNumber = false;
    const quint32 reached = words.first().toUInt(&isNumber);
    if (!isNumber || words.size() > 1 + qsizetype(maxHoles))
        return;
    std::deque<Hole> holes;
    for (const QString &word : words.sliced(1)) {
        const QRegularExpressionMatch match = format.match(word);
        const auto number = [&match](int group) { return match.captured(group).toLongLong(); };
        const Hole hole{.key = {number(1)},
                        .first = number(2),
                        .last = number(3),
                        .from = opening(Timestamp::fromSeconds(std::min(number(4), maxSeconds))),
                        .to = opening(Timestamp::fromSeconds(std::min(number(5), maxSeconds)))};
        if (!match.hasMatch() || hole.to.ns - hole.from.ns > candlesPerHole * m_lengthNs)
            return;
        holes.push_back(hole);
    }
    state.reached = opening(Timestamp::fromSeconds(reached));
    state.holes = std::move(holes);
}

} // namespace tidemill::coinbase_exchange
