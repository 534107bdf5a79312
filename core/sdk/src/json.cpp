// SPDX-License-Identifier: Apache-2.0
#include <tidemill/json.h>

#include <array>
#include <charconv>
#include <cmath>

namespace tidemill {

namespace {

void appendInteger(QByteArray &out, auto number)
{
    std::array<char, 24> digits;
    const auto result = std::to_chars(digits.data(), digits.data() + digits.size(), number);
    out.append(digits.data(), result.ptr - digits.data());
}

void appendDouble(QByteArray &out, double number)
{
    std::array<char, 32> digits; // shortest form that reads back as the same number
    const auto result = std::to_chars(digits.data(), digits.data() + digits.size(), number);
    out.append(digits.data(), result.ptr - digits.data());
}

void appendLevels(QByteArray &out, std::span<const Level> levels)
{
    out.append('[');
    for (std::size_t i = 0; i < levels.size(); ++i) {
        out.append(i == 0 ? "[\"" : ",[\"");
        levels[i].price.appendTo(out);
        out.append("\",\"");
        levels[i].quantity.appendTo(out);
        out.append("\"]");
    }
    out.append(']');
}

QByteArrayView enumName(const Field &field, quint8 value)
{
    if (value >= field.enumNames.size())
        return {}; // only a plugin that writes past its enum gets here
    const std::string_view name = field.enumNames[value];
    return {name.data(), qsizetype(name.size())};
}

// Text of a field without quotes; false for a missing value.
bool appendFieldText(QByteArray &out, const Batch &batch, qsizetype row, const Field &field)
{
    switch (field.type) {
    case FieldType::Int64:
        appendInteger(out, batch.value<qint64>(row, field));
        return true;
    case FieldType::UInt64:
        appendInteger(out, batch.value<quint64>(row, field));
        return true;
    case FieldType::Double: {
        const auto number = batch.value<double>(row, field);
        if (!std::isfinite(number))
            return false;
        appendDouble(out, number);
        return true;
    }
    case FieldType::Bool:
        out.append(batch.value<quint8>(row, field) ? "true" : "false");
        return true;
    case FieldType::Decimal: {
        const auto number = batch.value<Decimal>(row, field);
        number.appendTo(out);
        return !number.isNull();
    }
    case FieldType::Timestamp: {
        const auto time = batch.value<Timestamp>(row, field);
        if (time.isNull())
            return false;
        out.append(time.toString());
        return true;
    }
    case FieldType::Symbol: {
        const auto symbol = batch.value<Symbol>(row, field);
        out.append(symbol.name());
        return !symbol.isNull();
    }
    case FieldType::Text:
        out.append(batch.text(batch.value<Text>(row, field)));
        return true;
    case FieldType::Bytes:
        out.append(batch.bytes(batch.value<Bytes>(row, field)).toByteArray().toBase64());
        return true;
    case FieldType::Levels:
        appendLevels(out, batch.levels(batch.value<Levels>(row, field)));
        return true;
    case FieldType::Enum:
        out.append(enumName(field, batch.value<quint8>(row, field)));
        return true;
    }
    return false;
}

bool isQuotedInJson(FieldType type)
{
    return type == FieldType::Decimal || type == FieldType::Timestamp || type == FieldType::Bytes ||
           type == FieldType::Enum;
}

void appendField(QByteArray &out, const Batch &batch, qsizetype row, const Field &field)
{
    if (field.type == FieldType::Text) {
        appendJsonString(out, batch.text(batch.value<Text>(row, field)));
        return;
    }
    if (field.type == FieldType::Symbol) {
        const auto symbol = batch.value<Symbol>(row, field);
        if (symbol.isNull())
            out.append("null");
        else
            appendJsonString(out, symbol.name());
        return;
    }
    const qsizetype before = out.size();
    const bool quoted = isQuotedInJson(field.type);
    if (quoted)
        out.append('"');
    if (!appendFieldText(out, batch, row, field)) {
        out.truncate(before);
        out.append("null");
    } else if (quoted) {
        out.append('"');
    }
}

} // namespace

QByteArray &appendJsonString(QByteArray &out, QByteArrayView text)
{
    // Only bytes that are not UTF-8 need the costly way; ASCII and valid UTF-8 go as they are.
    QByteArray repaired;
    if (!text.isValidUtf8()) {
        repaired = QString::fromUtf8(text).toUtf8();
        text = repaired;
    }
    out.append('"');
    for (const char c : text) {
        switch (c) {
        case '"':
            out.append("\\\"");
            break;
        case '\\':
            out.append("\\\\");
            break;
        case '\n':
            out.append("\\n");
            break;
        case '\r':
            out.append("\\r");
            break;
        case '\t':
            out.append("\\t");
            break;
        default:
            if (static_cast<unsigned char>(c) < 0x20)
                out.append("\\u00").append(QByteArray::number(c, 16).rightJustified(2, '0'));
            else
                out.append(c);
        }
    }
    return out.append('"');
}

QByteArray &appendJson(QByteArray &out, const Batch &batch, qsizetype row, bool withType)
{
    out.append('{');
    bool first = true;
    if (withType) {
        out.append("\"type\":\"").append(batch.schema().name()).append('"');
        first = false;
    }
    for (const Field &field : batch.schema().fields()) {
        out.append(first ? "\"" : ",\"");
        first = false;
        out.append(field.name.data(), qsizetype(field.name.size())).append("\":");
        appendField(out, batch, row, field);
    }
    return out.append('}');
}

QByteArray fieldText(const Batch &batch, qsizetype row, const Field &field, bool *isNull)
{
    QByteArray text;
    const bool present = appendFieldText(text, batch, row, field);
    if (isNull)
        *isNull = !present;
    return present ? text : QByteArray();
}

bool sameRecord(const Batch &a, qsizetype rowA, const Batch &b, qsizetype rowB)
{
    if (!(a.schema() == b.schema()))
        return false;
    for (const Field &field : a.schema().fields()) {
        bool nullA = false;
        bool nullB = false;
        if (fieldText(a, rowA, field, &nullA) != fieldText(b, rowB, field, &nullB) || nullA != nullB)
            return false;
    }
    return true;
}

} // namespace tidemill
