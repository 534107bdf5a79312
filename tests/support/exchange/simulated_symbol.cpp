// SPDX-License-Identifier: Apache-2.0
#include "simulated_symbol.h"

#include <algorithm>

namespace tidemill::exchange {

namespace {

constexpr qint64 one = 100'000'000; // 1.0 as the exchange prints it: eight decimals
constexpr qint64 defaultDepthUs = 100'000;
constexpr std::size_t minLevels = 120;
constexpr std::size_t maxLevels = 1000;

// std::hash and qHash may differ between builds; the market of a seed must not.
quint64 stableHash(const QByteArray &name)
{
    quint64 hash = 1469598103934665603ull;
    for (const char c : name)
        hash = (hash ^ quint8(c)) * 1099511628211ull;
    return hash;
}

// Against dollars, however the exchange spells it.
bool isPair(const QByteArray &name, const QByteArray &base)
{
    return name == base + "USDT" || name == base + "-USD" || name == base + "/USD";
}

Number scaled(qint64 value)
{
    return {value, 8};
}

} // namespace

SimulatedSymbol::SimulatedSymbol(const QByteArray &name, const GeneratorOptions &options, std::size_t index)
    : m_name(name)
    , m_index(index)
    , m_quietEvery(options.quietEvery)
    , m_burst(options.burst)
    , m_random(options.seed ^ stableHash(name))
    , m_epochUs(options.epochUs)
    , m_eventEveryUs(std::max<qint64>(1, 1'000'000 / std::max(1, options.eventsPerSecond)))
    , m_depthEveryUs(std::max<qint64>(1, options.depthIntervalUs.value_or(defaultDepthUs)))
    , m_nowUs(m_epochUs)
    , m_nextEventUs(m_epochUs + m_eventEveryUs)
    , m_nextDepthUs(m_epochUs + m_depthEveryUs)
    , m_nextCandleUs((m_epochUs / 1'000'000 + 1) * 1'000'000)
    , m_regimeEndUs(m_epochUs)
{
    const bool bitcoin = isPair(name, "BTC");
    const bool known = bitcoin || isPair(name, "ETH");
    m_targetPrice = bitcoin ? 60'000 * one : known ? 3'000 * one : (1 + random(500)) * one;
    m_tick = known ? one / 100 : one / 10'000;
    m_lot =
        known ? one / 100'000 : one / 10'000; // tick x lot has eight decimals at most: notionals stay exact
    m_lastPrice = m_targetPrice;
    m_updateId = 1'000'000'000 + random(one);
    m_tradeId = 5'000'000'000 + random(one); // beyond 32 bits, as in life
    m_aggTradeId = 3'000'000'000 + random(one);
    for (qint64 level = 1; level <= qint64(minLevels); ++level) {
        m_bids[m_targetPrice - level * m_tick * 2] = randomQuantity();
        m_asks[m_targetPrice + level * m_tick * 2] = randomQuantity();
    }
    for (std::size_t interval = 0; interval < m_candles.size(); ++interval)
        openCandle(interval, m_epochUs / candleLengthsUs[interval] * candleLengthsUs[interval]);
}

qint64 SimulatedSymbol::nextUs() const
{
    return std::min({m_nextEventUs, m_nextDepthUs, m_nextCandleUs});
}

void SimulatedSymbol::step(MarketListener &listener)
{
    m_nowUs = nextUs();
    // A candle closes before anything that happens at the instant when the next one opens.
    if (m_nextCandleUs == m_nowUs) {
        rollCandles(listener);
        m_nextCandleUs += 1'000'000;
    } else if (m_nextEventUs == m_nowUs) {
        marketEvent(listener);
        m_nextEventUs += m_eventEveryUs;
    } else {
        m_nextDepthUs += m_depthEveryUs;
        listener.depthDue(*this, false);
        if (++m_depthEvents % 10 == 0)
            listener.depthDue(*this, true);
    }
}

qint64 SimulatedSymbol::randomQuantity()
{
    return (1 + random(random(10) == 0 ? 50'000 : 2'000)) * m_lot;
}

void SimulatedSymbol::marketEvent(MarketListener &listener)
{
    const auto bestBid = *m_bids.begin();
    const auto bestAsk = *m_asks.begin();
    moveTarget();
    const qint64 kind = random(100);
    for (; m_burst > 0 && m_nowUs >= m_epochUs + 1'000'000; --m_burst)
        take(listener);
    if (kind < 40 && !isQuiet())
        take(listener);
    else if (kind < 80)
        place();
    else
        cancel();
    followTarget();
    keepShape();
    if (*m_bids.begin() != bestBid || *m_asks.begin() != bestAsk)
        listener.bestChanged(*this);
}

// The trend turns every one to three seconds, so that averages over ten and thirty depth events cross soon
// and often.
void SimulatedSymbol::moveTarget()
{
    if (m_nowUs >= m_regimeEndUs) {
        m_direction = -m_direction;
        m_regimeEndUs = m_nowUs + 1'000'000 + random(2'000'000);
    }
    const qint64 perSecond = 200 * m_tick; // a trend's pace, whatever the event rate
    const qint64 stride = perSecond * m_eventEveryUs / 1'000'000 + m_tick;
    m_targetPrice += m_direction * stride + (random(3) - 1) * m_tick;
    m_targetPrice = std::max(m_targetPrice, 1000 * m_tick);
    m_targetPrice -= m_targetPrice % m_tick;
}

// A taker's order eats from the best level, seldom into the next ones. Each price is one aggregate trade;
// each maker order it meets there is one trade.
void SimulatedSymbol::take(MarketListener &listener)
{
    const bool buys = isRising() ? random(10) < 8 : random(10) < 2;
    qint64 wanted = randomQuantity();
    for (int level = 0; level < 3 && wanted > 0; ++level) {
        const auto best = buys ? *m_asks.begin() : *m_bids.begin();
        const qint64 filled = std::min(wanted, best.second);
        const qint64 firstId = m_tradeId + 1;
        qint64 left = filled;
        for (qint64 makers = 1 + random(3); makers > 1 && left >= 2 * m_lot; --makers) {
            const qint64 part = (1 + random(left / m_lot - 1)) * m_lot;
            recordTrade(listener, best.first, part, !buys);
            left -= part;
        }
        recordTrade(listener, best.first, left, !buys);
        listener.aggregated(
            *this, {++m_aggTradeId, scaled(best.first), scaled(filled), firstId, m_tradeId, m_nowUs, !buys});
        setLevel(!buys, best.first, best.second - filled);
        keepShape();
        wanted -= filled;
    }
}

void SimulatedSymbol::place()
{
    const bool bid = random(2) == 0;
    const qint64 spread = m_asks.begin()->first - m_bids.begin()->first;
    const qint64 inside = spread > m_tick && random(3) == 0 ? m_tick : 0;
    const qint64 distance = inside > 0 ? -inside : random(30) * m_tick;
    const qint64 price = bid ? m_bids.begin()->first - distance : m_asks.begin()->first + distance;
    setLevel(bid, price, randomQuantity());
}

void SimulatedSymbol::cancel()
{
    const bool bid = random(2) == 0;
    const qint64 rank = random(20);
    setLevel(bid, bid ? std::next(m_bids.begin(), rank)->first : std::next(m_asks.begin(), rank)->first, 0);
}

// Makers withdraw from where the market goes and follow it from behind, three levels an event at the most: a
// price that jumped would make one huge difference of it.
void SimulatedSymbol::followTarget()
{
    for (int count = 0; count < 3 && m_asks.begin()->first <= m_targetPrice; ++count) {
        const qint64 price = m_asks.begin()->first;
        setLevel(false, price, 0);
        setLevel(true, price - m_tick, randomQuantity());
    }
    for (int count = 0; count < 3 && m_bids.begin()->first >= m_targetPrice; ++count) {
        const qint64 price = m_bids.begin()->first;
        setLevel(true, price, 0);
        setLevel(false, price + m_tick, randomQuantity());
    }
}

void SimulatedSymbol::keepShape()
{
    while (m_bids.size() < minLevels)
        setLevel(true, m_bids.rbegin()->first - (1 + random(5)) * m_tick, randomQuantity());
    while (m_asks.size() < minLevels)
        setLevel(false, m_asks.rbegin()->first + (1 + random(5)) * m_tick, randomQuantity());
    while (m_bids.size() > maxLevels)
        setLevel(true, m_bids.rbegin()->first, 0);
    while (m_asks.size() > maxLevels)
        setLevel(false, m_asks.rbegin()->first, 0);
}

void SimulatedSymbol::setLevel(bool bid, qint64 price, qint64 quantity)
{
    if (bid && quantity > 0)
        m_bids[price] = quantity;
    else if (bid)
        m_bids.erase(price);
    else if (quantity > 0)
        m_asks[price] = quantity;
    else
        m_asks.erase(price);
    ++m_updateId;
    for (Changes &changes : m_changes) {
        if (changes.firstId == 0)
            changes.firstId = m_updateId;
        (bid ? changes.bids : changes.asks).insert(price);
    }
}

void SimulatedSymbol::recordTrade(MarketListener &listener, qint64 price, qint64 quantity, bool buyerIsMaker)
{
    m_lastPrice = price;
    const TradeRow trade{++m_tradeId, scaled(price), scaled(quantity), m_nowUs, buyerIsMaker};
    __extension__ using Wide = __int128;
    const qint64 quote = qint64(Wide(price) * quantity / one);
    for (CandleRow &candle : m_candles) {
        if (candle.count++ == 0) {
            candle.firstId = trade.id;
            candle.open = candle.high = candle.low = trade.price;
        }
        candle.lastId = trade.id;
        candle.close = trade.price;
        candle.high.digits = std::max(candle.high.digits, price);
        candle.low.digits = std::min(candle.low.digits, price);
        candle.volume.digits += quantity;
        candle.quoteVolume.digits += quote;
        if (!buyerIsMaker) {
            candle.takerVolume.digits += quantity;
            candle.takerQuoteVolume.digits += quote;
        }
    }
    listener.traded(*this, trade);
}

// Called at each full second: 1s closes every time, 1m reports every other second and closes on the minute.
void SimulatedSymbol::rollCandles(MarketListener &listener)
{
    for (std::size_t interval = 0; interval < m_candles.size(); ++interval) {
        const bool closed = m_nowUs > m_candles[interval].closeUs;
        if (closed || (m_nowUs / 1'000'000) % 2 == 0)
            listener.candleDue(*this, interval, m_candles[interval], closed);
        if (closed)
            openCandle(interval, m_nowUs);
    }
}

void SimulatedSymbol::openCandle(std::size_t interval, qint64 openUs)
{
    CandleRow candle;
    candle.openUs = openUs;
    candle.closeUs = openUs + candleLengthsUs[interval] - 1;
    candle.open = candle.high = candle.low = candle.close = scaled(m_lastPrice);
    candle.volume = candle.quoteVolume = candle.takerVolume = candle.takerQuoteVolume = scaled(0);
    m_candles[interval] = candle;
}

SimulatedSymbol::Difference SimulatedSymbol::takeDifference(bool slow)
{
    Changes &changes = m_changes[slow ? 1 : 0];
    Difference difference;
    if (changes.firstId == 0)
        return difference;
    difference.firstId = changes.firstId;
    difference.lastId = m_updateId;
    for (auto price = changes.bids.crbegin(); price != changes.bids.crend(); ++price) {
        const auto level = m_bids.find(*price);
        difference.bids.emplace_back(*price, level == m_bids.end() ? 0 : level->second);
    }
    for (const qint64 price : changes.asks) {
        const auto level = m_asks.find(price);
        difference.asks.emplace_back(price, level == m_asks.end() ? 0 : level->second);
    }
    changes = {};
    return difference;
}

} // namespace tidemill::exchange
