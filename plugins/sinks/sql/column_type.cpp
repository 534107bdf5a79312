// SPDX-License-Identifier: Apache-2.0
#include "column_type.h"

#include <algorithm>
#include <array>

namespace tidemill::sql {

namespace {

struct TypeRow
{
    ColumnType type;
    const char *name;
    const char *sqlite;
    const char *postgres;
};

// In the order of the enum.
constexpr std::array<TypeRow, 12> typeRows{{
    {ColumnType::Bigint, "bigint", "INTEGER", "bigint"},
    {ColumnType::Numeric, "numeric", "TEXT", "numeric"},
    {ColumnType::Double, "double", "REAL", "double precision"},
    {ColumnType::Text, "text", "TEXT", "text"},
    {ColumnType::Boolean, "boolean", "INTEGER", "boolean"},
    {ColumnType::Bytes, "bytes", "BLOB", "bytea"},
    {ColumnType::Json, "json", "TEXT", "jsonb"},
    {ColumnType::Timestamp, "timestamp", "TIMESTAMP", "timestamp"},
    {ColumnType::Timestamptz, "timestamptz", "TIMESTAMP", "timestamptz"},
    {ColumnType::Serial, "serial", "INTEGER PRIMARY KEY", "bigserial PRIMARY KEY"},
    {ColumnType::Now, "now", "TIMESTAMP DEFAULT (strftime('%Y-%m-%d %H:%M:%f000', 'now'))",
     "timestamp DEFAULT (now() AT TIME ZONE 'UTC')"},
    {ColumnType::Updated, "updated", "TIMESTAMP DEFAULT (strftime('%Y-%m-%d %H:%M:%f000', 'now'))",
     "timestamp DEFAULT (now() AT TIME ZONE 'UTC')"},
}};

const TypeRow &rowOf(ColumnType type)
{
    return typeRows[std::size_t(type)];
}

// https://www.sqlite.org/datatype3.html, 3.1: the affinity decides what becomes of a value.
enum class Affinity { Integer, Text, Blob, Real, Numeric };

Affinity affinityOf(const QString &declared)
{
    const QString type = declared.toUpper();
    const auto has = [&type](const char *part) { return type.contains(QLatin1String(part)); };
    if (has("INT"))
        return Affinity::Integer;
    if (has("CHAR") || has("CLOB") || has("TEXT"))
        return Affinity::Text;
    if (type.isEmpty() || has("BLOB"))
        return Affinity::Blob;
    if (has("REAL") || has("FLOA") || has("DOUB"))
        return Affinity::Real;
    return Affinity::Numeric;
}

bool sqliteAccepts(Affinity affinity, ColumnType type)
{
    switch (type) {
    case ColumnType::Bigint:
    case ColumnType::Boolean:
        return affinity == Affinity::Integer || affinity == Affinity::Numeric || affinity == Affinity::Blob;
    case ColumnType::Numeric:
    case ColumnType::Text:
        // Any other affinity turns "0.00010000" into a number and loses the zeros, if not more.
        return affinity == Affinity::Text || affinity == Affinity::Blob;
    case ColumnType::Double:
        return affinity == Affinity::Real || affinity == Affinity::Numeric;
    case ColumnType::Json: // "JSON" and "TIMESTAMP" have numeric affinity, which leaves text alone that is no
                           // number
    case ColumnType::Timestamp:
    case ColumnType::Timestamptz:
    case ColumnType::Now:
    case ColumnType::Updated:
        return affinity == Affinity::Text || affinity == Affinity::Blob || affinity == Affinity::Numeric;
    case ColumnType::Bytes:
    case ColumnType::Serial:
        return true;
    }
    return false;
}

bool postgresAccepts(const FoundColumn &column, ColumnType type)
{
    const auto is = [&column](std::initializer_list<const char *> names) {
        return std::any_of(names.begin(), names.end(),
                           [&column](const char *name) { return column.baseType == QLatin1String(name); });
    };
    switch (type) {
    case ColumnType::Bigint:
        return is({"int8", "numeric"});
    case ColumnType::Numeric:
        return is({"numeric"});
    case ColumnType::Double:
        return is({"float8"});
    case ColumnType::Text:
        return is({"text", "varchar"}) || column.isEnum;
    case ColumnType::Boolean:
        return is({"bool"});
    case ColumnType::Bytes:
        return is({"bytea"});
    case ColumnType::Json:
        return is({"jsonb", "json"});
    case ColumnType::Timestamp:
        return is({"timestamp"});
    case ColumnType::Timestamptz:
        return is({"timestamptz"});
    case ColumnType::Now:
    case ColumnType::Updated:
        return is({"timestamp", "timestamptz"});
    case ColumnType::Serial:
        return true; // whether it gets a value is checked for every column
    }
    return false;
}

} // namespace

std::optional<ColumnType> columnTypeFrom(const QString &name)
{
    for (const TypeRow &row : typeRows) {
        if (name == QLatin1String(row.name))
            return row.type;
    }
    if (name == QLatin1String("iso"))
        return ColumnType::Text;
    return std::nullopt;
}

QString columnTypeName(ColumnType type)
{
    return QLatin1String(rowOf(type).name);
}

QList<ColumnType> typesFor(FieldType type)
{
    using enum ColumnType;
    switch (type) {
    case FieldType::Int64:
        return {Bigint, Numeric, Text};
    case FieldType::UInt64:
        return {Numeric, Text};
    case FieldType::Double:
        return {Double, Text};
    case FieldType::Bool:
        return {Boolean, Text};
    case FieldType::Decimal:
        return {Numeric, Double, Text};
    case FieldType::Timestamp:
        return {Bigint, Timestamp, Timestamptz, Text};
    case FieldType::Symbol:
    case FieldType::Enum:
        return {Text};
    case FieldType::Text:
        return {Text, Json};
    case FieldType::Bytes:
        return {Bytes};
    case FieldType::Levels:
        return {Json, Text};
    }
    return {};
}

QStringList columnTypeNames(const QList<ColumnType> &types)
{
    QStringList names;
    for (const ColumnType type : types)
        names.append(columnTypeName(type));
    return names;
}

QString declaration(ColumnType type, Dialect dialect)
{
    return QLatin1String(dialect == Dialect::Sqlite ? rowOf(type).sqlite : rowOf(type).postgres);
}

bool accepts(const FoundColumn &column, ColumnType type, Dialect dialect)
{
    return dialect == Dialect::Sqlite ? sqliteAccepts(affinityOf(column.baseType), type)
                                      : postgresAccepts(column, type);
}

QString quotedIdentifier(const QString &name)
{
    QString quoted = name;
    quoted.replace(QLatin1Char('"'), QLatin1String("\"\""));
    return QLatin1Char('"') + quoted + QLatin1Char('"');
}

QString quotedLiteral(const QString &text)
{
    QString quoted = text;
    quoted.replace(QLatin1Char('\''), QLatin1String("''"));
    return QLatin1Char('\'') + quoted + QLatin1Char('\'');
}

QString quotedTable(const QString &name, Dialect dialect)
{
    const qsizetype dot = dialect == Dialect::PostgreSql ? name.indexOf(QLatin1Char('.')) : -1;
    if (dot < 0)
        return quotedIdentifier(name);
    return quotedIdentifier(name.left(dot)) + QLatin1Char('.') + quotedIdentifier(name.mid(dot + 1));
}

} // namespace tidemill::sql
