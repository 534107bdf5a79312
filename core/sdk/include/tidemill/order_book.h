// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tidemill/record.h>

#include <span>
#include <vector>

namespace tidemill {

// The levels of one market, kept from a snapshot and changes. Knows quantities by price and nothing of
// sequences: whether a change fits is the caller's to check first.
class TIDEMILL_SDK_EXPORT OrderBook
{
public:
    void clear();
    void replace(std::span<const Level> bids, std::span<const Level> asks);
    // Sets each level to its quantity; zero removes it. Removing one that is not there is normal.
    void apply(std::span<const Level> bids, std::span<const Level> asks);

    // Worst level first, so the best is back(): changes near the best then move little memory.
    const std::vector<Level> &bids() const { return m_bids; }
    const std::vector<Level> &asks() const { return m_asks; }

    bool isEmpty() const { return m_bids.empty() && m_asks.empty(); }
    // The best bid is at or above the best ask: no real book is like that.
    bool isCrossed() const;

private:
    std::vector<Level> m_bids;
    std::vector<Level> m_asks;
};

} // namespace tidemill
