// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tidemill/timestamp.h>

#include <QByteArrayView>

#include <span>

namespace tidemill::net {

// One whole message of a WebSocket (fragments are put together before). Text is checked UTF-8.
struct Frame
{
    QByteArrayView payload;
    bool text = true;
};

// All messages that one read of the socket completed, in order, and the time of that read.
// The payloads are views into the receive buffer: valid until the slot returns, and at least 64 bytes behind
// each may be read (not used), as SIMD parsers do.
class Frames
{
public:
    Frames() = default;
    Frames(std::span<const Frame> frames, Timestamp received) : m_frames(frames), m_received(received) {}

    // Taken when the bytes were read, before any parsing.
    Timestamp received() const { return m_received; }

    auto begin() const { return m_frames.begin(); }
    auto end() const { return m_frames.end(); }
    qsizetype size() const { return static_cast<qsizetype>(m_frames.size()); }
    bool isEmpty() const { return m_frames.empty(); }
    const Frame &operator[](qsizetype index) const { return m_frames[static_cast<size_t>(index)]; }

private:
    std::span<const Frame> m_frames;
    Timestamp m_received;
};

} // namespace tidemill::net
