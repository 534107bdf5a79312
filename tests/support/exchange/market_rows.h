// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "history.h"
#include "simulated_symbol.h"

namespace tidemill::exchange {

// What REST and snapshots look back on: trades, and candles by the minute. Before the market opened there is
// an invented past of candles, with holes where nobody traded.
class MarketRows
{
public:
    MarketRows(const GeneratorOptions &options, const std::vector<SimulatedSymbol> &symbols);

    void append(const SimulatedSymbol &symbol, const TradeRow &row) { of(symbol).history.append(row); }
    void append(const SimulatedSymbol &symbol, const AggTradeRow &row) { of(symbol).history.append(row); }
    void append(const SimulatedSymbol &symbol, std::size_t interval, const CandleRow &closed);

    const History &history(const SimulatedSymbol &symbol) const { return m_rows[symbol.index()].history; }
    // Of an interval of the simulation, the running one last.
    std::deque<CandleRow> candles(const SimulatedSymbol &symbol, std::size_t interval) const;
    // Of any number of minutes, the invented past first, the running one last; empty buckets are absent.
    QList<CandleRow> buckets(const SimulatedSymbol &symbol, qint64 lengthUs) const;

private:
    struct Rows
    {
        History history;
        std::deque<CandleRow> past; // of a minute each
        std::deque<CandleRow> candles[2];
    };

    Rows &of(const SimulatedSymbol &symbol) { return m_rows[symbol.index()]; }

    qsizetype m_limit;
    std::vector<Rows> m_rows;
};

} // namespace tidemill::exchange
