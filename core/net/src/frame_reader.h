// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "frame_writer.h"
#include "inflater.h"

#include <tidemill/net/frames.h>

#include <QByteArray>
#include <QString>

#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace tidemill::net {

// The receiving half of RFC 6455, for a client: bytes in, whole messages out as views into one sliding
// buffer. No I/O. Use: fill space(), commit() what came, parse(), look at the results, and again.
//
// The buffer holds at most one unfinished message beside one read, so its size is bounded by the message
// limit. Fragments are moved together where they lie. `padding` bytes behind the data can always be read.
//
// Packed messages come out of an Inflater, unpacked, with the same promises; the limit holds for both forms.
// What one parse() may unpack is bounded too, so that a read of many small bombs is no large one.
class FrameReader
{
public:
    static constexpr qsizetype initialCapacity = 256LL * 1024;
    static constexpr qsizetype minimumRead = 64LL * 1024;
    static constexpr qsizetype padding = 64;
    static constexpr qsizetype unpackedPerParse = 1024LL * 1024; // and one message more

    struct CloseFrame
    {
        std::optional<quint16> code; // nothing if the frame was empty
        QString reason;
    };

    // What the peer must not send; `code` is what to close the connection with.
    struct Failure
    {
        quint16 code = 1002;
        QString what;
    };

    // For a new connection. A large buffer that the last one needed is given back. With an inflater messages
    // may come packed, without none may.
    void reset(qsizetype maxMessageBytes, std::unique_ptr<Inflater> inflater = {});

    // Where the next bytes go: never empty. Ends the life of all views handed out before.
    std::span<char> space();
    void commit(qsizetype bytes) { m_end += bytes; }

    // Reads all whole frames that have come. Nothing is read behind a close frame or a failure.
    void parse();
    // It stopped before the end, as enough was unpacked: call it again, before space().
    bool hasMore() const { return m_hasMore; }

    // The results of the last parse().
    std::span<const Frame> messages() const { return m_messages; }
    const std::optional<QByteArray> &lastPing() const { return m_lastPing; } // earlier ones need no answer
    bool sawPong() const { return m_sawPong; }
    const std::optional<CloseFrame> &close() const { return m_close; }
    const std::optional<Failure> &failure() const { return m_failure; }

    qsizetype capacity() const { return m_capacity; }

private:
    struct Header
    {
        Opcode opcode;
        bool final;
        bool packed;    // the bit that says so, of the first frame of a message
        qsizetype size; // of the header itself
        quint64 length; // of the payload
    };

    bool takeWholeMessage();
    bool readFrame();
    bool takeFrame();
    bool areBitsAllowed(uchar first);
    std::optional<Header> readHeader();
    bool isAllowed(const Header &header);
    void takeData(const Header &header, const char *payload);
    void takeControl(const Header &header, QByteArrayView payload);
    void takeClose(QByteArrayView payload);
    void deliver(QByteArrayView message, bool text, bool packed);
    bool unpack(QByteArrayView &message);
    void failTooLong();
    void fail(quint16 code, const QString &what);
    void moveToFront(qsizetype capacity);

    qsizetype messageSize() const { return m_messageEnd - m_messageStart; }

    std::unique_ptr<char[]> m_buffer;
    qsizetype m_capacity = 0;  // without the padding
    qsizetype m_begin = 0;     // first byte not parsed
    qsizetype m_end = 0;       // behind the last byte received
    qsizetype m_frameSize = 0; // of the frame at m_begin, if its header is complete but it is not

    // A message whose last fragment has not come yet lies at m_messageStart..m_messageEnd, before m_begin.
    qsizetype m_messageStart = 0;
    qsizetype m_messageEnd = 0;
    bool m_inMessage = false;
    bool m_messageIsText = false;
    bool m_messageIsPacked = false;
    bool m_hasMore = false;

    std::unique_ptr<Inflater> m_inflater;
    qsizetype m_maxMessageBytes = 0;
    std::vector<Frame> m_messages;
    std::optional<QByteArray> m_lastPing;
    bool m_sawPong = false;
    std::optional<CloseFrame> m_close;
    std::optional<Failure> m_failure;
};

} // namespace tidemill::net
