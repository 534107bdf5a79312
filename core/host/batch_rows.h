// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tidemill/batch.h>

#include <vector>

namespace tidemill::host {

// Some rows of a batch as a batch of their own, in that order. It carries the delivery on.
BatchPtr copyRows(const Batch &batch, const std::vector<qsizetype> &rows);

} // namespace tidemill::host
