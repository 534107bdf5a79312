// SPDX-License-Identifier: Apache-2.0
#include "type_reader.h"

#include <tidemill/option.h>

#include <algorithm>

namespace tidemill::sbe {

namespace {

constexpr quint32 maxLength = 65'535;
constexpr int maxNestedTypes = 8;

TypePtr primitiveType(Primitive primitive, const QString &name)
{
    Type type;
    type.name = name.toUtf8();
    type.primitive = primitive;
    type.size = sizeOf(primitive);
    type.nullBits = defaultNullOf(primitive);
    type.minimum = lowestOf(primitive);
    type.maximum = highestOf(primitive);
    return std::make_shared<const Type>(std::move(type));
}

} // namespace

TypeReader::TypeReader(const XmlElement &root, int schemaVersion, Problems &problems)
    : m_schemaVersion(schemaVersion)
    , m_problems(problems)
{
    for (const XmlElement &types : root.children) {
        if (types.name != QLatin1String("types"))
            continue;
        for (const XmlElement &element : types.children) {
            const QString name = element.value("name");
            if (m_definitions.contains(name))
                m_problems.add(element, QStringLiteral("the type '%1' is defined already in line %2")
                                            .arg(name)
                                            .arg(m_definitions.value(name)->line));
            m_definitions.insert(name, &element);
            m_order.push_back(&element);
        }
    }
}

void TypeReader::readAll()
{
    for (const XmlElement *element : m_order) {
        m_problems.name(*element);
        if (const QString name = element->value("name"); !m_types.contains(name))
            type(name, *element);
    }
}

const XmlElement *TypeReader::definition(const QString &name) const
{
    return m_definitions.value(name);
}

TypePtr TypeReader::type(const QString &name, const XmlElement &user)
{
    if (const auto known = m_types.constFind(name); known != m_types.constEnd())
        return *known;
    const XmlElement *element = m_definitions.value(name);
    if (!element) {
        if (const auto primitive = primitiveFrom(name))
            return *m_types.insert(name, primitiveType(*primitive, name));
        const QString meant = nearestName(name, QStringList(m_definitions.keys()) + primitiveNames());
        m_problems.add(
            user, QStringLiteral("%1: no type '%2'%3")
                      .arg(user.description(), name,
                           meant.isEmpty() ? QString() : QStringLiteral("; did you mean '%1'?").arg(meant)));
        return nullptr;
    }
    if (m_open.contains(name)) {
        m_problems.add(user,
                       QStringLiteral("%1: the type '%2' contains itself").arg(user.description(), name));
        return nullptr;
    }
    if (m_open.size() >= maxNestedTypes) {
        m_problems.add(user,
                       QStringLiteral("expected at most %1 types inside each other").arg(maxNestedTypes));
        return nullptr;
    }
    m_open.insert(name);
    const TypePtr result = read(*element);
    m_open.remove(name);
    m_types.insert(name, result);
    return result;
}

TypePtr TypeReader::read(const XmlElement &element)
{
    m_problems.checkAttributes(element);
    if (element.name == QLatin1String("type"))
        return readPlain(element);
    if (element.name == QLatin1String("enum"))
        return readEnum(element);
    if (element.name == QLatin1String("set"))
        return readSet(element);
    if (element.name == QLatin1String("composite"))
        return readComposite(element);
    m_problems.add(
        element,
        QStringLiteral("expected <type>, <enum>, <set> or <composite>, got %1").arg(element.description()));
    return nullptr;
}

TypePtr TypeReader::readPlain(const XmlElement &element)
{
    const auto primitive = primitiveFrom(element.value("primitiveType"));
    if (!primitive) {
        m_problems.add(element,
                       QStringLiteral("primitiveType: expected one of %1, got '%2'")
                           .arg(primitiveNames().join(QLatin1String(", ")), element.value("primitiveType")));
        return nullptr;
    }
    Type type = *primitiveType(*primitive, element.value("name"));
    type.since = m_problems.since(element, m_schemaVersion);
    type.presence = presenceOf(element, Presence::Required);
    type.length = quint32(m_problems.number(element, "length", 1, maxLength));
    type.encoding = element.value("characterEncoding").toUtf8();
    readRange(element, type);
    if (type.presence == Presence::Constant)
        readConstant(element, type);
    type.size = type.presence == Presence::Constant ? 0 : type.length * sizeOf(type.primitive);
    return std::make_shared<const Type>(std::move(type));
}

void TypeReader::readRange(const XmlElement &element, Type &type)
{
    if (isFloating(type.primitive))
        return; // null is NaN
    const auto read = [&](const char *attribute, quint64 fallback) {
        const QString *text = element.find(attribute);
        if (!text)
            return fallback;
        // Character 0 is the usual null of char, and nobody writes NUL into XML.
        if (type.primitive == Primitive::Char && *text == QLatin1String("0"))
            return quint64(0);
        const auto number = parseInteger(*text, type.primitive);
        if (!number)
            m_problems.add(element,
                           QStringLiteral("%1: expected a value of %2, got '%3'")
                               .arg(QLatin1String(attribute), primitiveNames()[int(type.primitive)], *text));
        return number.value_or(fallback);
    };
    type.nullBits = read("nullValue", type.nullBits);
    type.minimum = qint64(read("minValue", quint64(type.minimum)));
    type.maximum = read("maxValue", type.maximum);
}

void TypeReader::readConstant(const XmlElement &element, Type &type)
{
    type.size = 0;
    if (const QString *reference = element.find("valueRef"))
        return readValueReference(element, *reference, type);
    // A single blank is a character too.
    const QString text = element.text.size() == 1 ? element.text : element.text.trimmed();
    type.constant = text.toUtf8();
    if (text.isEmpty()) {
        m_problems.add(element,
                       QStringLiteral("%1: expected the value of the constant").arg(element.description()));
    } else if (type.primitive == Primitive::Char) {
        type.constantBits = quint8(type.constant.front());
        if (element.find("length") && quint32(type.constant.size()) > type.length)
            m_problems.add(element, QStringLiteral("expected a constant of at most %1 characters, got '%2'")
                                        .arg(type.length)
                                        .arg(text));
        type.length = quint32(type.constant.size());
    } else if (isFloating(type.primitive)) {
        bool ok = false;
        text.toDouble(&ok);
        if (!ok)
            m_problems.add(element, QStringLiteral("expected a number, got '%1'").arg(text));
    } else if (const auto number = parseInteger(text, type.primitive)) {
        type.constantBits = *number;
    } else {
        m_problems.add(element, QStringLiteral("expected a constant of %1, got '%2'")
                                    .arg(primitiveNames()[int(type.primitive)], text));
    }
}

void TypeReader::readValueReference(const XmlElement &element, const QString &reference, Type &type)
{
    const auto point = reference.indexOf(QLatin1Char('.'));
    const TypePtr names = point > 0 ? this->type(reference.left(point), element) : nullptr;
    const QByteArray wanted = reference.mid(point + 1).toUtf8();
    const auto isWanted = [&wanted](const NamedCode &code) { return code.name == wanted; };
    if (names && names->kind == Type::Kind::Enum) {
        const auto found = std::find_if(names->codes.begin(), names->codes.end(), isWanted);
        if (found != names->codes.end()) {
            type.constant = found->name;
            type.constantBits = found->code;
            type.constantIsName = true;
            return;
        }
    }
    m_problems.add(
        element,
        QStringLiteral("valueRef: expected 'Enum.Value' of an enum of this schema, got '%1'").arg(reference));
}

Presence TypeReader::presenceOf(const XmlElement &element, Presence fallback)
{
    const QString *text = element.find("presence");
    if (!text)
        return fallback;
    if (*text == QLatin1String("required"))
        return Presence::Required;
    if (*text == QLatin1String("optional"))
        return Presence::Optional;
    if (*text == QLatin1String("constant"))
        return Presence::Constant;
    m_problems.add(element,
                   QStringLiteral("presence: expected required, optional or constant, got '%1'").arg(*text));
    return fallback;
}

TypePtr TypeReader::typeOfField(const XmlElement &field)
{
    const TypePtr named = type(field.value("type"), field);
    if (!named)
        return nullptr;
    const Presence presence = presenceOf(field, named->presence);
    if (presence != Presence::Constant && field.find("valueRef"))
        m_problems.add(field, QStringLiteral("valueRef is for fields of presence 'constant'"));
    if (named->kind == Type::Kind::Plain && named->length == 0)
        m_problems.add(field, QStringLiteral("the type '%1' has no length; it is for variable data only")
                                  .arg(QString::fromUtf8(named->name)));
    // A constant has no bytes, whatever a field says about it.
    if (presence == named->presence || (named->presence == Presence::Constant && !field.find("valueRef")))
        return named;
    Type own = *named;
    own.presence = presence;
    if (presence == Presence::Constant)
        readConstant(field, own);
    return std::make_shared<const Type>(std::move(own));
}

} // namespace tidemill::sbe
