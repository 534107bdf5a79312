// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "market_data.h"
#include "market_json.h"
#include "simulated_market.h"

#include <QElapsedTimer>
#include <QHash>
#include <QTimer>

namespace tidemill::exchange {

// Publishes a simulated market: @trade, @aggTrade, @bookTicker, @depth, @depth@100ms, @depth5|10|20[@100ms],
// @kline_1s and @kline_1m of each symbol.
class MarketGenerator final : public MarketData, private MarketListener
{
    Q_OBJECT

public:
    explicit MarketGenerator(const GeneratorOptions &options);

    QByteArrayList symbols() const override { return m_options.symbols; }
    qint64 nowUs() const override { return m_market.nowUs(); }
    std::optional<QByteArray> depth(const QByteArray &symbol, int limit) override;
    const History *history(const QByteArray &symbol) override;
    QList<CandleRow> candles(const QByteArray &symbol, const QByteArray &interval,
                             const RowQuery &query) override;
    QByteArrayList candleIntervals() const override;
    Chunks truth(const QByteArray &kind, const QByteArray &symbol) override;
    QJsonObject position() const override;

protected:
    void wake() override;
    void applyDemand() override;

private:
    enum Channel { Trade, AggTrade, BookTicker, Depth, SlowDepth, Candle1s, Candle1m, ChannelCount };

    // What is published of one symbol, and the rows kept for REST.
    struct Output
    {
        explicit Output(qsizetype historyLimit) : history(historyLimit) {}

        QByteArray stream[ChannelCount];
        bool wanted[ChannelCount] = {};
        QList<std::pair<QByteArray, int>> partial[2]; // streams of the first levels: fast, slow
        History history;
        std::deque<CandleRow> candles[2];
    };

    void traded(const SimulatedSymbol &, const TradeRow &) override;
    void aggregated(const SimulatedSymbol &, const AggTradeRow &) override;
    void bestChanged(const SimulatedSymbol &) override;
    void depthDue(SimulatedSymbol &, bool slow) override;
    void candleDue(const SimulatedSymbol &, std::size_t interval, const CandleRow &, bool closed) override;

    void play();
    Output &output(const SimulatedSymbol &symbol);
    const SimulatedSymbol *find(const QByteArray &symbol) const;
    template<typename Print>
    void publish(Output &output, Channel channel, Print print);

    GeneratorOptions m_options;
    SimulatedMarket m_market;
    std::vector<Output> m_outputs; // in the order of the market's symbols
    QElapsedTimer m_clock;
    QTimer m_timer{this};
};

// Shared with the record of what has been: the payload of a depth event, empty when nothing has changed.
QByteArray depthEvent(const SimulatedSymbol &symbol, const SimulatedSymbol::Difference &difference,
                      TimeUnit unit);

} // namespace tidemill::exchange
