// SPDX-License-Identifier: Apache-2.0
#include "tape_player.h"

#include <QDateTime>
#include <QDebug>
#include <QJsonDocument>

#include <algorithm>

namespace tidemill::exchange {

namespace {

// So many frames at most before the event loop runs again: pongs, REST and faults must not wait for the tape.
constexpr int burst = 500;

QJsonObject parsed(const TapeFrame &frame)
{
    return QJsonDocument::fromJson(frame.payload).object();
}

bool isTrade(const QByteArray &stream)
{
    const QByteArray channel = channelOfStream(stream);
    return channel == "trade" || channel == "matches" || channel == "market_trades";
}

bool isBook(const QByteArray &stream)
{
    return isDepthDifference(stream) || channelOfStream(stream) == "level2" ||
           channelOfStream(stream).startsWith("book-");
}

} // namespace

TapePlayer::TapePlayer(Tape tape, TapeOptions options)
    : MarketData(options.startClients, options.startStreams)
    , m_tape(std::move(tape))
    , m_options(options)
{
    const auto &frames = m_tape.frames();
    for (std::size_t index = 0; index < frames.size(); ++index) {
        const QByteArray symbol = symbolOfStream(frames[index].stream);
        if (symbol.isEmpty())
            continue;
        SymbolState &state = m_states[symbol];
        const QByteArray channel = channelOfStream(frames[index].stream);
        if (isDepthDifference(frames[index].stream)) {
            // One speed of the two makes the book; both would apply everything twice.
            if (state.depthStream.isEmpty())
                state.depthStream = frames[index].stream;
            if (state.depthStream == frames[index].stream)
                state.depthFrames.push_back(index);
        } else if (channel == "trade" || channel == "aggTrade") {
            state.tradeFrames.push_back(index);
        }
    }
    m_symbols = m_states.keys();
    std::sort(m_symbols.begin(), m_symbols.end());
    m_timer.setSingleShot(true);
    m_timer.setTimerType(Qt::PreciseTimer);
    connect(&m_timer, &QTimer::timeout, this, &TapePlayer::play);
}

void TapePlayer::wake()
{
    if (!m_clock.isValid())
        m_clock.start();
    if (!m_timer.isActive())
        m_timer.start(0);
}

void TapePlayer::play()
{
    for (int count = 0; count < burst && !hasEnded() && !isCongested() && isDue(m_position); ++count)
        publishNext();
    if (!hasEnded()) {
        scheduleNext();
    } else if (!m_endReported) {
        m_endReported = true;
        emit ended();
    }
}

void TapePlayer::publishNext()
{
    const TapeFrame &frame = m_tape.frames()[m_position++];
    emit published({frame.stream, frame.payload, frame.wrapped, {}});
}

bool TapePlayer::isDue(std::size_t frame) const
{
    if (m_options.asFastAsTaken)
        return audience() > 0;
    const auto &frames = m_tape.frames();
    const double recorded = double(frames[frame].timeNs - frames.front().timeNs);
    return recorded <= double(m_clock.nsecsElapsed()) * m_options.speed;
}

void TapePlayer::scheduleNext()
{
    if (isCongested())
        return; // woken when the slow client has caught up
    if (m_options.asFastAsTaken) {
        if (audience() > 0)
            m_timer.start(0);
        return;
    }
    const auto &frames = m_tape.frames();
    const double recorded = double(frames[m_position].timeNs - frames.front().timeNs);
    const double waitNs = recorded / m_options.speed - double(m_clock.nsecsElapsed());
    m_timer.start(std::clamp(int(waitNs / 1e6), 0, 1000));
}

qint64 TapePlayer::nowUs() const
{
    if (m_tape.frames().empty() || m_tape.frames().back().timeNs == 0)
        return QDateTime::currentMSecsSinceEpoch() * 1000; // a tape without times
    return m_tape.frames()[m_position > 0 ? m_position - 1 : 0].timeNs / 1000;
}

void TapePlayer::loadSnapshot(const QByteArray &symbol, SymbolState &state)
{
    state.bookLoaded = true;
    for (const TapeSnapshot &snapshot : m_tape.snapshots()) {
        if (snapshot.symbol == symbol && state.book.load(QJsonDocument::fromJson(snapshot.body).object()))
            return;
    }
    qInfo("no depth snapshot of %s on the tape: its book holds only what the events have changed",
          symbol.constData());
}

std::optional<QByteArray> TapePlayer::depth(const QByteArray &symbol, int limit)
{
    const auto state = m_states.find(symbol);
    if (state == m_states.end())
        return std::nullopt;
    if (!state->bookLoaded)
        loadSnapshot(symbol, *state);
    for (; state->depthApplied < state->depthFrames.size(); ++state->depthApplied) {
        const std::size_t frame = state->depthFrames[state->depthApplied];
        if (frame >= m_position)
            break;
        if (state->book.apply(parsed(m_tape.frames()[frame])) == OrderBook::Applied::Gap)
            qInfo("the tape misses update ids of %s before frame %zu", symbol.constData(), frame);
    }
    return state->book.toJson(limit);
}

const History *TapePlayer::history(const QByteArray &symbol)
{
    const auto state = m_states.find(symbol);
    if (state == m_states.end())
        return nullptr;
    for (; state->tradesRead < state->tradeFrames.size(); ++state->tradesRead) {
        const std::size_t index = state->tradeFrames[state->tradesRead];
        if (index >= m_position)
            break;
        const QJsonObject event = parsed(m_tape.frames()[index]);
        const auto price = Number::parse(event[u"p"].toString().toLatin1());
        const auto quantity = Number::parse(event[u"q"].toString().toLatin1());
        if (!price || !quantity)
            continue;
        const qint64 timeUs = event[u"T"].toInteger() * 1000;
        const bool maker = event[u"m"].toBool();
        if (event[u"e"].toString() == u"trade")
            state->history.append(TradeRow{event[u"t"].toInteger(), *price, *quantity, timeUs, maker});
        else
            state->history.append(AggTradeRow{event[u"a"].toInteger(), *price, *quantity,
                                              event[u"f"].toInteger(), event[u"l"].toInteger(), timeUs,
                                              maker});
    }
    return &state->history;
}

MarketData::Chunks TapePlayer::truth(const QByteArray &kind, const QByteArray &symbol)
{
    const auto state = m_states.constFind(symbol);
    if (state == m_states.cend())
        return {};
    return [this, symbol, isWanted = kind == "depth" ? isBook : isTrade, book = state->depthStream,
            index = std::size_t(0), end = m_position]() mutable {
        QByteArray lines;
        for (; index < end && lines.size() < 64 * 1024; ++index) {
            const QByteArray &stream = m_tape.frames()[index].stream;
            if (symbolOfStream(stream) == symbol && isWanted(stream) &&
                (book.isEmpty() || isTrade(stream) || stream == book))
                lines += m_tape.frames()[index].payload + '\n';
        }
        return lines;
    };
}

QJsonObject TapePlayer::position() const
{
    return {{QStringLiteral("source"), QStringLiteral("tape")},
            {QStringLiteral("frame"), qint64(m_position)},
            {QStringLiteral("frames"), qint64(m_tape.frames().size())},
            {QStringLiteral("ended"), hasEnded()}};
}

} // namespace tidemill::exchange
