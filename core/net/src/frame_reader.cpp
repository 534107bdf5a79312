// SPDX-License-Identifier: Apache-2.0
#include "frame_reader.h"

#include "utf8.h"

#include <QtEndian>

#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>

namespace tidemill::net {

static bool isControl(Opcode opcode)
{
    return (static_cast<quint8>(opcode) & 0x8) != 0;
}

// Codes that may stand in a close frame: 1004..1006 and 1015 are for reports inside a program only.
static bool isSendableCode(quint16 code)
{
    return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) || (code >= 3000 && code <= 4999);
}

void FrameReader::reset(qsizetype maxMessageBytes, std::unique_ptr<Inflater> inflater)
{
    m_begin = m_end = m_frameSize = m_messageStart = m_messageEnd = 0;
    m_inMessage = m_hasMore = false;
    m_inflater = std::move(inflater);
    m_maxMessageBytes = std::clamp<qsizetype>(maxMessageBytes, 1, std::numeric_limits<qsizetype>::max() / 4);
    m_messages.clear();
    m_lastPing.reset();
    m_sawPong = false;
    m_close.reset();
    m_failure.reset();
}

std::span<char> FrameReader::space()
{
    m_messages.clear();
    const qsizetype message = m_inMessage ? messageSize() : 0;
    const qsizetype kept = message + std::max(m_end - m_begin, m_frameSize);
    const qsizetype wanted = std::max(initialCapacity, kept + minimumRead);
    if (wanted > m_capacity) {
        // Only its end tells how long a fragmented message is: room for twice of it, so that copying stays
        // linear.
        const qsizetype headroom = std::clamp<qsizetype>(m_maxMessageBytes - kept, 0, message);
        moveToFront(wanted + headroom);
    } else if (wanted == initialCapacity && m_capacity > initialCapacity) {
        moveToFront(initialCapacity); // gives back what a large message had needed
    } else if (kept == 0 || m_capacity - m_end < minimumRead) {
        moveToFront(m_capacity);
    }
    return {m_buffer.get() + m_end, static_cast<size_t>(m_capacity - m_end)};
}

// Of a buffer of that capacity, a new one if need be. Closes the hole that headers and control frames have
// left between an unfinished message and the bytes behind it.
void FrameReader::moveToFront(qsizetype capacity)
{
    std::unique_ptr<char[]> other;
    if (capacity != m_capacity) {
        other = std::make_unique_for_overwrite<char[]>(static_cast<size_t>(capacity + padding));
        std::memset(other.get() + capacity, 0, static_cast<size_t>(padding));
        m_capacity = capacity;
    }
    char *const front = other ? other.get() : m_buffer.get();
    const qsizetype message = m_inMessage ? messageSize() : 0;
    const qsizetype unparsed = m_end - m_begin;
    const auto move = [this](char *to, qsizetype from, qsizetype size) {
        if (size > 0 && to != m_buffer.get() + from)
            std::memmove(to, m_buffer.get() + from, static_cast<size_t>(size));
    };
    move(front, m_messageStart, message);
    move(front + message, m_begin, unparsed);
    if (other)
        m_buffer = std::move(other);
    m_messageStart = 0;
    m_messageEnd = message;
    m_begin = message;
    m_end = message + unparsed;
}

void FrameReader::parse()
{
    m_messages.clear();
    m_lastPing.reset();
    m_sawPong = m_hasMore = false;
    if (m_inflater)
        m_inflater->recycle();
    if (m_close || m_failure)
        return;
    while (takeWholeMessage() || readFrame()) {
    }
}

// The short way for nearly every frame of a feed: a message of one frame below 64 KiB. False if the next one
// is anything else, which is then for readFrame() to judge.
inline bool FrameReader::takeWholeMessage()
{
    const qsizetype available = m_end - m_begin;
    if (available < 4 || m_inMessage)
        return false;
    const uchar *const bytes = reinterpret_cast<const uchar *>(m_buffer.get() + m_begin);
    constexpr uchar finalText = 0x81;
    constexpr uchar finalBinary = 0x82;
    if ((bytes[0] != finalText && bytes[0] != finalBinary) || bytes[1] > 126)
        return false;
    const bool isShort = bytes[1] < 126;
    const qsizetype header = isShort ? 2 : 4;
    const qsizetype length = isShort ? bytes[1] : qFromBigEndian<quint16>(bytes + 2);
    if ((!isShort && length < 126) || length > m_maxMessageBytes || available < header + length)
        return false;
    const QByteArrayView payload(m_buffer.get() + m_begin + header, length);
    const bool isText = bytes[0] == finalText;
    if (isText && !isValidUtf8(payload))
        return false;
    m_messages.push_back({payload, isText});
    m_begin += header + length;
    m_frameSize = 0;
    return true;
}

// False if that was the last for now.
bool FrameReader::readFrame()
{
    if (!takeFrame() || m_close || m_failure)
        return false;
    m_hasMore = m_inflater && m_inflater->unpackedBytes() >= unpackedPerParse;
    return !m_hasMore;
}

// False if there is no whole frame.
bool FrameReader::takeFrame()
{
    const std::optional<Header> header = readHeader();
    if (!header || !isAllowed(*header))
        return false;
    const qsizetype size = header->size + static_cast<qsizetype>(header->length);
    if (m_end - m_begin < size) {
        m_frameSize = size;
        return false;
    }
    m_frameSize = 0;
    const char *const payload = m_buffer.get() + m_begin + header->size;
    m_begin += size;
    if (isControl(header->opcode))
        takeControl(*header, {payload, static_cast<qsizetype>(header->length)});
    else
        takeData(*header, payload);
    return true;
}

// Nothing if it is incomplete, or wrong in itself.
std::optional<FrameReader::Header> FrameReader::readHeader()
{
    const qsizetype available = m_end - m_begin;
    if (available < 2)
        return {};
    const uchar *const bytes = reinterpret_cast<const uchar *>(m_buffer.get() + m_begin);
    if ((bytes[0] & 0x70) != 0 && !areBitsAllowed(bytes[0]))
        return {};
    if ((bytes[1] & 0x80) != 0) {
        fail(1002, QStringLiteral("a frame is masked; a server must not mask"));
        return {};
    }
    Header header{static_cast<Opcode>(bytes[0] & 0x0f), (bytes[0] & 0x80) != 0, (bytes[0] & packedBit) != 0,
                  2, bytes[1]};
    if (header.length < 126)
        return header;
    if (isControl(header.opcode)) {
        fail(1002, QStringLiteral("a control frame is longer than 125 bytes"));
        return {};
    }
    const quint64 smallest = header.length == 126 ? 126 : 0x10000;
    header.size = header.length == 126 ? 4 : 10;
    if (available < header.size)
        return {};
    header.length =
        header.length == 126 ? qFromBigEndian<quint16>(bytes + 2) : qFromBigEndian<quint64>(bytes + 2);
    if (header.length < smallest) {
        fail(1002, QStringLiteral("the length %1 of a frame is not written in its shortest form")
                       .arg(header.length));
        return {};
    }
    if ((header.length >> 63U) != 0) {
        fail(1002, QStringLiteral("the length of a frame has its highest bit set"));
        return {};
    }
    return header;
}

bool FrameReader::areBitsAllowed(uchar first)
{
    const Opcode opcode = static_cast<Opcode>(first & 0x0f);
    if (!m_inflater)
        fail(1002, QStringLiteral("a frame has reserved bits set, though no extension was agreed on"));
    else if ((first & 0x70) != packedBit)
        fail(1002, QStringLiteral("a frame has reserved bits set that permessage-deflate does not use"));
    else if (isControl(opcode) || opcode == Opcode::Continuation)
        fail(1002, QStringLiteral("a frame that begins no message is marked as packed"));
    return !m_failure;
}

// Whether such a frame may come now. Known from the header, so nothing that is too large is ever waited for.
bool FrameReader::isAllowed(const Header &header)
{
    switch (header.opcode) {
    case Opcode::Close:
    case Opcode::Ping:
    case Opcode::Pong:
        if (!header.final)
            fail(1002, QStringLiteral("a control frame is fragmented"));
        return header.final;
    case Opcode::Continuation:
        if (!m_inMessage)
            fail(1002, QStringLiteral("a continuation frame came without a message to continue"));
        break;
    case Opcode::Text:
    case Opcode::Binary:
        if (m_inMessage)
            fail(1002, QStringLiteral("a message began before the last one had ended"));
        break;
    default:
        fail(1002, QStringLiteral("a frame has the unknown opcode %1").arg(static_cast<int>(header.opcode)));
    }
    if (m_failure)
        return false;
    const qsizetype before = m_inMessage ? messageSize() : 0;
    const bool packed = m_inMessage ? m_messageIsPacked : header.packed;
    // What cannot be packed grows by some bytes in each 16 KiB.
    const qsizetype limit = packed ? m_maxMessageBytes + m_maxMessageBytes / 1024 + 64 : m_maxMessageBytes;
    if (header.length > static_cast<quint64>(limit - before))
        failTooLong();
    return !m_failure;
}

void FrameReader::takeData(const Header &header, const char *payload)
{
    const qsizetype length = static_cast<qsizetype>(header.length);
    if (header.opcode != Opcode::Continuation) {
        if (header.final) {
            deliver({payload, length}, header.opcode == Opcode::Text, header.packed);
            return;
        }
        m_inMessage = true;
        m_messageIsText = header.opcode == Opcode::Text;
        m_messageIsPacked = header.packed;
        m_messageStart = m_messageEnd = payload - m_buffer.get();
    }
    // Over the header, and over the control frames that came between.
    char *const to = m_buffer.get() + m_messageEnd;
    if (to != payload && length > 0)
        std::memmove(to, payload, static_cast<size_t>(length));
    m_messageEnd += length;
    if (header.final) {
        m_inMessage = false;
        deliver({m_buffer.get() + m_messageStart, messageSize()}, m_messageIsText, m_messageIsPacked);
    }
}

bool FrameReader::unpack(QByteArrayView &message)
{
    switch (m_inflater->unpack(message, m_maxMessageBytes)) {
    case Inflater::Outcome::Done:
        message = m_inflater->message();
        return true;
    case Inflater::Outcome::TooLong:
        failTooLong();
        return false;
    case Inflater::Outcome::Damaged:
        break;
    }
    fail(1007, QStringLiteral("a message cannot be unpacked"));
    return false;
}

void FrameReader::deliver(QByteArrayView message, bool text, bool packed)
{
    if (packed && !unpack(message))
        return;
    if (text && !isValidUtf8(message)) {
        fail(1007, QStringLiteral("a text message is not valid UTF-8"));
        return;
    }
    m_messages.push_back({message, text});
}

void FrameReader::takeControl(const Header &header, QByteArrayView payload)
{
    if (header.opcode == Opcode::Ping)
        m_lastPing = payload.toByteArray();
    else if (header.opcode == Opcode::Pong)
        m_sawPong = true;
    else
        takeClose(payload);
}

void FrameReader::takeClose(QByteArrayView payload)
{
    if (payload.isEmpty()) {
        m_close.emplace();
        return;
    }
    if (payload.size() == 1) {
        fail(1002, QStringLiteral("a close frame has half a code"));
        return;
    }
    const quint16 code = qFromBigEndian<quint16>(payload.data());
    const QByteArrayView reason = payload.sliced(2);
    if (!isSendableCode(code))
        fail(1002, QStringLiteral("a close frame has the code %1, which must not be sent").arg(code));
    else if (!isValidUtf8(reason))
        fail(1007, QStringLiteral("the reason in a close frame is not valid UTF-8"));
    else
        m_close = CloseFrame{code, QString::fromUtf8(reason)};
}

void FrameReader::failTooLong()
{
    fail(1009, QStringLiteral("a message is longer than the limit of %1 bytes").arg(m_maxMessageBytes));
}

void FrameReader::fail(quint16 code, const QString &what)
{
    m_failure = Failure{code, what};
}

} // namespace tidemill::net
