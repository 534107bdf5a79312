// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "connection.h"
#include "table_plan.h"

#include <chrono>

namespace tidemill::sql {

// What `hypertable` and `chunk_interval` ask for.
struct HypertableWish
{
    enum class Mode {
        Never,
        IfInstalled, // TimescaleDB, in that database
        Always,
    };

    Mode mode = Mode::Never;
    std::chrono::milliseconds chunkInterval{0};
};

// Tells the plan whether its table is a hypertable, or becomes one when it is made. The error says what keeps
// it from what is asked for.
Result<> decideHypertable(const Connection &connection, TablePlan &plan, const HypertableWish &wish,
                          bool tableExists);

// The statement that turns the plan's empty table into a hypertable.
QString createHypertable(const TablePlan &plan, const HypertableWish &wish);

} // namespace tidemill::sql
