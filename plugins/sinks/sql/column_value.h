// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "table_plan.h"

#include <tidemill/batch.h>

namespace tidemill::sql {

enum class Presence {
    Value,
    Null,
    Unstorable, // nothing that the column could hold says what the record says
};

// Appends what a column gets from a row as the text that both databases read: digits, RFC 3339 or
// "2024-08-08 23:54:15.308000" for times, names for enums. Not for bytes. A key is never null, since a null
// is never the same as another: a missing name is empty there, a missing time is 1970.
Presence appendValue(QByteArray &out, const Column &column, const Batch &batch, qsizetype row);

// What is wrong with a row that has an unstorable value, for the log.
QString unstorableText(const Column &column, const Batch &batch, qsizetype row);

} // namespace tidemill::sql
