// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tidemill/decimal_math.h>
#include <tidemill/timestamp.h>

#include <cstddef>
#include <vector>

namespace tidemill {

// The simple moving averages over the last prices of one market, a short and a long one, as exact sums: each
// price costs the same, whatever the lengths, and allocates nothing. A ring of the long window is enough,
// because the averages before the last price are the sums as they were then.
class MovingAverages
{
public:
    struct Price
    {
        Decimal value;
        Timestamp at;
    };

    // Where the short average went with the last price.
    enum class Crossing { None, Above, Below };

    // With these bounds no sum and no product of sum and length outgrows 128 bits.
    static constexpr int maxLength = 10'000;
    static bool
    canTake(const Decimal &price); // positive, below 10^12, no more than 18 digits behind the point

    // 0 < shortLength < longLength <= maxLength
    MovingAverages(int shortLength, int longLength);

    // Only prices that canTake() says yes to.
    void push(const Price &newest);
    void clear();

    // None until the long window is full. With exactly the long window full, the long average before counts
    // as equal.
    Crossing crossing() const;

    // To 18 significant digits; only when the long window is full.
    Decimal shortAverage() const { return average(m_now.shortSum, m_shortLength); }
    Decimal longAverage() const { return average(m_now.longSum, m_longLength); }

    std::size_t size() const { return m_count; }
    // From 0, the oldest, to size() - 1.
    const Price &at(std::size_t index) const { return m_ring[(m_oldest + index) % m_ring.size()]; }

private:
    struct Sums
    {
        DecimalSum shortSum;
        DecimalSum longSum;
    };

    static Decimal average(const DecimalSum &sum, int length);
    // The short average against the long one.
    std::strong_ordering compare(const DecimalSum &shortSum, const DecimalSum &longSum) const;

    int m_shortLength;
    int m_longLength;
    std::vector<Price> m_ring;
    std::size_t m_oldest = 0;
    std::size_t m_count = 0;
    Sums m_now;
    Sums m_before; // as m_now was before the last price; of use only if that was full already
    bool m_wasFull = false;
};

} // namespace tidemill
