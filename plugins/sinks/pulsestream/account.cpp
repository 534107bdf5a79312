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
    const auto entry = m_entries.insert(m_entries.end(), {batch, std::vector<State>(rows), {}, rows, {}});
    entry->self = entry;
    return *entry;
}

void Account::store(const Item &item)
{
    item.entry->rows[std::size_t(item.row)] = State::Stored;
    --item.entry->open;
}

void Account::refuse(const Item &item, const Error &error)
{
    item.entry->rows[std::size_t(item.row)] = State::Refused;
    item.entry->refused.append({item.row, error, true});
    --item.entry->open;
}

std::optional<Account::Verdict> Account::closeIfDone(Entry &entry)
{
    if (entry.open > 0)
        return std::nullopt;
    Verdict verdict{entry.batch, entry.refused};
    sortByRow(verdict.rows);
    m_entries.erase(entry.self);
    return verdict;
}

QList<Account::Verdict> Account::closeAll(const Error &cause)
{
    QList<Verdict> verdicts;
    for (const Entry &entry : m_entries) {
        if (entry.isUntouched())
            continue;
        Verdict verdict{entry.batch, entry.refused};
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
