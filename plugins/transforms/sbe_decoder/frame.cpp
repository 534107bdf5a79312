// SPDX-License-Identifier: Apache-2.0
#include "frame.h"

#include <algorithm>
#include <array>

namespace tidemill::sbe {

namespace {

struct FaultNames
{
    const char *word;
    const char *text;
};

constexpr std::array<FaultNames, std::size_t(Fault::Count)> faultNames{{
    {"none", "nothing is wrong"},
    {"short_header", "the frame ends within the message header"},
    {"foreign_schema", "the frame is of another schema"},
    {"unknown_template", "the schema has no message of this template id"},
    {"old_version", "the frame's version did not have this message yet"},
    {"short_block", "the frame ends within the root block"},
    {"short_group", "the frame ends within a group"},
    {"empty_entries", "a group has entries without bytes"},
    {"short_data", "the frame ends within variable data"},
    {"missing_field", "a field that the record needs is not there"},
    {"out_of_range", "a number is larger than the record can hold"},
    {"bad_text", "a symbol is empty, too long or not UTF-8"},
}};

} // namespace

const char *faultWord(Fault fault)
{
    return faultNames[std::size_t(fault)].word;
}

QString faultText(Fault fault)
{
    return QString::fromLatin1(faultNames[std::size_t(fault)].text);
}

// Entries whose fields have no bytes: there may be as many as there is room for what else is in them.
Cursor::Allowance Cursor::allowEmpty(const Group &group, quint64 entries, int version, quint64 room,
                                     quint32 emptyEntries)
{
    quint64 least = 0;
    for (const Group &inner : group.block.groups)
        least += inner.since <= version ? inner.headerSize : 0;
    for (const Data &data : group.block.data)
        least += data.since <= version ? data.headerSize : 0;
    if (least != 0)
        return {entries > room / least ? Fault::ShortGroup : Fault::None, emptyEntries};
    // If the schema has fields there, not one of them came.
    if (group.block.length != 0 || entries > emptyEntries)
        return {Fault::EmptyEntries, emptyEntries};
    return {Fault::None, emptyEntries - quint32(entries)};
}

Fault Cursor::skip(const Group &group)
{
    GroupView view;
    if (const Fault fault = enter(group, view); fault != Fault::None)
        return fault;
    if (group.block.groups.empty() && group.block.data.empty()) {
        skipEntries(view); // enter() saw that they are there
        return Fault::None;
    }
    for (quint32 i = 0; i < view.count; ++i) {
        BlockView block;
        if (const Fault fault = entry(view, block); fault != Fault::None)
            return fault;
        if (const Fault fault = skip(group.block); fault != Fault::None)
            return fault;
    }
    return Fault::None;
}

Fault Cursor::skip(const Block &block)
{
    for (const Group &group : block.groups) {
        if (const Fault fault = skip(group); fault != Fault::None)
            return fault;
    }
    for (const Data &part : block.data) {
        QByteArrayView view;
        if (const Fault fault = data(part, view); fault != Fault::None)
            return fault;
    }
    return Fault::None;
}

FrameOpener::FrameOpener(const MessageSchema &schema) : m_schema(schema)
{
    for (const Message &message : schema.messages) {
        m_byId.push_back(&message);
        m_quick[message.id % m_quick.size()] = &message;
    }
    std::sort(m_byId.begin(), m_byId.end(), [](const Message *a, const Message *b) { return a->id < b->id; });
}

const Message *FrameOpener::findSlowly(quint64 templateId) const
{
    const auto found = std::lower_bound(m_byId.begin(), m_byId.end(), templateId,
                                        [](const Message *message, quint64 id) { return message->id < id; });
    return found != m_byId.end() && (*found)->id == templateId ? *found : nullptr;
}

} // namespace tidemill::sbe
