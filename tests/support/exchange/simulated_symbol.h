// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "history.h"

#include <QByteArrayList>

#include <array>
#include <map>
#include <random>
#include <set>
#include <vector>

namespace tidemill::exchange {

struct GeneratorOptions
{
    quint64 seed = 1;
    QByteArrayList symbols{"BTCUSDT"};
    int eventsPerSecond = 100; // of each symbol
    // Between two changes of a book; Binance's @depth comes ten times as seldom. None: as the protocol has
    // it.
    std::optional<qint64> depthIntervalUs;
    qint64 epochUs = 1'700'000'000'000'000; // when the simulated market opened
    qint64 warmupUs = 0;                    // so much has happened before the first client came
    qsizetype history = 100'000;            // trades kept for REST
    bool flood = false; // as fast as the clients take it; the market's clock then runs ahead
    int startClients = 1;
    int startStreams = 0;   // subscribed to, until data begin
    int pastMinutes = 0;    // candles from before the market opened
    int quietEvery = 0;     // nobody trades in every minute divisible by this; 0: there are no such minutes
    int burst = 0;          // so many aggregate trades in one microsecond, a second after the opening
    int snapshotLevels = 0; // at least so many levels of each side in a book's snapshot
};

class SimulatedSymbol;

// Told of everything that happens, in order.
class MarketListener
{
public:
    virtual ~MarketListener() = default;
    virtual void traded(const SimulatedSymbol &, const TradeRow &) = 0;
    virtual void aggregated(const SimulatedSymbol &, const AggTradeRow &) = 0;
    virtual void bestChanged(const SimulatedSymbol &) = 0;
    // Time for a depth event: slow is @depth, the other one @depth@100ms. Takes what has changed since the
    // last one.
    virtual void depthDue(SimulatedSymbol &, bool slow) = 0;
    virtual void candleDue(const SimulatedSymbol &, std::size_t interval, const CandleRow &, bool closed) = 0;
};

// One symbol of an invented market: a book, people who trade in it, and the candles of what they traded. The
// same seed gives the same market, whatever the wall clock does.
class SimulatedSymbol
{
public:
    using Bids = std::map<qint64, qint64, std::greater<>>; // price to quantity, both in 1e-8
    using Asks = std::map<qint64, qint64>;
    static constexpr std::array<qint64, 2> candleLengthsUs{1'000'000, 60'000'000};
    static constexpr std::array<const char *, 2> candleNames{"1s", "1m"};

    SimulatedSymbol(const QByteArray &name, const GeneratorOptions &options, std::size_t index = 0);

    const QByteArray &name() const { return m_name; }
    std::size_t index() const { return m_index; } // in its market
    qint64 tick() const { return m_tick; }
    qint64 lastPrice() const { return m_lastPrice; }
    qint64 nextUs() const;
    qint64 nowUs() const { return m_nowUs; }
    void step(MarketListener &listener);

    const Bids &bids() const { return m_bids; }
    const Asks &asks() const { return m_asks; }
    qint64 updateId() const { return m_updateId; }
    qint64 tradeId() const { return m_tradeId; }
    const CandleRow &runningCandle(std::size_t interval) const { return m_candles[interval]; }

    // What changed since the last one was taken; firstId is 0 when nothing has.
    struct Difference
    {
        qint64 firstId = 0;
        qint64 lastId = 0;
        std::vector<std::pair<qint64, qint64>> bids; // best first
        std::vector<std::pair<qint64, qint64>> asks;
    };
    Difference takeDifference(bool slow);

private:
    struct Changes
    {
        qint64 firstId = 0;
        std::set<qint64> bids;
        std::set<qint64> asks;
    };

    qint64 random(qint64 bound) { return qint64(m_random() % quint64(bound)); }
    qint64 randomQuantity();
    bool isRising() const { return m_targetPrice > (m_bids.begin()->first + m_asks.begin()->first) / 2; }

    void marketEvent(MarketListener &listener);
    bool isQuiet() const { return m_quietEvery > 0 && m_nowUs / 60'000'000 % m_quietEvery == 0; }
    void moveTarget();
    void take(MarketListener &listener);
    void place();
    void cancel();
    void followTarget();
    void keepShape();
    void setLevel(bool bid, qint64 price, qint64 quantity);
    void recordTrade(MarketListener &listener, qint64 price, qint64 quantity, bool buyerIsMaker);
    void rollCandles(MarketListener &listener);
    void openCandle(std::size_t interval, qint64 openUs);

    QByteArray m_name;
    std::size_t m_index;
    int m_quietEvery;
    int m_burst;              // still to come
    std::mt19937_64 m_random; // its sequence is fixed by the standard, unlike the distributions
    qint64 m_tick;
    qint64 m_lot;
    qint64 m_epochUs;
    qint64 m_eventEveryUs;
    qint64 m_depthEveryUs;
    qint64 m_nowUs;
    qint64 m_nextEventUs;
    qint64 m_nextDepthUs;
    qint64 m_nextCandleUs;
    qint64 m_regimeEndUs;
    int m_direction = 1;
    qint64 m_targetPrice;
    qint64 m_depthEvents = 0;
    qint64 m_updateId;
    qint64 m_tradeId;
    qint64 m_aggTradeId;
    qint64 m_lastPrice;
    Bids m_bids;
    Asks m_asks;
    std::array<Changes, 2> m_changes; // since the last @depth@100ms, since the last @depth
    std::array<CandleRow, 2> m_candles;
};

} // namespace tidemill::exchange
