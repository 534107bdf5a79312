// SPDX-License-Identifier: Apache-2.0
#include "session.h"

namespace tidemill::coinbase_exchange {

using namespace net::json;

Result<> Session::decodeSnapshot(Object &object)
{
    std::string_view product;
    Timestamp happened;
    unsigned seen = 0;
    const bool good = eachMember(object, [&](std::string_view name, ondemand::value member) {
        if (name == "product_id")
            return seen |= 1, readText(member, product);
        if (name == "bids")
            return seen |= 2, readLevels(member, m_bids);
        if (name == "asks")
            return seen |= 4, readLevels(member, m_asks);
        if (name == "time")
            return readTime(member, happened);
        return true;
    });
    if (!good || seen != 7)
        return malformed(QStringLiteral("snapshot: expected product_id, bids and asks"));
    const int id = m_streams.find(Channel::Level2Batch, bytes(product));
    Book *book = keepBook(id, true);
    if (!book)
        return {};
    book->mayCross = book->isCrossed();
    if (m_source.heard(m_link, id, happened, m_received))
        tellBook(id, *book, true, happened);
    return {};
}

bool Session::readChanges(ondemand::value value)
{
    m_bids.clear();
    m_asks.clear();
    return eachElement(value, [this](ondemand::value change) {
        Level level;
        std::string_view side;
        int member = 0;
        const bool good = eachElement(change, [&](ondemand::value element) {
            switch (member++) {
            case 0:
                return readText(element, side);
            case 1:
                return readDecimal(element, level.price);
            case 2:
                return readDecimal(element, level.quantity);
            default:
                return true;
            }
        });
        if (!good || member < 3 || (side != "buy" && side != "sell"))
            return false;
        (side == "buy" ? m_bids : m_asks).push_back(level);
        return true;
    });
}

Result<> Session::decodeChanges(Object &object)
{
    std::string_view product;
    Timestamp happened;
    unsigned seen = 0;
    const bool good = eachMember(object, [&](std::string_view name, ondemand::value member) {
        if (name == "product_id")
            return seen |= 1, readText(member, product);
        if (name == "changes")
            return seen |= 2, readChanges(member);
        if (name == "time")
            return readTime(member, happened);
        return true;
    });
    if (!good || seen != 3)
        return malformed(QStringLiteral("l2update: expected product_id and changes of side, price and size"));
    const int id = m_streams.find(Channel::Level2Batch, bytes(product));
    Book *book = keepBook(id, false);
    if (!book)
        return {};
    const bool isTold = m_source.heard(m_link, id, happened, m_received);
    const bool isCrossed = book->isCrossed();
    book->mayCross = book->mayCross && isCrossed;
    if (isCrossed && !book->mayCross)
        dropBook(id, isTold, happened, "the best bid is not below the best ask: the book is asked for anew");
    else if (isTold)
        tellBook(id, *book, false, happened);
    return {};
}

} // namespace tidemill::coinbase_exchange
