// SPDX-License-Identifier: Apache-2.0
#include "simulated_data.h"

#include "market_json.h"
#include "market_truth.h"
#include "tape.h"

namespace tidemill::exchange {

namespace {

using namespace std::chrono_literals;

constexpr int burst = 1000;     // steps before the event loop runs again
constexpr auto heartbeat = 2ms; // how finely the market's clock follows the wall's

} // namespace

SimulatedData::SimulatedData(const GeneratorOptions &options, MakePrinter makePrinter)
    : MarketData(options.startClients, options.startStreams)
    , m_options(options)
    , m_makePrinter(std::move(makePrinter))
    , m_market(options)
    , m_rows(options, m_market.symbols())
    , m_printer(m_makePrinter(options))
{
    m_printer->setRows(&m_rows);
    m_printer->setSink([this](const StreamFrame &frame) { emit published(frame); });
    while (m_market.nextUs() <= options.epochUs + options.warmupUs)
        m_market.step(*this);
    m_timer.setSingleShot(true);
    m_timer.setTimerType(Qt::PreciseTimer);
    connect(&m_timer, &QTimer::timeout, this, &SimulatedData::play);
}

void SimulatedData::applyDemand()
{
    m_printer->setMicroseconds(microsecondsWanted());
    m_printer->setDemand(demand());
}

void SimulatedData::wake()
{
    if (!m_clock.isValid())
        m_clock.start();
    if (!m_timer.isActive())
        m_timer.start(0ms);
}

void SimulatedData::play()
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

void SimulatedData::traded(const SimulatedSymbol &symbol, const TradeRow &trade)
{
    m_rows.append(symbol, trade);
    m_printer->traded(symbol, trade);
}

void SimulatedData::aggregated(const SimulatedSymbol &symbol, const AggTradeRow &trade)
{
    m_rows.append(symbol, trade);
    m_printer->aggregated(symbol, trade);
}

void SimulatedData::bestChanged(const SimulatedSymbol &symbol)
{
    m_printer->bestChanged(symbol);
}

void SimulatedData::depthDue(SimulatedSymbol &symbol, bool slow)
{
    m_printer->depthDue(symbol, slow);
}

void SimulatedData::candleDue(const SimulatedSymbol &symbol, std::size_t interval, const CandleRow &candle,
                              bool closed)
{
    if (closed)
        m_rows.append(symbol, interval, candle);
    m_printer->candleDue(symbol, interval, candle, closed);
}

const SimulatedSymbol *SimulatedData::find(const QByteArray &symbol) const
{
    const auto index = m_options.symbols.indexOf(symbol);
    return index < 0 ? nullptr : &m_market.symbols()[std::size_t(index)];
}

std::optional<QByteArray> SimulatedData::depth(const QByteArray &symbol, int limit)
{
    const SimulatedSymbol *found = find(symbol);
    return found ? std::optional(bookJson(*found, limit)) : std::nullopt;
}

const History *SimulatedData::history(const QByteArray &symbol)
{
    const SimulatedSymbol *found = find(symbol);
    return found ? &m_rows.history(*found) : nullptr;
}

QByteArrayList SimulatedData::candleIntervals() const
{
    return {SimulatedSymbol::candleNames.begin(), SimulatedSymbol::candleNames.end()};
}

QList<CandleRow> SimulatedData::candles(const QByteArray &symbol, const QByteArray &interval,
                                        const RowQuery &query)
{
    const SimulatedSymbol *found = find(symbol);
    const auto index = candleIntervals().indexOf(interval);
    if (!found || index < 0)
        return {};
    const auto openUs = [](const CandleRow &row) { return row.openUs; };
    return select(m_rows.candles(*found, std::size_t(index)), query, openUs, openUs);
}

QList<CandleRow> SimulatedData::buckets(const QByteArray &symbol, qint64 lengthUs)
{
    const SimulatedSymbol *found = find(symbol);
    return found ? m_rows.buckets(*found, lengthUs) : QList<CandleRow>();
}

QByteArrayList SimulatedData::greeting(const QByteArray &stream)
{
    const SimulatedSymbol *found = find(symbolOfStream(stream));
    return found ? m_printer->greeting(*found, channelOfStream(stream)) : QByteArrayList();
}

MarketData::Chunks SimulatedData::truth(const QByteArray &kind, const QByteArray &symbol)
{
    if (!find(symbol))
        return {};
    return marketTruth(m_options, m_market.steps(), m_makePrinter(m_options), kind, symbol);
}

QJsonObject SimulatedData::position() const
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
