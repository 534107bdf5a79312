// SPDX-License-Identifier: Apache-2.0
#include <tidemill/value.h>

#include <QVariantMap>

namespace tidemill {

Value Value::scalar(const QString &text, bool quoted, Place place)
{
    Value value;
    value.m_kind = Kind::Scalar;
    value.m_text = text;
    value.m_quoted = quoted;
    value.m_place = place;
    return value;
}

Value Value::list(const QList<Value> &items, Place place)
{
    Value value;
    value.m_kind = Kind::List;
    value.m_items = items;
    value.m_place = place;
    return value;
}

Value Value::map(const QList<Member> &members, Place place)
{
    Value value;
    value.m_kind = Kind::Map;
    value.m_members = members;
    value.m_place = place;
    return value;
}

Value Value::fromVariant(const QVariant &variant)
{
    if (!variant.isValid() || variant.isNull())
        return {};
    if (variant.typeId() == QMetaType::QVariantMap) {
        QList<Member> members;
        const QVariantMap map = variant.toMap();
        for (auto it = map.begin(); it != map.end(); ++it)
            members.append({it.key(), {}, fromVariant(it.value())});
        return Value::map(members);
    }
    if (variant.typeId() == QMetaType::QVariantList || variant.typeId() == QMetaType::QStringList) {
        QList<Value> items;
        for (const QVariant &item : variant.toList())
            items.append(fromVariant(item));
        return list(items);
    }
    return scalar(variant.toString());
}

QString Value::description() const
{
    switch (m_kind) {
    case Kind::Null:
        return QStringLiteral("nothing");
    case Kind::Scalar:
        return (m_quoted ? QStringLiteral("the text '%1'") : QStringLiteral("'%1'")).arg(m_text.left(80));
    case Kind::List:
        return QStringLiteral("a list");
    case Kind::Map:
        return QStringLiteral("a map");
    }
    return {};
}

const Value *Value::find(const QString &key) const
{
    for (const Member &member : m_members) {
        if (member.key == key)
            return &member.value;
    }
    return nullptr;
}

} // namespace tidemill
