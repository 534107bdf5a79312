// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "market_json.h"
#include "simulated_data.h"

namespace tidemill::exchange {

// Binance's frames: @trade, @aggTrade, @bookTicker, @ticker, @miniTicker, @depth, @depth@100ms,
// @depth5|10|20[@100ms], @kline_1s and @kline_1m of each symbol, and in SBE (streams that begin with "sbe:")
// @trade, @bestBidAsk, @depth, @depth20.
class BinancePrinter final : public FramePrinter
{
public:
    explicit BinancePrinter(const GeneratorOptions &options);

    void setDemand(const QSet<QByteArray> &streams) override;
    void setMicroseconds(bool wanted) override { m_microseconds = wanted; }
    QByteArray truthStream(const QByteArray &kind, const QByteArray &symbol) const override;

    void traded(const SimulatedSymbol &, const TradeRow &) override;
    void aggregated(const SimulatedSymbol &, const AggTradeRow &) override;
    void bestChanged(const SimulatedSymbol &) override;
    void depthDue(SimulatedSymbol &, bool slow) override;
    void candleDue(const SimulatedSymbol &, std::size_t interval, const CandleRow &, bool closed) override;

private:
    enum Channel {
        Trade,
        AggTrade,
        BookTicker,
        Depth,
        SlowDepth,
        Candle1s,
        Candle1m,
        Ticker,
        MiniTicker,
        SbeTrade,
        SbeBest,
        SbeDepth,
        SbeDepth20,
        ChannelCount
    };

    // What is published of one symbol.
    struct Output
    {
        QByteArray stream[ChannelCount];
        bool wanted[ChannelCount] = {};
        QList<std::pair<QByteArray, int>> partial[2]; // streams of the first levels: fast, slow
        QList<TradeRow> trades;                       // for the next frame of SbeTrade
        CandleRow day;                                // since the market opened
    };

    Output &output(const SimulatedSymbol &symbol) { return m_outputs[symbol.index()]; }
    template<typename Print>
    void print(Output &output, Channel channel, Print print);
    template<typename Encode>
    void printSbe(Output &output, Channel channel, Encode encode);

    std::vector<Output> m_outputs; // in the order of the market's symbols
    bool m_microseconds = false;
};

// Publishes a simulated market as Binance does.
class MarketGenerator final : public SimulatedData
{
    Q_OBJECT

public:
    explicit MarketGenerator(const GeneratorOptions &options);
};

} // namespace tidemill::exchange
