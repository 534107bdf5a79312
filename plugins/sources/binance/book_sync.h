// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tidemill/gap_starts.h>
#include <tidemill/order_book.h>
#include <tidemill/records_out.h>

#include <deque>
#include <optional>
#include <vector>

namespace tidemill::binance {

// Whether ids are missing between these two. Subtracts only where that cannot overflow: ids come from a peer.
inline bool hasHole(qint64 last, qint64 next)
{
    return next > last && next - 1 > last;
}

// A depth event; the levels are borrowed for the call.
struct DepthEvent
{
    BookUpdate header; // without levels
    std::span<const Level> bids;
    std::span<const Level> asks;
};

// Keeps one market's depth stream continuous and joins it with REST snapshots, so that whoever reads its
// output can keep a book without buffering or asking anybody:
//
//     updates up to the snapshot, BookSnapshot, updates behind it, each continuing the one before.
//
// Until a snapshot is there, updates are held back, at most maxHold long and maxHeldBytes in all; beyond that
// the oldest go out without a book. A hole becomes a Gap, and a new snapshot is wanted. It may be fed by
// several connections that carry the same stream: what comes a second time is left out. No network in here.
class BookSync
{
public:
    static constexpr std::chrono::seconds maxHold{10};
    // Ids that went back and stay there for so long, by the exchange's clock, have begun anew.
    static constexpr std::chrono::seconds startOverAfter{10};
    static constexpr std::size_t maxHeldBytes = std::size_t(512) * 1024;

    // Without `books` updates pass at once, snapshots are never wanted, holes are still found.
    BookSync(Symbol symbol, Symbol stream, bool books) : m_symbol(symbol), m_stream(stream), m_books(books) {}

    // False: it is not newer than what there was, and does not go out.
    bool update(const DepthEvent &event, RecordsOut &out);
    // A whole book as of header.last_update_id, best levels first.
    void snapshot(const BookSnapshot &header, std::span<const Level> bids, std::span<const Level> asks,
                  RecordsOut &out);
    // The connection is gone: what comes next need not follow on. What is held goes out.
    void disconnected(RecordsOut &out);
    // Lets go of what has been held for too long; to be called now and then.
    void expire(Timestamp now, RecordsOut &out);

    // A snapshot has to be fetched. Only once there is an event that it can be joined with.
    bool wantsSnapshot() const { return m_books && !m_synced && !m_held.empty(); }
    bool isSynced() const { return m_synced; }
    const OrderBook &book() const { return m_book; }

private:
    struct Held
    {
        BookUpdate header;
        std::vector<Level> bids;
        std::vector<Level> asks;
        std::size_t bytes() const { return sizeof(Held) + (bids.size() + asks.size()) * sizeof(Level); }
    };

    bool hasStartedOver(const BookUpdate &header) const;
    void checkContinuity(const BookUpdate &header, RecordsOut &out);
    void apply(const DepthEvent &event, RecordsOut &out);
    void startOver(RecordsOut &out);
    void release(RecordsOut &out);
    void addGap(const BookUpdate &behind, GapCause cause, qint64 firstMissing, const QByteArray &reason,
                RecordsOut &out);

    Symbol m_symbol;
    Symbol m_stream;
    bool m_books;
    bool m_synced = false;
    bool m_resuming = false;
    qint64 m_lastSeen = 0; // last_update_id of the newest event, held or not
    Timestamp m_lastEvent;
    Timestamp m_lastReceived;
    GapStarts m_gapStarts;
    qint64 m_bookId = 0; // what the book stands at
    OrderBook m_book;
    std::deque<Held> m_held;
    std::size_t m_heldBytes = 0;
};

} // namespace tidemill::binance
