// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "exchange/frame_printer.h"

namespace tidemill::exchange::coinbase_advanced {

// Advanced Trade's frames about a simulated market, with 0 where the connection's sequence number goes.
class Printer final : public FramePrinter
{
public:
    Printer(const GeneratorOptions &options, bool heartbeatText);

    QByteArrayList greeting(const SimulatedSymbol &symbol, const QByteArray &channel) override;
    QByteArray truthStream(const QByteArray &kind, const QByteArray &symbol) const override;

    void traded(const SimulatedSymbol &, const TradeRow &) override;
    void aggregated(const SimulatedSymbol &, const AggTradeRow &) override;
    void depthDue(SimulatedSymbol &, bool slow) override;
    void candleDue(const SimulatedSymbol &, std::size_t interval, const CandleRow &, bool closed) override;

private:
    struct Product
    {
        QList<TradeRow> trades; // of the running quarter of a second
        qint64 low = 0;
        qint64 high = 0;
        qint64 volume = 0;
        qint64 open = 0;
        bool tickerDue = false; // there has been a trade since the last ticker_batch
    };

    Product &product(const SimulatedSymbol &symbol) { return m_products[symbol.index()]; }
    QByteArray ticker(const SimulatedSymbol &symbol, const char *type, bool batch);
    void publishTrades(const SimulatedSymbol &symbol);
    void publishCandle(const SimulatedSymbol &symbol);
    void publishHeartbeat(const SimulatedSymbol &symbol);

    bool m_heartbeatText;
    int m_snapshotLevels;
    std::vector<Product> m_products; // in the order of the market's symbols
};

} // namespace tidemill::exchange::coinbase_advanced
