// SPDX-License-Identifier: Apache-2.0
#include "rest_decoder.h"

#include "exchanges/binance/rest_rows.h"

#include <algorithm>

namespace tidemill::binance {

using namespace net::json;

namespace {

// Each row is a record that begins as a copy of `blank`.
template<typename Record>
Result<std::vector<Record>> decodeRows(const QByteArray &body, const Record &blank, const char *what)
{
    const simdjson::padded_string padded(body.constData(), std::size_t(body.size()));
    ondemand::parser parser;
    ondemand::document document;
    ondemand::value rows;
    std::vector<Record> records;
    if (parser.iterate(padded).get(document) != simdjson::SUCCESS ||
        document.get_value().get(rows) != simdjson::SUCCESS ||
        !eachElement(rows, [&](ondemand::value row) { return readRow(row, records.emplace_back(blank)); }))
        return malformed(what);
    return records;
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
        return malformed("depth snapshot: expected a JSON object");
    BookSides book;
    if (const auto read = readBook(object, book); !read)
        return read.error();
    return book;
}

Result<std::vector<Trade>> decodeTrades(const QByteArray &body, Symbol symbol)
{
    const Trade blank{.exchange = Symbol("binance"), .symbol = symbol, .ts_recv = Timestamp::now()};
    return decodeRows(body, blank, "trades: expected rows of id, price, qty, time and isBuyerMaker");
}

Result<std::vector<AggTrade>> decodeAggTrades(const QByteArray &body, Symbol symbol)
{
    const AggTrade blank{.exchange = Symbol("binance"), .symbol = symbol, .ts_recv = Timestamp::now()};
    return decodeRows(body, blank, "aggTrades: expected rows of a, f, l, p, q, T and m");
}

Result<std::vector<Candle>> decodeCandles(const QByteArray &body, Symbol symbol, Symbol interval)
{
    const Candle blank{.exchange = Symbol("binance"),
                       .symbol = symbol,
                       .interval = interval,
                       .ts_recv = Timestamp::now(),
                       .provenance = Provenance::Backfill};
    constexpr auto what = "klines: expected rows of times, prices, volumes and a count";
    auto candles = decodeRows(body, blank, what);
    const auto isSound = [](const Candle &candle) { return candle.ts_open < candle.ts_close; };
    if (candles && !std::all_of(candles->begin(), candles->end(), isSound))
        return malformed(what);
    return candles;
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
