// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tidemill/node.h>

#include <cstddef>
#include <list>
#include <optional>
#include <vector>

namespace tidemill::pulsestream {

// Batches in the sink's hands, and what has become of each of their rows.
class Account
{
public:
    enum class State : quint8 { Open, Stored, Refused, Postponed };

    struct Entry
    {
        BatchPtr batch;
        std::vector<State> rows;
        QList<RowFailure> failures;
        std::size_t open = 0;
        bool isSettled = false; // some of it, for good: stored or refused
        std::list<Entry>::iterator self;
    };

    // One row that is still open.
    struct Item
    {
        Entry *entry = nullptr; // until it is closed
        qsizetype row = 0;

        const Batch &batch() const { return *entry->batch; }
    };

    // What a sink says of a batch: stored as a whole if there are no rows.
    struct Verdict
    {
        BatchPtr batch;
        QList<RowFailure> rows;
    };

    Entry &open(const BatchPtr &batch);
    void store(const Item &item);
    void refuse(const Item &item, const Error &error);
    // Nothing can be said of it yet: it is to come again.
    void postpone(const Item &item, const Error &error);

    // If all of a batch's rows have their answer: the verdict, and the entry is gone.
    std::optional<Verdict> closeIfDone(Entry &entry);
    // Gives all batches up: verdicts of those of which something is known; what is open is to come again.
    QList<Verdict> closeAll(const Error &cause);

    bool isEmpty() const { return m_entries.empty(); }

private:
    static void close(const Item &item, State state);

    std::list<Entry> m_entries;
};

} // namespace tidemill::pulsestream
