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
    const int id = m_streams.find(Channel::Book, bytes(symbol));
    if (id >= 0)
        takeBook(id, m_isSnapshot, happened, quint32(checksum));
    else
        m_source.countUnused("not_subscribed");
    return true;
}

void Session::takeBook(int id, bool isSnapshot, Timestamp happened, quint32 checksum)
{
    Stream &stream = m_streams[id];
    const Symbol symbol = m_source.stream(id).symbol;
    auto book = m_books.find(id);
    if (isSnapshot) {
        book = m_books.insert_or_assign(id, Book(stream.spec.parameter)).first;
        book->second.replace(m_bids, m_asks);
    } else if (book == m_books.end()) {
        return m_source.countUnused("no_snapshot");
    } else {
        book->second.apply(m_bids, m_asks);
    }
    const bool isTold = m_source.heard(m_link, id, happened, m_received);
    if (book->second.checksum() != checksum) {
        m_books.erase(book);
        m_checksumFailures.add();
        if (isTold)
            m_source.addGap(id, GapCause::Sequence, happened, m_received,
                            "the book's checksum is wrong: a new one is asked for");
        const QList<net::FeedStream> again{{id, {}}};
        unsubscribe(again);
        subscribe(again);
        return;
    }
    if (!isTold)
        return;
    if (isSnapshot)
        return emitSnapshot(id, book->second, happened);
    const qint64 number = stream.numbers.change();
    m_source.out().add(BookUpdate{.exchange = m_source.exchange(),
                                  .symbol = symbol,
                                  .ts_event = happened,
                                  .ts_recv = m_received,
                                  .first_update_id = number,
                                  .last_update_id = number},
                       m_bids, m_asks);
}

void Session::emitSnapshot(int id, const Book &book, Timestamp happened)
{
    Stream &stream = m_streams[id];
    const Symbol symbol = m_source.stream(id).symbol;
    const std::vector<Level> bids(book.levels().bids().rbegin(), book.levels().bids().rend());
    const std::vector<Level> asks(book.levels().asks().rbegin(), book.levels().asks().rend());
    m_source.out().add(BookSnapshot{.exchange = m_source.exchange(),
                                    .symbol = symbol,
                                    .ts_event = happened,
                                    .ts_recv = m_received,
                                    .last_update_id = stream.numbers.snapshot(m_received),
                                    .depth = stream.spec.parameter},
                       bids, asks);
}

void Session::lead()
{
    for (const auto &[id, book] : m_books)
        emitSnapshot(id, book, {});
    m_source.flush();
}

} // namespace tidemill::kraken
