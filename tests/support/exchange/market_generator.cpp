// SPDX-License-Identifier: Apache-2.0
#include "market_generator.h"

#include "sbe_encoder.h"

namespace tidemill::exchange {

namespace {

QByteArray lowerCase(const QByteArray &symbol)
{
    return QString::fromUtf8(symbol).toLower().toUtf8();
}

void addTrade(CandleRow &day, const TradeRow &trade)
{
    if (day.count++ == 0)
        day.open = day.low = day.high = trade.price;
    day.low.digits = std::min(day.low.digits, trade.price.digits);
    day.high.digits = std::max(day.high.digits, trade.price.digits);
    day.close = trade.price;
    day.volume.digits += trade.quantity.digits;
    day.volume.scale = trade.quantity.scale;
    day.lastId = trade.id;
}

QByteArray bookTicker(const SimulatedSymbol &symbol)
{
    const auto bid = *symbol.bids().begin();
    const auto ask = *symbol.asks().begin();
    return "{\"u\":" + QByteArray::number(symbol.updateId()) + ",\"s\":\"" + symbol.name() + "\",\"b\":\"" +
           scaledText(bid.first) + "\",\"B\":\"" + scaledText(bid.second) + "\",\"a\":\"" +
           scaledText(ask.first) + "\",\"A\":\"" + scaledText(ask.second) + "\"}";
}

} // namespace

BinancePrinter::BinancePrinter(const GeneratorOptions &options)
{
    static const char *const channels[ChannelCount] = {
        "@trade",  "@aggTrade",   "@bookTicker", "@depth@100ms", "@depth", "@kline_1s", "@kline_1m",
        "@ticker", "@miniTicker", "@trade",      "@bestBidAsk",  "@depth", "@depth20"};
    for (const QByteArray &symbol : options.symbols) {
        Output &output = m_outputs.emplace_back();
        for (std::size_t channel = 0; channel < ChannelCount; ++channel)
            output.stream[channel] =
                (channel < SbeTrade ? "" : "sbe:") + lowerCase(symbol) + channels[channel];
    }
}

void BinancePrinter::setDemand(const QSet<QByteArray> &streams)
{
    FramePrinter::setDemand(streams);
    for (Output &output : m_outputs) {
        for (int channel = 0; channel < ChannelCount; ++channel)
            output.wanted[channel] = wants(output.stream[channel]);
        for (const bool slow : {false, true}) {
            output.partial[slow].clear();
            for (const int levels : {5, 10, 20}) {
                QByteArray stream =
                    output.stream[SlowDepth] + QByteArray::number(levels) + (slow ? "" : "@100ms");
                if (wants(stream))
                    output.partial[slow].append({stream, levels});
            }
        }
    }
}

QByteArray BinancePrinter::truthStream(const QByteArray &kind, const QByteArray &symbol) const
{
    return lowerCase(symbol) + (kind == "depth" ? "@depth@100ms" : "@trade");
}

template<typename Print>
void BinancePrinter::print(Output &output, Channel channel, Print print)
{
    if (!output.wanted[channel])
        return;
    publish({output.stream[channel],
             print(TimeUnit::Milliseconds),
             {},
             m_microseconds ? print(TimeUnit::Microseconds) : QByteArray()});
}

template<typename Encode>
void BinancePrinter::printSbe(Output &output, Channel channel, Encode encode)
{
    if (output.wanted[channel])
        publish({output.stream[channel], encode(), {}, {}, true});
}

void BinancePrinter::traded(const SimulatedSymbol &symbol, const TradeRow &trade)
{
    Output &to = output(symbol);
    addTrade(to.day, trade);
    print(to, Trade, [&](TimeUnit unit) { return tradeEvent(symbol.name(), trade, trade.timeUs, unit); });
    if (to.wanted[SbeTrade])
        to.trades.append(trade);
}

void BinancePrinter::aggregated(const SimulatedSymbol &symbol, const AggTradeRow &trade)
{
    Output &to = output(symbol);
    print(to, AggTrade,
          [&](TimeUnit unit) { return aggTradeEvent(symbol.name(), trade, trade.timeUs, unit); });
    printSbe(to, SbeTrade, [&] { return sbe::trades(symbol, to.trades); });
    to.trades.clear();
}

void BinancePrinter::bestChanged(const SimulatedSymbol &symbol)
{
    Output &to = output(symbol);
    print(to, BookTicker, [&](TimeUnit) { return bookTicker(symbol); });
    printSbe(to, SbeBest, [&] { return sbe::bestBidAsk(symbol); });
}

void BinancePrinter::depthDue(SimulatedSymbol &symbol, bool slow)
{
    Output &to = output(symbol);
    const auto difference = symbol.takeDifference(slow);
    if (difference.firstId == 0)
        return;
    print(to, slow ? SlowDepth : Depth, [&](TimeUnit unit) { return depthEvent(symbol, difference, unit); });
    for (const auto &[stream, levels] : to.partial[slow])
        publish(stream, bookJson(symbol, levels));
    if (slow)
        return;
    printSbe(to, SbeDepth, [&] { return sbe::depthDifference(symbol, difference); });
    printSbe(to, SbeDepth20, [&] { return sbe::depthSnapshot(symbol, 20); });
}

void BinancePrinter::candleDue(const SimulatedSymbol &symbol, std::size_t interval, const CandleRow &candle,
                               bool closed)
{
    Output &to = output(symbol);
    print(to, interval == 0 ? Candle1s : Candle1m, [&](TimeUnit unit) {
        return candleEvent(symbol.name(), SimulatedSymbol::candleNames[interval], candle, closed,
                           symbol.nowUs(), unit);
    });
    if (interval != 0 || !closed || to.day.count == 0)
        return; // tickers come with the second
    print(to, Ticker, [&](TimeUnit unit) { return tickerEvent(symbol, to.day, false, unit); });
    print(to, MiniTicker, [&](TimeUnit unit) { return tickerEvent(symbol, to.day, true, unit); });
}

MarketGenerator::MarketGenerator(const GeneratorOptions &options)
    : SimulatedData(options, [](const GeneratorOptions &o) { return std::make_unique<BinancePrinter>(o); })
{}

} // namespace tidemill::exchange
