// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tidemill/records.h>
#include <tidemill/result.h>

#include <simdjson.h>

#include <utility>
#include <vector>

// How values stand in Binance's JSON: decimals as strings, times and ids as integers, members named by one
// letter. Each reader gives false for a value that is of another kind or does not fit.

namespace tidemill::binance {

namespace ondemand = simdjson::ondemand;

inline Error malformed(const char *what)
{
    return {Error::Kind::Protocol, QLatin1String(what)};
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

// The one letter of a member's name; 0 for longer names. Names differ only in case (p, P), so no folding.
inline char letter(ondemand::field &field)
{
    const char *raw = field.key().raw();
    return raw[0] != '"' && raw[1] == '"' ? raw[0] : '\0';
}

// A decimal sent as a string: the token with its quotes, without a copy.
inline bool readDecimal(ondemand::value value, Decimal &out)
{
    std::string_view token = value.raw_json_token();
    while (!token.empty() && static_cast<unsigned char>(token.back()) <= ' ')
        token.remove_suffix(1);
    if (token.size() < 2 || token.front() != '"' || token.back() != '"')
        return false;
    const auto parsed = Decimal::parse(bytes(token.substr(1, token.size() - 2)));
    if (parsed)
        out = *parsed;
    return parsed.has_value();
}

inline bool readInteger(ondemand::value value, qint64 &out)
{
    int64_t number = 0;
    if (value.get_int64().get(number) != simdjson::SUCCESS)
        return false;
    out = number;
    return true;
}

inline bool readTime(ondemand::value value, Timestamp &out)
{
    qint64 number = 0;
    if (!readInteger(value, number))
        return false;
    const auto time = Timestamp::fromEpoch(number);
    if (time)
        out = *time;
    return time.has_value();
}

inline bool readBool(ondemand::value value, bool &out)
{
    return value.get_bool().get(out) == simdjson::SUCCESS;
}

// [["price","quantity"],...]; more members of a level, as older servers sent, are ignored.
inline bool readLevels(ondemand::value value, std::vector<Level> &out)
{
    out.clear();
    ondemand::array levels;
    if (value.get_array().get(levels) != simdjson::SUCCESS)
        return false;
    for (auto entry : levels) {
        ondemand::array pair;
        if (entry.get_array().get(pair) != simdjson::SUCCESS)
            return false;
        Level level;
        int member = 0;
        for (auto element : pair) {
            ondemand::value number;
            if (element.get(number) != simdjson::SUCCESS)
                return false;
            if (member < 2 && !readDecimal(number, member == 0 ? level.price : level.quantity))
                return false;
            ++member;
        }
        if (member < 2)
            return false;
        out.push_back(level);
    }
    return true;
}

// Which of the wanted members a frame had, one bit each.
template<typename... Bits>
constexpr unsigned allOf(Bits... bits)
{
    return (... | (1U << bits));
}

// The taker's side, from whether the buyer was the maker.
inline bool readSide(ondemand::value value, Side &side)
{
    bool buyerIsMaker = false;
    if (!readBool(value, buyerIsMaker))
        return false;
    side = buyerIsMaker ? Side::Sell : Side::Buy;
    return true;
}

// Calls `read(letter, value)` for each member with a one-letter name; false when the JSON or a member is bad.
template<typename Read>
bool eachLetter(ondemand::object &object, Read read)
{
    for (auto entry : object) {
        ondemand::field field;
        if (std::move(entry).get(field) != simdjson::SUCCESS)
            return false;
        if (const char name = letter(field); name != '\0' && !read(name, field.value()))
            return false;
    }
    return true;
}

} // namespace tidemill::binance
