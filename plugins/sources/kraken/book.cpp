// SPDX-License-Identifier: Apache-2.0
#include "book.h"

#include <zlib.h>

#include <algorithm>
#include <charconv>

namespace tidemill::kraken {

namespace {

constexpr std::size_t checkedLevels = 10;

// Digits without point and leading zeros: the mantissa of the decimal as it was sent.
void appendDigits(QByteArray &out, Decimal number)
{
    char digits[24];
    const auto end = std::to_chars(std::begin(digits), std::end(digits), number.mantissa).ptr;
    out.append(digits, end - digits);
    for (int zeros = number.exponent; zeros > 0 && number.mantissa != 0; --zeros)
        out.append('0');
}

// Sides stand worst level first.
void appendBest(QByteArray &out, const std::vector<Level> &side)
{
    const std::size_t count = std::min(checkedLevels, side.size());
    for (std::size_t i = 1; i <= count; ++i) {
        appendDigits(out, side[side.size() - i].price);
        appendDigits(out, side[side.size() - i].quantity);
    }
}

void removeBeyond(std::size_t depth, const std::vector<Level> &side, std::vector<Level> &changes)
{
    for (std::size_t i = 0; i + depth < side.size(); ++i)
        changes.push_back({side[i].price, Decimal{0, 0}});
}

} // namespace

void Book::apply(std::vector<Level> &bids, std::vector<Level> &asks)
{
    OrderBook::apply(bids, asks);
    const std::size_t sentBids = bids.size();
    const std::size_t sentAsks = asks.size();
    removeBeyond(m_depth, OrderBook::bids(), bids);
    removeBeyond(m_depth, OrderBook::asks(), asks);
    OrderBook::apply(std::span(bids).subspan(sentBids), std::span(asks).subspan(sentAsks));
}

quint32 Book::checksum() const
{
    QByteArray text;
    text.reserve(1024);
    appendBest(text, asks());
    appendBest(text, bids());
    return quint32(crc32(0, reinterpret_cast<const Bytef *>(text.constData()), uInt(text.size())));
}

} // namespace tidemill::kraken
