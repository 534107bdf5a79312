// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "connection.h"
#include "hypertable.h"
#include "table_plan.h"

#include <QSet>

namespace tidemill::sql {

// A table as it is in the database.
struct FoundTable
{
    QList<FoundColumn> columns; // none: there is no such table
    QList<QSet<QString>> uniqueKeys;
    QByteArray fingerprint;
};

Result<FoundTable> inspect(const Connection &connection, const QString &table);
// SQLite counts the changes of a database's tables.
constexpr auto sqliteVersion = "PRAGMA schema_version";

// PostgreSQL: an expression that has another value when somebody has changed the table's columns or its
// unique indexes.
QString fingerprintOf(const QString &table);

// Makes the table if there is none and `create` says so; otherwise sees to it that every record could be
// stored there once. The error names all that stands against it, with the SQL that would mend it.
Result<> prepareTable(Connection &connection, TablePlan &plan, bool create, const HypertableWish &wish);

} // namespace tidemill::sql
