// SPDX-License-Identifier: Apache-2.0
#include "message_path.h"

#include <tidemill/option.h>

#include <algorithm>

namespace tidemill::sbe {

namespace {

template<typename Part>
std::size_t indexOf(const std::vector<Part> &parts, const QByteArray &name)
{
    const auto found =
        std::find_if(parts.begin(), parts.end(), [&name](const Part &part) { return part.name == name; });
    return std::size_t(found - parts.begin());
}

template<typename Part>
void addNames(QStringList &names, const std::vector<Part> &parts)
{
    for (const Part &part : parts)
        names.append(QString::fromUtf8(part.name));
}

Error noSuch(const Message &message, const QByteArray &name, const QStringList &known)
{
    const QString meant = nearestName(QString::fromUtf8(name), known);
    return {Error::Kind::Config,
            QStringLiteral("no '%1' in %2%3")
                .arg(QString::fromUtf8(name), QString::fromUtf8(message.name),
                     meant.isEmpty() ? QString() : QStringLiteral("; did you mean '%1'?").arg(meant))};
}

// Down the composites.
Result<Target> findMember(const Message &message, Target target, const QList<QByteArray> &names)
{
    for (const QByteArray &name : names) {
        if (target.type->kind != Type::Kind::Composite)
            return noSuch(message, name, {});
        const auto &members = target.type->members;
        const std::size_t index = indexOf(members, name);
        if (index == members.size()) {
            QStringList known;
            addNames(known, members);
            return noSuch(message, name, known);
        }
        const Member &member = members[index];
        // A composite is null if its first encoded member is.
        const bool isFirst =
            std::all_of(members.begin(), members.begin() + qsizetype(index),
                        [](const Member &before) { return before.type->presence == Presence::Constant; });
        target.isOptional = member.type->presence == Presence::Optional || (isFirst && target.isOptional);
        target.offset += member.offset;
        target.since = std::max(target.since, member.since);
        target.type = member.type;
    }
    return target;
}

} // namespace

Result<BlockPath> findBlocks(const Message &message, const QByteArray &groupPath)
{
    BlockPath path{{&message.block}, {}};
    if (groupPath.isEmpty())
        return path;
    for (const QByteArray &name : groupPath.split('.')) {
        const auto &groups = path.blocks.back()->groups;
        const std::size_t index = indexOf(groups, name);
        if (index == groups.size()) {
            QStringList known;
            addNames(known, groups);
            return noSuch(message, name, known);
        }
        path.blocks.push_back(&groups[index].block);
        path.groups.push_back(index);
    }
    return path;
}

Result<Target> findTarget(const Message &message, const BlockPath &blocks, const QByteArray &path)
{
    QList<QByteArray> names = path.split('.');
    Target target;
    const Block *block = blocks.blocks.front();
    while (true) {
        const QByteArray name = names.takeFirst();
        if (const std::size_t index = indexOf(block->fields, name); index < block->fields.size()) {
            const Field &field = block->fields[index];
            target.field = &field;
            target.type = field.type;
            target.offset = field.offset;
            target.since = field.since;
            target.isOptional = field.type->presence == Presence::Optional;
            return findMember(message, target, names);
        }
        if (const std::size_t index = indexOf(block->data, name);
            index < block->data.size() && names.isEmpty()) {
            target.kind = Target::Kind::Data;
            target.since = block->data[index].since;
            target.index = index;
            return target;
        }
        const std::size_t index = indexOf(block->groups, name);
        if (index == block->groups.size()) {
            QStringList known;
            addNames(known, block->fields);
            addNames(known, block->groups);
            addNames(known, block->data);
            return noSuch(message, name, known);
        }
        if (names.isEmpty()) {
            target.kind = Target::Kind::Group;
            target.index = index;
            return target;
        }
        if (target.level + 1 >= blocks.blocks.size() || blocks.groups[target.level] != index)
            return Error{
                Error::Kind::Config,
                QStringLiteral("'%1' is a group of %2: name it in 'rows' to make a record of each entry")
                    .arg(QString::fromUtf8(name), QString::fromUtf8(message.name))};
        block = blocks.blocks[++target.level];
    }
}

} // namespace tidemill::sbe
