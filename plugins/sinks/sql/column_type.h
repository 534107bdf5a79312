// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "database_url.h"

#include <tidemill/schema.h>

#include <optional>

namespace tidemill::sql {

// What a column holds, under the names that a mapping uses; how a database spells it is the dialect's.
enum class ColumnType : quint8 {
    Bigint,  // times as nanoseconds
    Numeric, // exact: SQLite has only text for that
    Double,
    Text, // times as RFC 3339 with all their digits
    Boolean,
    Bytes,
    Json,
    Timestamp,   // UTC, cut to microseconds
    Timestamptz, // likewise, with its zone
    Serial,      // a number that the database gives
    Now,         // when the row was inserted
    Updated,     // when the row was inserted or changed last
};

// Nothing if there is no type of that name.
std::optional<ColumnType> columnTypeFrom(const QString &name);
QString columnTypeName(ColumnType type);
// All that a field can be stored as, the first being what it is stored as if nothing is said.
QList<ColumnType> typesFor(FieldType type);
QStringList columnTypeNames(const QList<ColumnType> &types);

// As in CREATE TABLE.
QString declaration(ColumnType type, Dialect dialect);

// A column of a table that exists already, as its database describes it.
struct FoundColumn
{
    QString name;
    QString declared; // as a person would read it: "character varying(10)"
    QString baseType; // PostgreSQL: the name of the type without its parameters; SQLite: as declared
    bool isEnum = false;
    bool notNull = false;
    bool hasDefault = false; // or gets a value otherwise if none is given
    int scale = -1;          // of a numeric that has a fixed one
};

// True if the column takes every value of that type and gives it back unchanged (but for the scale).
bool accepts(const FoundColumn &column, ColumnType type, Dialect dialect);

QString quotedIdentifier(const QString &name);
QString quotedLiteral(const QString &text);
// In PostgreSQL "schema.table" is two names.
QString quotedTable(const QString &name, Dialect dialect);

} // namespace tidemill::sql
