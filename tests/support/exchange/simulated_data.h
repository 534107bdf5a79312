// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "frame_printer.h"
#include "simulated_market.h"

#include <QElapsedTimer>
#include <QTimer>

#include <memory>

namespace tidemill::exchange {

// A simulated market as a source of data: runs it by the wall clock or as fast as the clients take it, keeps
// rows for REST, and publishes what a printer makes of it.
class SimulatedData : public MarketData, private MarketListener
{
    Q_OBJECT

public:
    using MakePrinter = std::function<std::unique_ptr<FramePrinter>(const GeneratorOptions &)>;

    // A function, because the record of what has been is printed by another printer.
    SimulatedData(const GeneratorOptions &options, MakePrinter makePrinter);

    QByteArrayList symbols() const override { return m_options.symbols; }
    qint64 nowUs() const override { return m_market.nowUs(); }
    std::optional<QByteArray> depth(const QByteArray &symbol, int limit) override;
    const History *history(const QByteArray &symbol) override;
    QList<CandleRow> candles(const QByteArray &symbol, const QByteArray &interval,
                             const RowQuery &query) override;
    QByteArrayList candleIntervals() const override;
    QList<CandleRow> buckets(const QByteArray &symbol, qint64 lengthUs) override;
    QByteArrayList greeting(const QByteArray &stream) override;
    Chunks truth(const QByteArray &kind, const QByteArray &symbol) override;
    QJsonObject position() const override;

protected:
    void wake() override;
    void applyDemand() override;

private:
    void traded(const SimulatedSymbol &, const TradeRow &) override;
    void aggregated(const SimulatedSymbol &, const AggTradeRow &) override;
    void bestChanged(const SimulatedSymbol &) override;
    void depthDue(SimulatedSymbol &, bool slow) override;
    void candleDue(const SimulatedSymbol &, std::size_t interval, const CandleRow &, bool closed) override;

    void play();
    const SimulatedSymbol *find(const QByteArray &symbol) const;

    GeneratorOptions m_options;
    MakePrinter m_makePrinter;
    SimulatedMarket m_market;
    MarketRows m_rows;
    std::unique_ptr<FramePrinter> m_printer;
    QElapsedTimer m_clock;
    QTimer m_timer{this};
};

} // namespace tidemill::exchange
