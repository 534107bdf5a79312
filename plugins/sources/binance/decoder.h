// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "records_out.h"
#include "streams.h"

#include <simdjson.h>

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
        Data,     // its records went to the output
        Control,  // see `reply`
        Shutdown, // the exchange will close this connection soon
        Unknown,  // something we did not ask for: allowed at any time, and ignored
    };
    Kind kind = Kind::Data;
    ControlReply reply;
};

// Turns frames of Binance's JSON streams into records, and finds holes in trade ids. No network, no clock.
class Decoder
{
public:
    Decoder(Streams &streams, RecordsOut &out);

    // At least simdjson's padding must be readable behind the frame. The error says what was expected;
    // nothing of a frame in error goes to the output.
    Result<Decoded> decode(QByteArrayView frame, Timestamp received);

    // A REST depth reply: levels come back through bids() and asks(), valid until the next call.
    Result<qint64> decodeDepth(QByteArrayView body);
    std::span<const Level> bids() const { return m_bids; }
    std::span<const Level> asks() const { return m_asks; }

    // The connection is gone; the next frame of each stream says what was missed.
    void disconnected();

private:
    using Object = simdjson::ondemand::object;

    Result<Decoded> decodeObject(Object &object, Timestamp received);
    Result<Decoded> decodeBare(Object &object, Timestamp received);
    Result<Decoded> decodeControl(Object &object);
    Result<> decodeData(StreamState &stream, Object &object, Timestamp received);
    Result<> decodeTrade(StreamState &stream, Object &object, Timestamp received);
    Result<> decodeAggTrade(StreamState &stream, Object &object, Timestamp received);
    Result<> decodeKline(StreamState &stream, Object &object, Timestamp received);
    Result<> decodeBookTicker(StreamState &stream, Object &object, Timestamp received);
    Result<> decodeDepthUpdate(StreamState &stream, Object &object, Timestamp received);
    Result<> decodePartialDepth(StreamState &stream, Object &object, Timestamp received);

    Result<qint64> readBook(Object &object);

    // Notes that a record with this id came (0: the stream has no ids that follow each other), after
    // reporting a hole.
    void follow(StreamState &stream, qint64 id, Timestamp happened, Timestamp received);

    Streams &m_streams;
    RecordsOut &m_out;
    Symbol m_exchange;
    simdjson::ondemand::parser m_parser;
    std::vector<Level> m_bids; // of the frame at hand; kept for their memory
    std::vector<Level> m_asks;
};

} // namespace tidemill::binance
