// SPDX-License-Identifier: Apache-2.0
#include "rest_decoder.h"

#include <tidemill/net/json_values.h>

namespace tidemill::binance {

using namespace net::json;

namespace {

Error expected(const char *what)
{
    return malformed(QLatin1String(what));
}

Side takerSide(bool buyerIsMaker)
{
    return buyerIsMaker ? Side::Sell : Side::Buy;
}

// Calls `read(row, record)` for each row, with a record that begins as a copy of `blank`.
template<typename Record, typename Read>
Result<std::vector<Record>> decodeRows(const QByteArray &body, const Record &blank, const char *what,
                                       Read read)
{
    const simdjson::padded_string padded(body.constData(), std::size_t(body.size()));
    ondemand::parser parser;
    ondemand::document document;
    ondemand::value rows;
    std::vector<Record> records;
    if (parser.iterate(padded).get(document) != simdjson::SUCCESS ||
        document.get_value().get(rows) != simdjson::SUCCESS ||
        !eachElement(rows, [&](ondemand::value row) { return read(row, records.emplace_back(blank)); }))
        return expected(what);
    return records;
}

bool readTrade(ondemand::value row, Trade &trade)
{
    bool buyerIsMaker = false;
    unsigned seen = 0;
    const bool good = eachMember(row, [&](std::string_view name, ondemand::value member) {
        if (name == "id")
            return seen |= 1, readInteger(member, trade.trade_id);
        if (name == "price")
            return seen |= 2, readDecimal(member, trade.price);
        if (name == "qty")
            return seen |= 4, readDecimal(member, trade.quantity);
        if (name == "time")
            return seen |= 8, readEpoch(member, trade.ts_event);
        if (name == "isBuyerMaker")
            return seen |= 16, readBool(member, buyerIsMaker);
        return true;
    });
    trade.side = takerSide(buyerIsMaker);
    return good && seen == 31;
}

bool readAggTrade(ondemand::value row, AggTrade &trade)
{
    bool buyerIsMaker = false;
    unsigned seen = 0;
    const bool good = eachMember(row, [&](std::string_view name, ondemand::value member) {
        if (name == "a")
            return seen |= 1, readInteger(member, trade.agg_trade_id);
        if (name == "f")
            return seen |= 2, readInteger(member, trade.first_trade_id);
        if (name == "l")
            return seen |= 4, readInteger(member, trade.last_trade_id);
        if (name == "p")
            return seen |= 8, readDecimal(member, trade.price);
        if (name == "q")
            return seen |= 16, readDecimal(member, trade.quantity);
        if (name == "T")
            return seen |= 32, readEpoch(member, trade.ts_event);
        if (name == "m")
            return seen |= 64, readBool(member, buyerIsMaker);
        return true;
    });
    trade.side = takerSide(buyerIsMaker);
    return good && seen == 127;
}

// [open time, open, high, low, close, volume, close time, quote volume, trades, taker base, taker quote, "0"]
bool readCandle(ondemand::value row, Candle &candle)
{
    int column = 0;
    const bool good = eachElement(row, [&](ondemand::value member) {
        switch (column++) {
        case 0:
            return readEpoch(member, candle.ts_open);
        case 1:
            return readDecimal(member, candle.open);
        case 2:
            return readDecimal(member, candle.high);
        case 3:
            return readDecimal(member, candle.low);
        case 4:
            return readDecimal(member, candle.close);
        case 5:
            return readDecimal(member, candle.volume);
        case 6:
            return readEpoch(member, candle.ts_close);
        case 7:
            return readDecimal(member, candle.quote_volume);
        case 8:
            return readInteger(member, candle.trades);
        case 9:
            return readDecimal(member, candle.taker_buy_volume);
        case 10:
            return readDecimal(member, candle.taker_buy_quote_volume);
        default:
            return true;
        }
    });
    candle.ts_event = candle.ts_close;
    return good && column >= 11 && candle.ts_open < candle.ts_close;
}

} // namespace

Result<BookSides> decodeDepth(const QByteArray &body)
{
    const simdjson::padded_string padded(body.constData(), std::size_t(body.size()));
    ondemand::parser parser;
    ondemand::document document;
    ondemand::object object;
    if (parser.iterate(padded).get(document) != simdjson::SUCCESS ||
        document.get_object().get(object) != simdjson::SUCCESS)
        return expected("depth snapshot: expected a JSON object");
    BookSides book;
    if (const auto read = readBook(object, book); !read)
        return read.error();
    return book;
}

Result<std::vector<Trade>> decodeTrades(const QByteArray &body, Symbol symbol)
{
    const Trade blank{.exchange = Symbol("binance"), .symbol = symbol, .ts_recv = Timestamp::now()};
    return decodeRows(body, blank, "trades: expected rows of id, price, qty, time and isBuyerMaker",
                      readTrade);
}

Result<std::vector<AggTrade>> decodeAggTrades(const QByteArray &body, Symbol symbol)
{
    const AggTrade blank{.exchange = Symbol("binance"), .symbol = symbol, .ts_recv = Timestamp::now()};
    return decodeRows(body, blank, "aggTrades: expected rows of a, f, l, p, q, T and m", readAggTrade);
}

Result<std::vector<Candle>> decodeCandles(const QByteArray &body, Symbol symbol, Symbol interval)
{
    const Candle blank{.exchange = Symbol("binance"),
                       .symbol = symbol,
                       .interval = interval,
                       .ts_recv = Timestamp::now(),
                       .provenance = Provenance::Backfill};
    return decodeRows(body, blank, "klines: expected rows of times, prices, volumes and a count", readCandle);
}

Error restError(const char *what, const net::HttpReply &reply)
{
    if (reply.error)
        return *reply.error;
    const QString body = QString::fromUtf8(reply.body.left(200)).simplified();
    return {Error::Kind::Protocol,
            QStringLiteral("%1: HTTP status %2 %3").arg(QLatin1String(what)).arg(reply.status).arg(body)};
}

} // namespace tidemill::binance
