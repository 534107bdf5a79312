// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tidemill/batch.h>
#include <tidemill/records.h>

#include <utility>

namespace tidemill::sbe {

inline void copyRow(std::byte *to, const std::byte *from, std::size_t size)
{
    if (size == sizeof(Trade)) // a few moves and no call
        std::memcpy(to, from, sizeof(Trade));
    else
        std::memcpy(to, from, size);
}

// Collects rows that are filled in where they will stay: a row filled in elsewhere and then copied would be
// read with wide loads just after narrow stores, which waits for the stores to reach the cache.
class RowBuilder final : public UntypedBatchBuilder
{
public:
    explicit RowBuilder(const Schema &schema) : UntypedBatchBuilder(schema), m_rowSize(schema.rowSize()) {}

    // Room for a row, with anything in it. Only commit() makes it count; until then this is the same room
    // again.
    std::byte *next()
    {
        if (!m_spare)
            m_spare = m_rows.extend(m_rowSize);
        return m_spare;
    }
    void commit() { m_spare = nullptr; }
    // Rows that count at once, for whoever knows that nothing can go wrong any more.
    std::byte *add(std::size_t count)
    {
        if (m_spare) {
            m_rows.extend((count - 1) * m_rowSize); // behind the room that is there already
            m_spare = nullptr;
            return m_rows.data() + m_rows.size() - count * m_rowSize;
        }
        return m_rows.extend(count * m_rowSize);
    }

    bool isEmpty() const { return m_rows.size() == (m_spare ? m_rowSize : 0); }
    BatchPtr finish()
    {
        if (m_spare) { // rare: the last row came to nothing
            BatchBuffer whole;
            const std::size_t size = m_rows.size() - m_rowSize;
            std::memcpy(whole.extend(size), m_rows.data(), size);
            std::swap(m_rows, whole);
            m_spare = nullptr;
        }
        return UntypedBatchBuilder::finish();
    }

private:
    std::size_t m_rowSize;
    std::byte *m_spare = nullptr;
};

} // namespace tidemill::sbe
