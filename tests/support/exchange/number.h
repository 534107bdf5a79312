// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <QByteArray>
#include <QByteArrayView>

#include <optional>

namespace tidemill::exchange {

// A decimal number that prints exactly as it was written: digits and the count of those behind the point.
struct Number
{
    qint64 digits = 0;
    int scale = 0;

    // "0.00010000" and the like: plain digits, one point at most, at most 18 digits in all.
    static std::optional<Number> parse(QByteArrayView text);
    QByteArray text() const;

    friend bool operator==(const Number &, const Number &) = default;
};

// The exact product, cut to eight decimals as the exchange prints quote quantities.
QByteArray product(Number left, Number right);

// A text that sorts as the number does ("9.5" before "10.0", "1.50" equal to "1.5"); empty when `text` is no
// number.
QByteArray sortKey(QByteArrayView text);

// True for "0", "0.000" and so on.
bool isZero(QByteArrayView text);

} // namespace tidemill::exchange
