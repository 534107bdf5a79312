// SPDX-License-Identifier: Apache-2.0
#include "known_entries.h"

#include <algorithm>

namespace tidemill::redis_stream {

// Where it is, or the free place where it would be.
std::size_t KnownEntries::placeOf(quint64 hash) const
{
    const std::size_t mask = m_table.size() - 1;
    std::size_t place = hash & mask;
    while (m_table[place] != 0 && m_table[place] != hash)
        place = (place + 1) & mask;
    return place;
}

bool KnownEntries::contains(quint64 hash)
{
    if (m_count == 0)
        return false;
    index();
    return m_table[placeOf(nonZero(hash))] != 0;
}

bool KnownEntries::add(const Identity &identity)
{
    const quint64 hash = nonZero(identity.hash);
    const bool isHigher = identity.sequence > m_highest;
    if (!isHigher && contains(hash))
        return false;
    if (std::size_t(m_count) == m_ring.size())
        grow();
    if (isIndexed()) {
        if (isHigher && ++m_unasked > m_ring.size())
            m_table = {}; // keeping it up to date costs more than making it again
        else
            m_table[placeOf(hash)] = hash;
    }
    m_ring[ringPlace(std::size_t(m_count))] = hash;
    ++m_count;
    if (identity.sequence < 0)
        m_highest = std::numeric_limits<qint64>::max();
    else if (isHigher)
        m_highest = identity.sequence;
    return true;
}

void KnownEntries::dropNewest(qsizetype count)
{
    for (; count > 0 && m_count > 0; --count) {
        --m_count;
        if (isIndexed())
            erase(m_ring[ringPlace(std::size_t(m_count))]);
    }
}

void KnownEntries::trim(qsizetype limit)
{
    for (; m_count > limit; --m_count) {
        if (isIndexed())
            erase(m_ring[m_oldest]);
        m_oldest = ringPlace(1);
    }
}

// What stands behind a free place would not be found any more: it moves up.
void KnownEntries::erase(quint64 hash)
{
    const std::size_t mask = m_table.size() - 1;
    std::size_t free = placeOf(hash);
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

void KnownEntries::index()
{
    m_unasked = 0;
    if (isIndexed())
        return;
    m_table.assign(std::max<std::size_t>(32, m_ring.size() * 2), 0);
    for (std::size_t place = 0; place < std::size_t(m_count); ++place) {
        const quint64 hash = m_ring[ringPlace(place)];
        m_table[placeOf(hash)] = hash;
    }
}

void KnownEntries::grow()
{
    std::vector<quint64> ring(std::max<std::size_t>(16, m_ring.size() * 2));
    for (std::size_t place = 0; place < std::size_t(m_count); ++place)
        ring[place] = m_ring[ringPlace(place)];
    m_ring = std::move(ring);
    m_oldest = 0;
    if (isIndexed()) {
        m_table = {};
        index();
    }
}

} // namespace tidemill::redis_stream
