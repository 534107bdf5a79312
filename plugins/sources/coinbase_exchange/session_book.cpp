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
    if (id < 0)
        return m_source.countUnused("not_subscribed"), Result<>();
    Book &book = m_books[id];
    book.levels.replace(m_bids, m_asks);
    book.mayCross = book.levels.isCrossed();
    if (m_source.heard(m_link, id, happened, m_received))
        emitSnapshot(id, happened);
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
    const auto book = m_books.find(id);
    if (id < 0)
        return m_source.countUnused("not_subscribed"), Result<>();
    if (book == m_books.end())
        return m_source.countUnused("no_snapshot"), Result<>();
    book->second.levels.apply(m_bids, m_asks);
    const bool isTold = m_source.heard(m_link, id, happened, m_received);
    const bool isCrossed = book->second.levels.isCrossed();
    book->second.mayCross = book->second.mayCross && isCrossed;
    if (isCrossed && !book->second.mayCross) {
        if (isTold)
            m_source.addGap(id, GapCause::Sequence, happened, m_received,
                            "the best bid is not below the best ask: the book is asked for anew");
        const QList<net::FeedStream> again{{id, {}}};
        unsubscribe(again);
        subscribe(again);
        return {};
    }
    if (!isTold)
        return {};
    const qint64 number = m_streams[id].numbers.change();
    m_source.out().add(BookUpdate{.exchange = m_source.exchange(),
                                  .symbol = m_source.stream(id).symbol,
                                  .ts_event = happened,
                                  .ts_recv = m_received,
                                  .first_update_id = number,
                                  .last_update_id = number},
                       m_bids, m_asks);
    return {};
}

void Session::emitSnapshot(int id, Timestamp happened)
{
    const OrderBook &book = m_books[id].levels;
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

} // namespace tidemill::coinbase_exchange
