// SPDX-License-Identifier: Apache-2.0
#include "store.h"

#include "catalog.h"
#include "postgres_store.h"
#include "sqlite_store.h"

namespace tidemill::sql {

std::unique_ptr<Store> Store::make(const StoreSettings &settings)
{
    if (settings.url.dialect == Dialect::Sqlite)
        return std::make_unique<SqliteStore>(settings);
    return std::make_unique<PostgresStore>(settings);
}

Store::Store(const StoreSettings &settings)
    : m_settings(settings)
    , m_connection(settings.url, settings.connectTimeout)
{}

Result<> Store::write(const std::vector<TableWork> &group, std::vector<BadRow> &bad)
{
    Result<> done;
    // Twice if a table has been changed: as it is now it may do.
    for (int attempt = 0; attempt < 2; ++attempt) {
        bad.clear();
        m_hasChanged = false;
        if (m_connection.isOrphaned())
            close();
        done = m_connection.open();
        if (done)
            done = prepareTables(group);
        if (done)
            done = writeGroup(group, bad);
        if (done || !m_hasChanged)
            break;
        forget();
    }
    if (done)
        return done;

    bad.clear();
    // Somebody may have moved the file or changed a table, or mends it now: look again next time. But what is
    // only in memory would be gone with its connection.
    if (m_connection.url().isInMemory())
        forget();
    else
        close();
    return done;
}

Result<> Store::prepareTables(const std::vector<TableWork> &group)
{
    for (const TableWork &work : group) {
        if (m_ready.contains(work.plan))
            continue;
        if (auto done = prepareTable(m_connection, *work.plan, m_settings.create, m_settings.hypertable);
            !done)
            return done;
        m_ready.insert(work.plan);
    }
    return {};
}

void Store::close()
{
    forget();
    m_connection.close();
}

void Store::forget()
{
    forgetStatements();
    m_ready.clear();
}

BadRow badRow(const TablePlan &plan, const Batch &batch, qsizetype row, const QString &why)
{
    // Without the record, which is beside it in the dead letter.
    return {&batch, {row, {Error::Kind::Storage, QStringLiteral("table %1: %2").arg(plan.table, why)}, true}};
}

BadRow badValue(const TablePlan &plan, const Column &column, const Batch &batch, qsizetype row,
                const QString &value)
{
    return badRow(plan, batch, row, QStringLiteral("the column %1 cannot hold %2").arg(column.name, value));
}

} // namespace tidemill::sql
