// SPDX-License-Identifier: Apache-2.0
#include "held_batches.h"

#include <algorithm>
#include <utility>

namespace tidemill::host {

namespace {

bool isBefore(const HeldBatches::Entry &a, const HeldBatches::Entry &b)
{
    return a.number < b.number;
}

} // namespace

void HeldBatches::count(const Entry &entry)
{
    m_rows += quint64(entry.batch->rowCount());
    m_bytes += entry.batch->byteSize();
    m_rests += entry.isRest ? 1 : 0;
}

void HeldBatches::uncount(const Entry &entry)
{
    m_rows -= quint64(entry.batch->rowCount());
    m_bytes -= entry.batch->byteSize();
    m_rests -= entry.isRest ? 1 : 0;
}

void HeldBatches::add(BatchPtr batch)
{
    m_again.push_back({.batch = std::move(batch), .number = ++m_last});
    count(m_again.back());
}

void HeldBatches::putBack(Entry entry)
{
    count(entry);
    m_hasFailed = m_hasFailed || entry.failedSince;
    m_again.insert(std::upper_bound(m_again.begin(), m_again.end(), entry, isBefore), std::move(entry));
}

const BatchPtr &HeldBatches::offer()
{
    m_inHand.push_back(std::move(m_again.front()));
    m_again.pop_front();
    return m_inHand.back().batch;
}

std::optional<HeldBatches::Entry> HeldBatches::take(const BatchPtr &batch)
{
    // Answers come in order nearly always, so the search ends at the first.
    const auto found = std::find_if(m_inHand.begin(), m_inHand.end(),
                                    [&batch](const Entry &entry) { return entry.batch == batch; });
    if (found == m_inHand.end())
        return {};
    std::optional<Entry> entry = std::move(*found);
    m_inHand.erase(found);
    uncount(*entry);
    return entry;
}

bool HeldBatches::isInHand(const BatchPtr &batch) const
{
    return std::any_of(m_inHand.begin(), m_inHand.end(),
                       [&batch](const Entry &entry) { return entry.batch == batch; });
}

bool HeldBatches::takeBack(std::optional<Clock::time_point> failed)
{
    if (m_inHand.empty())
        return false;
    for (Entry &entry : m_inHand) {
        if (failed && !entry.failedSince)
            entry.failedSince = failed;
        m_again.push_back(std::move(entry));
    }
    m_inHand.clear();
    m_hasFailed = m_hasFailed || failed;
    std::sort(m_again.begin(), m_again.end(), isBefore);
    return true;
}

void HeldBatches::judgeNamed(std::optional<Clock::time_point> failed)
{
    for (Entry &entry : m_again) {
        if (!std::exchange(entry.isNamed, false) || !failed)
            continue;
        m_rests += entry.isRest ? 0 : 1;
        entry.isRest = true;
        if (!entry.failedSince)
            entry.failedSince = failed;
        m_hasFailed = true;
    }
}

void HeldBatches::holdClocks(Clock::duration wait)
{
    for (Entry &entry : m_again) {
        if (entry.failedSince)
            *entry.failedSince += wait;
    }
}

void HeldBatches::excuse()
{
    if (!std::exchange(m_hasFailed, false))
        return;
    for (std::deque<Entry> *entries : {&m_inHand, &m_again}) {
        for (Entry &entry : *entries) {
            if (entry.isRest)
                m_hasFailed = true;
            else
                entry.failedSince.reset();
        }
    }
}

std::vector<HeldBatches::Entry> HeldBatches::takeFailedSince(Clock::time_point time)
{
    std::vector<Entry> taken;
    std::deque<Entry> kept;
    for (Entry &entry : m_again) {
        if (entry.failedSince && *entry.failedSince <= time) {
            uncount(entry);
            taken.push_back(std::move(entry));
        } else {
            kept.push_back(std::move(entry));
        }
    }
    m_again = std::move(kept);
    return taken;
}

std::deque<HeldBatches::Entry> HeldBatches::takeAll()
{
    (void)takeBack({});
    m_rows = 0;
    m_bytes = 0;
    m_rests = 0;
    m_hasFailed = false;
    return std::exchange(m_again, {});
}

} // namespace tidemill::host
