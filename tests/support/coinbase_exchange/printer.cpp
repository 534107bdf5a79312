// SPDX-License-Identifier: Apache-2.0
#include "coinbase_exchange/printer.h"

#include "exchange/wire_text.h"

#include <algorithm>

namespace tidemill::exchange::coinbase_exchange {

namespace {

constexpr qint64 second = 1'000'000;
constexpr int priceDecimals = 4;
constexpr int sizeDecimals = 8;

// The product's own counter goes up with everything that happens to it, of which each channel shows a part:
// what a client sees jumps. The factor keeps two trades in a row from looking like neighbours.
QByteArray sequence(const SimulatedSymbol &symbol)
{
    return QByteArray::number(symbol.updateId() + 3 * symbol.tradeId());
}

QByteArray orderId(qint64 number)
{
    const QByteArray digits = QByteArray::number(number).rightJustified(20, '0').right(20);
    return digits.left(8) + "-0000-4000-8000-" + digits.right(12);
}

QByteArray match(const char *type, const SimulatedSymbol &symbol, const TradeRow &trade)
{
    return QByteArray("{\"type\":\"") + type + "\",\"trade_id\":" + QByteArray::number(trade.id) +
           ",\"maker_order_id\":\"" + orderId(2 * trade.id) + "\",\"taker_order_id\":\"" +
           orderId(2 * trade.id + 1) + "\",\"side\":\"" + (trade.buyerIsMaker ? "buy" : "sell") +
           "\",\"size\":\"" + shortText(trade.quantity.digits) + "\",\"price\":\"" +
           shortText(trade.price.digits) + "\",\"product_id\":\"" + symbol.name() +
           "\",\"sequence\":" + sequence(symbol) + ",\"time\":\"" + isoTime(trade.timeUs) + "\"}";
}

template<typename Levels>
QByteArray bookSide(const Levels &levels, int padding, qint64 step)
{
    QByteArrayList list;
    qint64 price = 0;
    const auto add = [&list](qint64 at, qint64 quantity) {
        list.append("[\"" + fixedText(at, priceDecimals) + "\",\"" + fixedText(quantity, sizeDecimals) +
                    "\"]");
    };
    for (const auto &[at, quantity] : levels) {
        add(at, quantity);
        price = at;
    }
    // Far away from everything that moves, for size alone.
    for (price += 1'000'000 * step; list.size() < padding && price + step > 0; price += step)
        add(price, 100'000'000);
    return '[' + list.join(',') + ']';
}

QByteArray changes(const SimulatedSymbol::Difference &difference)
{
    QByteArrayList list;
    const auto add = [&list](const char *side, const std::pair<qint64, qint64> &level) {
        list.append(QByteArray("[\"") + side + "\",\"" + fixedText(level.first, priceDecimals) + "\",\"" +
                    fixedText(level.second, sizeDecimals) + "\"]");
    };
    for (const auto &level : difference.bids)
        add("buy", level);
    for (const auto &level : difference.asks)
        add("sell", level);
    return '[' + list.join(',') + ']';
}

} // namespace

Printer::Printer(const GeneratorOptions &options)
    : m_snapshotLevels(options.snapshotLevels)
    , m_days(std::size_t(options.symbols.size()))
{}

QByteArray Printer::truthStream(const QByteArray &kind, const QByteArray &symbol) const
{
    return symbol + (kind == "depth" ? "@level2" : "@matches");
}

QByteArrayList Printer::greeting(const SimulatedSymbol &symbol, const QByteArray &channel)
{
    if (channel == "level2")
        return {snapshot(symbol)};
    if (day(symbol).last.id == 0)
        return {}; // never traded
    if (channel == "matches")
        return {match("last_match", symbol, day(symbol).last)};
    return channel.startsWith("ticker") ? QByteArrayList{ticker(symbol)} : QByteArrayList();
}

QByteArray Printer::snapshot(const SimulatedSymbol &symbol) const
{
    return "{\"type\":\"snapshot\",\"product_id\":\"" + symbol.name() +
           "\",\"asks\":" + bookSide(symbol.asks(), m_snapshotLevels, symbol.tick()) +
           ",\"bids\":" + bookSide(symbol.bids(), m_snapshotLevels, -symbol.tick()) + ",\"time\":\"" +
           isoTime(symbol.nowUs()) + "\"}";
}

QByteArray Printer::ticker(const SimulatedSymbol &symbol)
{
    const Day &today = day(symbol);
    const auto bid = *symbol.bids().begin();
    const auto ask = *symbol.asks().begin();
    return "{\"type\":\"ticker\",\"sequence\":" + sequence(symbol) + ",\"product_id\":\"" + symbol.name() +
           "\",\"price\":\"" + shortText(today.last.price.digits) + "\",\"open_24h\":\"" +
           shortText(today.open) + "\",\"volume_24h\":\"" + fixedText(today.volume, sizeDecimals) +
           "\",\"low_24h\":\"" + shortText(today.low) + "\",\"high_24h\":\"" + shortText(today.high) +
           "\",\"volume_30d\":\"" + fixedText(today.volume, sizeDecimals) + "\",\"best_bid\":\"" +
           shortText(bid.first) + "\",\"best_bid_size\":\"" + fixedText(bid.second, sizeDecimals) +
           "\",\"best_ask\":\"" + shortText(ask.first) + "\",\"best_ask_size\":\"" +
           fixedText(ask.second, sizeDecimals) + "\",\"side\":\"" +
           (today.last.buyerIsMaker ? "sell" : "buy") + "\",\"time\":\"" + isoTime(today.last.timeUs) +
           "\",\"trade_id\":" + QByteArray::number(today.last.id) + ",\"last_size\":\"" +
           shortText(today.last.quantity.digits) + "\"}";
}

void Printer::traded(const SimulatedSymbol &symbol, const TradeRow &trade)
{
    Day &today = day(symbol);
    const qint64 price = trade.price.digits;
    if (today.last.id == 0)
        today.open = today.low = today.high = price;
    today.low = std::min(today.low, price);
    today.high = std::max(today.high, price);
    today.volume += trade.quantity.digits;
    today.last = trade;
    today.tickerDue = true;
    if (const QByteArray stream = symbol.name() + "@matches"; wants(stream))
        publish(stream, match("match", symbol, trade));
}

// One ticker for all that one taker bought at a price.
void Printer::aggregated(const SimulatedSymbol &symbol, const AggTradeRow &)
{
    if (const QByteArray stream = symbol.name() + "@ticker"; wants(stream))
        publish(stream, ticker(symbol));
}

void Printer::depthDue(SimulatedSymbol &symbol, bool slow)
{
    const auto difference = symbol.takeDifference(slow);
    const QByteArray stream = symbol.name() + "@level2";
    if (slow || difference.firstId == 0 || !wants(stream))
        return;
    publish(stream, "{\"type\":\"l2update\",\"product_id\":\"" + symbol.name() + "\",\"changes\":" +
                        changes(difference) + ",\"time\":\"" + isoTime(symbol.nowUs()) + "\"}");
}

// Called on every full second.
void Printer::candleDue(const SimulatedSymbol &symbol, std::size_t interval, const CandleRow &, bool)
{
    if (interval != 0)
        return;
    Day &today = day(symbol);
    if (const QByteArray stream = symbol.name() + "@heartbeat"; wants(stream))
        publish(stream, "{\"type\":\"heartbeat\",\"last_trade_id\":" + QByteArray::number(today.last.id) +
                            ",\"product_id\":\"" + symbol.name() + "\",\"sequence\":" + sequence(symbol) +
                            ",\"time\":\"" + isoTimeFull(symbol.nowUs()) + "\"}");
    const QByteArray batch = symbol.name() + "@ticker_batch";
    if (symbol.nowUs() / second % 5 == 0 && today.tickerDue) {
        today.tickerDue = false;
        if (wants(batch))
            publish(batch, ticker(symbol));
    }
}

} // namespace tidemill::exchange::coinbase_exchange
