// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "series.h"

#include <tidemill/records.h>
#include <tidemill/result.h>

#include <QByteArrayView>

#include <variant>
#include <vector>

namespace tidemill::binance_history {

using Row = std::variant<AggTrade, Trade, Candle>;
using Rows = std::vector<Row>;

// What numbers a row within its series, see Position; and the number of the row that follows it.
qint64 keyOf(const Row &row);
qint64 keyAfter(const Series &series, const Row &row);
// The time a row counts by: of a candle that it opens.
Timestamp timeOf(const Row &row);

// A page as REST sends it: rows in order, oldest first, each key once. The error says what was expected. One
// of kind Config is the exchange's own refusal ({"code":-1121,...}), which asking again would not change.
Result<Rows> rowsFromJson(const QByteArray &body, const Series &series, Timestamp received);
// {"code":-1121,"msg":"Invalid symbol."}; nothing if the body is no such thing.
std::optional<Error> refusalFromJson(const QByteArray &body);
// {"serverTime":1499827319559}
Result<Timestamp> serverTimeFromJson(const QByteArray &body);

// A line of a bulk file: columns in the order of REST's members, times in milliseconds or microseconds, told
// apart by their size, booleans in any case.
Result<Row> rowFromCsv(QByteArrayView line, const Series &series, Timestamp received);
// The first line of some files names the columns.
bool isCsvHeader(QByteArrayView line);

// For decoders: a row without values, and whether its values make sense.
Row blankRow(const Series &series, Timestamp received);
bool isSound(const Row &row);

} // namespace tidemill::binance_history
