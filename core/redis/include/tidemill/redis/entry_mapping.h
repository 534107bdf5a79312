// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tidemill/option.h>
#include <tidemill/schema.h>

#include <QHash>

namespace tidemill::redis {

// How a value of an entry is made of a record.
struct FieldMapping
{
    enum class Form { Plain, Naive, Isoformat, EpochS, EpochMs, EpochUs, EpochNs, Template, Json };

    QByteArray name; // in the entry
    Form form = Form::Plain;
    QByteArray field; // of the record; none for Template and Json
    QString text;     // the template
    QString path;     // for messages: "fields.trade.price"
    Place place;
};

// What is stored of one record type.
struct TypeMapping
{
    bool isStored = true;
    bool isSchema = false; // every field under its own name
    QList<FieldMapping> fields;
    QString path;
    Place place;
};

// The options `key` and `fields`: for each record type the template of the stream's key and the entry's
// fields, as they are written or as they are by default.
class EntryMappings
{
public:
    static EntryMappings parse(const Value &keys, const Value &fields, bool rawJson, OptionErrors &errors);

    TypeMapping typeOf(const Schema &schema) const;
    QString keyOf(const Schema &schema) const;
    QString keyPath(const Schema &schema) const;
    // Record types that the options name, for a word about those that nobody knows.
    QStringList recordTypes() const;

private:
    void readKeys(const Value &keys, OptionErrors &errors);
    void readFields(const Value &fields, OptionErrors &errors);

    QString m_keyOfAll;
    QHash<QByteArray, QString> m_keys;
    QHash<QByteArray, TypeMapping> m_types;
    bool m_rawJson = false;
};

} // namespace tidemill::redis
