// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "streams.h"

#include <simdjson.h>

#include <optional>

namespace tidemill::binance {

// What a control message of the exchange says.
struct ControlReply
{
    std::optional<qint64> id;
    std::optional<qint64> errorCode;
    QByteArray message;
};

// What a frame turned out to be.
struct Decoded
{
    enum class Kind {
        Data,     // its record went to the receiver
        Control,  // see `reply`
        Shutdown, // the exchange will close this connection soon
        Unknown,  // something we did not ask for: allowed at any time, and ignored
    };
    Kind kind = Kind::Data;
    ControlReply reply;
};

// Takes what a decoder makes of frames, while it decodes. ts_recv is set.
class Receiver
{
public:
    virtual void take(StreamState &stream, const Trade &trade) = 0;
    virtual void take(StreamState &stream, const AggTrade &trade) = 0;
    virtual void take(StreamState &stream, const Candle &candle) = 0;
    virtual void take(StreamState &stream, const Quote &quote) = 0;
    // Numbered by its time in microseconds, as the exchange has no number for it.
    virtual void take(StreamState &stream, const Ticker &ticker) = 0;
    virtual void take(StreamState &stream, const DepthEvent &event) = 0;
    // The best levels of a book.
    virtual void take(StreamState &stream, const BookSnapshot &book, std::span<const Level> bids,
                      std::span<const Level> asks) = 0;

protected:
    ~Receiver() = default;
};

struct BookSides
{
    qint64 lastUpdateId = 0;
    std::vector<Level> bids;
    std::vector<Level> asks;
};

// Turns frames of Binance's JSON streams into records. No network, no clock, no memory of earlier frames.
class Decoder
{
public:
    Decoder(Streams &streams, Receiver &receiver);

    // At least simdjson's padding must be readable behind the frame. The error says what was expected;
    // nothing of a frame in error goes to the receiver.
    Result<Decoded> decode(QByteArrayView frame, Timestamp received);

private:
    using Object = simdjson::ondemand::object;

    Result<Decoded> decodeObject(Object &object, Timestamp received);
    Result<Decoded> decodeBare(Object &object, Timestamp received);
    Result<> decodeData(StreamState &stream, Object &object, Timestamp received);
    Result<> decodeTrade(StreamState &stream, Object &object, Timestamp received);
    Result<> decodeAggTrade(StreamState &stream, Object &object, Timestamp received);
    Result<> decodeKline(StreamState &stream, Object &object, Timestamp received);
    Result<> decodeBookTicker(StreamState &stream, Object &object, Timestamp received);
    Result<> decodeTicker(StreamState &stream, Object &object, Timestamp received);
    Result<> decodeDepthUpdate(StreamState &stream, Object &object, Timestamp received);
    Result<> decodePartialDepth(StreamState &stream, Object &object, Timestamp received);

    Streams &m_streams;
    Receiver &m_receiver;
    Symbol m_exchange;
    simdjson::ondemand::parser m_parser;
    BookSides m_book; // of the frame at hand; kept for its memory
};

// A frame of a connection whose data is not JSON: an answer, or an announcement. Room behind as for decode().
Result<Decoded> decodeNotice(simdjson::ondemand::parser &parser, QByteArrayView frame);

// A whole book, by stream or by REST.
Result<> readBook(simdjson::ondemand::object &object, BookSides &book);

} // namespace tidemill::binance
