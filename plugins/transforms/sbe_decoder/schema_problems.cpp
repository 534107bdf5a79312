// SPDX-License-Identifier: Apache-2.0
#include "schema_problems.h"

#include <tidemill/option.h>

#include <algorithm>
#include <limits>

namespace tidemill::sbe {

namespace {

constexpr std::size_t maxShown = 20;

bool isName(const QString &text)
{
    const auto isLetter = [](QChar c) {
        return (c >= u'a' && c <= u'z') || (c >= u'A' && c <= u'Z') || c == u'_';
    };
    const auto isPart = [&isLetter](QChar c) { return isLetter(c) || (c >= u'0' && c <= u'9'); };
    return !text.isEmpty() && text.size() <= 200 && isLetter(text.front()) &&
           std::all_of(text.begin(), text.end(), isPart);
}

// Decimal or 0x...; not QString's base 0, to which 010 is eight.
template<typename Number, typename Convert>
std::optional<Number> toNumber(const QString &text, Convert convert)
{
    const bool isHex = text.startsWith(QLatin1String("0x"), Qt::CaseInsensitive);
    bool ok = false;
    const Number number = convert(isHex ? text.mid(2) : text, &ok, isHex ? 16 : 10);
    return ok ? std::optional(number) : std::nullopt;
}

std::optional<quint64> toUnsigned(const QString &text)
{
    if (text.startsWith(QLatin1Char('-')))
        return std::nullopt;
    return toNumber<quint64>(text, [](const QString &digits, bool *ok, int base) {
        return quint64(digits.toULongLong(ok, base));
    });
}

std::optional<qint64> toSigned(const QString &text)
{
    return toNumber<qint64>(
        text, [](const QString &digits, bool *ok, int base) { return qint64(digits.toLongLong(ok, base)); });
}

const QStringList &knownAttributes()
{
    static const QStringList names{"package",       "id",
                                   "version",       "semanticVersion",
                                   "description",   "byteOrder",
                                   "headerType",    "name",
                                   "primitiveType", "length",
                                   "presence",      "characterEncoding",
                                   "offset",        "nullValue",
                                   "minValue",      "maxValue",
                                   "sinceVersion",  "deprecated",
                                   "semanticType",  "valueRef",
                                   "encodingType",  "type",
                                   "blockLength",   "dimensionType",
                                   "href",          "parse",
                                   "timeUnit",      "epoch",
                                   "alignment",     "variableLength"};
    return names;
}

} // namespace

void Problems::add(const XmlElement &where, const QString &message)
{
    m_found.push_back({where.file, where.line, message});
}

Error Problems::toError() const
{
    std::vector<Found> sorted = m_found;
    std::stable_sort(sorted.begin(), sorted.end(), [](const Found &a, const Found &b) {
        return a.file == b.file ? a.line < b.line : a.file < b.file;
    });
    QStringList lines;
    for (const Found &found : sorted) {
        const QString line = errorAt(found.file, found.line, found.message).message;
        if (std::size_t(lines.size()) < maxShown && !lines.contains(line)) // a type is read anew for each use
            lines.append(line);
    }
    return {Error::Kind::Config, lines.join(QLatin1Char('\n'))};
}

quint64 Problems::number(const XmlElement &element, const char *attribute, quint64 fallback, quint64 most)
{
    const QString *text = element.find(attribute);
    if (!text)
        return fallback;
    const auto number = toUnsigned(text->trimmed());
    if (number && *number <= most)
        return *number;
    add(element, QStringLiteral("%1: expected a number from 0 to %2, got '%3'")
                     .arg(QLatin1String(attribute))
                     .arg(most)
                     .arg(*text));
    return fallback;
}

quint64 Problems::requiredNumber(const XmlElement &element, const char *attribute, quint64 most)
{
    if (!element.find(attribute))
        add(element, QStringLiteral("%1 needs the attribute '%2'")
                         .arg(element.description(), QLatin1String(attribute)));
    return number(element, attribute, 0, most);
}

QByteArray Problems::name(const XmlElement &element)
{
    const QString *text = element.find("name");
    if (!text)
        add(element, QStringLiteral("<%1> needs the attribute 'name'").arg(element.name));
    else if (!isName(*text))
        add(element,
            QStringLiteral("name: expected letters, digits and '_', not a digit first, got '%1'").arg(*text));
    return text ? text->toUtf8() : QByteArray();
}

QByteArray Problems::newName(const XmlElement &element, QSet<QByteArray> &used)
{
    const QByteArray found = name(element);
    if (!found.isEmpty() && used.contains(found))
        add(element, QStringLiteral("there is another '%1' already").arg(QString::fromUtf8(found)));
    used.insert(found);
    return found;
}

int Problems::since(const XmlElement &element, int schemaVersion)
{
    const auto version = int(number(element, "sinceVersion", 0, 65'535));
    if (version > schemaVersion)
        add(element, QStringLiteral("sinceVersion: expected at most the schema's version %1, got %2")
                         .arg(schemaVersion)
                         .arg(version));
    return version;
}

void Problems::checkAttributes(const XmlElement &element)
{
    for (const XmlElement::Attribute &attribute : element.attributes) {
        if (attribute.isForeign || knownAttributes().contains(attribute.name))
            continue;
        const QString meant = nearestName(attribute.name, knownAttributes());
        if (!meant.isEmpty())
            add(element, QStringLiteral("no attribute '%1'; did you mean '%2'?").arg(attribute.name, meant));
    }
}

std::optional<quint64> parseInteger(const QString &text, Primitive primitive)
{
    if (isFloating(primitive))
        return std::nullopt;
    if (primitive == Primitive::Char && text.size() == 1 && text.front().unicode() < 128)
        return text.front().unicode();
    const QString digits = text.trimmed();
    if (isSigned(primitive)) {
        const auto number = toSigned(digits);
        if (!number || *number < lowestOf(primitive) || *number > qint64(highestOf(primitive)))
            return std::nullopt;
        return quint64(*number);
    }
    const auto number = toUnsigned(digits);
    return number && *number <= highestOf(primitive) ? number : std::nullopt;
}

QStringList primitiveNames()
{
    return {"char",   "int8",   "int16",  "int32", "int64", "uint8",
            "uint16", "uint32", "uint64", "float", "double"};
}

std::optional<Primitive> primitiveFrom(const QString &name)
{
    const auto index = primitiveNames().indexOf(name);
    return index < 0 ? std::nullopt : std::optional(Primitive(index));
}

qint64 lowestOf(Primitive primitive)
{
    if (!isSigned(primitive))
        return 0;
    return std::numeric_limits<qint64>::min() >> (64 - 8 * sizeOf(primitive));
}

quint64 highestOf(Primitive primitive)
{
    const quint32 bits = 8 * sizeOf(primitive) - (isSigned(primitive) ? 1 : 0);
    return std::numeric_limits<quint64>::max() >> (64 - bits);
}

quint64 defaultNullOf(Primitive primitive)
{
    if (isSigned(primitive))
        return quint64(lowestOf(primitive));
    return isUnsigned(primitive) ? highestOf(primitive) : 0;
}

} // namespace tidemill::sbe
