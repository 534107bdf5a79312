// SPDX-License-Identifier: Apache-2.0
#include "decoder.h"

#include "json_values.h"

namespace tidemill::binance {

namespace {

Result<> openObject(ondemand::parser &parser, QByteArrayView frame, ondemand::document &document,
                    ondemand::object &object)
{
    const simdjson::padded_string_view padded(frame.data(), std::size_t(frame.size()),
                                              std::size_t(frame.size()) + simdjson::SIMDJSON_PADDING);
    if (const auto error = parser.iterate(padded).get(document); error != simdjson::SUCCESS)
        return malformed(simdjson::error_message(error));
    if (document.get_object().get(object) != simdjson::SUCCESS)
        return malformed("expected a JSON object");
    return {};
}

std::optional<StreamKind> kindOf(std::string_view type)
{
    static constexpr std::pair<std::string_view, StreamKind> kinds[]{
        {"trade", StreamKind::Trade},       {"aggTrade", StreamKind::AggTrade},
        {"kline", StreamKind::Kline},       {"depthUpdate", StreamKind::Depth},
        {"24hrTicker", StreamKind::Ticker}, {"24hrMiniTicker", StreamKind::MiniTicker}};
    for (const auto &[name, kind] : kinds) {
        if (name == type)
            return kind;
    }
    return {};
}

// {"result":null,"id":1}, {"code":2,"msg":"..."}, {"error":{"code":2,"msg":"..."},"id":3}: the id may be
// missing.
Result<Decoded> decodeControl(ondemand::object &object)
{
    Decoded decoded{Decoded::Kind::Unknown, {}};
    const auto readError = [&decoded](ondemand::object &from) {
        for (auto entry : from) {
            ondemand::field field;
            if (std::move(entry).get(field) != simdjson::SUCCESS)
                return false;
            const auto key = field.key();
            qint64 code = 0;
            std::string_view text;
            if (key == "code" && readInteger(field.value(), code))
                decoded.reply.errorCode = code;
            else if (key == "msg" && field.value().get_string().get(text) == simdjson::SUCCESS)
                decoded.reply.message = bytes(text).toByteArray();
        }
        return true;
    };
    bool hasResult = false;
    for (auto entry : object) {
        ondemand::field field;
        if (std::move(entry).get(field) != simdjson::SUCCESS)
            return malformed("a control reply that is no JSON");
        const auto key = field.key();
        qint64 number = 0;
        std::string_view text;
        if (key == "result") {
            hasResult = true;
        } else if (key == "id" && readInteger(field.value(), number)) {
            decoded.reply.id = number;
        } else if (key == "code" && readInteger(field.value(), number)) {
            decoded.reply.errorCode = number;
        } else if (key == "msg" && field.value().get_string().get(text) == simdjson::SUCCESS) {
            decoded.reply.message = bytes(text).toByteArray();
        } else if (key == "error") {
            ondemand::object error;
            if (field.value().get_object().get(error) != simdjson::SUCCESS || !readError(error))
                return malformed("an error reply without an object");
            if (!decoded.reply.errorCode)
                decoded.reply.errorCode = 0;
        }
    }
    if (hasResult || decoded.reply.errorCode)
        decoded.kind = Decoded::Kind::Control;
    return decoded;
}

} // namespace

Decoder::Decoder(Streams &streams, Receiver &receiver)
    : m_streams(streams)
    , m_receiver(receiver)
    , m_exchange("binance")
{}

Result<Decoded> Decoder::decode(QByteArrayView frame, Timestamp received)
{
    ondemand::document document;
    ondemand::object object;
    if (const auto opened = openObject(m_parser, frame, document, object); !opened)
        return opened.error();
    return decodeObject(object, received);
}

Result<Decoded> Decoder::decodeObject(Object &object, Timestamp received)
{
    std::string_view name;
    if (const auto error = object.find_field_unordered("stream").get_string().get(name);
        error != simdjson::SUCCESS) {
        if (isBroken(error))
            return malformed(simdjson::error_message(error));
        (void)object.reset();
        return decodeBare(object, received);
    }
    Object data;
    if (const auto error = object.find_field_unordered("data").get_object().get(data);
        error != simdjson::SUCCESS) {
        if (isBroken(error))
            return malformed(simdjson::error_message(error));
        // "!miniTicker@arr" and its like send arrays; we never ask for them.
        return Decoded{Decoded::Kind::Unknown, {}};
    }
    if (name == "!serverShutdown")
        return Decoded{Decoded::Kind::Shutdown, {}};
    StreamState *stream = m_streams.findByName(name);
    if (!stream)
        return Decoded{Decoded::Kind::Unknown, {}};
    if (const auto decoded = decodeData(*stream, data, received); !decoded)
        return decoded.error();
    return Decoded{};
}

// A frame that does not name its stream: by its type, or by the members it has.
Result<Decoded> Decoder::decodeBare(Object &object, Timestamp received)
{
    std::string_view type;
    std::string_view symbol;
    std::string_view interval;
    StreamState *stream = nullptr;
    auto error = object.find_field_unordered("e").get_string().get(type);
    if (isBroken(error))
        return malformed(simdjson::error_message(error));
    const bool hasType = error == simdjson::SUCCESS;
    if (hasType && type == "serverShutdown")
        return Decoded{Decoded::Kind::Shutdown, {}};
    error = object.find_field_unordered("s").get_string().get(symbol);
    if (isBroken(error))
        return malformed(simdjson::error_message(error));
    const bool hasSymbol = error == simdjson::SUCCESS;
    if (hasType && hasSymbol) {
        if (type == "kline")
            error = object.find_field_unordered("k").find_field_unordered("i").get_string().get(interval);
        if (const auto kind = kindOf(type); kind && error == simdjson::SUCCESS)
            stream = m_streams.findByType(*kind, symbol, interval);
    } else if (hasSymbol) {
        stream = m_streams.findByType(StreamKind::BookTicker, symbol);
    } else {
        (void)object.reset();
        int64_t id = 0;
        error = object.find_field_unordered("lastUpdateId").get_int64().get(id);
        if (error == simdjson::NO_SUCH_FIELD) {
            (void)object.reset();
            return decodeControl(object);
        }
        stream = m_streams.findOnly(StreamKind::PartialDepth);
    }
    if (isBroken(error))
        return malformed(simdjson::error_message(error));
    if (!stream)
        return Decoded{Decoded::Kind::Unknown, {}};
    (void)object.reset();
    if (const auto decoded = decodeData(*stream, object, received); !decoded)
        return decoded.error();
    return Decoded{};
}

Result<> Decoder::decodeData(StreamState &stream, Object &object, Timestamp received)
{
    switch (stream.spec.kind) {
    case StreamKind::Trade:
        return decodeTrade(stream, object, received);
    case StreamKind::AggTrade:
        return decodeAggTrade(stream, object, received);
    case StreamKind::Kline:
        return decodeKline(stream, object, received);
    case StreamKind::BookTicker:
        return decodeBookTicker(stream, object, received);
    case StreamKind::Ticker:
    case StreamKind::MiniTicker:
        return decodeTicker(stream, object, received);
    case StreamKind::Depth:
        return decodeDepthUpdate(stream, object, received);
    case StreamKind::PartialDepth:
        return decodePartialDepth(stream, object, received);
    }
    return {};
}

Result<> Decoder::decodeTrade(StreamState &stream, Object &object, Timestamp received)
{
    Trade trade{.exchange = m_exchange, .symbol = stream.symbol, .ts_recv = received};
    unsigned seen = 0;
    const bool good = eachLetter(object, [&](char name, ondemand::value value) {
        switch (name) {
        case 't':
            return seen |= 1, readInteger(value, trade.trade_id);
        case 'p':
            return seen |= 2, readDecimal(value, trade.price);
        case 'q':
            return seen |= 4, readDecimal(value, trade.quantity);
        case 'T':
            return seen |= 8, readTime(value, trade.ts_event);
        case 'm':
            return seen |= 16, readSide(value, trade.side);
        default:
            return true;
        }
    });
    if (!good || seen != allOf(0, 1, 2, 3, 4))
        return malformed("trade: expected t, p, q, T and m");
    m_receiver.take(stream, trade);
    return {};
}

Result<> Decoder::decodeAggTrade(StreamState &stream, Object &object, Timestamp received)
{
    AggTrade trade{.exchange = m_exchange, .symbol = stream.symbol, .ts_recv = received};
    unsigned seen = 0;
    const bool good = eachLetter(object, [&](char name, ondemand::value value) {
        switch (name) {
        case 'a':
            return seen |= 1, readInteger(value, trade.agg_trade_id);
        case 'f':
            return seen |= 2, readInteger(value, trade.first_trade_id);
        case 'l':
            return seen |= 4, readInteger(value, trade.last_trade_id);
        case 'p':
            return seen |= 8, readDecimal(value, trade.price);
        case 'q':
            return seen |= 16, readDecimal(value, trade.quantity);
        case 'T':
            return seen |= 32, readTime(value, trade.ts_event);
        case 'm':
            return seen |= 64, readSide(value, trade.side);
        default:
            return true;
        }
    });
    if (!good || seen != allOf(0, 1, 2, 3, 4, 5, 6))
        return malformed("aggTrade: expected a, f, l, p, q, T and m");
    m_receiver.take(stream, trade);
    return {};
}

Result<> Decoder::decodeKline(StreamState &stream, Object &object, Timestamp received)
{
    Candle candle{.exchange = m_exchange,
                  .symbol = stream.symbol,
                  .interval = Symbol(stream.spec.interval),
                  .ts_recv = received};
    unsigned seen = 0;
    const auto readCandle = [&](char name, ondemand::value value) {
        switch (name) {
        case 't':
            return seen |= 1U << 0, readTime(value, candle.ts_open);
        case 'T':
            return seen |= 1U << 1, readTime(value, candle.ts_close);
        case 'f':
            return readInteger(value, candle.first_trade_id);
        case 'L':
            return readInteger(value, candle.last_trade_id);
        case 'o':
            return seen |= 1U << 2, readDecimal(value, candle.open);
        case 'c':
            return seen |= 1U << 3, readDecimal(value, candle.close);
        case 'h':
            return seen |= 1U << 4, readDecimal(value, candle.high);
        case 'l':
            return seen |= 1U << 5, readDecimal(value, candle.low);
        case 'v':
            return seen |= 1U << 6, readDecimal(value, candle.volume);
        case 'q':
            return readDecimal(value, candle.quote_volume);
        case 'V':
            return readDecimal(value, candle.taker_buy_volume);
        case 'Q':
            return readDecimal(value, candle.taker_buy_quote_volume);
        case 'n':
            return readInteger(value, candle.trades);
        case 'x':
            return seen |= 1U << 7, readBool(value, candle.closed);
        default:
            return true;
        }
    };
    const bool good = eachLetter(object, [&](char name, ondemand::value value) {
        if (name == 'E')
            return readTime(value, candle.ts_event);
        if (name != 'k')
            return true;
        Object inner;
        return value.get_object().get(inner) == simdjson::SUCCESS && eachLetter(inner, readCandle);
    });
    if (!good || seen != allOf(0, 1, 2, 3, 4, 5, 6, 7))
        return malformed("kline: expected k with t, T, o, c, h, l, v and x");
    m_receiver.take(stream, candle);
    return {};
}

Result<> Decoder::decodeBookTicker(StreamState &stream, Object &object, Timestamp received)
{
    Quote quote{.exchange = m_exchange, .symbol = stream.symbol, .ts_recv = received};
    unsigned seen = 0;
    const bool good = eachLetter(object, [&](char name, ondemand::value value) {
        switch (name) {
        case 'u':
            return seen |= 1, readInteger(value, quote.update_id);
        case 'b':
            return seen |= 2, readDecimal(value, quote.bid_price);
        case 'B':
            return seen |= 4, readDecimal(value, quote.bid_quantity);
        case 'a':
            return seen |= 8, readDecimal(value, quote.ask_price);
        case 'A':
            return seen |= 16, readDecimal(value, quote.ask_quantity);
        default:
            return true;
        }
    });
    if (!good || seen != allOf(0, 1, 2, 3, 4))
        return malformed("bookTicker: expected u, b, B, a and A");
    m_receiver.take(stream, quote);
    return {};
}

Result<> Decoder::decodeTicker(StreamState &stream, Object &object, Timestamp received)
{
    Ticker ticker{.exchange = m_exchange, .symbol = stream.symbol, .ts_recv = received};
    unsigned seen = 0;
    const bool good = eachLetter(object, [&](char name, ondemand::value value) {
        switch (name) {
        case 'E':
            return seen |= 1, readTime(value, ticker.ts_event);
        case 'c':
            return seen |= 2, readDecimal(value, ticker.price);
        case 'o':
            return seen |= 4, readDecimal(value, ticker.open_24h);
        case 'h':
            return seen |= 8, readDecimal(value, ticker.high_24h);
        case 'l':
            return seen |= 16, readDecimal(value, ticker.low_24h);
        case 'v':
            return seen |= 32, readDecimal(value, ticker.volume_24h);
        case 'Q':
            return readDecimal(value, ticker.last_quantity);
        case 'b':
            return readDecimal(value, ticker.bid_price);
        case 'B':
            return readDecimal(value, ticker.bid_quantity);
        case 'a':
            return readDecimal(value, ticker.ask_price);
        case 'A':
            return readDecimal(value, ticker.ask_quantity);
        case 'L':
            return readInteger(value, ticker.trade_id);
        default:
            return true;
        }
    });
    if (!good || seen != allOf(0, 1, 2, 3, 4, 5))
        return malformed("ticker: expected E, c, o, h, l and v");
    ticker.sequence = ticker.ts_event.ns / 1000;
    m_receiver.take(stream, ticker);
    return {};
}

Result<> Decoder::decodeDepthUpdate(StreamState &stream, Object &object, Timestamp received)
{
    BookUpdate update{.exchange = m_exchange, .symbol = stream.symbol, .ts_recv = received};
    unsigned seen = 0;
    const bool good = eachLetter(object, [&](char name, ondemand::value value) {
        switch (name) {
        case 'E':
            return seen |= 1, readTime(value, update.ts_event);
        case 'U':
            return seen |= 2, readInteger(value, update.first_update_id);
        case 'u':
            return seen |= 4, readInteger(value, update.last_update_id);
        case 'b':
            return seen |= 8, readLevels(value, m_book.bids);
        case 'a':
            return seen |= 16, readLevels(value, m_book.asks);
        default:
            return true;
        }
    });
    if (!good || seen != allOf(0, 1, 2, 3, 4))
        return malformed("depthUpdate: expected E, U, u, b and a");
    if (update.first_update_id < 1 || update.first_update_id > update.last_update_id)
        return malformed("depthUpdate: expected 1 <= U <= u");
    m_receiver.take(stream, DepthEvent{update, m_book.bids, m_book.asks});
    return {};
}

Result<> Decoder::decodePartialDepth(StreamState &stream, Object &object, Timestamp received)
{
    BookSnapshot snapshot{
        .exchange = m_exchange, .symbol = stream.symbol, .ts_recv = received, .depth = stream.spec.depth};
    if (const auto read = readBook(object, m_book); !read)
        return read.error();
    snapshot.last_update_id = m_book.lastUpdateId;
    m_receiver.take(stream, snapshot, m_book.bids, m_book.asks);
    return {};
}

Result<Decoded> decodeNotice(ondemand::parser &parser, QByteArrayView frame)
{
    ondemand::document document;
    ondemand::object object;
    if (const auto opened = openObject(parser, frame, document, object); !opened)
        return opened.error();
    std::string_view type;
    if (const auto error = object.find_field_unordered("e").get_string().get(type);
        error == simdjson::SUCCESS) {
        return Decoded{type == "serverShutdown" ? Decoded::Kind::Shutdown : Decoded::Kind::Unknown, {}};
    } else if (isBroken(error)) {
        return malformed(simdjson::error_message(error));
    }
    (void)object.reset();
    return decodeControl(object);
}

Result<> readBook(ondemand::object &object, BookSides &book)
{
    unsigned seen = 0;
    for (auto entry : object) {
        ondemand::field field;
        if (std::move(entry).get(field) != simdjson::SUCCESS)
            return malformed("depth: broken JSON");
        const auto key = field.key();
        if (key == "lastUpdateId" && readInteger(field.value(), book.lastUpdateId))
            seen |= 1;
        else if (key == "bids" && readLevels(field.value(), book.bids))
            seen |= 2;
        else if (key == "asks" && readLevels(field.value(), book.asks))
            seen |= 4;
    }
    if (seen != allOf(0, 1, 2))
        return malformed("depth: expected lastUpdateId, bids and asks");
    return {};
}

} // namespace tidemill::binance
