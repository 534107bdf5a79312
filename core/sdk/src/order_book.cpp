// SPDX-License-Identifier: Apache-2.0
#include <tidemill/order_book.h>

#include <algorithm>

namespace tidemill {

namespace {

// `worse(a, b)`: a belongs before b in a side that has its best level last.
template<typename Worse>
void set(std::vector<Level> &side, const Level &level, Worse worse)
{
    // Most changes are near the best, so the search starts there.
    auto at = side.end();
    for (int steps = 0; at != side.begin() && steps < 8 && !worse((at - 1)->price, level.price); ++steps)
        --at;
    if (at != side.begin() && !worse((at - 1)->price, level.price))
        at = std::lower_bound(
            side.begin(), at, level.price,
            [&](const Level &candidate, const Decimal &price) { return worse(candidate.price, price); });

    const bool present = at != side.end() && at->price == level.price;
    if (level.quantity.isZero()) {
        if (present)
            side.erase(at);
    } else if (present) {
        at->quantity = level.quantity;
    } else {
        side.insert(at, level);
    }
}

// Lambdas, because these are inlined into the search where functions are called through a pointer.
constexpr auto lower = [](const Decimal &a, const Decimal &b) { return a < b; };
constexpr auto higher = [](const Decimal &a, const Decimal &b) { return a > b; };

// Snapshots come best first. One that does not would be put in place level by level in quadratic time, and
// snapshots can have tens of thousands.
template<typename Better>
std::span<const Level> bestFirst(std::span<const Level> side, std::vector<Level> &sorted, Better better)
{
    const auto byPrice = [better](const Level &a, const Level &b) { return better(a.price, b.price); };
    if (std::is_sorted(side.begin(), side.end(), byPrice))
        return side;
    sorted.assign(side.begin(), side.end());
    std::stable_sort(sorted.begin(), sorted.end(), byPrice);
    return sorted;
}

} // namespace

void OrderBook::clear()
{
    m_bids.clear();
    m_asks.clear();
}

void OrderBook::replace(std::span<const Level> bids, std::span<const Level> asks)
{
    clear();
    // From the other end, each level goes to the back.
    std::vector<Level> sorted;
    const std::span<const Level> bestBids = bestFirst(bids, sorted, higher);
    m_bids.reserve(bids.size());
    for (auto level = bestBids.rbegin(); level != bestBids.rend(); ++level)
        set(m_bids, *level, lower);
    const std::span<const Level> bestAsks = bestFirst(asks, sorted, lower);
    m_asks.reserve(asks.size());
    for (auto level = bestAsks.rbegin(); level != bestAsks.rend(); ++level)
        set(m_asks, *level, higher);
}

void OrderBook::apply(std::span<const Level> bids, std::span<const Level> asks)
{
    for (const Level &level : bids)
        set(m_bids, level, lower);
    for (const Level &level : asks)
        set(m_asks, level, higher);
}

bool OrderBook::isCrossed() const
{
    return !m_bids.empty() && !m_asks.empty() && m_bids.back().price >= m_asks.back().price;
}

} // namespace tidemill
