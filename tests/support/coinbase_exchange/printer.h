// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "exchange/frame_printer.h"

namespace tidemill::exchange::coinbase_exchange {

// The feed's frames about a simulated market.
class Printer final : public FramePrinter
{
public:
    explicit Printer(const GeneratorOptions &options);

    QByteArrayList greeting(const SimulatedSymbol &symbol, const QByteArray &channel) override;
    QByteArray truthStream(const QByteArray &kind, const QByteArray &symbol) const override;

    void traded(const SimulatedSymbol &, const TradeRow &) override;
    void aggregated(const SimulatedSymbol &, const AggTradeRow &) override;
    void depthDue(SimulatedSymbol &, bool slow) override;
    void candleDue(const SimulatedSymbol &, std::size_t interval, const CandleRow &, bool closed) override;

private:
    // What the ticker tells of a product's day, which began when the market opened.
    struct Day
    {
        qint64 open = 0;
        qint64 low = 0;
        qint64 high = 0;
        qint64 volume = 0;
        TradeRow last;
        bool tickerDue = false; // there has been a trade since the last ticker_batch
    };

    Day &day(const SimulatedSymbol &symbol) { return m_days[symbol.index()]; }
    QByteArray ticker(const SimulatedSymbol &symbol);
    QByteArray snapshot(const SimulatedSymbol &symbol) const;

    int m_snapshotLevels;
    std::vector<Day> m_days; // in the order of the market's symbols
};

} // namespace tidemill::exchange::coinbase_exchange
