// SPDX-License-Identifier: Apache-2.0
#include "column_value.h"

#include <tidemill/json.h>

#include <array>
#include <charconv>
#include <cmath>

namespace tidemill::sql {

namespace {

void appendNumber(QByteArray &out, auto number)
{
    // A double has 24 characters at most, in the shortest form that reads back the same.
    std::array<char, 32> digits{};
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
    out.append(digits.data(), end - digits.data());
}

Presence missing(const Column &column)
{
    return column.inKey ? Presence::Unstorable : Presence::Null;
}

Presence appendDouble(QByteArray &out, const Column &column, double number)
{
    if (!std::isfinite(number))
        return missing(column);
    appendNumber(out, number);
    return Presence::Value;
}

Presence appendDecimal(QByteArray &out, const Column &column, Decimal number)
{
    if (column.type == ColumnType::Double)
        return appendDouble(out, column, number.toDouble());
    if (number.isNull())
        return missing(column);
    // The database would round to its scale and say nothing.
    if (column.scale >= 0 && number.exponent < -column.scale && !number.mantissaAt(-column.scale))
        return Presence::Unstorable;
    number.appendTo(out);
    return Presence::Value;
}

Presence appendTime(QByteArray &out, const Column &column, Timestamp time)
{
    if (time.isNull() && !column.inKey)
        return Presence::Null;
    switch (column.type) {
    case ColumnType::Bigint:
        appendNumber(out, time.ns);
        break;
    case ColumnType::Timestamp:
        appendMicroseconds(out, time, ' ');
        break;
    case ColumnType::Timestamptz:
        appendMicroseconds(out, time, ' ');
        out.append("+00:00");
        break;
    default:
        out.append(time.toString());
    }
    return Presence::Value;
}

} // namespace

Presence appendValue(QByteArray &out, const Column &column, const Batch &batch, qsizetype row)
{
    if (column.text) {
        column.text->appendTo(out, batch, row);
        return Presence::Value;
    }
    const Field &field = *column.field;
    switch (field.type) {
    case FieldType::Int64:
        appendNumber(out, batch.value<qint64>(row, field));
        return Presence::Value;
    case FieldType::UInt64:
        appendNumber(out, batch.value<quint64>(row, field));
        return Presence::Value;
    case FieldType::Double:
        return appendDouble(out, column, batch.value<double>(row, field));
    case FieldType::Decimal:
        return appendDecimal(out, column, batch.value<Decimal>(row, field));
    case FieldType::Timestamp:
        return appendTime(out, column, batch.value<Timestamp>(row, field));
    case FieldType::Symbol: {
        const auto symbol = batch.value<Symbol>(row, field);
        out.append(symbol.name());
        return symbol.isNull() && !column.inKey ? Presence::Null : Presence::Value;
    }
    case FieldType::Text:
        out.append(batch.text(batch.value<Text>(row, field)));
        return Presence::Value;
    case FieldType::Bool:
    case FieldType::Enum:
    case FieldType::Levels:
    case FieldType::Bytes:
        out.append(fieldText(batch, row, field));
        return Presence::Value;
    }
    return Presence::Unstorable;
}

QString unstorableText(const Column &column, const Batch &batch, qsizetype row)
{
    bool isMissing = true;
    const QByteArray value = column.field ? fieldText(batch, row, *column.field, &isMissing) : QByteArray();
    if (isMissing)
        return QStringLiteral("a key without a value");
    return QStringLiteral("%1, which has more than %2 digits behind the point")
        .arg(QString::fromUtf8(value))
        .arg(column.scale);
}

} // namespace tidemill::sql
