// SPDX-License-Identifier: Apache-2.0
#include "session.h"

namespace tidemill::kraken {

using namespace net::json;

bool Session::readBook(ondemand::value value)
{
    std::string_view symbol;
    Timestamp happened;
    qint64 checksum = -1;
    m_bids.clear();
    m_asks.clear();
    const auto readSide = [](ondemand::value levels, std::vector<Level> &side) {
        return eachElement(levels, [&side](ondemand::value element) {
            Level level;
            unsigned seen = 0;
            const bool good = eachMember(element, [&](std::string_view name, ondemand::value member) {
                if (name == "price")
                    return seen |= 1, readDecimal(member, level.price);
                if (name == "qty")
                    return seen |= 2, readDecimal(member, level.quantity);
                return true;
            });
            side.push_back(level);
            return good && seen == 3;
        });
    };
    const bool good = eachMember(value, [&](std::string_view name, ondemand::value member) {
        if (name == "symbol")
            return readText(member, symbol);
        if (name == "bids")
            return readSide(member, m_bids);
        if (name == "asks")
            return readSide(member, m_asks);
        if (name == "checksum")
            return readInteger(member, checksum);
        if (name == "timestamp")
            return readTime(member, happened);
        return true;
    });
    if (!good || symbol.empty() || checksum < 0 || checksum > 0xffffffffLL)
        return false;
    takeBook(m_streams.find(Channel::Book, bytes(symbol)), happened, quint32(checksum));
    return true;
}

void Session::takeBook(int id, Timestamp happened, quint32 checksum)
{
    const Book *book = keepBook(id, m_isSnapshot, Book(id < 0 ? 0 : m_streams[id].spec.parameter));
    if (!book)
        return;
    const bool isTold = m_source.heard(m_link, id, happened, m_received);
    if (book->checksum() != checksum) {
        m_checksumFailures.add();
        dropBook(id, isTold, happened, "the book's checksum is wrong: a new one is asked for");
    } else if (isTold) {
        tellBook(id, *book, m_isSnapshot, happened);
    }
}

} // namespace tidemill::kraken
