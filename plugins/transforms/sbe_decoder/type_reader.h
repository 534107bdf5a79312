// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "schema_problems.h"

#include <QHash>

namespace tidemill::sbe {

// The named types of a schema. They may be used before they are defined, so each is read when first asked
// for.
class TypeReader
{
public:
    // `root` must outlive this.
    TypeReader(const XmlElement &root, int schemaVersion, Problems &problems);

    // Those that nothing uses too: what is wrong with them would come up with the first message that does.
    void readAll();

    // A named type, or a primitive one by its name. nullptr if there is none, or something is wrong with it;
    // the problem is noted at `user`.
    TypePtr type(const QString &name, const XmlElement &user);
    // The element that defines a name; nullptr if none does.
    const XmlElement *definition(const QString &name) const;

    // The type of a field: `type`, with the presence and the constant that the field itself gives.
    TypePtr typeOfField(const XmlElement &field);

private:
    TypePtr read(const XmlElement &element);
    TypePtr readPlain(const XmlElement &element);
    TypePtr readEnum(const XmlElement &element);
    TypePtr readSet(const XmlElement &element);
    TypePtr readComposite(const XmlElement &element);
    TypePtr memberType(const XmlElement &element);
    void readRange(const XmlElement &element, Type &type);
    void readConstant(const XmlElement &element, Type &type);
    void readValueReference(const XmlElement &element, const QString &reference, Type &type);
    Presence presenceOf(const XmlElement &element, Presence fallback);
    // What an enum or a set is encoded in: a primitive type or a named one that is a single integer.
    TypePtr encodingOf(const XmlElement &element);

    int m_schemaVersion;
    Problems &m_problems;
    std::vector<const XmlElement *> m_order;
    QHash<QString, const XmlElement *> m_definitions;
    QHash<QString, TypePtr> m_types;
    QSet<QString> m_open; // being read: a second time is a cycle
};

} // namespace tidemill::sbe
