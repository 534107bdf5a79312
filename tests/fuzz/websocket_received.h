// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "frame_reader.h"
#include "fuzz.h"

namespace tidemill::fuzz {

using namespace tidemill::net;

// Everything that a reader made of the bytes.
struct Received
{
    QByteArray messages; // one behind the other, each with its kind and size before it
    QByteArray ping;
    bool pong = false;
    int close = -1; // 0: without a code
    int failure = 0;
    bool operator==(const Received &) const = default;
};

// Adds what the last parse() gave. Without compression it must lie within the buffer.
inline void take(const FrameReader &reader, QByteArrayView buffer, qsizetype limit, bool packed,
                 Received &received)
{
    qsizetype sum = 0;
    for (const Frame &frame : reader.messages()) {
        const QByteArrayView payload = frame.payload;
        sum += payload.size();
        require(packed || (payload.begin() >= buffer.begin() && payload.end() <= buffer.end()),
                "a message lies within what was received");
        require(payload.size() <= limit, "no message is longer than the limit");
        require(!frame.text || payload.isValidUtf8(), "a text is UTF-8");
        // Copied by a function that the compiler cannot leave out: a sanitizer sees whether that may be read.
        const QByteArray behind(payload.end(), FrameReader::padding);
        received.messages += frame.text ? 't' : 'b';
        received.messages += QByteArray::number(payload.size()) + ' ' + payload.toByteArray();
    }
    require(sum <= buffer.size() + FrameReader::unpackedPerParse + limit,
            "one parse() unpacks a bounded amount");
    if (reader.lastPing())
        received.ping = *reader.lastPing();
    received.pong = received.pong || reader.sawPong();
    if (reader.close())
        received.close = reader.close()->code.value_or(0);
    if (reader.failure())
        received.failure = reader.failure()->code;
}

} // namespace tidemill::fuzz
