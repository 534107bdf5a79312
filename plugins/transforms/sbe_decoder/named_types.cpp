// SPDX-License-Identifier: Apache-2.0
#include "type_reader.h"

#include <algorithm>

namespace tidemill::sbe {

namespace {

constexpr quint32 maxCompositeSize = 65'535; // a block's length is mostly 16 bits
constexpr quint32 maxMembers = 256;

void sortByCode(std::vector<NamedCode> &codes)
{
    std::sort(codes.begin(), codes.end(),
              [](const NamedCode &a, const NamedCode &b) { return a.code < b.code; });
}

bool hasCode(const std::vector<NamedCode> &codes, quint64 code)
{
    return std::any_of(codes.begin(), codes.end(),
                       [code](const NamedCode &known) { return known.code == code; });
}

} // namespace

const NamedCode *Type::findCode(quint64 code) const
{
    const auto found =
        std::lower_bound(codes.begin(), codes.end(), code,
                         [](const NamedCode &known, quint64 wanted) { return known.code < wanted; });
    return found != codes.end() && found->code == code ? &*found : nullptr;
}

const Member *Type::findMember(const char *memberName) const
{
    const auto found = std::find_if(members.begin(), members.end(),
                                    [memberName](const Member &member) { return member.name == memberName; });
    return found == members.end() ? nullptr : &*found;
}

TypePtr TypeReader::encodingOf(const XmlElement &element)
{
    const TypePtr encoding = type(element.value("encodingType"), element);
    if (!encoding)
        return nullptr;
    if (encoding->kind == Type::Kind::Plain && encoding->length == 1 && !isFloating(encoding->primitive) &&
        encoding->presence != Presence::Constant)
        return encoding;
    m_problems.add(element, QStringLiteral("encodingType: expected a single integer or character, got '%1'")
                                .arg(element.value("encodingType")));
    return nullptr;
}

TypePtr TypeReader::readEnum(const XmlElement &element)
{
    const TypePtr encoding = encodingOf(element);
    if (!encoding)
        return nullptr;
    Type type = *encoding;
    type.kind = Type::Kind::Enum;
    type.name = element.value("name").toUtf8();
    type.since = std::max(type.since, m_problems.since(element, m_schemaVersion));
    type.presence = presenceOf(element, encoding->presence);
    readRange(element, type);
    QSet<QByteArray> names;
    for (const XmlElement &value : element.children) {
        if (value.name != QLatin1String("validValue")) {
            m_problems.add(value, QStringLiteral("expected <validValue>, got %1").arg(value.description()));
            continue;
        }
        m_problems.checkAttributes(value);
        const QByteArray name = m_problems.newName(value, names);
        m_problems.since(value, m_schemaVersion);
        const QString text = value.text.size() == 1 ? value.text : value.text.trimmed();
        const auto code = parseInteger(text, type.primitive);
        if (!code)
            m_problems.add(value, QStringLiteral("expected a value of %1, got '%2'")
                                      .arg(primitiveNames()[int(type.primitive)], text));
        else if (*code == type.nullBits)
            m_problems.add(value, QStringLiteral("'%1' is the null value of this enum").arg(text));
        else if (isSigned(type.primitive)
                     ? qint64(*code) < type.minimum || qint64(*code) > qint64(type.maximum)
                     : *code < quint64(type.minimum) || *code > type.maximum)
            m_problems.add(value, QStringLiteral("expected a value from %1 to %2, got '%3'")
                                      .arg(type.minimum)
                                      .arg(type.maximum)
                                      .arg(text));
        else if (hasCode(type.codes, *code))
            m_problems.add(value, QStringLiteral("the value '%1' has a name already").arg(text));
        else
            type.codes.push_back({name, *code});
    }
    sortByCode(type.codes);
    return std::make_shared<const Type>(std::move(type));
}

TypePtr TypeReader::readSet(const XmlElement &element)
{
    const TypePtr encoding = encodingOf(element);
    if (!encoding)
        return nullptr;
    if (!isUnsigned(encoding->primitive)) {
        m_problems.add(element,
                       QStringLiteral("encodingType: expected uint8, uint16, uint32 or uint64, got '%1'")
                           .arg(element.value("encodingType")));
        return nullptr;
    }
    Type type = *encoding;
    type.kind = Type::Kind::Set;
    type.name = element.value("name").toUtf8();
    type.presence = Presence::Required; // a set has no null: 0 is the empty one
    type.since = std::max(type.since, m_problems.since(element, m_schemaVersion));
    const quint64 bits = 8 * sizeOf(type.primitive);
    QSet<QByteArray> names;
    for (const XmlElement &choice : element.children) {
        if (choice.name != QLatin1String("choice")) {
            m_problems.add(choice, QStringLiteral("expected <choice>, got %1").arg(choice.description()));
            continue;
        }
        m_problems.checkAttributes(choice);
        const QByteArray name = m_problems.newName(choice, names);
        m_problems.since(choice, m_schemaVersion);
        const auto bit = parseInteger(choice.text, Primitive::UInt64);
        if (!bit || *bit >= bits)
            m_problems.add(choice, QStringLiteral("expected a bit from 0 to %1, got '%2'")
                                       .arg(bits - 1)
                                       .arg(choice.text.trimmed()));
        else if (hasCode(type.codes, *bit))
            m_problems.add(choice, QStringLiteral("the bit %1 has a name already").arg(*bit));
        else
            type.codes.push_back({name, *bit});
    }
    sortByCode(type.codes);
    return std::make_shared<const Type>(std::move(type));
}

TypePtr TypeReader::memberType(const XmlElement &element)
{
    if (element.name != QLatin1String("ref"))
        return read(element);
    m_problems.checkAttributes(element);
    return type(element.value("type"), element);
}

TypePtr TypeReader::readComposite(const XmlElement &element)
{
    Type composite;
    composite.kind = Type::Kind::Composite;
    composite.name = element.value("name").toUtf8();
    composite.since = m_problems.since(element, m_schemaVersion);
    composite.presence = presenceOf(element, Presence::Required);
    QSet<QByteArray> names;
    composite.leaves = 0;
    bool isWhole = true;
    for (const XmlElement &part : element.children) {
        static const QStringList allowed{"type", "enum", "set", "composite", "ref"};
        if (!allowed.contains(part.name)) {
            m_problems.add(part, QStringLiteral("expected <type>, <enum>, <set>, <composite> or <ref> in a "
                                                "composite, got %1")
                                     .arg(part.description()));
            isWhole = false;
            continue;
        }
        Member member;
        member.name = m_problems.newName(part, names);
        member.type = memberType(part);
        if (!member.type) {
            isWhole = false;
            continue;
        }
        member.since = std::max(member.type->since, m_problems.since(part, m_schemaVersion));
        member.offset = quint32(m_problems.number(part, "offset", composite.size, maxCompositeSize));
        composite.leaves += member.type->leaves;
        if (member.type->presence != Presence::Constant) {
            if (member.offset < composite.size)
                m_problems.add(part,
                               QStringLiteral("offset: expected at least %1, where the member before ends, "
                                              "got %2")
                                   .arg(composite.size)
                                   .arg(member.offset));
            composite.size = std::max(composite.size, member.offset + member.type->size);
        }
        composite.members.push_back(std::move(member));
    }
    if (composite.size > maxCompositeSize || composite.leaves > maxMembers) {
        m_problems.add(element, QStringLiteral("expected a composite of at most %1 bytes and %2 members")
                                    .arg(maxCompositeSize)
                                    .arg(maxMembers));
        return nullptr;
    }
    return isWhole ? std::make_shared<const Type>(std::move(composite)) : nullptr;
}

} // namespace tidemill::sbe
