// SPDX-License-Identifier: Apache-2.0
#include "hypertable.h"

#include <QVariant>

#include <algorithm>

namespace tidemill::sql {

namespace {

using Mode = HypertableWish::Mode;

Error refusal(const TablePlan &plan, const QString &why)
{
    return {
        Error::Kind::Config,
        QStringLiteral("hypertable: table %1: %2").arg(quotedTable(plan.table, Dialect::PostgreSql), why)};
}

// One value, or none.
Result<QString> value(const Connection &connection, const char *sql, const QString &argument = {})
{
    QSqlQuery query = connection.query();
    query.prepare(QLatin1String(sql));
    if (!argument.isEmpty())
        query.addBindValue(argument);
    if (!query.exec())
        return connection.failure(query.lastError(), QStringLiteral("cannot look for hypertables")).error;
    return query.next() ? query.value(0).toString() : QString();
}

Result<bool> isHypertable(const Connection &connection, const TablePlan &plan)
{
    const auto found =
        value(connection,
              "SELECT 1 FROM timescaledb_information.hypertables h "
              "JOIN pg_class c ON c.relname = h.hypertable_name "
              "JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = h.hypertable_schema "
              "WHERE c.oid = to_regclass(?)",
              quotedTable(plan.table, Dialect::PostgreSql));
    if (!found)
        return found.error();
    return !found->isEmpty();
}

} // namespace

Result<> decideHypertable(const Connection &connection, TablePlan &plan, const HypertableWish &wish,
                          bool tableExists)
{
    plan.setHypertable(false);
    if (connection.url().dialect != Dialect::PostgreSql)
        return {};
    const auto schema = value(connection, "SELECT n.nspname FROM pg_extension e "
                                          "JOIN pg_namespace n ON n.oid = e.extnamespace "
                                          "WHERE e.extname = 'timescaledb'");
    if (!schema)
        return schema.error();
    const bool isInstalled = !schema->isEmpty();
    plan.timescaleSchema = *schema;
    if (isInstalled && tableExists && !plan.time.isEmpty()) {
        // Whatever is asked for: such a table's unique indexes must have the time in them.
        const auto is = isHypertable(connection, plan);
        if (!is)
            return is.error();
        plan.setHypertable(*is);
    }
    if (wish.mode == Mode::Never || plan.isHypertable ||
        (plan.kind == RecordKind::State && plan.time.isEmpty()))
        return {};
    const bool mustBe = wish.mode == Mode::Always;
    if (!isInstalled) {
        return mustBe ? Result<>(refusal(
                            plan, QStringLiteral("the extension TimescaleDB is not installed in this "
                                                 "database. To mend it: CREATE EXTENSION timescaledb;")))
                      : Result<>();
    }
    if (plan.time.isEmpty()) {
        return mustBe ? Result<>(refusal(plan, QStringLiteral("no column holds the time of an event; say "
                                                              "which one does with 'time' in the mapping")))
                      : Result<>();
    }
    if (!tableExists) {
        plan.setHypertable(true);
        return {};
    }
    if (!mustBe)
        return {};
    plan.setHypertable(true); // for the key in the message
    const Error error = refusal(
        plan,
        QStringLiteral("it is there already and is none. To mend it, give it the primary key (%1) instead of "
                       "the one that it has, and then: %2;")
            .arg(plan.keyList(),
                 createHypertable(plan, wish)
                     .replace(QLatin1String("if_not_exists"), QLatin1String("migrate_data"))));
    plan.setHypertable(false);
    return error;
}

QString createHypertable(const TablePlan &plan, const HypertableWish &wish)
{
    const auto time = std::find_if(plan.columns.begin(), plan.columns.end(),
                                   [&plan](const Column &column) { return column.name == plan.time; });
    const bool isInteger = time != plan.columns.end() && time->type == ColumnType::Bigint;
    const auto milliseconds = wish.chunkInterval.count();
    const QString interval = isInteger ? QStringLiteral("%1::bigint").arg(milliseconds * 1'000'000)
                                       : QStringLiteral("INTERVAL '%1 milliseconds'").arg(milliseconds);
    return QStringLiteral("SELECT %1.create_hypertable(%2::regclass, %3::name, chunk_time_interval => %4, "
                          "if_not_exists => true)")
        .arg(quotedIdentifier(plan.timescaleSchema),
             quotedLiteral(quotedTable(plan.table, Dialect::PostgreSql)), quotedLiteral(plan.time), interval);
}

} // namespace tidemill::sql
