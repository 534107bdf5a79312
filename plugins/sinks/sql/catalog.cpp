// SPDX-License-Identifier: Apache-2.0
#include "catalog.h"

#include <QMap>
#include <QVariant>

#include <algorithm>

namespace tidemill::sql {

namespace {

// SQL text is fixed here and names go in as values, so that no name can be read as SQL.

constexpr auto sqliteColumns =
    "SELECT name, type, type, 0, \"notnull\" OR (pk AND upper(type) <> 'INTEGER'), "
    "dflt_value IS NOT NULL OR hidden > 0 OR (pk AND upper(type) = 'INTEGER'), -1 "
    "FROM pragma_table_xinfo(?) ORDER BY cid";
constexpr auto sqliteKeys =
    "SELECT l.name, i.name FROM pragma_index_list(?) AS l, pragma_index_info(l.name) AS i "
    "WHERE l.\"unique\" AND NOT l.partial";
// The columns of "INTEGER PRIMARY KEY" are in no index.
constexpr auto sqlitePrimaryKey = "SELECT 'primary key', name FROM pragma_table_info(?) WHERE pk";

constexpr auto postgresColumns =
    "SELECT a.attname, format_type(a.atttypid, a.atttypmod), t.typname, t.typtype = 'e', a.attnotnull, "
    "a.atthasdef OR a.attidentity <> '', "
    // numeric(precision, scale): 11 bits with a sign
    "CASE WHEN t.typname = 'numeric' AND a.atttypmod > 0 THEN ((((a.atttypmod - 4) & 2047) # 1024) - 1024) "
    "ELSE -1 END "
    "FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid "
    "WHERE a.attrelid = to_regclass(?) AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum";
// No "[0:n]" here: Qt would take ":n" for a placeholder. Columns behind indnkeyatts are only carried along.
constexpr auto postgresKeys =
    "SELECT i.indexrelid, a.attname FROM pg_index i "
    "CROSS JOIN unnest(i.indkey::int2[]) WITH ORDINALITY AS k (attnum, position) "
    "JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum "
    "WHERE i.indrelid = to_regclass(?) AND k.position <= i.indnkeyatts "
    "AND i.indisunique AND i.indisvalid AND i.indimmediate AND i.indpred IS NULL AND i.indexprs IS NULL";

Result<> readKeys(const Connection &connection, const char *sql, const QString &table, FoundTable &found)
{
    QSqlQuery query = connection.query();
    query.prepare(QLatin1String(sql));
    query.addBindValue(table);
    if (!query.exec())
        return connection.failure(query.lastError(), QStringLiteral("cannot read the indexes of ") + table)
            .error;
    QMap<QString, QSet<QString>> keys;
    while (query.next())
        keys[query.value(0).toString()].insert(query.value(1).toString());
    found.uniqueKeys.append(keys.values());
    return {};
}

QString createTable(const TablePlan &plan, Dialect dialect)
{
    QStringList lines;
    bool hasSerial = false;
    bool isNarrow = true;
    for (const Column &column : plan.columns) {
        hasSerial = hasSerial || (column.type == ColumnType::Serial && !plan.isHypertable);
        isNarrow = isNarrow && column.type != ColumnType::Bytes && column.type != ColumnType::Json &&
                   !column.text && !(column.field && column.field->type == FieldType::Text);
        QString type = declaration(column.type, dialect);
        if (plan.isHypertable)
            type.remove(QLatin1String(" PRIMARY KEY")); // which must have the time in it
        lines.append(quotedIdentifier(column.name) + QLatin1Char(' ') + type +
                     (column.inKey ? QLatin1String(" NOT NULL") : QLatin1String()));
    }
    lines.append(QStringLiteral("%1 (%2)").arg(
        hasSerial ? QLatin1String("UNIQUE") : QLatin1String("PRIMARY KEY"), plan.keyList()));
    // Spares SQLite a second tree for the key; with large rows that tree is the better one.
    const bool isClustered = dialect == Dialect::Sqlite && isNarrow && !hasSerial;
    return QStringLiteral("CREATE TABLE %1 (%2)%3")
        .arg(quotedTable(plan.table, dialect), lines.join(QLatin1String(", ")),
             isClustered ? QLatin1String(" WITHOUT ROWID") : QLatin1String());
}

QString indexName(const TablePlan &plan, const QString &what)
{
    return quotedIdentifier(plan.table.section(QLatin1Char('.'), -1) + QLatin1Char('_') + what);
}

Result<> create(Connection &connection, const TablePlan &plan, const HypertableWish &wish)
{
    const Dialect dialect = connection.url().dialect;
    // Together, so that nobody finds the table without its indexes.
    if (auto begun = connection.execute(QStringLiteral("BEGIN")); !begun)
        return begun;
    auto done = connection.execute(createTable(plan, dialect));
    if (done && plan.isHypertable)
        done = connection.execute(createHypertable(plan, wish));
    for (const QString &column : plan.indexes) {
        if (done)
            done = connection.execute(QStringLiteral("CREATE INDEX %1 ON %2 (%3)")
                                          .arg(indexName(plan, column), quotedTable(plan.table, dialect),
                                               quotedIdentifier(column)));
    }
    if (done)
        done = connection.execute(QStringLiteral("COMMIT"));
    if (!done)
        static_cast<void>(connection.execute(QStringLiteral("ROLLBACK")).has_value());
    return done;
}

// Compares a table with what is to be stored in it.
class Comparison
{
public:
    Comparison(const FoundTable &found, TablePlan &plan, Dialect dialect)
        : m_found(found)
        , m_plan(plan)
        , m_dialect(dialect)
    {
        for (Column &column : plan.columns)
            compare(column);
        for (const FoundColumn &column : found.columns) {
            const bool isOurs = std::any_of(plan.columns.begin(), plan.columns.end(), [&](const Column &c) {
                return c.name == column.name && (c.isInserted() || c.isClock());
            });
            if (column.notNull && !column.hasDefault && !isOurs)
                m_problems.append(
                    QStringLiteral("the column \"%1\" (%2) must have a value, and the mapping gives it none")
                        .arg(column.name, column.declared));
            if (column.notNull && !column.hasDefault && !isOurs && dialect == Dialect::PostgreSql)
                m_remedies.append(QStringLiteral("ALTER TABLE %1 ALTER COLUMN %2 DROP NOT NULL;")
                                      .arg(quotedTable(plan.table, dialect), quotedIdentifier(column.name)));
        }
        compareKey();
    }

    Result<> result() const
    {
        if (m_problems.isEmpty())
            return {};
        QString message =
            QStringLiteral("table %1 does not fit: %2")
                .arg(quotedTable(m_plan.table, m_dialect), m_problems.join(QLatin1String("; ")));
        if (!m_remedies.isEmpty())
            message += QStringLiteral(". To mend it: ") + m_remedies.join(QLatin1Char(' '));
        return Error{Error::Kind::Config, message};
    }

private:
    void compare(Column &column)
    {
        const auto found = std::find_if(m_found.columns.begin(), m_found.columns.end(),
                                        [&column](const FoundColumn &c) { return c.name == column.name; });
        const QString expected = declaration(column.type, m_dialect);
        if (found == m_found.columns.end()) {
            m_problems.append(QStringLiteral("no column \"%1\" (expected %2)").arg(column.name, expected));
            // No database adds a primary key or, in SQLite, a computed default to rows that exist.
            if (column.type != ColumnType::Serial)
                m_remedies.append(QStringLiteral("ALTER TABLE %1 ADD COLUMN %2 %3;")
                                      .arg(quotedTable(m_plan.table, m_dialect),
                                           quotedIdentifier(column.name),
                                           expected.section(QLatin1String(" DEFAULT"), 0, 0)));
            return;
        }
        if (!accepts(*found, column.type, m_dialect)) {
            QString problem =
                QStringLiteral("the column \"%1\" should be %2, found %3")
                    .arg(column.name, expected.section(QLatin1String(" DEFAULT"), 0, 0),
                         found->declared.isEmpty() ? QStringLiteral("no type") : found->declared);
            if (column.type == ColumnType::Numeric && accepts(*found, ColumnType::Double, m_dialect))
                problem +=
                    QStringLiteral(" (which rounds; 'type: double' in the mapping says that this is wanted)");
            m_problems.append(problem);
            remedyType(*found, column.type);
        }
        column.scale = column.type == ColumnType::Numeric ? found->scale : -1;
        column.castType = found->isEnum ? found->declared : QString();
    }

    // SQLite cannot change a column's type, and between times and numbers PostgreSQL has no cast.
    void remedyType(const FoundColumn &found, ColumnType type)
    {
        using enum ColumnType;
        const bool isCast =
            type == Bigint || type == Numeric || type == Double || type == Text || type == Json;
        if (m_dialect == Dialect::Sqlite || !isCast || found.baseType.startsWith(QLatin1String("timestamp")))
            return;
        const QString column = quotedIdentifier(found.name);
        const QString wanted = declaration(type, m_dialect);
        m_remedies.append(QStringLiteral("ALTER TABLE %1 ALTER COLUMN %2 TYPE %3 USING %2::%3;")
                              .arg(quotedTable(m_plan.table, m_dialect), column, wanted));
    }

    void compareKey()
    {
        const QSet<QString> key(m_plan.key.cbegin(), m_plan.key.cend());
        if (m_found.uniqueKeys.contains(key))
            return;
        m_problems.append(
            QStringLiteral("no unique index on (%1), without which a repeated record would be stored twice")
                .arg(m_plan.keyList()));
        m_remedies.append(QStringLiteral("CREATE UNIQUE INDEX %1 ON %2 (%3);")
                              .arg(indexName(m_plan, QStringLiteral("key")),
                                   quotedTable(m_plan.table, m_dialect), m_plan.keyList()));
    }

    const FoundTable &m_found;
    TablePlan &m_plan;
    Dialect m_dialect;
    QStringList m_problems;
    QStringList m_remedies;
};

} // namespace

QString fingerprintOf(const QString &table)
{
    const QString name = quotedLiteral(quotedTable(table, Dialect::PostgreSql));
    return QStringLiteral(
               "md5(concat("
               "(SELECT string_agg(concat_ws(' ', attname, atttypid, atttypmod, attnotnull), ',' "
               "ORDER BY attnum) FROM pg_attribute "
               "WHERE attrelid = to_regclass(%1) AND attnum > 0 AND NOT attisdropped), "
               "(SELECT string_agg(concat_ws(' ', indexrelid, indisvalid), ',' ORDER BY indexrelid) "
               "FROM pg_index WHERE indrelid = to_regclass(%1) AND indisunique)))")
        .arg(name);
}

Result<FoundTable> inspect(const Connection &connection, const QString &table)
{
    const bool isSqlite = connection.url().dialect == Dialect::Sqlite;
    // A regclass is parsed as an identifier, so it is quoted like one.
    const QString name = isSqlite ? table : quotedTable(table, Dialect::PostgreSql);
    FoundTable found;
    QSqlQuery query = connection.query();
    { // first: what changes from here on is a change
        const QString print =
            isSqlite ? QLatin1String(sqliteVersion) : QLatin1String("SELECT ") + fingerprintOf(table);
        if (!query.exec(print) || !query.next())
            return connection
                .failure(query.lastError(), QStringLiteral("cannot read the columns of ") + table)
                .error;
        found.fingerprint = query.value(0).toByteArray();
        query.finish();
    }
    query.prepare(QLatin1String(isSqlite ? sqliteColumns : postgresColumns));
    query.addBindValue(name);
    if (!query.exec())
        return connection.failure(query.lastError(), QStringLiteral("cannot read the columns of ") + table)
            .error;
    while (query.next())
        found.columns.append({query.value(0).toString(), query.value(1).toString(), query.value(2).toString(),
                              query.value(3).toBool(), query.value(4).toBool(), query.value(5).toBool(),
                              query.value(6).toInt()});
    query.finish();
    if (found.columns.isEmpty())
        return found;

    for (const char *sql : {isSqlite ? sqliteKeys : postgresKeys, isSqlite ? sqlitePrimaryKey : nullptr}) {
        if (!sql)
            continue;
        if (const auto read = readKeys(connection, sql, name, found); !read)
            return read.error();
    }
    return found;
}

Result<> prepareTable(Connection &connection, TablePlan &plan, bool mayCreate, const HypertableWish &wish)
{
    auto found = inspect(connection, plan.table);
    if (!found)
        return found.error();
    if (auto decided = decideHypertable(connection, plan, wish, !found->columns.isEmpty()); !decided)
        return decided;
    const Dialect dialect = connection.url().dialect;
    if (found->columns.isEmpty()) {
        if (!mayCreate)
            return Error{Error::Kind::Config,
                         QStringLiteral("there is no table %1, and 'create' is false. To make it: %2;")
                             .arg(quotedTable(plan.table, dialect), createTable(plan, dialect))};
        auto created = create(connection, plan, wish);
        // Another process may have been faster; then its table counts.
        found = inspect(connection, plan.table);
        if (!found)
            return found.error();
        if (found->columns.isEmpty())
            return created;
    }
    plan.fingerprint = found->fingerprint;
    return Comparison(*found, plan, dialect).result();
}

} // namespace tidemill::sql
