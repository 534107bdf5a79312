// SPDX-License-Identifier: Apache-2.0
#include "known_entries.h"

#include <algorithm>

namespace tidemill::redis_stream {

// Where it is, or the free place where it would be.
std::size_t KnownEntries::placeOf(quint64 identity) const
{
    const std::size_t mask = m_table.size() - 1;
    std::size_t place = identity & mask;
    while (m_table[place] != 0 && m_table[place] != identity)
        place = (place + 1) & mask;
    return place;
}

bool KnownEntries::contains(quint64 identity) const
{
    return m_count > 0 && m_table[placeOf(nonZero(identity))] != 0;
}

bool KnownEntries::add(quint64 identity)
{
    identity = nonZero(identity);
    if (std::size_t(m_count) == m_ring.size())
        grow();
    quint64 &place = m_table[placeOf(identity)];
    if (place != 0)
        return false;
    place = identity;
    m_ring[(m_oldest + std::size_t(m_count)) % m_ring.size()] = identity;
    ++m_count;
    return true;
}

void KnownEntries::dropNewest(qsizetype count)
{
    for (; count > 0 && m_count > 0; --count) {
        --m_count;
        erase(m_ring[(m_oldest + std::size_t(m_count)) % m_ring.size()]);
    }
}

void KnownEntries::trim(qsizetype limit)
{
    for (; m_count > limit; --m_count) {
        erase(m_ring[m_oldest]);
        m_oldest = (m_oldest + 1) % m_ring.size();
    }
}

void KnownEntries::insert(quint64 identity)
{
    m_table[placeOf(identity)] = identity;
}

// What stands behind a free place would not be found any more: it moves up.
void KnownEntries::erase(quint64 identity)
{
    const std::size_t mask = m_table.size() - 1;
    std::size_t free = placeOf(identity);
    std::size_t next = free;
    for (;;) {
        m_table[free] = 0;
        for (;;) {
            next = (next + 1) & mask;
            if (m_table[next] == 0)
                return;
            const std::size_t home = m_table[next] & mask;
            const bool mayMove = ((next - home) & mask) >= ((next - free) & mask);
            if (mayMove)
                break;
        }
        m_table[free] = m_table[next];
        free = next;
    }
}

void KnownEntries::grow()
{
    std::vector<quint64> ring(std::max<std::size_t>(16, m_ring.size() * 2));
    for (std::size_t index = 0; index < std::size_t(m_count); ++index)
        ring[index] = m_ring[(m_oldest + index) % m_ring.size()];
    m_ring = std::move(ring);
    m_oldest = 0;
    std::size_t size = 32;
    while (size < m_ring.size() * 2)
        size *= 2;
    m_table.assign(size, 0);
    for (std::size_t index = 0; index < std::size_t(m_count); ++index)
        insert(m_ring[index]);
}

} // namespace tidemill::redis_stream
