// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "table_plan.h"

#include <QByteArray>

namespace tidemill::sql {

// INSERT for the plan, with the array of each inserted column as a parameter. It fails as if a row were bad
// when the table is not the one any more that the plan was made for: else the server would squeeze values
// into what the columns have become.
QByteArray insertStatement(const TablePlan &plan);

// COPY for the plan. A column that gets the database's clock has a place, as COPY has no expressions; the
// word `now` stands for it.
QByteArray copyStatement(const TablePlan &plan);

} // namespace tidemill::sql
