// SPDX-License-Identifier: Apache-2.0
#include "reply_reader.h"

#include <hiredis/read.h>

#include <cstring>

namespace tidemill::redis {

const Reply &Reply::operator[](qsizetype index) const
{
    static const Reply nil;
    return index >= 0 && index < size() ? m_elements[std::size_t(index)] : nil;
}

// Called by hiredis in the middle of C: nothing here may throw.
struct ReplyReader::Callbacks
{
    static ReplyReader &reader(const redisReadTask *task)
    {
        return *static_cast<ReplyReader *>(task->privdata);
    }

    static void *put(const redisReadTask *task, const Reply &reply)
    {
        Reply *place = reader(task).place(task);
        if (place)
            *place = reply;
        return place;
    }

    static void *text(const redisReadTask *task, char *bytes, size_t size)
    {
        const auto kind = task->type == REDIS_REPLY_ERROR    ? Reply::Kind::Error
                          : task->type == REDIS_REPLY_STATUS ? Reply::Kind::Status
                                                             : Reply::Kind::Text;
        // A copy: hiredis may move its buffer before the reply is whole.
        std::byte *copy = reader(task).allocate(qsizetype(size), 1);
        if (!copy)
            return nullptr;
        std::memcpy(copy, bytes, size);
        return put(task, Reply::ofText(kind, {reinterpret_cast<char *>(copy), qsizetype(size)}));
    }

    static void *array(const redisReadTask *task, int count)
    {
        if (count < 0)
            return nullptr;
        std::byte *room = reader(task).allocate(qsizetype(count) * qsizetype(sizeof(Reply)), alignof(Reply));
        if (!room)
            return nullptr;
        auto *elements = reinterpret_cast<Reply *>(room);
        for (int index = 0; index < count; ++index)
            new (elements + index) Reply;
        return put(task, Reply::ofArray({elements, std::size_t(count)}));
    }

    static void *integer(const redisReadTask *task, long long value)
    {
        return put(task, Reply::ofInteger(value));
    }

    static void *nil(const redisReadTask *task) { return put(task, {}); }
    static void forget(void *) {}

    static redisReader *make()
    {
        static redisReplyObjectFunctions functions{&text, &array, &integer, &nil, &forget};
        return redisReaderCreateWithFunctions(&functions);
    }
};

ReplyReader::ReplyReader(qint64 maxReplyBytes)
    : m_firstBlock(64 * 1024)
    , m_arena(m_firstBlock.data(), m_firstBlock.size())
    , m_maxReplyBytes(maxReplyBytes)
    , m_reader(Callbacks::make(), &redisReaderFree)
{
    m_reader->privdata = this; // its macro for this casts a pointer to int
}

ReplyReader::~ReplyReader() = default;

// Where the reply goes that is being read: the root, or a place in the array around it.
Reply *ReplyReader::place(const redisReadTask *task)
{
    if (!task->parent)
        return &m_root;
    const auto *parent = static_cast<const Reply *>(task->parent->obj);
    if (task->idx < 0 || task->idx >= parent->size())
        return nullptr;
    return const_cast<Reply *>(&parent->elements()[std::size_t(task->idx)]);
}

std::byte *ReplyReader::allocate(qsizetype bytes, std::size_t alignment)
{
    m_begun = true;
    m_replyBytes += bytes;
    if (m_replyBytes > m_maxReplyBytes)
        return nullptr;
    return static_cast<std::byte *>(m_arena.allocate(std::size_t(qMax<qsizetype>(bytes, 1)), alignment));
}

Result<> ReplyReader::feed(QByteArrayView bytes)
{
    const qint64 unread = qint64(m_reader->len - m_reader->pos);
    m_isTooLong = unread + bytes.size() > m_maxReplyBytes;
    if (m_isTooLong)
        return Error{Error::Kind::Protocol,
                     QStringLiteral("an answer has more than %1 bytes").arg(m_maxReplyBytes)};
    if (redisReaderFeed(m_reader.get(), bytes.data(), size_t(bytes.size())) != REDIS_OK)
        return Error{Error::Kind::Protocol, QString::fromLatin1(m_reader->errstr)};
    return {};
}

// A transaction brings one for each of its commands: they are not worth a parser. hiredis is told by its
// place in the buffer, which it clears with the next reply that it reads itself.
bool ReplyReader::skipQueued()
{
    static constexpr QByteArrayView queued("+QUEUED\r\n");
    const bool isBetweenReplies = m_reader->ridx < 0;
    if (!isBetweenReplies || m_reader->len - m_reader->pos < std::size_t(queued.size()) ||
        std::memcmp(m_reader->buf + m_reader->pos, queued.data(), std::size_t(queued.size())) != 0)
        return false;
    m_reader->pos += std::size_t(queued.size());
    return true;
}

Result<const Reply *> ReplyReader::next()
{
    static const Reply queued = Reply::ofText(Reply::Kind::Status, "QUEUED");
    if (skipQueued())
        return &queued;
    // Not while a reply is half read: what there is of it lies in the arena.
    if (m_begun && m_reader->ridx < 0) {
        m_arena.release();
        m_replyBytes = 0;
        m_begun = false;
    }
    void *reply = nullptr;
    if (redisReaderGetReply(m_reader.get(), &reply) != REDIS_OK) {
        m_isTooLong = m_replyBytes > m_maxReplyBytes;
        return Error{Error::Kind::Protocol,
                     m_isTooLong ? QStringLiteral("an answer has more than %1 bytes").arg(m_maxReplyBytes)
                                 : QStringLiteral("expected an answer in RESP: %1")
                                       .arg(QString::fromLatin1(m_reader->errstr))};
    }
    return static_cast<const Reply *>(reply);
}

} // namespace tidemill::redis
