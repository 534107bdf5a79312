// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tidemill/batch.h>
#include <tidemill/result.h>

namespace tidemill::host {

// The rows of a batch with all they refer to, meaning the same in any process: symbols by name, heap packed
// anew, padding zero.
QByteArray encodeBatch(const Batch &batch);

// The same again, with that delivery. The bytes may be anything.
Result<BatchPtr> decodeBatch(const Schema &schema, quint32 rowCount, QByteArrayView data,
                             DeliveryPtr delivery);

} // namespace tidemill::host
