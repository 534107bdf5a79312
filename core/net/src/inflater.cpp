// SPDX-License-Identifier: Apache-2.0
#include "inflater.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <new>
#include <utility>

#define ZLIB_CONST // its input is const
#include <zlib.h>

namespace tidemill::net {

static constexpr qsizetype largestCall = 1LL << 30; // zlib counts in 32 bits
static constexpr qsizetype windowBytes = 32LL * 1024;

struct Inflater::Stream
{
    z_stream z{};
};

Inflater::Inflater(int windowBits, bool keepsContext)
    : m_stream(std::make_unique<Stream>())
    , m_keepsContext(keepsContext)
{
    // Negative: deflate alone, without zlib's header. It fails for want of memory only.
    if (inflateInit2(&m_stream->z, -std::clamp(windowBits, 9, 15)) != Z_OK)
        throw std::bad_alloc();
}

Inflater::~Inflater()
{
    inflateEnd(&m_stream->z);
}

QByteArrayView Inflater::message() const
{
    return {m_blocks.back().bytes.get() + m_messageStart, messageSize()};
}

void Inflater::recycle()
{
    if (m_blocks.size() > 1)
        m_blocks.resize(1); // the first is never larger than it needs to be
    m_messageStart = m_used = m_unpacked = 0;
}

void Inflater::addBlock(qsizetype capacity)
{
    Block block{std::make_unique_for_overwrite<char[]>(static_cast<size_t>(capacity + padding)), capacity};
    std::memset(block.bytes.get() + capacity, 0, static_cast<size_t>(padding));
    m_blocks.push_back(std::move(block));
}

// In a new block: other messages in this one may be in use.
void Inflater::makeRoom(qsizetype limit)
{
    const qsizetype size = messageSize();
    addBlock(std::max(blockBytes, std::min(2 * size, limit + 1)));
    const Block &full = m_blocks[m_blocks.size() - 2];
    std::memcpy(m_blocks.back().bytes.get(), full.bytes.get() + m_messageStart, static_cast<size_t>(size));
    m_messageStart = 0;
    m_used = size;
}

Inflater::Outcome Inflater::unpack(QByteArrayView packed, qsizetype limit)
{
    if (m_blocks.empty())
        addBlock(blockBytes);
    m_messageStart = m_used;
    // Some send an empty message as nothing at all, though it should be one byte.
    if (packed.isEmpty())
        return Outcome::Done;
    if (!m_keepsContext)
        inflateReset(&m_stream->z);
    limit = std::clamp<qsizetype>(limit, 0, std::numeric_limits<qsizetype>::max() / 4);
    // What the sender has cut off, as it is always the same.
    static constexpr char tail[] = {'\x00', '\x00', '\xff', '\xff'};
    Outcome outcome = feed(packed, limit);
    if (outcome == Outcome::Done)
        outcome = feed({tail, sizeof tail}, limit);
    // With the tail a message ends between two blocks of deflate, and with a whole byte. Otherwise it was
    // cut.
    constexpr int betweenBlocks = 128;
    constexpr int unusedBits = 31;
    if (outcome == Outcome::Done && (m_stream->z.data_type & (betweenBlocks | unusedBits)) != betweenBlocks)
        return Outcome::Damaged;
    m_unpacked += messageSize();
    return outcome;
}

Inflater::Outcome Inflater::feed(QByteArrayView bytes, qsizetype limit)
{
    z_stream &z = m_stream->z;
    for (;;) {
        if (m_used == m_blocks.back().capacity)
            makeRoom(limit);
        const Block &block = m_blocks.back();
        // One byte more than allowed shows that there are too many.
        const qsizetype room = std::min({block.capacity - m_used, limit + 1 - messageSize(), largestCall});
        const qsizetype given = std::min(bytes.size(), largestCall);
        z.next_in = reinterpret_cast<const Bytef *>(bytes.data());
        z.avail_in = static_cast<uInt>(given);
        z.next_out = reinterpret_cast<Bytef *>(block.bytes.get() + m_used);
        z.avail_out = static_cast<uInt>(room);
        const int code = ::inflate(&z, Z_SYNC_FLUSH);
        bytes = bytes.sliced(given - static_cast<qsizetype>(z.avail_in));
        m_used += room - static_cast<qsizetype>(z.avail_out);
        if (messageSize() > limit)
            return Outcome::TooLong;
        if (code == Z_STREAM_END)
            beginNextStream();
        else if (code != Z_OK && code != Z_BUF_ERROR)
            return Outcome::Damaged;
        // A full output may hide that there is more of it.
        if (bytes.isEmpty() && z.avail_out > 0)
            return Outcome::Done;
        if (code == Z_BUF_ERROR && z.avail_out > 0)
            return Outcome::Damaged; // it neither takes nor gives, which should not be
    }
}

// A sender may mark a block as its last and go on (RFC 7692, section 7.2.3.4). Later blocks may refer to what
// came before all the same, but zlib forgets that.
void Inflater::beginNextStream()
{
    z_stream &z = m_stream->z;
    Bytef window[windowBytes];
    uInt size = 0;
    inflateGetDictionary(&z, window, &size);
    inflateReset(&z);
    if (size > 0)
        inflateSetDictionary(&z, window, size);
}

} // namespace tidemill::net
