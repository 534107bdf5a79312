// SPDX-License-Identifier: Apache-2.0
#include "moving_averages.h"

namespace tidemill {

namespace {

constexpr int minExponent = -18;

} // namespace

bool MovingAverages::canTake(const Decimal &price)
{
    constexpr Decimal limit{1, 12};
    return price > Decimal{} && price < limit &&
           (price.exponent >= minExponent || price.normalized().exponent >= minExponent);
}

MovingAverages::MovingAverages(int shortLength, int longLength)
    : m_shortLength(shortLength)
    , m_longLength(longLength)
    , m_ring(std::size_t(longLength))
{}

void MovingAverages::push(const Price &newest)
{
    Price price = newest;
    if (price.value.exponent < minExponent)
        price.value = price.value.normalized();
    m_before = m_now;
    m_wasFull = m_count == m_ring.size();

    const auto shortLength = std::size_t(m_shortLength);
    if (m_count >= shortLength)
        m_now.shortSum.subtract(at(m_count - shortLength).value);
    m_now.shortSum.add(price.value);
    if (m_wasFull) {
        m_now.longSum.subtract(at(0).value);
        m_ring[m_oldest] = price;
        m_oldest = (m_oldest + 1) % m_ring.size();
    } else {
        m_ring[(m_oldest + m_count) % m_ring.size()] = price;
        ++m_count;
    }
    m_now.longSum.add(price.value);
}

void MovingAverages::clear()
{
    m_oldest = 0;
    m_count = 0;
    m_now = {};
    m_before = {};
    m_wasFull = false;
}

MovingAverages::Crossing MovingAverages::crossing() const
{
    if (m_count < m_ring.size())
        return Crossing::None;
    const auto now = compare(m_now.shortSum, m_now.longSum);
    const auto before = compare(m_before.shortSum, m_wasFull ? m_before.longSum : m_now.longSum);
    if (now > 0 && before <= 0)
        return Crossing::Above;
    if (now < 0 && before >= 0)
        return Crossing::Below;
    return Crossing::None;
}

std::strong_ordering MovingAverages::compare(const DecimalSum &shortSum, const DecimalSum &longSum) const
{
    // s/m against l/n is s*n against l*m: no division, no rounding. The bounds of canTake() leave no sum
    // lost.
    return DecimalSum::compare(shortSum.times(m_longLength), longSum.times(m_shortLength))
        .value_or(std::strong_ordering::equal);
}

Decimal MovingAverages::average(const DecimalSum &sum, int length)
{
    DecimalSum divisor;
    divisor.add({length, 0});
    return DecimalSum::quotient(sum, divisor).value_or(Decimal::null());
}

} // namespace tidemill
