// SPDX-License-Identifier: Apache-2.0
#include "market_truth.h"

#include "market_generator.h"

namespace tidemill::exchange {

namespace {

class Recorder final : public MarketListener
{
public:
    Recorder(bool depth, const QByteArray &symbol) : m_depth(depth), m_symbol(symbol) {}

    QByteArray lines;

private:
    void traded(const SimulatedSymbol &symbol, const TradeRow &trade) override
    {
        if (!m_depth && symbol.name() == m_symbol)
            lines += tradeEvent(m_symbol, trade, trade.timeUs, TimeUnit::Milliseconds) + '\n';
    }

    void depthDue(SimulatedSymbol &symbol, bool slow) override
    {
        const auto difference = symbol.takeDifference(slow);
        if (m_depth && !slow && symbol.name() == m_symbol && difference.firstId != 0)
            lines += depthEvent(symbol, difference, TimeUnit::Milliseconds) + '\n';
    }

    void aggregated(const SimulatedSymbol &, const AggTradeRow &) override {}
    void bestChanged(const SimulatedSymbol &) override {}
    void candleDue(const SimulatedSymbol &, std::size_t, const CandleRow &, bool) override {}

    bool m_depth;
    QByteArray m_symbol;
};

} // namespace

MarketData::Chunks marketTruth(const GeneratorOptions &options, qint64 steps, const QByteArray &kind,
                               const QByteArray &symbol)
{
    auto market = std::make_shared<SimulatedMarket>(options);
    return [market, steps, recorder = Recorder(kind == "depth", symbol)]() mutable {
        recorder.lines.clear();
        while (market->steps() < steps && recorder.lines.size() < 256 * 1024)
            market->step(recorder);
        return recorder.lines;
    };
}

} // namespace tidemill::exchange
