// SPDX-License-Identifier: Apache-2.0
#include "market_json.h"

namespace tidemill::exchange {

namespace {

QByteArray number(qint64 value)
{
    return QByteArray::number(value);
}

QByteArray flag(bool value)
{
    return value ? "true" : "false";
}

template<typename Rows, typename Print>
QByteArray list(const Rows &rows, Print print)
{
    QByteArray json = "[";
    for (const auto &row : rows) {
        if (json.size() > 1)
            json += ',';
        json += print(row);
    }
    return json + ']';
}

template<typename Levels>
QByteArray levelsJson(const Levels &levels, int limit)
{
    QByteArray json = "[";
    for (const auto &[price, quantity] : levels) {
        if (limit-- == 0)
            break;
        if (json.size() > 1)
            json += ',';
        json += "[\"" + scaledText(price) + "\",\"" + scaledText(quantity) + "\"]";
    }
    return json + ']';
}

} // namespace

QByteArray scaledText(qint64 value)
{
    return Number{value, 8}.text();
}

QByteArray depthEvent(const SimulatedSymbol &symbol, const SimulatedSymbol::Difference &difference,
                      TimeUnit unit)
{
    if (difference.firstId == 0)
        return {};
    return "{\"e\":\"depthUpdate\",\"E\":" + timeText(symbol.nowUs(), unit) + ",\"s\":\"" + symbol.name() +
           "\",\"U\":" + number(difference.firstId) + ",\"u\":" + number(difference.lastId) +
           ",\"b\":" + levelsJson(difference.bids, -1) + ",\"a\":" + levelsJson(difference.asks, -1) + '}';
}

QByteArray bookJson(const SimulatedSymbol &symbol, int limit)
{
    return "{\"lastUpdateId\":" + number(symbol.updateId()) +
           ",\"bids\":" + levelsJson(symbol.bids(), limit) + ",\"asks\":" + levelsJson(symbol.asks(), limit) +
           '}';
}

QByteArray timeText(qint64 us, TimeUnit unit)
{
    return number(unit == TimeUnit::Microseconds ? us : us / 1000);
}

QByteArray tradeEvent(const QByteArray &symbol, const TradeRow &trade, qint64 eventUs, TimeUnit unit)
{
    return "{\"e\":\"trade\",\"E\":" + timeText(eventUs, unit) + ",\"s\":\"" + symbol +
           "\",\"t\":" + number(trade.id) + ",\"p\":\"" + trade.price.text() + "\",\"q\":\"" +
           trade.quantity.text() + "\",\"T\":" + timeText(trade.timeUs, unit) +
           ",\"m\":" + flag(trade.buyerIsMaker) + ",\"M\":true}";
}

QByteArray aggTradeEvent(const QByteArray &symbol, const AggTradeRow &trade, qint64 eventUs, TimeUnit unit)
{
    return "{\"e\":\"aggTrade\",\"E\":" + timeText(eventUs, unit) + ",\"s\":\"" + symbol +
           "\",\"a\":" + number(trade.id) + ",\"p\":\"" + trade.price.text() + "\",\"q\":\"" +
           trade.quantity.text() + "\",\"f\":" + number(trade.firstId) + ",\"l\":" + number(trade.lastId) +
           ",\"T\":" + timeText(trade.timeUs, unit) + ",\"m\":" + flag(trade.buyerIsMaker) + ",\"M\":true}";
}

QByteArray candleEvent(const QByteArray &symbol, const QByteArray &interval, const CandleRow &candle,
                       bool closed, qint64 eventUs, TimeUnit unit)
{
    return "{\"e\":\"kline\",\"E\":" + timeText(eventUs, unit) + ",\"s\":\"" + symbol +
           "\",\"k\":{\"t\":" + timeText(candle.openUs, unit) + ",\"T\":" + timeText(candle.closeUs, unit) +
           ",\"s\":\"" + symbol + "\",\"i\":\"" + interval + "\",\"f\":" + number(candle.firstId) +
           ",\"L\":" + number(candle.lastId) + ",\"o\":\"" + candle.open.text() + "\",\"c\":\"" +
           candle.close.text() + "\",\"h\":\"" + candle.high.text() + "\",\"l\":\"" + candle.low.text() +
           "\",\"v\":\"" + candle.volume.text() + "\",\"n\":" + number(candle.count) +
           ",\"x\":" + flag(closed) + ",\"q\":\"" + candle.quoteVolume.text() + "\",\"V\":\"" +
           candle.takerVolume.text() + "\",\"Q\":\"" + candle.takerQuoteVolume.text() + "\",\"B\":\"0\"}}";
}

QByteArray tickerEvent(const SimulatedSymbol &symbol, const CandleRow &day, bool isMini, TimeUnit unit)
{
    const QByteArray prices = ",\"c\":\"" + day.close.text() + "\",\"o\":\"" + day.open.text() +
                              "\",\"h\":\"" + day.high.text() + "\",\"l\":\"" + day.low.text() +
                              "\",\"v\":\"" + day.volume.text() + "\",\"q\":\"0.00000000\"";
    const QByteArray head = isMini ? "{\"e\":\"24hrMiniTicker\",\"E\":" : "{\"e\":\"24hrTicker\",\"E\":";
    const QByteArray begin = head + timeText(symbol.nowUs(), unit) + ",\"s\":\"" + symbol.name() + '"';
    if (isMini)
        return begin + prices + '}';
    const auto bid = *symbol.bids().begin();
    const auto ask = *symbol.asks().begin();
    return begin + ",\"b\":\"" + scaledText(bid.first) + "\",\"B\":\"" + scaledText(bid.second) +
           "\",\"a\":\"" + scaledText(ask.first) + "\",\"A\":\"" + scaledText(ask.second) + '"' + prices +
           ",\"L\":" + number(day.lastId) + ",\"n\":" + number(day.count) + '}';
}

QByteArray tradesJson(const QList<TradeRow> &rows, TimeUnit unit)
{
    return list(rows, [unit](const TradeRow &row) {
        return "{\"id\":" + number(row.id) + ",\"price\":\"" + row.price.text() + "\",\"qty\":\"" +
               row.quantity.text() + "\",\"quoteQty\":\"" + product(row.price, row.quantity) +
               "\",\"time\":" + timeText(row.timeUs, unit) + ",\"isBuyerMaker\":" + flag(row.buyerIsMaker) +
               ",\"isBestMatch\":true}";
    });
}

QByteArray aggTradesJson(const QList<AggTradeRow> &rows, TimeUnit unit)
{
    return list(rows, [unit](const AggTradeRow &row) {
        return "{\"a\":" + number(row.id) + ",\"p\":\"" + row.price.text() + "\",\"q\":\"" +
               row.quantity.text() + "\",\"f\":" + number(row.firstId) + ",\"l\":" + number(row.lastId) +
               ",\"T\":" + timeText(row.timeUs, unit) + ",\"m\":" + flag(row.buyerIsMaker) + ",\"M\":true}";
    });
}

QByteArray candlesJson(const QList<CandleRow> &rows, TimeUnit unit)
{
    return list(rows, [unit](const CandleRow &row) {
        return '[' + timeText(row.openUs, unit) + ",\"" + row.open.text() + "\",\"" + row.high.text() +
               "\",\"" + row.low.text() + "\",\"" + row.close.text() + "\",\"" + row.volume.text() + "\"," +
               timeText(row.closeUs, unit) + ",\"" + row.quoteVolume.text() + "\"," + number(row.count) +
               ",\"" + row.takerVolume.text() + "\",\"" + row.takerQuoteVolume.text() + "\",\"0\"]";
    });
}

} // namespace tidemill::exchange
