// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "schema_types.h"
#include "xml_tree.h"

#include <QSet>

#include <optional>

namespace tidemill::sbe {

// What is wrong with a schema, all of it; and the reading of attributes, which notes what it finds wrong.
class Problems
{
public:
    void add(const XmlElement &where, const QString &message);
    bool isEmpty() const { return m_found.empty(); }
    // The first of them in the order of the file, one a line.
    Error toError() const;

    // `fallback` if there is no such attribute, or a problem with it.
    quint64 number(const XmlElement &element, const char *attribute, quint64 fallback, quint64 most);
    // A problem if there is no such attribute.
    quint64 requiredNumber(const XmlElement &element, const char *attribute, quint64 most);
    // The element's name: a problem unless it is one (letters, digits, '_').
    QByteArray name(const XmlElement &element);
    // Likewise, and a problem if `used` has it already.
    QByteArray newName(const XmlElement &element, QSet<QByteArray> &used);
    // sinceVersion: not above that of the schema.
    int since(const XmlElement &element, int schemaVersion);
    // An attribute that looks like a known one misspelt would change what bytes mean if it went unseen.
    void checkAttributes(const XmlElement &element);

private:
    struct Found
    {
        QString file;
        int line = 0;
        QString message;
    };
    std::vector<Found> m_found;
};

// "-5", "0x1F"; for characters also the character itself. As Type holds integers; nothing if it does not fit.
std::optional<quint64> parseInteger(const QString &text, Primitive primitive);

// "uint16"
std::optional<Primitive> primitiveFrom(const QString &name);
QStringList primitiveNames();

qint64 lowestOf(Primitive primitive);
quint64 highestOf(Primitive primitive);
// The pattern that means null unless the schema names another.
quint64 defaultNullOf(Primitive primitive);

} // namespace tidemill::sbe
