// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mapping.h"
#include "rows.h"

namespace tidemill::sbe {

// Of one message: exponents that are fields of their own.
constexpr int maxExponents = 64;

// Makes the copies that a mapping asks for, of a message of this very schema, which must outlive the plan.
// The error names the option: "records.Trade.fields.price: no 'prise' in Trade; did you mean 'price'?".
Result<RowPlan> compileRows(const Message &message, const RecordMapping &mapping);

} // namespace tidemill::sbe
