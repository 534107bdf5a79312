// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "exchange/frame_printer.h"
#include "kraken/book_view.h"

#include <map>

namespace tidemill::exchange::kraken {

// Kraken's frames about a simulated market.
class Printer final : public FramePrinter
{
public:
    explicit Printer(const GeneratorOptions &options);

    void setDemand(const QSet<QByteArray> &streams) override;
    QByteArrayList greeting(const SimulatedSymbol &symbol, const QByteArray &channel) override;
    QByteArray truthStream(const QByteArray &kind, const QByteArray &symbol) const override;

    void traded(const SimulatedSymbol &, const TradeRow &) override;
    void aggregated(const SimulatedSymbol &, const AggTradeRow &) override;
    void bestChanged(const SimulatedSymbol &) override;
    void depthDue(SimulatedSymbol &, bool slow) override;
    void candleDue(const SimulatedSymbol &, std::size_t interval, const CandleRow &, bool closed) override;

private:
    struct Day
    {
        QList<TradeRow> trades; // for the next frame
        CandleRow total;        // since the market opened
    };

    QByteArray ticker(const SimulatedSymbol &symbol, const char *type) const;
    QByteArray candles(const SimulatedSymbol &symbol, int minutes, bool all) const;

    std::vector<Day> m_days;                // in the order of the market's symbols
    std::map<QByteArray, BookView> m_books; // by stream
};

} // namespace tidemill::exchange::kraken
