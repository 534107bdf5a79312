// SPDX-License-Identifier: Apache-2.0
#include "held_rows.h"

#include <algorithm>

namespace tidemill::net {

using Offset = std::ptrdiff_t;

bool HeldRows::insert(qint64 id, Timestamp at, const std::byte *row)
{
    const auto from = m_entries.begin() + Offset(m_head);
    const auto place = isEmpty() || m_entries.back().id < id
                           ? m_entries.end()
                           : std::lower_bound(from, m_entries.end(), id,
                                              [](const Entry &entry, qint64 key) { return entry.id < key; });
    if (place != m_entries.end() && place->id == id)
        return false;
    const Offset index = place - m_entries.begin();
    m_entries.insert(place, {id, at});
    m_rows.insert(m_rows.begin() + index * Offset(m_rowSize), row, row + m_rowSize);
    return true;
}

bool HeldRows::contains(qint64 id) const
{
    const auto place = std::lower_bound(m_entries.begin() + Offset(m_head), m_entries.end(), id,
                                        [](const Entry &entry, qint64 key) { return entry.id < key; });
    return place != m_entries.end() && place->id == id;
}

void HeldRows::popFront()
{
    ++m_head;
    if (isEmpty()) {
        // Holes are rare: what one took is given back.
        m_entries = {};
        m_rows = {};
        m_head = 0;
    } else if (m_head >= 1024 && m_head > m_entries.size() / 2) {
        m_entries.erase(m_entries.begin(), m_entries.begin() + Offset(m_head));
        m_rows.erase(m_rows.begin(), m_rows.begin() + Offset(m_head * m_rowSize));
        m_head = 0;
    }
}

} // namespace tidemill::net
