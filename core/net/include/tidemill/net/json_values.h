// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tidemill/records.h>
#include <tidemill/result.h>

#include <simdjson.h>

#include <string_view>
#include <utility>
#include <vector>

// Reading the JSON of exchanges in place, with simdjson. Only headers, for decoders: who includes this links
// simdjson. Each reader gives false for a value that is of another kind or does not fit; a frame is never
// trusted to be what it should be.

namespace tidemill::net::json {

namespace ondemand = simdjson::ondemand;

inline Error malformed(const QString &what)
{
    return {Error::Kind::Protocol, what};
}
inline Error malformed(const char *what)
{
    return malformed(QString::fromLatin1(what));
}

// Whether a look-up failed because the JSON itself is broken, not because what was looked for is not there or
// is of another kind. simdjson has let go of the frame then: nothing more may be asked of it.
inline bool isBroken(simdjson::error_code error)
{
    return error != simdjson::SUCCESS && error != simdjson::NO_SUCH_FIELD &&
           error != simdjson::INCORRECT_TYPE;
}

inline QByteArrayView bytes(std::string_view text)
{
    return {text.data(), qsizetype(text.size())};
}

// The value's characters as sent, without white space behind.
inline std::string_view token(ondemand::value &value)
{
    std::string_view text = value.raw_json_token();
    while (!text.empty() && static_cast<unsigned char>(text.back()) <= ' ')
        text.remove_suffix(1);
    return text;
}

// A decimal from the characters sent, as a string ("0.10") or as a number (0.10): never by way of a double.
inline bool readDecimal(ondemand::value value, Decimal &out)
{
    std::string_view text = token(value);
    if (!text.empty() && text.front() == '"') {
        if (text.size() < 2 || text.back() != '"')
            return false;
        text = text.substr(1, text.size() - 2);
    }
    const auto parsed = Decimal::parse(bytes(text));
    if (parsed)
        out = *parsed;
    return parsed.has_value();
}

// As above; null and an empty text mean that there is none.
inline bool readOptionalDecimal(ondemand::value value, Decimal &out)
{
    const std::string_view text = token(value);
    if (text == "null" || text == "\"\"") {
        out = Decimal::null();
        return true;
    }
    return readDecimal(value, out);
}

inline bool readInteger(ondemand::value value, qint64 &out)
{
    int64_t number = 0;
    if (value.get_int64().get(number) != simdjson::SUCCESS)
        return false;
    out = number;
    return true;
}

// An integer, sent as such or as a string.
inline bool readIntegerText(ondemand::value value, qint64 &out)
{
    std::string_view text = token(value);
    if (text.size() >= 2 && text.front() == '"' && text.back() == '"')
        text = text.substr(1, text.size() - 2);
    bool good = false;
    const qint64 number = bytes(text).toLongLong(&good);
    if (good && !text.empty() && text.front() != '+' && text.front() != ' ')
        out = number;
    return good;
}

// The view is into the parser's memory: valid until the next document.
inline bool readText(ondemand::value value, std::string_view &out)
{
    return value.get_string().get(out) == simdjson::SUCCESS;
}

inline bool readSymbol(ondemand::value value, Symbol &out)
{
    std::string_view text;
    if (!readText(value, text) || text.empty())
        return false;
    out = Symbol(bytes(text));
    return true;
}

inline bool readBool(ondemand::value value, bool &out)
{
    return value.get_bool().get(out) == simdjson::SUCCESS;
}

// Seconds, milliseconds, microseconds or nanoseconds since 1970, told apart by their size.
inline bool readEpoch(ondemand::value value, Timestamp &out)
{
    qint64 number = 0;
    if (!readIntegerText(value, number))
        return false;
    const auto time = Timestamp::fromEpoch(number);
    if (time)
        out = *time;
    return time.has_value();
}

// RFC 3339 with any number of fraction digits.
inline bool readTime(ondemand::value value, Timestamp &out)
{
    std::string_view text;
    if (!readText(value, text))
        return false;
    const auto time = Timestamp::parse(bytes(text));
    if (time)
        out = *time;
    return time.has_value();
}

// Calls `read(name, value)` for each member, the name without escapes undone; false when the JSON is broken
// or `read` says false.
template<typename Read>
bool eachMember(ondemand::object &object, Read read)
{
    for (auto entry : object) {
        ondemand::field field;
        if (std::move(entry).get(field) != simdjson::SUCCESS)
            return false;
        std::string_view name;
        if (field.unescaped_key().get(name) != simdjson::SUCCESS || !read(name, field.value()))
            return false;
    }
    return true;
}

// As above for a value that must be an object.
template<typename Read>
bool eachMember(ondemand::value value, Read read)
{
    ondemand::object object;
    return value.get_object().get(object) == simdjson::SUCCESS && eachMember(object, read);
}

// Calls `read(value)` for each element of a value that must be an array.
template<typename Read>
bool eachElement(ondemand::value value, Read read)
{
    ondemand::array array;
    if (value.get_array().get(array) != simdjson::SUCCESS)
        return false;
    for (auto entry : array) {
        ondemand::value element;
        if (std::move(entry).get(element) != simdjson::SUCCESS || !read(element))
            return false;
    }
    return true;
}

// [["price","quantity",...],...]; what stands behind these two is ignored.
inline bool readLevels(ondemand::value value, std::vector<Level> &out)
{
    out.clear();
    return eachElement(value, [&out](ondemand::value pair) {
        Level level;
        int member = 0;
        const bool good = eachElement(pair, [&](ondemand::value number) {
            const int index = member++;
            return index >= 2 || readDecimal(number, index == 0 ? level.price : level.quantity);
        });
        if (!good || member < 2)
            return false;
        out.push_back(level);
        return true;
    });
}

} // namespace tidemill::net::json
