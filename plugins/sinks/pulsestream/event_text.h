// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tidemill/batch.h>
#include <tidemill/decimal.h>

#include <QByteArray>

namespace tidemill::pulsestream {

// "coinbase" of "coinbase_exchange": what the events call the place; "unknown" if the record has no name.
QByteArray venueOf(QByteArrayView exchange);

// Its first so many characters (not bytes): what is longer, the service refuses.
QByteArray clipped(const QByteArray &utf8, qsizetype characters);

// A UUID that is always the same for the same text, so that an event that is posted again has the same id.
QByteArray stableUuid(QByteArrayView text);

// "2345.68": two digits behind the point, the exact value rounded half to even.
QByteArray twoDecimals(const Decimal &value);

// a - b, exact up to 18 digits; null if either is.
Decimal difference(const Decimal &a, const Decimal &b);

// The symbol of a row, whatever its type; empty if its type has none.
QByteArray symbolField(const Batch &batch, qsizetype row, const char *name);
// The time of a row; null if its type has none of that name.
Timestamp timeField(const Batch &batch, qsizetype row, const char *name);

} // namespace tidemill::pulsestream
