// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "scalar.h"

#include <QByteArrayView>

#include <array>

namespace tidemill::sbe {

// Why a frame, or a row of it, cannot be used.
enum class Fault : quint8 {
    None,
    ShortHeader,     // ends within the message header
    ForeignSchema,   // the id of another schema
    UnknownTemplate, // a message that the schema does not have
    OldVersion,      // a version that did not have this message yet
    ShortBlock,      // the root block ends behind the frame
    ShortGroup,      // the entries of a group end behind the frame
    EmptyEntries,    // entries without a byte although the schema has fields there, or very many of them
    ShortData,       // variable data ends behind the frame
    MissingField,    // a field that the row needs is null or was not sent
    OutOfRange,      // a number that the row's field cannot hold
    BadText,         // a symbol that is empty, too long or not UTF-8
    Count,
};

// For a metric: "short_header".
const char *faultWord(Fault fault);
// For a person.
QString faultText(Fault fault);

// The fields of a message or of an entry as they lie in a frame, and how long they are there: a sender of a
// newer version may send more, one of an older version less.
struct BlockView
{
    const char *data = nullptr;
    quint32 size = 0;

    // Is the field there?
    bool has(quint32 offset, quint32 bytes) const { return offset <= size && bytes <= size - offset; }
};

struct GroupView
{
    quint32 count = 0;
    quint32 entrySize = 0; // of an entry's block
};

// What a frame begins with.
struct FrameView
{
    const Message *message = nullptr;
    int version = 0;
    BlockView root;
};

// Goes through a frame from left to right; the parts of a block must be asked for in the order of the schema:
// groups, of each its entries, then data. Never reads behind the frame.
class Cursor
{
public:
    Cursor() = default;
    Cursor(const char *at, const char *end, int version, bool bigEndian)
        : m_at(at)
        , m_end(end)
        , m_version(version)
        , m_bigEndian(bigEndian)
    {}

    const char *at() const { return m_at; }
    const char *end() const { return m_end; }
    int version() const { return m_version; }
    bool isBigEndian() const { return m_bigEndian; }

    // The head of a group; no entries if this version does not have the group.
    Fault enter(const Group &group, GroupView &view)
    {
        view = {};
        if (group.since > m_version)
            return Fault::None;
        if (left() < group.headerSize)
            return Fault::ShortGroup;
        const quint64 entrySize = count(group.blockLength, m_at);
        const quint64 entries = count(group.count, m_at);
        m_at += group.headerSize;
        if (entries == 0)
            return Fault::None;
        // Refused here and not when the bytes run out: a count is 32 bits of a stranger.
        const quint64 room = left();
        if (entrySize == 0) {
            const Allowance allowance = allowEmpty(group, entries, m_version, room, m_emptyEntries);
            m_emptyEntries = allowance.emptyEntries;
            if (allowance.fault != Fault::None)
                return allowance.fault;
        } else if (quint64 bytes = 0; __builtin_mul_overflow(entries, entrySize, &bytes) || bytes > room) {
            return Fault::ShortGroup; // a product: dividing takes ten times as long
        }
        view = {quint32(entries), quint32(entrySize)};
        return Fault::None;
    }
    // The next entry's block. Its groups and data must be gone through before the next one.
    Fault entry(const GroupView &group, BlockView &view)
    {
        if (group.entrySize > left())
            return Fault::ShortGroup;
        view = {m_at, group.entrySize};
        m_at += group.entrySize;
        return Fault::None;
    }
    // All entries of a group that has nothing but fields.
    void skipEntries(const GroupView &group) { m_at += std::size_t(group.count) * group.entrySize; }

    Fault data(const Data &data, QByteArrayView &view)
    {
        view = {};
        if (data.since > m_version)
            return Fault::None;
        if (left() < data.headerSize)
            return Fault::ShortData;
        const quint64 size = count(data.length, m_at);
        m_at += data.headerSize;
        if (size > left())
            return Fault::ShortData;
        view = {m_at, qsizetype(size)};
        m_at += size;
        return Fault::None;
    }

    // Past a group with all that is in it; past the groups and data that belong to a block.
    Fault skip(const Group &group);
    Fault skip(const Block &block);

private:
    quint64 count(const Counter &counter, const char *header) const
    {
        return counter.isConstant ? counter.constant
                                  : loadBits(counter.primitive, header + counter.offset, m_bigEndian);
    }
    std::size_t left() const { return std::size_t(m_end - m_at); }
    // All by value: a cursor whose address goes nowhere stays in registers, and that is half of the speed.
    struct Allowance
    {
        Fault fault = Fault::None;
        quint32 emptyEntries = 0; // still
    };
    static Allowance allowEmpty(const Group &group, quint64 entries, int version, quint64 room,
                                quint32 emptyEntries);

    const char *m_at = nullptr;
    const char *m_end = nullptr;
    int m_version = 0;
    bool m_bigEndian = false;
    // Entries may have no bytes at all, and their count is 32 bits: how many of those a frame may still have.
    quint32 m_emptyEntries = 4096;
};

// Finds the message of a frame. Thread-safe once made.
class FrameOpener
{
public:
    // `schema` must outlive this.
    explicit FrameOpener(const MessageSchema &schema);

    // The message, its root block, and a cursor behind that. Bytes behind the message are allowed: senders
    // pad, and newer versions append groups and data.
    Fault open(QByteArrayView frame, FrameView &view, Cursor &cursor) const
    {
        return m_schema.isBigEndian ? openAs<true>(frame, view, cursor) : openAs<false>(frame, view, cursor);
    }

private:
    template<bool bigEndian>
    Fault openAs(QByteArrayView frame, FrameView &view, Cursor &cursor) const
    {
        const auto size = std::size_t(frame.size());
        if (size < m_schema.headerSize)
            return Fault::ShortHeader;
        const char *header = frame.data();
        const auto load = [header](const Counter &counter) {
            return counter.isConstant ? counter.constant
                                      : loadBits<bigEndian>(counter.primitive, header + counter.offset);
        };
        if (!m_schema.schemaId.isConstant && load(m_schema.schemaId) != m_schema.id)
            return Fault::ForeignSchema;
        view.message = find(load(m_schema.templateId));
        if (!view.message)
            return Fault::UnknownTemplate;
        const quint64 version = load(m_schema.headerVersion);
        view.version = version > quint64(std::numeric_limits<int>::max()) ? std::numeric_limits<int>::max()
                                                                          : int(version);
        if (view.version < view.message->since)
            return Fault::OldVersion;
        const quint64 blockLength = load(m_schema.blockLength);
        if (blockLength > size - m_schema.headerSize)
            return Fault::ShortBlock;
        view.root = {header + m_schema.headerSize, quint32(blockLength)};
        cursor = {view.root.data + blockLength, header + size, view.version, bigEndian};
        return Fault::None;
    }

    const Message *find(quint64 templateId) const
    {
        const std::size_t slot = templateId % m_quick.size();
        return m_quick[slot] && m_quick[slot]->id == templateId ? m_quick[slot] : findSlowly(templateId);
    }
    const Message *findSlowly(quint64 templateId) const;

    const MessageSchema &m_schema;
    std::array<const Message *, 64> m_quick{}; // by the last bits of the id; of several one
    std::vector<const Message *> m_byId;       // sorted
};

} // namespace tidemill::sbe
