// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tidemill/record.h>

#include <QTimeZone>

#include <vector>

namespace tidemill::redis_stream {

// What fieldText() of the SDK has printed, read back into a row. Values come from a network: false for
// anything that is not exactly such a text. Of levels, text and bytes only the content is read; the caller
// stores it.

// Every type but the three above; an empty text is null where a value may be missing.
bool readValue(QByteArrayView text, const Field &field, std::byte *row);
bool readBytes(QByteArrayView base64, QByteArray &bytes);
bool readLevels(QByteArrayView json, std::vector<Level> &levels);

// "2023-11-14T22:13:20.123000" without a zone is of `zone`; with one it is what it says.
std::optional<Timestamp> readTime(QByteArrayView text, const QTimeZone &zone);
// A count of units of so many nanoseconds since 1970.
std::optional<Timestamp> readEpoch(QByteArrayView text, qint64 unitNs);

} // namespace tidemill::redis_stream
