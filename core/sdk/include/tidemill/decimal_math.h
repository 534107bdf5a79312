// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tidemill/decimal.h>

namespace tidemill {

__extension__ typedef __int128 Int128;
__extension__ typedef unsigned __int128 UInt128;

// An exact sum of decimals and of products of decimals, in 128 bits. When a step does not fit, the sum is
// lost and says so ever after: there is no rounding in here, and no wrapping around.
class TIDEMILL_SDK_EXPORT DecimalSum
{
public:
    void add(const Decimal &value) { addScaled(value.mantissa, value.exponent, value.isNull()); }
    void subtract(const Decimal &value)
    {
        addScaled(-Int128(value.mantissa), value.exponent, value.isNull());
    }
    void addProduct(const Decimal &a, const Decimal &b)
    {
        addScaled(Int128(a.mantissa) * b.mantissa, a.exponent + b.exponent, a.isNull() || b.isNull());
    }

    DecimalSum times(qint64 factor) const;

    bool isLost() const { return m_lost; }
    bool isZero() const { return m_mantissa == 0; }

    // Nothing when either side is lost or the two cannot be brought to one scale in 128 bits.
    static std::optional<std::strong_ordering> compare(const DecimalSum &a, const DecimalSum &b);

    // a / b to 18 significant digits (at most 18 of them behind the point), rounded half to even, without
    // zeros at the end. 18 digits are what an int64 always holds. Nothing if b is zero, either is lost, or it
    // does not fit.
    static std::optional<Decimal> quotient(const DecimalSum &a, const DecimalSum &b);

private:
    void addScaled(Int128 mantissa, int exponent, bool lost);

    Int128 m_mantissa = 0;
    int m_exponent = 0;
    bool m_lost = false;
};

} // namespace tidemill
