// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "table_mapping.h"

#include <memory>
#include <vector>

namespace tidemill::sql {

struct Column
{
    QString name;
    ColumnType type = ColumnType::Text;
    const Field *field = nullptr; // nullptr: a text, or made by the database
    std::optional<TextTemplate> text;
    bool inKey = false;

    // Known once the table has been looked at.
    QString castType; // PostgreSQL: what its values are given as, if not as the type says
    int scale = -1;   // digits of the fraction that it keeps; -1: all

    bool isInserted() const { return field || text; }
    // The column gets the database's clock with each insert.
    bool isClock() const { return type == ColumnType::Now || type == ColumnType::Updated; }
};

// How the records of one type become rows of one table.
struct TablePlan
{
    QString table;
    RecordKind kind = RecordKind::Event;
    std::vector<Column> columns;
    QStringList key; // columns, in the order of the record type's key; a hypertable's ends with its time
    QStringList indexes;
    // The column that says when it happened: a time in the key, or an event's ts_event. Empty: none does.
    QString time;

    // Of a state: the column by which one is closed, and then no open one takes its place, and the one that
    // says which of two is newer. Empty: nothing does, and what comes last is the newest.
    QString closedBy;
    QString newerBy;

    // Known once the table has been looked at.
    bool isHypertable = false; // TimescaleDB's
    bool timeJoined = false;   // the key, which did not have it
    QString timescaleSchema;   // where the extension is, if it is
    QByteArray fingerprint;    // another one means that somebody has changed the table

    // For a record type with a mapping, or with none: then a table named as the type with a column for each
    // field. A column for each key field that the mapping leaves out is added, since without them a repeated
    // record could not be told from a new one.
    static Result<TablePlan> make(const Schema &schema, const TableMapping &mapping);

    // TimescaleDB wants the time in each unique index, so it joins the key or leaves it.
    void setHypertable(bool is);

    // Columns of the key, quoted, with commas between them.
    QString keyList() const;
    // The clause behind INSERT that makes a repeated record harmless, and one that is older than what is
    // there. `clock` is the database's expression for now.
    QString conflictClause(const QString &clock, Dialect dialect) const;

private:
    QString newerCondition(Dialect dialect) const;
};

// Mistakes in the mapping of a type whose schema is known, under the paths of the option.
OptionErrors checkMapping(const Schema &schema, const TableMapping &mapping);

} // namespace tidemill::sql
