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
    if (id < 0) {
        m_source.countUnused("not_subscribed");
        return true;
    }
    auto book = m_books.find(id);
    if (m_isSnapshot) {
        book = m_books.try_emplace(id).first;
        book->second.replace(m_bids, m_asks);
    } else if (book == m_books.end()) {
        m_source.countUnused("no_snapshot");
        return true;
    } else {
        book->second.apply(m_bids, m_asks);
    }
    if (!m_source.heard(m_link, id, happened, m_received))
        return true;
    if (m_isSnapshot) {
        emitSnapshot(id, happened);
        return true;
    }
    const qint64 number = m_streams[id].numbers.change();
    m_source.out().add(BookUpdate{.exchange = m_source.exchange(),
                                  .symbol = m_source.stream(id).symbol,
                                  .ts_event = happened,
                                  .ts_recv = m_received,
                                  .first_update_id = number,
                                  .last_update_id = number},
                       m_bids, m_asks);
    return true;
}

void Session::emitSnapshot(int id, Timestamp happened)
{
    const OrderBook &book = m_books[id];
    const std::vector<Level> bids(book.bids().rbegin(), book.bids().rend());
    const std::vector<Level> asks(book.asks().rbegin(), book.asks().rend());
    m_source.out().add(BookSnapshot{.exchange = m_source.exchange(),
                                    .symbol = m_source.stream(id).symbol,
                                    .ts_event = happened,
                                    .ts_recv = m_received,
                                    .last_update_id = m_streams[id].numbers.snapshot(m_received),
                                    .depth = qint64(std::max(bids.size(), asks.size()))},
                       bids, asks);
}

void Session::lead()
{
    for (const auto &[id, book] : m_books)
        emitSnapshot(id, {});
    m_source.flush();
}

} // namespace tidemill::coinbase_advanced
