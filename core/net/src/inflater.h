// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <QByteArrayView>

#include <memory>
#include <vector>

namespace tidemill::net {

// Unpacks the messages of one connection with permessage-deflate (RFC 7692), in their order. No I/O.
//
// Messages are views into blocks of our own, each `padding` bytes readable behind its end, and all of them
// live until recycle(). Unpacking stops at the limit: a message never takes more than twice of it.
class Inflater
{
public:
    static constexpr qsizetype blockBytes = 256LL * 1024;
    static constexpr qsizetype padding = 64;

    enum class Outcome { Done, TooLong, Damaged };

    // As agreed on; a window of 8 bits is taken as 9, which is what zlib writes who promised 8.
    explicit Inflater(int windowBits = 15, bool keepsContext = true);
    ~Inflater();
    Inflater(const Inflater &) = delete;
    Inflater &operator=(const Inflater &) = delete;

    // One whole message, its fragments put together. After TooLong or Damaged the connection is lost: the
    // next message may refer to this one.
    Outcome unpack(QByteArrayView packed, qsizetype limit);
    QByteArrayView message() const; // after Done

    // Ends the life of all messages. Memory that only large ones needed is given back.
    void recycle();
    qsizetype unpackedBytes() const { return m_unpacked; } // since then

private:
    struct Stream;
    struct Block
    {
        std::unique_ptr<char[]> bytes;
        qsizetype capacity = 0; // without the padding
    };

    Outcome feed(QByteArrayView bytes, qsizetype limit);
    void beginNextStream();
    void addBlock(qsizetype capacity);
    void makeRoom(qsizetype limit);

    qsizetype messageSize() const { return m_used - m_messageStart; }

    std::unique_ptr<Stream> m_stream;
    bool m_keepsContext;
    std::vector<Block> m_blocks;
    // In the last block:
    qsizetype m_messageStart = 0;
    qsizetype m_used = 0;
    qsizetype m_unpacked = 0; // in all blocks
};

} // namespace tidemill::net
