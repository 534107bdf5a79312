// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tidemill/order_book.h>

namespace tidemill::kraken {

// A book of at most `depth` levels a side, as Kraken means it: a level that falls out of the depth is gone
// without a word, and a checksum over the best ten of each side shows whether both sides agree.
class Book : public OrderBook
{
public:
    explicit Book(int depth) : m_depth(std::size_t(depth)) {}

    // Applies the changes and adds to them, with a quantity of zero, the levels that fell out of the depth,
    // so that who applies the result keeps the very same book.
    void apply(std::vector<Level> &bids, std::vector<Level> &asks);

    // The CRC-32 by Kraken's rule, over the digits as they were sent.
    quint32 checksum() const;

private:
    std::size_t m_depth;
};

} // namespace tidemill::kraken
