// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tidemill/batch.h>

namespace tidemill {

// Appends one row as a JSON object on one line, fields in the schema's order. Decimals and times are strings
// with all their digits ("45123.50", "2024-08-08T23:54:15.308Z"), ids plain integers, bytes base64, levels
// arrays of
// ["price","quantity"], missing values null. `withType` puts "type":"trade" first.
TIDEMILL_SDK_EXPORT QByteArray &appendJson(QByteArray &out, const Batch &batch, qsizetype row,
                                           bool withType = true);

// A JSON string with its quotes. Bytes that are not UTF-8 become U+FFFD.
TIDEMILL_SDK_EXPORT QByteArray &appendJsonString(QByteArray &out, QByteArrayView text);

// One field as plain text for a person or a text column: no quotes, enums by name. Empty for a missing value;
// `isNull` tells it from an empty text. Levels as JSON, bytes as base64.
TIDEMILL_SDK_EXPORT QByteArray fieldText(const Batch &batch, qsizetype row, const Field &field,
                                         bool *isNull = nullptr);

// True if two rows of equal schemas say the same, text and levels by content and decimals to the last digit.
TIDEMILL_SDK_EXPORT bool sameRecord(const Batch &a, qsizetype rowA, const Batch &b, qsizetype rowB);

} // namespace tidemill
