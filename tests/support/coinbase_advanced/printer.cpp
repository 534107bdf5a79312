// SPDX-License-Identifier: Apache-2.0
#include "coinbase_advanced/printer.h"

#include "coinbase_advanced/envelope.h"
#include "exchange/wire_text.h"

#include <algorithm>

namespace tidemill::exchange::coinbase_advanced {

namespace {

constexpr qint64 second = 1'000'000;
constexpr qint64 batchUs = 250'000; // of market_trades
constexpr qint64 bucketUs = 300 * second;
constexpr int snapshotTrades = 100;
constexpr qsizetype snapshotCandles = 100;

// Newest first.
template<typename Trades>
QByteArray tradesEvent(const char *type, const QByteArray &product, const Trades &trades)
{
    QByteArrayList list;
    for (auto trade = trades.crbegin(); trade != trades.crend(); ++trade) {
        list.append("{\"product_id\":\"" + product + "\",\"trade_id\":\"" + QByteArray::number(trade->id) +
                    "\",\"price\":\"" + shortText(trade->price.digits) + "\",\"size\":\"" +
                    shortText(trade->quantity.digits) + "\",\"time\":\"" + isoTime(trade->timeUs) +
                    "\",\"side\":\"" + (trade->buyerIsMaker ? "BUY" : "SELL") + "\"}");
    }
    return QByteArray("{\"type\":\"") + type + "\",\"trades\":[" + list.join(',') + "]}";
}

QByteArray candlesEvent(const char *type, const QByteArray &product, const QList<CandleRow> &candles)
{
    QByteArrayList list;
    for (const CandleRow &candle : candles) {
        list.append("{\"start\":\"" + QByteArray::number(candle.openUs / second) + "\",\"high\":\"" +
                    shortText(candle.high.digits) + "\",\"low\":\"" + shortText(candle.low.digits) +
                    "\",\"open\":\"" + shortText(candle.open.digits) + "\",\"close\":\"" +
                    shortText(candle.close.digits) + "\",\"volume\":\"" + shortText(candle.volume.digits) +
                    "\",\"product_id\":\"" + product + "\"}");
    }
    return QByteArray("{\"type\":\"") + type + "\",\"candles\":[" + list.join(',') + "]}";
}

template<typename Levels>
void appendLevels(QByteArrayList &list, const char *side, const Levels &levels, const QByteArray &time)
{
    for (const auto &[price, quantity] : levels)
        list.append(QByteArray("{\"side\":\"") + side + "\",\"event_time\":\"" + time +
                    "\",\"price_level\":\"" + shortText(price) + "\",\"new_quantity\":\"" +
                    shortText(quantity) + "\"}");
}

template<typename Bids, typename Asks>
QByteArray bookEvent(const char *type, const SimulatedSymbol &symbol, const Bids &bids, const Asks &asks)
{
    QByteArrayList list;
    appendLevels(list, "bid", bids, isoTime(symbol.nowUs()));
    appendLevels(list, "offer", asks, isoTime(symbol.nowUs()));
    return QByteArray("{\"type\":\"") + type + "\",\"product_id\":\"" + symbol.name() + "\",\"updates\":[" +
           list.join(',') + "]}";
}

QByteArray bookSnapshot(const SimulatedSymbol &symbol, int levels)
{
    auto bids = symbol.bids();
    auto asks = symbol.asks();
    // Far away from everything that moves, for size alone.
    qint64 low = bids.rbegin()->first - 1'000'000 * symbol.tick();
    for (; int(bids.size()) < levels && low > 0; low -= symbol.tick())
        bids[low] = 100'000'000;
    qint64 high = asks.rbegin()->first + 1'000'000 * symbol.tick();
    for (; int(asks.size()) < levels; high += symbol.tick())
        asks[high] = 100'000'000;
    return bookEvent("snapshot", symbol, bids, asks);
}

} // namespace

Printer::Printer(const GeneratorOptions &options, bool heartbeatText)
    : m_heartbeatText(heartbeatText)
    , m_snapshotLevels(options.snapshotLevels)
    , m_products(std::size_t(options.symbols.size()))
{}

QByteArray Printer::truthStream(const QByteArray &kind, const QByteArray &symbol) const
{
    return symbol + (kind == "depth" ? "@level2" : "@market_trades");
}

QByteArrayList Printer::greeting(const SimulatedSymbol &symbol, const QByteArray &channel)
{
    const QByteArray &name = symbol.name();
    if (channel == "level2")
        return {envelope("l2_data", symbol.nowUs(), bookSnapshot(symbol, m_snapshotLevels))};
    if (channel == "candles" && rows()) {
        const QList<CandleRow> all = rows()->buckets(symbol, bucketUs);
        const auto last = all.mid(std::max<qsizetype>(0, all.size() - snapshotCandles));
        return {envelope(channel, symbol.nowUs(), candlesEvent("snapshot", name, last))};
    }
    if (channel == "market_trades" && rows()) {
        // What waits for the next batch is not told twice.
        const qsizetype waiting = product(symbol).trades.size();
        QList<TradeRow> last = rows()->history(symbol).trades({{}, {}, {}, int(snapshotTrades + waiting)});
        last.resize(last.size() - std::min(waiting, last.size()));
        return {envelope(channel, symbol.nowUs(), tradesEvent("snapshot", name, last))};
    }
    if (channel == "ticker" || channel == "ticker_batch")
        return {ticker(symbol, "snapshot", channel == "ticker_batch")};
    return {};
}

QByteArray Printer::ticker(const SimulatedSymbol &symbol, const char *type, bool batch)
{
    const Product &day = product(symbol);
    const auto bid = *symbol.bids().begin();
    const auto ask = *symbol.asks().begin();
    const qint64 last = symbol.lastPrice();
    const qint64 change = day.open > 0 ? qint64(double(last - day.open) / double(day.open) * 1e10) : 0;
    const QByteArray percent =
        (change < 0 ? "-" : "") + shortText(std::abs(change)); // of 1e-8: 1e10 makes per cent
    QByteArray best = ",\"best_bid\":\"" + shortText(bid.first) + "\",\"best_ask\":\"" +
                      shortText(ask.first) + "\",\"best_bid_quantity\":\"" + shortText(bid.second) +
                      "\",\"best_ask_quantity\":\"" + shortText(ask.second) + '"';
    return envelope(
        batch ? "ticker_batch" : "ticker", symbol.nowUs(),
        QByteArray("{\"type\":\"") + type + "\",\"tickers\":[{\"type\":\"ticker\",\"product_id\":\"" +
            symbol.name() + "\",\"price\":\"" + shortText(last) + "\",\"volume_24_h\":\"" +
            shortText(day.volume) + "\",\"low_24_h\":\"" + shortText(day.low) + "\",\"high_24_h\":\"" +
            shortText(day.high) + "\",\"low_52_w\":\"" + shortText(day.low) + "\",\"high_52_w\":\"" +
            shortText(day.high) + "\",\"price_percent_chg_24_h\":\"" + percent + '"' +
            (batch ? QByteArray() : best) + "}]}");
}

void Printer::traded(const SimulatedSymbol &symbol, const TradeRow &trade)
{
    Product &day = product(symbol);
    const qint64 price = trade.price.digits;
    if (day.open == 0)
        day.open = day.low = day.high = price;
    day.low = std::min(day.low, price);
    day.high = std::max(day.high, price);
    day.volume += trade.quantity.digits;
    day.tickerDue = true;
    day.trades.append(trade);
}

void Printer::aggregated(const SimulatedSymbol &symbol, const AggTradeRow &)
{
    if (const QByteArray stream = symbol.name() + "@ticker"; wants(stream))
        publish(stream, ticker(symbol, "update", false));
}

void Printer::publishTrades(const SimulatedSymbol &symbol)
{
    const QByteArray stream = symbol.name() + "@market_trades";
    QList<TradeRow> &trades = product(symbol).trades;
    if (!trades.isEmpty() && wants(stream))
        publish(stream,
                envelope("market_trades", symbol.nowUs(), tradesEvent("update", symbol.name(), trades)));
    trades.clear();
}

void Printer::depthDue(SimulatedSymbol &symbol, bool slow)
{
    const auto difference = symbol.takeDifference(slow);
    if (slow)
        return;
    const QList<TradeRow> &trades = product(symbol).trades;
    if (!trades.isEmpty() && trades.first().timeUs / batchUs != symbol.nowUs() / batchUs)
        publishTrades(symbol);
    const QByteArray stream = symbol.name() + "@level2";
    if (difference.firstId != 0 && wants(stream))
        publish(stream, envelope("l2_data", symbol.nowUs(),
                                 bookEvent("update", symbol, difference.bids, difference.asks)));
}

void Printer::publishCandle(const SimulatedSymbol &symbol)
{
    const QByteArray stream = symbol.name() + "@candles";
    if (!rows() || !wants(stream))
        return;
    const QList<CandleRow> all = rows()->buckets(symbol, bucketUs);
    if (!all.isEmpty())
        publish(stream,
                envelope("candles", symbol.nowUs(), candlesEvent("update", symbol.name(), {all.last()})));
}

void Printer::publishHeartbeat(const SimulatedSymbol &symbol)
{
    const QByteArray stream = "@heartbeats";
    if (symbol.index() != 0 || !wants(stream)) // one for all products
        return;
    const qint64 counter = symbol.nowUs() / second % 1'000'000;
    const QByteArray number = QByteArray::number(counter);
    QByteArray time = isoTimeFull(symbol.nowUs()).replace('T', ' ');
    time.chop(1);
    publish(stream, envelope("heartbeats", symbol.nowUs(),
                             "{\"current_time\":\"" + time + "123 +0000 UTC m=+" + number +
                                 ".260485341\",\"heartbeat_counter\":" +
                                 (m_heartbeatText ? '"' + number + '"' : number) + '}'));
}

// Called for one-second candles on every full second, for those of a minute on every other one.
void Printer::candleDue(const SimulatedSymbol &symbol, std::size_t interval, const CandleRow &, bool)
{
    if (interval == 1)
        return publishCandle(symbol);
    publishHeartbeat(symbol);
    const QByteArray batch = symbol.name() + "@ticker_batch";
    if (symbol.nowUs() / second % 5 == 0 && product(symbol).tickerDue) {
        product(symbol).tickerDue = false;
        if (wants(batch))
            publish(batch, ticker(symbol, "update", true));
    }
}

} // namespace tidemill::exchange::coinbase_advanced
