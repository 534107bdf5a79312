// SPDX-License-Identifier: Apache-2.0
#include "kraken/printer.h"

#include "exchange/wire_text.h"

#include <algorithm>

namespace tidemill::exchange::kraken {

namespace {

constexpr qint64 minuteUs = 60'000'000;
constexpr int snapshotTrades = 50;
constexpr int depths[] = {10, 25, 100, 500, 1000};
constexpr int candleMinutes[] = {1, 5, 15, 30, 60, 240, 1440, 10080, 21600};

QByteArray frame(const char *channel, const char *type, const QByteArray &data)
{
    return QByteArray("{\"channel\":\"") + channel + "\",\"type\":\"" + type + "\",\"data\":[" + data + "]}";
}

QByteArray tradesJson(const SimulatedSymbol &symbol, const QList<TradeRow> &trades)
{
    QByteArrayList list;
    for (const TradeRow &trade : trades)
        list.append("{\"symbol\":\"" + symbol.name() + "\",\"side\":\"" +
                    (trade.buyerIsMaker ? "sell" : "buy") +
                    "\",\"price\":" + fixedText(trade.price.digits, priceDecimals(symbol)) +
                    ",\"qty\":" + trade.quantity.text() + ",\"ord_type\":\"limit\",\"trade_id\":" +
                    QByteArray::number(trade.id) + ",\"timestamp\":\"" + isoTimeFull(trade.timeUs) + "\"}");
    return list.join(',');
}

// The average price of all that was traded, exactly but for its last digit.
qint64 averagePrice(const CandleRow &candle)
{
    __extension__ using Wide = __int128;
    if (candle.volume.digits == 0)
        return 0;
    return qint64(Wide(candle.quoteVolume.digits) * 100'000'000 / candle.volume.digits);
}

int numberAfterDash(const QByteArray &channel)
{
    return channel.mid(channel.indexOf('-') + 1).toInt();
}

} // namespace

Printer::Printer(const GeneratorOptions &options) : m_days(std::size_t(options.symbols.size())) {}

void Printer::setDemand(const QSet<QByteArray> &streams)
{
    FramePrinter::setDemand(streams);
    std::erase_if(m_books, [this](const auto &book) { return !wants(book.first); });
}

QByteArray Printer::truthStream(const QByteArray &kind, const QByteArray &symbol) const
{
    return symbol + (kind == "depth" ? "@book-10" : "@trade");
}

QByteArrayList Printer::greeting(const SimulatedSymbol &symbol, const QByteArray &channel)
{
    if (channel.startsWith("book-")) {
        // Whoever has this depth already is at the state of the last update; a newcomer begins there.
        const auto book =
            m_books.try_emplace(symbol.name() + '@' + channel, symbol, numberAfterDash(channel)).first;
        return {frame("book", "snapshot", book->second.snapshot(symbol))};
    }
    if (channel.startsWith("ticker"))
        return {ticker(symbol, "snapshot")};
    if (channel == "trade" && rows())
        return {frame("trade", "snapshot",
                      tradesJson(symbol, rows()->history(symbol).trades({{}, {}, {}, snapshotTrades})))};
    if (channel.startsWith("ohlc-") && rows())
        return {frame("ohlc", "snapshot", candles(symbol, numberAfterDash(channel), true))};
    return {};
}

QByteArray Printer::ticker(const SimulatedSymbol &symbol, const char *type) const
{
    const CandleRow &day = m_days[symbol.index()].total;
    const auto price = [decimals = priceDecimals(symbol)](qint64 value) {
        return fixedText(value, decimals);
    };
    const auto bid = *symbol.bids().begin();
    const auto ask = *symbol.asks().begin();
    const qint64 change = symbol.lastPrice() - (day.count > 0 ? day.open.digits : symbol.lastPrice());
    const QByteArray sign = change < 0 ? "-" : "";
    const qint64 percent =
        day.count > 0 ? qint64(double(std::abs(change)) / double(day.open.digits) * 1e10) : 0;
    return frame("ticker", type,
                 "{\"symbol\":\"" + symbol.name() + "\",\"bid\":" + price(bid.first) +
                     ",\"bid_qty\":" + fixedText(bid.second, 8) + ",\"ask\":" + price(ask.first) +
                     ",\"ask_qty\":" + fixedText(ask.second, 8) + ",\"last\":" + price(symbol.lastPrice()) +
                     ",\"volume\":" + fixedText(day.volume.digits, 8) +
                     ",\"vwap\":" + price(averagePrice(day)) + ",\"low\":" + price(day.low.digits) +
                     ",\"high\":" + price(day.high.digits) + ",\"change\":" + sign + price(std::abs(change)) +
                     ",\"change_pct\":" + sign + fixedText(percent, 2) + ",\"timestamp\":\"" +
                     isoTimeFull(symbol.nowUs()) + "\"}");
}

QByteArray Printer::candles(const SimulatedSymbol &symbol, int minutes, bool all) const
{
    const qint64 lengthUs = minutes * minuteUs;
    const auto price = [decimals = priceDecimals(symbol)](qint64 value) {
        return fixedText(value, decimals);
    };
    QList<CandleRow> rows = this->rows()->buckets(symbol, lengthUs);
    if (!all && rows.size() > 1)
        rows = {rows.last()};
    QByteArrayList list;
    for (const CandleRow &row : std::as_const(rows))
        list.append("{\"symbol\":\"" + symbol.name() + "\",\"open\":" + price(row.open.digits) +
                    ",\"high\":" + price(row.high.digits) + ",\"low\":" + price(row.low.digits) +
                    ",\"close\":" + price(row.close.digits) + ",\"trades\":" + QByteArray::number(row.count) +
                    ",\"volume\":" + fixedText(row.volume.digits, 8) +
                    ",\"vwap\":" + price(averagePrice(row)) + ",\"interval_begin\":\"" +
                    isoTimeFull(row.openUs) + "\",\"interval\":" + QByteArray::number(minutes) +
                    ",\"timestamp\":\"" + isoTimeFull(row.openUs + lengthUs) + "\"}");
    return list.join(',');
}

void Printer::traded(const SimulatedSymbol &symbol, const TradeRow &trade)
{
    Day &day = m_days[symbol.index()];
    __extension__ using Wide = __int128;
    if (day.total.count++ == 0)
        day.total.open = day.total.low = day.total.high = trade.price;
    day.total.low.digits = std::min(day.total.low.digits, trade.price.digits);
    day.total.high.digits = std::max(day.total.high.digits, trade.price.digits);
    day.total.volume.digits += trade.quantity.digits;
    day.total.quoteVolume.digits += qint64(Wide(trade.price.digits) * trade.quantity.digits / 100'000'000);
    if (wants(symbol.name() + "@trade"))
        day.trades.append(trade);
}

// One frame for all that one taker got at a price.
void Printer::aggregated(const SimulatedSymbol &symbol, const AggTradeRow &)
{
    Day &day = m_days[symbol.index()];
    if (!day.trades.isEmpty())
        publish(symbol.name() + "@trade", frame("trade", "update", tradesJson(symbol, day.trades)));
    day.trades.clear();
    if (const QByteArray stream = symbol.name() + "@ticker"; wants(stream))
        publish(stream, ticker(symbol, "update"));
}

void Printer::bestChanged(const SimulatedSymbol &symbol)
{
    if (const QByteArray stream = symbol.name() + "@ticker-bbo"; wants(stream))
        publish(stream, ticker(symbol, "update"));
}

void Printer::depthDue(SimulatedSymbol &symbol, bool slow)
{
    symbol.takeDifference(slow); // the views find out by themselves
    if (slow)
        return;
    for (const int depth : depths) {
        const QByteArray stream = symbol.name() + "@book-" + QByteArray::number(depth);
        if (!wants(stream))
            continue;
        const auto [book, fresh] = m_books.try_emplace(stream, symbol, depth);
        const QByteArray data = fresh ? book->second.snapshot(symbol) : book->second.update(symbol);
        if (!data.isEmpty())
            publish(stream, frame("book", fresh ? "snapshot" : "update", data));
    }
}

// Called on every full second.
void Printer::candleDue(const SimulatedSymbol &symbol, std::size_t interval, const CandleRow &candle, bool)
{
    if (interval != 0 || !rows() || candle.count == 0)
        return;
    for (const int minutes : candleMinutes) {
        const QByteArray stream = symbol.name() + "@ohlc-" + QByteArray::number(minutes);
        if (wants(stream))
            publish(stream, frame("ohlc", "update", candles(symbol, minutes, false)));
    }
}

} // namespace tidemill::exchange::kraken
