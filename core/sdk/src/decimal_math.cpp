// SPDX-License-Identifier: Apache-2.0
#include <tidemill/decimal_math.h>

#include <utility>

namespace tidemill {

namespace {

constexpr int significantDigits = 18;
constexpr UInt128 significantLimit = 1'000'000'000'000'000'000; // 10^18

// Multiplies by 10^power; false if 128 bits do not hold it.
bool scaleUp(Int128 &value, int power)
{
    if (value == 0)
        return true;
    for (; power > 0; --power) {
        if (__builtin_mul_overflow(value, Int128(10), &value))
            return false;
    }
    return true;
}

UInt128 magnitudeOf(Int128 value)
{
    return value < 0 ? UInt128(0) - UInt128(value) : UInt128(value);
}

} // namespace

void DecimalSum::addScaled(Int128 mantissa, int exponent, bool lost)
{
    if (lost)
        m_lost = true;
    if (m_lost || mantissa == 0)
        return;
    if (m_mantissa == 0)
        m_exponent = exponent;
    if (exponent < m_exponent) {
        m_lost = !scaleUp(m_mantissa, m_exponent - exponent);
        m_exponent = exponent;
    } else {
        m_lost = !scaleUp(mantissa, exponent - m_exponent);
    }
    if (__builtin_add_overflow(m_mantissa, mantissa, &m_mantissa))
        m_lost = true;
}

DecimalSum DecimalSum::times(qint64 factor) const
{
    DecimalSum result = *this;
    if (__builtin_mul_overflow(m_mantissa, Int128(factor), &result.m_mantissa))
        result.m_lost = true;
    return result;
}

std::optional<std::strong_ordering> DecimalSum::compare(const DecimalSum &a, const DecimalSum &b)
{
    if (a.m_lost || b.m_lost)
        return std::nullopt;
    Int128 left = a.m_mantissa;
    Int128 right = b.m_mantissa;
    if (!scaleUp(left, a.m_exponent - b.m_exponent) || !scaleUp(right, b.m_exponent - a.m_exponent))
        return std::nullopt;
    return left <=> right;
}

std::optional<Decimal> DecimalSum::quotient(const DecimalSum &a, const DecimalSum &b)
{
    if (a.m_lost || b.m_lost || b.m_mantissa == 0)
        return std::nullopt;
    const bool negative = (a.m_mantissa < 0) != (b.m_mantissa < 0);
    const UInt128 divisor = magnitudeOf(b.m_mantissa);
    // Long division one digit at a time needs room for ten times the rest.
    if (divisor > ~UInt128(0) / 10)
        return std::nullopt;

    UInt128 digits = magnitudeOf(a.m_mantissa) / divisor;
    UInt128 rest = magnitudeOf(a.m_mantissa) % divisor;
    int exponent = a.m_exponent - b.m_exponent;
    // Digits are taken one by one until 18 are there, the rest is used up, or 18 stand behind the point.
    while (rest != 0 && digits < significantLimit / 10 && exponent > -significantDigits) {
        rest *= 10;
        digits = digits * 10 + rest / divisor;
        rest %= divisor;
        --exponent;
    }
    // The whole part alone may have more digits than 18, or the two scales may ask for more behind the point:
    // give the surplus back, remembering whether anything but zeros went.
    bool below = rest != 0; // something lies below the last digit dropped or kept
    UInt128 dropped = 0;
    UInt128 droppedUnit = 1;
    while (digits >= significantLimit || exponent < -significantDigits) {
        below = below || dropped != 0;
        dropped = digits % 10;
        droppedUnit = 10;
        digits /= 10;
        ++exponent;
    }
    int half = 0; // the part cut off against one half: -1 below, 0 equal, 1 above
    if (droppedUnit == 10)
        half = dropped > 5 || (dropped == 5 && below) ? 1 : dropped == 5 ? 0 : -1;
    else if (rest > divisor / 2)
        half = 1;
    else
        half = divisor % 2 == 0 && rest == divisor / 2 ? 0 : -1;
    if (half > 0 || (half == 0 && digits % 2 == 1))
        ++digits;
    if (exponent > Decimal::maxExponent)
        return std::nullopt;
    Decimal result{qint64(digits), qint8(exponent)};
    if (negative)
        result.mantissa = -result.mantissa;
    return result.normalized();
}

} // namespace tidemill
