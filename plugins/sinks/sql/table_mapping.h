// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "column_type.h"

#include <tidemill/option.h>
#include <tidemill/text_template.h>

#include <QHash>

#include <optional>

namespace tidemill::sql {

// The option `tables` as written, checked as far as that goes without the record types of plugins not seen
// yet.

struct ColumnMapping
{
    QString name;
    QString field; // empty: a text, or made by the database
    std::optional<ColumnType> type;
    std::optional<TextTemplate> text;
    QString path; // "tables.wap.columns.price", for messages
    Place place;
};

struct TableMapping
{
    QString table;
    QList<ColumnMapping> columns; // empty: all fields under their own names
    QStringList key;              // columns; empty: the record type's own key
    QStringList indexes;          // columns
    QString time;                 // the column by which a hypertable is divided; empty: see TablePlan
    QString path;
    Place place;
};

class TableMappings
{
public:
    // `tables`: a map from record types to a table's name, a map (table, columns, key, index, time), a list
    // of these, or false. Appends what is wrong.
    static TableMappings parse(const Value &tables, OptionErrors &errors);

    // nullptr: nothing is said about that type. Empty: it is not stored.
    const QList<TableMapping> *find(const QByteArray &recordType) const;
    QList<QByteArray> recordTypes() const { return m_types.keys(); }

private:
    QHash<QByteArray, QList<TableMapping>> m_types;
};

} // namespace tidemill::sql
