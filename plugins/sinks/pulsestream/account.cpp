// SPDX-License-Identifier: Apache-2.0
#include "account.h"

#include <algorithm>

namespace tidemill::pulsestream {

static void sortByRow(QList<RowFailure> &rows)
{
    std::sort(rows.begin(), rows.end(),
              [](const RowFailure &a, const RowFailure &b) { return a.row < b.row; });
}

Account::Entry &Account::open(const BatchPtr &batch)
{
    const auto rows = std::size_t(batch->rowCount());
    const auto entry =
        m_entries.insert(m_entries.end(), {batch, std::vector<State>(rows), {}, rows, false, {}});
    entry->self = entry;
    return *entry;
}

void Account::close(const Item &item, State state)
{
    item.entry->rows[std::size_t(item.row)] = state;
    item.entry->isSettled = item.entry->isSettled || state != State::Postponed;
    --item.entry->open;
}

void Account::store(const Item &item)
{
    close(item, State::Stored);
}

void Account::refuse(const Item &item, const Error &error)
{
    close(item, State::Refused);
    item.entry->failures.append({item.row, error, true});
}

void Account::postpone(const Item &item, const Error &error)
{
    close(item, State::Postponed);
    item.entry->failures.append({item.row, error, false});
}

std::optional<Account::Verdict> Account::closeIfDone(Entry &entry)
{
    if (entry.open > 0)
        return std::nullopt;
    Verdict verdict{entry.batch, entry.failures};
    sortByRow(verdict.rows);
    m_entries.erase(entry.self);
    return verdict;
}

QList<Account::Verdict> Account::closeAll(const Error &cause)
{
    QList<Verdict> verdicts;
    for (const Entry &entry : m_entries) {
        if (!entry.isSettled)
            continue;
        Verdict verdict{entry.batch, entry.failures};
        for (std::size_t row = 0; row < entry.rows.size(); ++row) {
            if (entry.rows[row] == State::Open)
                verdict.rows.append({qsizetype(row), cause, false});
        }
        sortByRow(verdict.rows);
        verdicts.append(verdict);
    }
    m_entries.clear();
    return verdicts;
}

} // namespace tidemill::pulsestream
