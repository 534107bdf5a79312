// SPDX-License-Identifier: Apache-2.0
#include "market_rows.h"

#include <algorithm>

namespace tidemill::exchange {

namespace {

constexpr qint64 minuteUs = 60'000'000;
constexpr qint64 one = 100'000'000;

// Backwards from the opening price, so that it meets the market without a jump.
std::deque<CandleRow> inventPast(const SimulatedSymbol &symbol, int minutes, quint64 seed)
{
    std::mt19937_64 random(seed ^ quint64(symbol.tradeId()));
    const auto below = [&random](qint64 bound) { return qint64(random() % quint64(bound)); };
    std::deque<CandleRow> past;
    qint64 price = (symbol.bids().begin()->first + symbol.asks().begin()->first) / 2;
    const qint64 tick = std::max<qint64>(1, symbol.tick());
    qint64 openUs = symbol.nowUs() / minuteUs * minuteUs - minuteUs;
    qint64 tradeId = symbol.tradeId();
    for (; qsizetype(past.size()) < minutes && openUs > 0; openUs -= minuteUs) {
        if (below(15) == 0)
            openUs -= (5 + below(16)) * minuteUs; // nobody traded
        CandleRow candle;
        candle.openUs = openUs;
        candle.closeUs = openUs + minuteUs - 1;
        const qint64 open = std::max(100 * tick, price + (below(41) - 20) * tick);
        candle.open = {open, 8};
        candle.close = {price, 8};
        candle.high = {std::max(open, price) + below(10) * tick, 8};
        candle.low = {std::min(open, price) - below(10) * tick, 8};
        candle.volume = {(1 + below(50'000)) * one / 10'000, 8};
        candle.quoteVolume = {qint64(double(price) / double(one) * double(candle.volume.digits)), 8};
        candle.takerVolume = {candle.volume.digits / 2, 8};
        candle.takerQuoteVolume = {candle.quoteVolume.digits / 2, 8};
        candle.count = 1 + below(50);
        candle.lastId = tradeId;
        candle.firstId = tradeId - candle.count + 1;
        tradeId -= candle.count;
        price = open;
        past.push_front(candle);
    }
    return past;
}

void merge(CandleRow &bucket, const CandleRow &candle)
{
    bucket.close = candle.close;
    bucket.high.digits = std::max(bucket.high.digits, candle.high.digits);
    bucket.low.digits = std::min(bucket.low.digits, candle.low.digits);
    bucket.volume.digits += candle.volume.digits;
    bucket.quoteVolume.digits += candle.quoteVolume.digits;
    bucket.takerVolume.digits += candle.takerVolume.digits;
    bucket.takerQuoteVolume.digits += candle.takerQuoteVolume.digits;
    bucket.lastId = candle.lastId;
    bucket.count += candle.count;
}

} // namespace

MarketRows::MarketRows(const GeneratorOptions &options, const std::vector<SimulatedSymbol> &symbols)
    : m_limit(options.history)
{
    for (const SimulatedSymbol &symbol : symbols)
        m_rows.push_back(
            {History(options.history), inventPast(symbol, options.pastMinutes, options.seed), {}});
}

void MarketRows::append(const SimulatedSymbol &symbol, std::size_t interval, const CandleRow &closed)
{
    std::deque<CandleRow> &rows = of(symbol).candles[interval];
    rows.push_back(closed);
    if (qsizetype(rows.size()) > m_limit)
        rows.pop_front();
}

std::deque<CandleRow> MarketRows::candles(const SimulatedSymbol &symbol, std::size_t interval) const
{
    std::deque<CandleRow> rows = m_rows[symbol.index()].candles[interval];
    rows.push_back(symbol.runningCandle(interval)); // the exchange's list ends with the bucket that runs
    return rows;
}

QList<CandleRow> MarketRows::buckets(const SimulatedSymbol &symbol, qint64 lengthUs) const
{
    QList<CandleRow> buckets;
    const auto add = [&](const CandleRow &candle) {
        if (candle.count == 0)
            return;
        const qint64 openUs = candle.openUs / lengthUs * lengthUs;
        if (!buckets.isEmpty() && buckets.last().openUs == openUs)
            return merge(buckets.last(), candle);
        buckets.append(candle);
        buckets.last().openUs = openUs;
        buckets.last().closeUs = openUs + lengthUs - 1;
    };
    for (const CandleRow &candle : m_rows[symbol.index()].past)
        add(candle);
    for (const CandleRow &candle : candles(symbol, 1))
        add(candle);
    return buckets;
}

} // namespace tidemill::exchange
