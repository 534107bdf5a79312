// SPDX-License-Identifier: Apache-2.0
#include "session.h"

namespace tidemill::coinbase_exchange {

using namespace net::json;

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

// The levels of a snapshot or the changes of an update, as m_bids and m_asks.
bool Session::readBook(Object &object, bool isSnapshot, BookFrame &frame)
{
    unsigned seen = 0;
    const bool good = eachMember(object, [&](std::string_view name, ondemand::value member) {
        if (name == "product_id")
            return seen |= 1, readText(member, frame.product);
        if (name == "time")
            return readTime(member, frame.happened);
        if (isSnapshot && name == "bids")
            return seen |= 2, readLevels(member, m_bids);
        if (isSnapshot && name == "asks")
            return seen |= 4, readLevels(member, m_asks);
        if (!isSnapshot && name == "changes")
            return seen |= 6, readChanges(member);
        return true;
    });
    return good && seen == 7;
}

Result<> Session::decodeSnapshot(Object &object)
{
    BookFrame frame;
    if (!readBook(object, true, frame))
        return malformed(QStringLiteral("snapshot: expected product_id, bids and asks"));
    const int id = m_streams.find(Channel::Level2Batch, bytes(frame.product));
    Book *book = keepBook(id, true);
    if (!book)
        return {};
    book->mayCross = book->isCrossed();
    if (m_source.heard(m_link, id, frame.happened, m_received))
        tellBook(id, *book, true, frame.happened);
    return {};
}

Result<> Session::decodeChanges(Object &object)
{
    BookFrame frame;
    if (!readBook(object, false, frame))
        return malformed(QStringLiteral("l2update: expected product_id and changes of side, price and size"));
    const int id = m_streams.find(Channel::Level2Batch, bytes(frame.product));
    Book *book = keepBook(id, false);
    if (!book)
        return {};
    const bool isTold = m_source.heard(m_link, id, frame.happened, m_received);
    const bool isCrossed = book->isCrossed();
    book->mayCross = book->mayCross && isCrossed;
    if (isCrossed && !book->mayCross)
        dropBook(id, isTold, frame.happened,
                 "the best bid is not below the best ask: the book is asked for anew");
    else if (isTold)
        tellBook(id, *book, false, frame.happened);
    return {};
}

} // namespace tidemill::coinbase_exchange
