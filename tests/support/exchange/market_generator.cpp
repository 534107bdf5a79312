// SPDX-License-Identifier: Apache-2.0
#include "market_generator.h"

#include "market_truth.h"

#include <algorithm>

namespace tidemill::exchange {

namespace {

using namespace std::chrono_literals;

constexpr int burst = 1000;     // steps before the event loop runs again
constexpr auto heartbeat = 2ms; // how finely the market's clock follows the wall's

QByteArray scaledText(qint64 value)
{
    return Number{value, 8}.text();
}

template<typename Levels>
QByteArray levelsJson(const Levels &levels, int limit)
{
    QByteArray json = "[";
    for (const auto &[price, quantity] : levels) {
        if (limit-- == 0)
            break;
        if (json.size() > 1)
            json += ',';
        json += "[\"" + scaledText(price) + "\",\"" + scaledText(quantity) + "\"]";
    }
    return json + ']';
}

QByteArray bookJson(const SimulatedSymbol &symbol, int limit)
{
    return "{\"lastUpdateId\":" + QByteArray::number(symbol.updateId()) +
           ",\"bids\":" + levelsJson(symbol.bids(), limit) + ",\"asks\":" + levelsJson(symbol.asks(), limit) +
           '}';
}

} // namespace

QByteArray depthEvent(const SimulatedSymbol &symbol, const SimulatedSymbol::Difference &difference,
                      TimeUnit unit)
{
    if (difference.firstId == 0)
        return {};
    return "{\"e\":\"depthUpdate\",\"E\":" + timeText(symbol.nowUs(), unit) + ",\"s\":\"" + symbol.name() +
           "\",\"U\":" + QByteArray::number(difference.firstId) +
           ",\"u\":" + QByteArray::number(difference.lastId) + ",\"b\":" + levelsJson(difference.bids, -1) +
           ",\"a\":" + levelsJson(difference.asks, -1) + '}';
}

MarketGenerator::MarketGenerator(const GeneratorOptions &options)
    : MarketData(options.startClients)
    , m_options(options)
    , m_market(options)
{
    static const char *const channels[ChannelCount] = {"@trade", "@aggTrade", "@bookTicker", "@depth@100ms",
                                                       "@depth", "@kline_1s", "@kline_1m"};
    for (const SimulatedSymbol &symbol : m_market.symbols()) {
        Output &output = m_outputs.emplace_back(options.history);
        const QByteArray name = QString::fromUtf8(symbol.name()).toLower().toUtf8();
        for (std::size_t channel = 0; channel < ChannelCount; ++channel)
            output.stream[channel] = name + channels[channel];
    }
    while (m_market.nextUs() <= options.epochUs + options.warmupUs)
        m_market.step(*this);
    m_timer.setSingleShot(true);
    m_timer.setTimerType(Qt::PreciseTimer);
    connect(&m_timer, &QTimer::timeout, this, &MarketGenerator::play);
}

void MarketGenerator::applyDemand()
{
    for (std::size_t index = 0; index < m_outputs.size(); ++index) {
        Output &output = m_outputs[index];
        for (int channel = 0; channel < ChannelCount; ++channel)
            output.wanted[channel] = demand().contains(output.stream[channel]);
        for (const bool slow : {false, true}) {
            output.partial[slow].clear();
            for (const int levels : {5, 10, 20}) {
                QByteArray stream =
                    output.stream[SlowDepth] + QByteArray::number(levels) + (slow ? "" : "@100ms");
                if (demand().contains(stream))
                    output.partial[slow].append({stream, levels});
            }
        }
    }
}

void MarketGenerator::wake()
{
    if (!m_clock.isValid())
        m_clock.start();
    if (!m_timer.isActive())
        m_timer.start(0ms);
}

void MarketGenerator::play()
{
    const qint64 opened = m_options.epochUs + m_options.warmupUs;
    const auto due = [&] {
        return m_options.flood ? audience() > 0 : m_market.nextUs() - opened <= m_clock.nsecsElapsed() / 1000;
    };
    int count = 0;
    for (; count < burst && !isCongested() && due(); ++count)
        m_market.step(*this);
    if (isCongested() || (m_options.flood && audience() == 0))
        return; // woken when there is somebody to read again
    m_timer.start(count == burst ? 0ms : heartbeat);
}

MarketGenerator::Output &MarketGenerator::output(const SimulatedSymbol &symbol)
{
    return m_outputs[std::size_t(&symbol - m_market.symbols().data())];
}

template<typename Print>
void MarketGenerator::publish(Output &output, Channel channel, Print print)
{
    if (!output.wanted[channel])
        return;
    emit published({output.stream[channel],
                    print(TimeUnit::Milliseconds),
                    {},
                    microsecondsWanted() ? print(TimeUnit::Microseconds) : QByteArray()});
}

void MarketGenerator::traded(const SimulatedSymbol &symbol, const TradeRow &trade)
{
    Output &to = output(symbol);
    to.history.append(trade);
    publish(to, Trade, [&](TimeUnit unit) { return tradeEvent(symbol.name(), trade, trade.timeUs, unit); });
}

void MarketGenerator::aggregated(const SimulatedSymbol &symbol, const AggTradeRow &trade)
{
    Output &to = output(symbol);
    to.history.append(trade);
    publish(to, AggTrade,
            [&](TimeUnit unit) { return aggTradeEvent(symbol.name(), trade, trade.timeUs, unit); });
}

void MarketGenerator::bestChanged(const SimulatedSymbol &symbol)
{
    publish(output(symbol), BookTicker, [&](TimeUnit) {
        const auto bid = *symbol.bids().begin();
        const auto ask = *symbol.asks().begin();
        return QByteArray("{\"u\":" + QByteArray::number(symbol.updateId()) + ",\"s\":\"" + symbol.name() +
                          "\",\"b\":\"" + scaledText(bid.first) + "\",\"B\":\"" + scaledText(bid.second) +
                          "\",\"a\":\"" + scaledText(ask.first) + "\",\"A\":\"" + scaledText(ask.second) +
                          "\"}");
    });
}

void MarketGenerator::depthDue(SimulatedSymbol &symbol, bool slow)
{
    Output &to = output(symbol);
    const auto difference = symbol.takeDifference(slow);
    if (difference.firstId == 0)
        return;
    publish(to, slow ? SlowDepth : Depth,
            [&](TimeUnit unit) { return depthEvent(symbol, difference, unit); });
    for (const auto &[stream, levels] : to.partial[slow])
        emit published({stream, bookJson(symbol, levels), {}, {}});
}

void MarketGenerator::candleDue(const SimulatedSymbol &symbol, std::size_t interval, const CandleRow &candle,
                                bool closed)
{
    Output &to = output(symbol);
    if (closed) {
        to.candles[interval].push_back(candle);
        if (qsizetype(to.candles[interval].size()) > m_options.history)
            to.candles[interval].pop_front();
    }
    publish(to, interval == 0 ? Candle1s : Candle1m, [&](TimeUnit unit) {
        return candleEvent(symbol.name(), SimulatedSymbol::candleNames[interval], candle, closed,
                           symbol.nowUs(), unit);
    });
}

const SimulatedSymbol *MarketGenerator::find(const QByteArray &symbol) const
{
    const auto index = m_options.symbols.indexOf(symbol);
    return index < 0 ? nullptr : &m_market.symbols()[std::size_t(index)];
}

std::optional<QByteArray> MarketGenerator::depth(const QByteArray &symbol, int limit)
{
    const SimulatedSymbol *found = find(symbol);
    return found ? std::optional(bookJson(*found, limit)) : std::nullopt;
}

const History *MarketGenerator::history(const QByteArray &symbol)
{
    const SimulatedSymbol *found = find(symbol);
    return found ? &output(*found).history : nullptr;
}

QByteArrayList MarketGenerator::candleIntervals() const
{
    return {SimulatedSymbol::candleNames.begin(), SimulatedSymbol::candleNames.end()};
}

QList<CandleRow> MarketGenerator::candles(const QByteArray &symbol, const QByteArray &interval,
                                          const RowQuery &query)
{
    const SimulatedSymbol *found = find(symbol);
    const auto index = candleIntervals().indexOf(interval);
    if (!found || index < 0)
        return {};
    std::deque<CandleRow> rows = output(*found).candles[index];
    rows.push_back(
        found->runningCandle(std::size_t(index))); // the exchange's list ends with the bucket that runs
    const auto openUs = [](const CandleRow &row) { return row.openUs; };
    return select(rows, query, openUs, openUs);
}

MarketData::Chunks MarketGenerator::truth(const QByteArray &kind, const QByteArray &symbol)
{
    if (!find(symbol))
        return {};
    return marketTruth(m_options, m_market.steps(), kind, symbol);
}

QJsonObject MarketGenerator::position() const
{
    QJsonObject symbols;
    for (const SimulatedSymbol &symbol : m_market.symbols())
        symbols.insert(QString::fromUtf8(symbol.name()),
                       QJsonObject{{QStringLiteral("trade_id"), symbol.tradeId()},
                                   {QStringLiteral("update_id"), symbol.updateId()}});
    return {{QStringLiteral("source"), QStringLiteral("generator")},
            {QStringLiteral("steps"), m_market.steps()},
            {QStringLiteral("time_us"), m_market.nowUs()},
            {QStringLiteral("symbols"), symbols}};
}

} // namespace tidemill::exchange
