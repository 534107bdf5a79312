// SPDX-License-Identifier: Apache-2.0
#include "book_sync.h"

namespace tidemill::binance {

void BookSync::addGap(const BookUpdate &behind, GapCause cause, qint64 firstMissing, const QByteArray &reason,
                      RecordsOut &out)
{
    Gap gap;
    gap.exchange = behind.exchange;
    gap.symbol = m_symbol;
    gap.stream = m_stream;
    gap.ts_event = behind.ts_event;
    gap.ts_recv = behind.ts_recv;
    gap.ts_from = m_gapStarts.next(m_lastReceived);
    gap.ts_to = behind.ts_recv;
    gap.first_missing = firstMissing;
    gap.last_missing = firstMissing == 0 ? 0 : behind.first_update_id - 1;
    gap.cause = cause;
    out.add(gap, reason);
}

void BookSync::checkContinuity(const BookUpdate &header, RecordsOut &out)
{
    const bool resuming = std::exchange(m_resuming, false);
    if (m_lastSeen == 0 || !hasHole(m_lastSeen, header.first_update_id))
        return; // the first of all, or it follows on; an overlap is harmless, as quantities are absolute
    if (!resuming)
        startOver(out);
    addGap(header, resuming ? GapCause::Disconnect : GapCause::Sequence, m_lastSeen + 1,
           resuming ? "not connected" : "update ids jumped", out);
}

bool BookSync::hasStartedOver(const BookUpdate &header) const
{
    return !header.ts_event.isNull() && !m_lastEvent.isNull() &&
           header.ts_event - m_lastEvent > startOverAfter;
}

bool BookSync::update(const DepthEvent &event, RecordsOut &out)
{
    if (event.header.last_update_id <= m_lastSeen) {
        if (!hasStartedOver(event.header))
            return false;
        startOver(out);
        addGap(event.header, GapCause::Sequence, 0, "update ids start over", out);
        m_resuming = false;
        m_lastSeen = 0;
    }
    checkContinuity(event.header, out);
    m_lastSeen = event.header.last_update_id;
    m_lastEvent = std::max(m_lastEvent, event.header.ts_event);
    m_lastReceived = event.header.ts_recv;

    if (!m_books || m_synced) {
        apply(event, out);
        return true;
    }
    Held held{event.header, {event.bids.begin(), event.bids.end()}, {event.asks.begin(), event.asks.end()}};
    m_heldBytes += held.bytes();
    m_held.push_back(std::move(held));
    expire(event.header.ts_recv, out);
    return true;
}

void BookSync::apply(const DepthEvent &event, RecordsOut &out)
{
    out.add(event.header, event.bids, event.asks);
    if (!m_synced || event.header.last_update_id <= m_bookId)
        return;
    m_book.apply(event.bids, event.asks);
    m_bookId = event.header.last_update_id;
    if (m_book.isCrossed()) {
        startOver(out);
        addGap(event.header, GapCause::Sequence, 0, "the book is crossed: bids at or above asks", out);
    }
}

void BookSync::snapshot(const BookSnapshot &header, std::span<const Level> bids, std::span<const Level> asks,
                        RecordsOut &out)
{
    if (!m_books || m_synced || m_held.empty())
        return;
    // Older than the first event that could be applied to it: it cannot be joined, another must be fetched.
    if (hasHole(header.last_update_id, m_held.front().header.first_update_id))
        return;

    const qint64 base = header.last_update_id;
    while (!m_held.empty() && m_held.front().header.last_update_id <= base)
        release(out);
    out.add(header, bids, asks);
    m_book.replace(bids, asks);
    m_bookId = base;
    m_synced = true;
    // Held events follow each other (a jump starts over), so the first remaining one continues the snapshot:
    // its first id is base + 1 or before, its last id behind base. If none remains, the next to come has to.
    while (!m_held.empty() && m_synced) {
        const Held held = std::move(m_held.front());
        m_held.pop_front();
        m_heldBytes -= held.bytes();
        apply({held.header, held.bids, held.asks}, out);
    }
}

void BookSync::release(RecordsOut &out)
{
    const Held &held = m_held.front();
    out.add(held.header, held.bids, held.asks);
    m_heldBytes -= held.bytes();
    m_held.pop_front();
}

void BookSync::startOver(RecordsOut &out)
{
    while (!m_held.empty())
        release(out);
    m_synced = false;
    m_book.clear();
    m_bookId = 0;
}

void BookSync::disconnected(RecordsOut &out)
{
    startOver(out);
    m_resuming = m_lastSeen != 0;
}

void BookSync::expire(Timestamp now, RecordsOut &out)
{
    while (!m_held.empty() && (m_heldBytes > maxHeldBytes || now - m_held.front().header.ts_recv > maxHold))
        release(out);
}

} // namespace tidemill::binance
