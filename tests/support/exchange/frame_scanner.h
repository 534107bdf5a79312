// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <QByteArray>
#include <QByteArrayView>

#include <functional>

namespace tidemill::exchange {

// Walks over the bytes of a WebSocket client as they come, in pieces of any size, and tells of each frame.
// Qt's server answers pings without a word and does not mind unmasked frames, so somebody else has to look.
class FrameScanner
{
public:
    enum Opcode { Continuation = 0, Text = 1, Binary = 2, Close = 8, Ping = 9, Pong = 10 };

    struct Frame
    {
        int opcode;
        bool masked;
    };

    // `headerBytes` of HTTP come first. `seen` is called when a frame's header is complete.
    FrameScanner(qsizetype headerBytes, std::function<void(Frame)> seen)
        : m_skip(headerBytes)
        , m_seen(std::move(seen))
    {}

    void setDropPings(bool drop) { m_dropPings = drop; }

    // What of `bytes` is to be passed on: all of it, or all but pings.
    QByteArray pass(QByteArrayView bytes);

private:
    int headerSize() const;

    qsizetype m_skip; // bytes that belong to the HTTP request or to the payload of the present frame
    std::function<void(Frame)> m_seen;
    QByteArray m_header;
    bool m_dropPings = false;
    bool m_dropping = false;
};

} // namespace tidemill::exchange
