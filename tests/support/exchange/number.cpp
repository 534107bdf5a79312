// SPDX-License-Identifier: Apache-2.0
#include "number.h"

#include <algorithm>

namespace tidemill::exchange {

namespace {

__extension__ using Wide = __int128;

constexpr int maxDigits = 18;
constexpr int integerWidth = 20;

QByteArray withPoint(QByteArray digits, int scale)
{
    if (scale == 0)
        return digits;
    if (digits.size() <= scale)
        digits.prepend(QByteArray(scale - digits.size() + 1, '0'));
    return digits.insert(digits.size() - scale, '.');
}

bool isDigit(char c)
{
    return c >= '0' && c <= '9';
}

} // namespace

std::optional<Number> Number::parse(QByteArrayView text)
{
    Number number;
    int count = 0;
    bool fraction = false;
    for (const char c : text) {
        if (c == '.' && !fraction && count > 0) {
            fraction = true;
            continue;
        }
        if (!isDigit(c) || ++count > maxDigits)
            return std::nullopt;
        number.digits = number.digits * 10 + (c - '0');
        number.scale += fraction ? 1 : 0;
    }
    if (count == 0 || (fraction && number.scale == 0))
        return std::nullopt;
    return number;
}

QByteArray Number::text() const
{
    return withPoint(QByteArray::number(digits), scale);
}

QByteArray product(Number left, Number right)
{
    Wide value = Wide(left.digits) * right.digits;
    int scale = left.scale + right.scale;
    for (; scale > 8; --scale)
        value /= 10;
    QByteArray digits;
    do {
        digits.append(char('0' + int(value % 10)));
        value /= 10;
    } while (value > 0);
    std::reverse(digits.begin(), digits.end());
    return withPoint(digits, scale);
}

QByteArray sortKey(QByteArrayView text)
{
    const qsizetype point = text.indexOf('.');
    QByteArrayView integer = point < 0 ? text : text.first(point);
    QByteArrayView fraction = point < 0 ? QByteArrayView() : text.sliced(point + 1);
    if (integer.isEmpty() || (point >= 0 && fraction.isEmpty()) ||
        !std::all_of(integer.begin(), integer.end(), isDigit) ||
        !std::all_of(fraction.begin(), fraction.end(), isDigit))
        return {};
    while (integer.size() > 1 && integer.front() == '0')
        integer = integer.sliced(1);
    while (!fraction.isEmpty() && fraction.back() == '0')
        fraction.chop(1);
    if (integer.size() > integerWidth)
        return {};
    return integer.toByteArray().rightJustified(integerWidth, '0') + fraction.toByteArray();
}

bool isZero(QByteArrayView text)
{
    return std::all_of(text.begin(), text.end(), [](char c) { return c == '0' || c == '.'; });
}

} // namespace tidemill::exchange
