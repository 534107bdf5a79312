// SPDX-License-Identifier: Apache-2.0
#include <tidemill/decimal.h>
#include <tidemill/decimal_math.h>

#include <array>
#include <charconv>
#include <cmath>

namespace tidemill {

namespace {

constexpr int maxInt64Digits = 19;
constexpr int safeDigits = 18;

constexpr std::array<qint64, maxInt64Digits> powersOfTen = [] {
    std::array<qint64, maxInt64Digits> powers{};
    qint64 power = 1;
    for (qint64 &entry : powers) {
        entry = power;
        power *= entry == 1'000'000'000'000'000'000 ? 1 : 10;
    }
    return powers;
}();

bool isDigit(char c)
{
    return c >= '0' && c <= '9';
}

constexpr quint64 magnitudeLimit(bool negative)
{
    return quint64(std::numeric_limits<qint64>::max()) + (negative ? 1 : 0);
}

// What is left of a number's digits: the value is magnitude x 10^exponent, with as many of the zeros it was
// written with as fit.
struct Digits
{
    quint64 magnitude = 0;
    int exponent = 0;
    bool overflow = false;
};

// The careful way for what may not fit: takes zeros into the magnitude only when another digit follows them.
Digits longDigits(QByteArrayView whole, QByteArrayView fraction, quint64 limit)
{
    Digits digits;
    qsizetype pendingZeros = 0;
    const auto take = [&](char digit) {
        if (digit == '0') {
            ++pendingZeros;
            return;
        }
        // Leading zeros are none of the value, and past 19 digits the answer is known.
        if (digits.magnitude == 0)
            pendingZeros = 0;
        if (pendingZeros >= maxInt64Digits + 1)
            digits.overflow = true;
        for (; pendingZeros > 0 && !digits.overflow; --pendingZeros)
            digits.overflow = __builtin_mul_overflow(digits.magnitude, quint64(10), &digits.magnitude);
        digits.overflow = digits.overflow ||
                          __builtin_mul_overflow(digits.magnitude, quint64(10), &digits.magnitude) ||
                          __builtin_add_overflow(digits.magnitude, quint64(digit - '0'), &digits.magnitude);
    };
    for (auto at = whole.begin(); at != whole.end() && !digits.overflow; ++at)
        take(*at);
    for (auto at = fraction.begin(); at != fraction.end() && !digits.overflow; ++at)
        take(*at);

    qsizetype exponent = pendingZeros - fraction.size();
    // Zeros at the end say how exact a number is meant: they stay as far as there is room.
    for (; pendingZeros > 0 && exponent > Decimal::minExponent && digits.magnitude <= limit / 10;
         --pendingZeros) {
        digits.magnitude *= 10;
        --exponent;
    }
    digits.overflow = digits.overflow || digits.magnitude > limit || exponent < -1000 || exponent > 1000;
    digits.exponent = digits.overflow ? 0 : int(exponent);
    return digits;
}

} // namespace

std::optional<Decimal> Decimal::parse(QByteArrayView text)
{
    const char *at = text.data();
    const char *const end = at + text.size();
    const bool negative = at != end && *at == '-';
    if (negative)
        ++at;

    // 18 digits cannot overflow, and nearly no number has more.
    Digits digits;
    const char *const firstDigit = at;
    for (; at != end && isDigit(*at) && at - firstDigit < safeDigits; ++at)
        digits.magnitude = digits.magnitude * 10 + unsigned(*at - '0');
    bool isLong = false;
    for (; at != end && isDigit(*at); ++at)
        isLong = true;
    const char *const endOfWhole = at;
    if (endOfWhole == firstDigit)
        return std::nullopt;

    const char *firstOfFraction = at;
    if (at != end && *at == '.') {
        firstOfFraction = ++at;
        const auto room = safeDigits - (endOfWhole - firstDigit);
        for (; at != end && isDigit(*at) && at - firstOfFraction < room; ++at)
            digits.magnitude = digits.magnitude * 10 + unsigned(*at - '0');
        digits.exponent = int(firstOfFraction - at);
        for (; at != end && isDigit(*at); ++at)
            isLong = true;
        if (at == firstOfFraction)
            return std::nullopt;
    }
    if (isLong) {
        digits = longDigits({firstDigit, endOfWhole}, {firstOfFraction, at}, magnitudeLimit(negative));
        if (digits.overflow)
            return std::nullopt;
    }

    int exponent = 0;
    if (at != end && (*at == 'e' || *at == 'E')) {
        ++at;
        if (at != end && *at == '+' && ++at != end && !isDigit(*at))
            return std::nullopt;
        const auto [stop, error] = std::from_chars(at, end, exponent);
        if (error != std::errc() || exponent > 1000 || exponent < -1000)
            return std::nullopt;
        at = stop;
    }
    exponent += digits.exponent;
    for (; exponent < minExponent && digits.magnitude % 10 == 0 && digits.exponent < 0;
         ++exponent, ++digits.exponent)
        digits.magnitude /= 10;
    if (at != end || exponent < minExponent || exponent > maxExponent)
        return std::nullopt;
    return Decimal{qint64(negative ? 0 - digits.magnitude : digits.magnitude), qint8(exponent)};
}

void Decimal::appendTo(QByteArray &out) const
{
    if (isNull())
        return;
    std::array<char, 24> digits;
    char *const end = digits.data() + digits.size();
    char *first = end;
    quint64 magnitude = mantissa < 0 ? 0 - quint64(mantissa) : quint64(mantissa);
    do {
        *--first = char('0' + magnitude % 10);
        magnitude /= 10;
    } while (magnitude != 0);

    const qsizetype count = end - first;
    if (mantissa < 0)
        out.append('-');
    if (exponent >= 0) {
        out.append(first, count);
        if (mantissa != 0)
            out.append(exponent, '0');
        return;
    }
    const qsizetype fraction = -exponent;
    if (count > fraction) {
        out.append(first, count - fraction).append('.').append(end - fraction, fraction);
    } else {
        out.append("0.").append(fraction - count, '0').append(first, count);
    }
}

QByteArray Decimal::toString() const
{
    QByteArray text;
    appendTo(text);
    return text;
}

double Decimal::toDouble() const
{
    if (isNull())
        return std::nan("");
    // Both parts are exact doubles and one operation rounds once: the nearest double, without the detour by
    // text.
    constexpr qint64 exactIntegers = qint64(1) << 53;
    if (mantissa <= exactIntegers && mantissa >= -exactIntegers && exponent <= 0 && exponent >= -18)
        return double(mantissa) / double(powersOfTen[std::size_t(-exponent)]);
    // Not strtod: what it takes for the point depends on the locale.
    const QByteArray text = toString();
    double result = 0;
    std::from_chars(text.begin(), text.end(), result);
    return result;
}

Decimal Decimal::normalized() const
{
    if (isNull())
        return *this;
    Decimal result = *this;
    while (result.exponent < 0 && result.mantissa % 10 == 0) {
        result.mantissa /= 10;
        ++result.exponent;
    }
    return result;
}

std::optional<qint64> Decimal::mantissaAt(int otherExponent) const
{
    if (isNull())
        return std::nullopt;
    if (exponent == otherExponent || mantissa == 0)
        return mantissa;
    const int shift = exponent - otherExponent;
    const std::size_t distance = std::size_t(shift < 0 ? -shift : shift);
    if (distance >= powersOfTen.size())
        return std::nullopt;
    const qint64 power = powersOfTen[distance];
    if (shift < 0)
        return mantissa % power == 0 ? std::optional(mantissa / power) : std::nullopt;
    qint64 result = 0;
    return __builtin_mul_overflow(mantissa, power, &result) ? std::nullopt : std::optional(result);
}

std::weak_ordering Decimal::compareScaled(const Decimal &a, const Decimal &b)
{
    if (a.isNull() || b.isNull())
        return a.isNull() ? std::weak_ordering::less : std::weak_ordering::greater;
    const int signA = (a.mantissa > 0) - (a.mantissa < 0);
    const int signB = (b.mantissa > 0) - (b.mantissa < 0);
    if (signA != signB || signA == 0)
        return signA <=> signB;
    if (a.exponent < b.exponent) // so that a has the larger exponent
        return 0 <=> (b <=> a);
    // Bring a to b's exponent. A mantissa that outgrows 64 bits is beyond any b.
    Int128 scaled = a.mantissa;
    for (int i = a.exponent; i > b.exponent; --i) {
        scaled *= 10;
        if (scaled > std::numeric_limits<qint64>::max() || scaled < std::numeric_limits<qint64>::min())
            return signA > 0 ? std::weak_ordering::greater : std::weak_ordering::less;
    }
    return qint64(scaled) <=> b.mantissa;
}

inline namespace literals {

Decimal operator""_dec(const char *text)
{
    const auto value = Decimal::parse(text);
    Q_ASSERT_X(value, "operator\"\"_dec", text);
    return value.value_or(Decimal::null());
}

Decimal operator""_dec(const char *text, std::size_t size)
{
    const auto value = Decimal::parse(QByteArrayView(text, qsizetype(size)));
    Q_ASSERT_X(value, "operator\"\"_dec", text);
    return value.value_or(Decimal::null());
}

} // namespace literals

} // namespace tidemill
