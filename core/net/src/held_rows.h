// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tidemill/timestamp.h>

#include <cstddef>
#include <vector>

namespace tidemill::net {

// Records that wait behind a hole: by id, each once, rows of one size. Fast where they come in order.
class HeldRows
{
public:
    explicit HeldRows(std::size_t rowSize) : m_rowSize(rowSize) {}

    bool isEmpty() const { return m_head == m_entries.size(); }
    std::size_t count() const { return m_entries.size() - m_head; }
    std::size_t bytes() const { return count() * (m_rowSize + sizeof(Entry)); }

    // False if that id is there already.
    bool insert(qint64 id, Timestamp at, const std::byte *row);

    bool contains(qint64 id) const;

    // Of the lowest id; only if there is one. The row is valid until the next change.
    qint64 frontId() const { return m_entries[m_head].id; }
    Timestamp frontAt() const { return m_entries[m_head].at; }
    const std::byte *front() const { return m_rows.data() + m_head * m_rowSize; }
    void popFront();

private:
    struct Entry
    {
        qint64 id;
        Timestamp at; // when it came
    };

    std::size_t m_rowSize;
    std::vector<Entry> m_entries;
    std::vector<std::byte> m_rows;
    std::size_t m_head = 0; // what is before it has gone already
};

} // namespace tidemill::net
