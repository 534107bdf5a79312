// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <QtGlobal>

#include <vector>

namespace tidemill::redis_stream {

// Which records one stream holds already, as far as we remember: the newest ones, by a hash of what tells one
// record from another. A record costs one probe of a table and 24 bytes.
class KnownEntries
{
public:
    bool contains(quint64 identity) const;
    // The newest now. False if it was there already.
    bool add(quint64 identity);
    // Forgets what was added last.
    void dropNewest(qsizetype count);
    // Forgets the oldest, so that not more than this many are left.
    void trim(qsizetype limit);

    qsizetype size() const { return m_count; }

private:
    static quint64 nonZero(quint64 identity) { return identity == 0 ? 1 : identity; }
    std::size_t placeOf(quint64 identity) const;
    void insert(quint64 identity);
    void erase(quint64 identity);
    void grow();

    qsizetype m_count = 0;
    std::size_t m_oldest = 0;     // in the ring
    std::vector<quint64> m_ring;  // in the order added
    std::vector<quint64> m_table; // open addressing; 0: free. The size is a power of two.
};

} // namespace tidemill::redis_stream
