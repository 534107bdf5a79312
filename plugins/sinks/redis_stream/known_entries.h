// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <QtGlobal>

#include <limits>
#include <vector>

namespace tidemill::redis_stream {

// What tells one record of a stream from another.
struct Identity
{
    quint64 hash = 0; // of all that does
    // The number in the record's key, part of what is hashed; negative: there is none.
    qint64 sequence = -1;

    friend bool operator==(const Identity &, const Identity &) = default;
};

// Which records one stream holds already, as far as we remember: the newest ones.
//
// A record with a higher number than all that are known is none of them, and that is nearly every one: it
// costs no look into a table, and there is none until some record has to be looked for. 8 bytes for each
// record, 24 with the table.
class KnownEntries
{
public:
    bool contains(quint64 hash);
    // The newest now. False if it was there already.
    bool add(const Identity &identity);
    // Forgets what was added last.
    void dropNewest(qsizetype count);
    // Forgets the oldest, so that not more than this many are left.
    void trim(qsizetype limit);

    qsizetype size() const { return m_count; }

private:
    static quint64 nonZero(quint64 hash) { return hash == 0 ? 1 : hash; }
    bool isIndexed() const { return !m_table.empty(); }
    std::size_t ringPlace(std::size_t index) const { return (m_oldest + index) & (m_ring.size() - 1); }
    std::size_t placeOf(quint64 hash) const;
    void erase(quint64 hash);
    void index();
    void grow();

    qsizetype m_count = 0;
    std::size_t m_oldest = 0;    // in the ring
    std::vector<quint64> m_ring; // in the order added; the size is a power of two
    // No record has a higher number that is known; the highest of all numbers when there is one without.
    qint64 m_highest = -1;
    std::vector<quint64> m_table; // open addressing; 0: free. The size is a power of two; empty: no table
    std::size_t m_unasked = 0;    // records since the table was last asked
};

} // namespace tidemill::redis_stream
