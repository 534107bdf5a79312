// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tidemill/decimal.h>
#include <tidemill/redis/resp_writer.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace tidemill::redis_stream {

// Numbers as words of a command, printed at their place in it: copying what has just been written digit by
// digit costs several times what the digits do. Each returns what it wrote, without what RESP puts around it,
// valid until more is written.

namespace value_text {

inline int digitCount(quint64 number)
{
    int count = 1;
    for (; number >= 10'000; number /= 10'000)
        count += 4;
    return count + (number >= 10) + (number >= 100) + (number >= 1000);
}

// So many digits in front of `end`, the first ones 0 if need be.
inline void writeDigits(char *end, quint64 number, int count)
{
    static constexpr auto pairs = [] {
        std::array<char, 200> digits{};
        for (std::size_t pair = 0; pair < 100; ++pair) {
            digits[2 * pair] = char('0' + pair / 10);
            digits[2 * pair + 1] = char('0' + pair % 10);
        }
        return digits;
    }();
    for (; count >= 2; count -= 2, number /= 100)
        std::memcpy(end -= 2, pairs.data() + 2 * (number % 100), 2);
    if (count > 0)
        *--end = char('0' + number % 10);
}

inline quint64 magnitudeOf(qint64 number)
{
    return number < 0 ? 0 - quint64(number) : quint64(number);
}

} // namespace value_text

inline QByteArrayView appendNumber(redis::RespWriter &out, quint64 magnitude, bool isNegative = false)
{
    const int digits = value_text::digitCount(magnitude);
    const int size = digits + (isNegative ? 1 : 0);
    char *const word = out.wordOf(size);
    word[0] = '-'; // a digit takes its place if it is not
    value_text::writeDigits(word + size, magnitude, digits);
    return {word, size};
}

inline QByteArrayView appendNumber(redis::RespWriter &out, qint64 number)
{
    return appendNumber(out, value_text::magnitudeOf(number), number < 0);
}

// As Decimal::toString() prints it.
inline QByteArrayView appendDecimal(redis::RespWriter &out, Decimal decimal)
{
    static constexpr int maxPlaces = 18;
    static constexpr auto powers = [] {
        std::array<quint64, maxPlaces + 1> all{1};
        for (std::size_t power = 1; power < all.size(); ++power)
            all[power] = all[power - 1] * 10;
        return all;
    }();
    const int places = -decimal.exponent;
    if (places < 0 || places > maxPlaces) // null too
        return out.word(decimal.toString());
    const bool isNegative = decimal.mantissa < 0;
    const quint64 magnitude = value_text::magnitudeOf(decimal.mantissa);
    const quint64 power = powers[std::size_t(places)];
    const quint64 whole = magnitude / power;
    const int digits = value_text::digitCount(whole);
    const int size = (isNegative ? 1 : 0) + digits + (places > 0 ? 1 + places : 0);
    char *const word = out.wordOf(size);
    char *end = word + size;
    if (places > 0) {
        value_text::writeDigits(end, magnitude - whole * power, places);
        end -= places;
        *--end = '.';
    }
    value_text::writeDigits(end, whole, digits);
    if (isNegative)
        word[0] = '-';
    return {word, size};
}

} // namespace tidemill::redis_stream
