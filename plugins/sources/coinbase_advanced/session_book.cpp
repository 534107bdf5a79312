// SPDX-License-Identifier: Apache-2.0
#include "session.h"

namespace tidemill::coinbase_advanced {

using namespace net::json;

bool Session::readLevels(Value value, Timestamp &happened)
{
    Level level;
    std::string_view side;
    unsigned seen = 0;
    const bool good = eachMember(value, [&](std::string_view name, Value member) {
        if (name == "side")
            return seen |= 1, readText(member, side);
        if (name == "price_level")
            return seen |= 2, readDecimal(member, level.price);
        if (name == "new_quantity")
            return seen |= 4, readDecimal(member, level.quantity);
        if (name == "event_time") {
            // The documentation shows 1970 in snapshots: no time then.
            Timestamp time;
            const bool isTime = readTime(member, time);
            happened = std::max(happened, time);
            return isTime;
        }
        return true;
    });
    if (!good || seen != 7 || (side != "bid" && side != "offer"))
        return false;
    (side == "bid" ? m_bids : m_asks).push_back(level);
    return true;
}

bool Session::takeBook(std::string_view product, Timestamp happened)
{
    if (product.empty())
        return false;
    const int id = m_streams.find(Channel::Level2, bytes(product));
    const OrderBook *book = keepBook(id, m_isSnapshot);
    if (book && m_source.heard(m_link, id, happened, m_received))
        tellBook(id, *book, m_isSnapshot, happened);
    return true;
}

} // namespace tidemill::coinbase_advanced
