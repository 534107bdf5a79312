// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tidemill/result.h>
#include <tidemill/schema.h>

#include <QByteArray>

namespace tidemill::host {

// A schema as bytes, whole, so that a reader needs no plugin that declares it.
QByteArray encodeSchema(const Schema &schema);

// The schema that those bytes describe; lives as long as the process and is the same object for the same
// fingerprint. An error if they describe none, or one with another fingerprint than expected. Any thread.
Result<const Schema *> decodeSchema(QByteArrayView data, quint64 fingerprint);

} // namespace tidemill::host
