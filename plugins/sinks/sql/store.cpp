// SPDX-License-Identifier: Apache-2.0
#include "store.h"

#include "catalog.h"
#include "postgres_store.h"
#include "sqlite_store.h"

#include <tidemill/json.h>

namespace tidemill::sql {

std::unique_ptr<Store> Store::make(const DatabaseUrl &url, std::chrono::milliseconds connectTimeout,
                                   bool create)
{
    if (url.dialect == Dialect::Sqlite)
        return std::make_unique<SqliteStore>(url, connectTimeout, create);
    return std::make_unique<PostgresStore>(url, connectTimeout, create);
}

Store::Store(const DatabaseUrl &url, std::chrono::milliseconds connectTimeout, bool create)
    : m_connection(url, connectTimeout)
    , m_create(create)
{}

Result<> Store::write(const std::vector<TableWork> &group, QStringList &rejected)
{
    if (m_connection.isOrphaned())
        close();
    auto done = m_connection.open();
    for (const TableWork &work : group) {
        if (done && !m_ready.contains(work.plan))
            done = prepareTable(m_connection, *work.plan, m_create);
        if (done)
            m_ready.insert(work.plan);
    }
    if (done)
        done = writeGroup(group, rejected);
    if (done)
        return done;

    rejected.clear();
    // Somebody may have moved the file or changed a table, or mends it now: look again next time. But what is
    // only in memory would be gone with its connection.
    if (m_connection.url().isInMemory())
        forget();
    else
        close();
    return done;
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

void Store::rollBack()
{
    // Without the connection there is no transaction either.
    if (m_connection.isOpen())
        static_cast<void>(m_connection.execute(QStringLiteral("ROLLBACK")).has_value());
}

QString describeRow(const TablePlan &plan, const Batch &batch, qsizetype row, const QString &why)
{
    QStringList key;
    for (const int index : batch.schema().key())
        key.append(
            QString::fromUtf8(fieldText(batch, row, batch.schema().fields()[std::size_t(index)]).left(64)));
    return QStringLiteral("%1 (%2) into table %3: %4")
        .arg(QString::fromUtf8(batch.schema().name()), key.join(QLatin1Char(' ')), plan.table, why);
}

} // namespace tidemill::sql
