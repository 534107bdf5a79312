// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tidemill/export.h>

#include <QList>
#include <QString>
#include <QVariant>

#include <utility>

namespace tidemill {

// Where in a file something stands.
struct Place
{
    int line = 0; // from 1; 0: not from a file
    int column = 0;
};

// A piece of configuration as it was written, with its place: what an option is parsed from.
// Scalars stay text until an option says what they should be; only then is "5" a number or a name.
class TIDEMILL_SDK_EXPORT Value
{
public:
    enum class Kind { Null, Scalar, List, Map };

    struct Member;

    Value() = default;
    static Value scalar(const QString &text, bool quoted = false, Place place = {});
    static Value list(const QList<Value> &items, Place place = {});
    static Value map(const QList<Member> &members, Place place = {});
    // Lists, maps, strings, numbers and booleans, as a test writes them.
    static Value fromVariant(const QVariant &variant);

    Kind kind() const { return m_kind; }
    bool isNull() const { return m_kind == Kind::Null; }
    // "a number", "the text 'x'", "a list", "a map", "nothing": for messages.
    QString description() const;

    const QString &text() const { return m_text; }
    // Written in quotes, so it is text even if it looks like a number.
    bool isQuoted() const { return m_quoted; }
    const QList<Value> &items() const { return m_items; }
    const QList<Member> &members() const { return m_members; } // in the order written
    // nullptr if there is no such member.
    const Value *find(const QString &key) const;

    Place place() const { return m_place; }

private:
    Kind m_kind = Kind::Null;
    bool m_quoted = false;
    Place m_place;
    QString m_text;
    QList<Value> m_items;
    QList<Member> m_members;
};

struct Value::Member
{
    QString key;
    Place keyPlace;
    Value value;
};

} // namespace tidemill
