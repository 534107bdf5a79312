// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tidemill/redis/reply.h>
#include <tidemill/result.h>

#include <memory>
#include <memory_resource>
#include <vector>

struct redisReader;
struct redisReadTask;

namespace tidemill::redis {

// Bytes of a connection into replies: hiredis' parser, with a tree of our own. All of a reply lies in one
// arena that the next reply uses again, so that a short answer costs no allocation, and its size is bounded.
class ReplyReader
{
public:
    explicit ReplyReader(qint64 maxReplyBytes);
    ~ReplyReader();
    Q_DISABLE_COPY_MOVE(ReplyReader)

    Result<> feed(QByteArrayView bytes);
    // The next whole reply, valid until the next call of next(); nullptr if there is none yet.
    Result<const Reply *> next();
    // What failed did so because of maxReplyBytes.
    bool isTooLong() const { return m_isTooLong; }

private:
    struct Callbacks;

    bool skipQueued();
    Reply *place(const redisReadTask *task);
    std::byte *allocate(qsizetype bytes, std::size_t alignment);

    std::vector<std::byte> m_firstBlock;
    std::pmr::monotonic_buffer_resource m_arena;
    qint64 m_maxReplyBytes;
    qint64 m_replyBytes = 0;
    bool m_isTooLong = false;
    bool m_begun = false; // a reply lies in the arena, whole or in part
    Reply m_root;
    std::unique_ptr<redisReader, void (*)(redisReader *)> m_reader;
};

} // namespace tidemill::redis
