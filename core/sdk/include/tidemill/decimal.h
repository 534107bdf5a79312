// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tidemill/export.h>

#include <QByteArray>
#include <QByteArrayView>

#include <compare>
#include <limits>
#include <optional>

namespace tidemill {

// An exact decimal number: mantissa x 10^exponent. Prices and quantities are this from the exchange's text to
// the store's, and never a double in between: what came in as "45123.50" goes out as "45123.50".
//
// Two decimals are equal when their values are (1.5 == 1.50); toString() still tells them apart.
struct Decimal
{
    qint64 mantissa = 0;
    qint8 exponent = 0;

    static constexpr int minExponent = -64;
    static constexpr int maxExponent = 64;

    // "No value", where an exchange leaves one out: JSON null, SQL NULL. Unequal to every number.
    static constexpr Decimal null() { return {0, std::numeric_limits<qint8>::min()}; }
    constexpr bool isNull() const { return exponent == std::numeric_limits<qint8>::min(); }

    // -?digits[.digits][e[+-]digits], nothing before or after. Nothing on any other text, and on a number
    // that 64 bits cannot hold; zeros at the end of a fraction are given up before the number is.
    TIDEMILL_SDK_EXPORT static std::optional<Decimal> parse(QByteArrayView text);

    // Plain digits, never an exponent; empty when null.
    TIDEMILL_SDK_EXPORT QByteArray toString() const;
    TIDEMILL_SDK_EXPORT void appendTo(QByteArray &out) const;

    // The nearest double, for thresholds and pictures; NaN when null.
    TIDEMILL_SDK_EXPORT double toDouble() const;

    // The same value without zeros at the end of its fraction.
    TIDEMILL_SDK_EXPORT Decimal normalized() const;

    // The mantissa this value has at another exponent; nothing if that would lose digits or not fit.
    TIDEMILL_SDK_EXPORT std::optional<qint64> mantissaAt(int otherExponent) const;

    constexpr bool isZero() const { return mantissa == 0 && !isNull(); }

    // NOLINTNEXTLINE(modernize-use-nullptr): clang-tidy 14 takes the 0 behind <=> for a pointer
    friend bool operator==(const Decimal &a, const Decimal &b) { return (a <=> b) == 0; }
    // By value; null sorts before every number and equals null only.
    friend std::weak_ordering operator<=>(const Decimal &a, const Decimal &b)
    {
        if (a.exponent == b.exponent)         // nearly always, within one market: worth no call
            return a.mantissa <=> b.mantissa; // two nulls too
        return compareScaled(a, b);
    }

private:
    // Of decimals with different exponents.
    TIDEMILL_SDK_EXPORT static std::weak_ordering compareScaled(const Decimal &a, const Decimal &b);
};

inline namespace literals {

TIDEMILL_SDK_EXPORT Decimal operator""_dec(const char *text);                   // 100_dec, 0.5_dec
TIDEMILL_SDK_EXPORT Decimal operator""_dec(const char *text, std::size_t size); // "0.50"_dec

} // namespace literals

} // namespace tidemill
