// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "connection.h"
#include "table_plan.h"

#include <QSet>

namespace tidemill::sql {

// A table as it is in the database.
struct FoundTable
{
    QList<FoundColumn> columns; // none: there is no such table
    QList<QSet<QString>> uniqueKeys;
};

Result<FoundTable> inspect(const Connection &connection, const QString &table);

// Makes the table if there is none and `create` says so; otherwise sees to it that every record could be
// stored there once. The error names all that stands against it, with the SQL that would mend it.
Result<> prepareTable(Connection &connection, TablePlan &plan, bool create);

} // namespace tidemill::sql
