// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "schema_types.h"

#include <tidemill/option.h>
#include <tidemill/schema.h>

namespace tidemill::sbe {

// What messages become, as the option `records` says it (README.md) or as it is known of an exchange. Nothing
// here has been compared with a schema yet; row_compiler.h does that.

enum class TimeUnit : quint8 { Seconds, Milliseconds, Microseconds, Nanoseconds };

// Where the value of one field of a record comes from.
struct FieldMapping
{
    QByteArray field;    // of the record
    QByteArray from;     // path in the message: "symbol", "trades.price", "price.mantissa"
    QByteArray exponent; // of a number: path of the power of ten, where the schema does not say it
    QByteArray constant; // instead of `from`
    TimeUnit unit = TimeUnit::Nanoseconds;
    // Of an enum: its word for each value of the message's field.
    QList<std::pair<QByteArray, QByteArray>> words;
    // Of levels: two fields of the group `from`, and paths of their exponents.
    QByteArray price;
    QByteArray quantity;
    QByteArray priceExponent;
    QByteArray quantityExponent;
    bool isOptional = false; // may be null in the message
    QString path;            // of the option, and where it is: for messages
    Place place;
};

struct RecordMapping
{
    QByteArray message; // its name
    const Schema *record = nullptr;
    QByteArray rows; // path of the group whose entries make a row each; empty: one row a message
    QList<FieldMapping> fields;
    QString path;
    Place place;
};

using RecordMappings = QList<RecordMapping>;

// Reads the option `records`; what is wrong goes to `errors` with its place.
RecordMappings parseMappings(const Value &records, OptionErrors &errors);

// Record types that a message can be mapped to.
QStringList mappableRecords();

// What the market streams of Binance become.
const RecordMappings &binanceMappings();
// Their layout, for when no schema is named.
QByteArray binanceSchema();

} // namespace tidemill::sbe
