// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tidemill/batch.h>

#include <deque>

namespace tidemill::host {

// Keeps the newest record per key in a queue of batches and gives the number of those that went. The order of
// what stays does not change; a batch of which nothing stays is let go of, one of which some stays is made
// anew and carries the delivery on.
//
// The key of a State type is its natural key. That of an Event type is its natural key without what counts or
// dates the event (timestamps, integers named `sequence` or `..._id`), so that one quote per symbol stays and
// not each of them; a type whose key has nothing else is kept by its whole key.
quint64 keepLatest(std::deque<BatchPtr> &queue);

} // namespace tidemill::host
