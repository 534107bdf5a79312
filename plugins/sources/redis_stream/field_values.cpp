// SPDX-License-Identifier: Apache-2.0
#include "field_values.h"

#include <QDateTime>
#include <QJsonArray>
#include <QJsonDocument>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>

namespace tidemill::redis_stream {

namespace {

template<typename T>
void put(std::byte *row, const Field &field, const T &value)
{
    std::memcpy(row + field.offset, &value, sizeof value);
}

template<typename T>
std::optional<T> number(QByteArrayView text)
{
    T value{};
    const char *const end = text.data() + text.size();
    const auto parsed = std::from_chars(text.data(), end, value);
    if (parsed.ec != std::errc() || parsed.ptr != end)
        return {};
    return value;
}

template<typename T>
bool putNumber(QByteArrayView text, const Field &field, std::byte *row)
{
    const auto value = number<T>(text);
    if (value)
        put(row, field, *value);
    return value.has_value();
}

bool putDecimal(QByteArrayView text, const Field &field, std::byte *row)
{
    const auto value = text.isEmpty() ? Decimal::null() : Decimal::parse(text);
    if (value)
        put(row, field, *value);
    return value.has_value();
}

bool putTime(QByteArrayView text, const Field &field, std::byte *row)
{
    const auto value = text.isEmpty() ? Timestamp() : Timestamp::parse(text);
    if (value)
        put(row, field, *value);
    return value.has_value();
}

// A name that finds no room among the symbols comes back null, and a record without its name is none.
bool putSymbol(QByteArrayView text, const Field &field, std::byte *row)
{
    const Symbol symbol(text);
    put(row, field, symbol);
    return text.isEmpty() || !symbol.isNull();
}

bool putEnum(QByteArrayView text, const Field &field, std::byte *row)
{
    const std::string_view name(text.data(), std::size_t(text.size()));
    const auto found = std::find(field.enumNames.begin(), field.enumNames.end(), name);
    if (found == field.enumNames.end())
        return false;
    put(row, field, quint8(found - field.enumNames.begin()));
    return true;
}

} // namespace

bool readValue(QByteArrayView text, const Field &field, std::byte *row)
{
    switch (field.type) {
    case FieldType::Int64:
        return putNumber<qint64>(text, field, row);
    case FieldType::UInt64:
        return putNumber<quint64>(text, field, row);
    case FieldType::Double:
        return putNumber<double>(text, field, row);
    case FieldType::Bool:
        if (text != "true" && text != "false")
            return false;
        put(row, field, text == "true");
        return true;
    case FieldType::Decimal:
        return putDecimal(text, field, row);
    case FieldType::Timestamp:
        return putTime(text, field, row);
    case FieldType::Symbol:
        return putSymbol(text, field, row);
    case FieldType::Enum:
        return putEnum(text, field, row);
    case FieldType::Text:
    case FieldType::Bytes:
    case FieldType::Levels:
        break;
    }
    return false;
}

bool readBytes(QByteArrayView base64, QByteArray &bytes)
{
    const auto decoded = QByteArray::fromBase64Encoding(QByteArray::fromRawData(base64.data(), base64.size()),
                                                        QByteArray::AbortOnBase64DecodingErrors);
    bytes = decoded.decoded;
    return decoded.decodingStatus == QByteArray::Base64DecodingStatus::Ok;
}

bool readLevels(QByteArrayView json, std::vector<Level> &levels)
{
    levels.clear();
    QJsonParseError error;
    const auto document = QJsonDocument::fromJson(QByteArray::fromRawData(json.data(), json.size()), &error);
    if (error.error != QJsonParseError::NoError || !document.isArray())
        return false;
    const QJsonArray items = document.array();
    for (const QJsonValue item : items) {
        const QJsonArray pair = item.toArray();
        // Texts, because a JSON number would have lost digits.
        const auto price = Decimal::parse(pair.at(0).toString().toUtf8());
        const auto quantity = Decimal::parse(pair.at(1).toString().toUtf8());
        if (pair.size() != 2 || !price || !quantity)
            return false;
        levels.push_back({*price, *quantity});
    }
    return true;
}

std::optional<Timestamp> readTime(QByteArrayView text, const QTimeZone &zone)
{
    if (const auto time = Timestamp::parse(text))
        return time;
    auto time = Timestamp::parse(text.toByteArray() + 'Z');
    if (!time || zone == QTimeZone::utc())
        return time;
    const auto asIfUtc = QDateTime::fromSecsSinceEpoch(time->ns / 1'000'000'000, Qt::UTC);
    const QDateTime local(asIfUtc.date(), asIfUtc.time(), zone);
    time->ns += (local.toSecsSinceEpoch() - asIfUtc.toSecsSinceEpoch()) * 1'000'000'000;
    return time;
}

std::optional<Timestamp> readEpoch(QByteArrayView text, qint64 unitNs)
{
    const auto count = number<qint64>(text);
    qint64 ns = 0;
    if (!count || __builtin_mul_overflow(*count, unitNs, &ns))
        return {};
    return Timestamp{ns};
}

} // namespace tidemill::redis_stream
