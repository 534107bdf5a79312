// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tidemill/batch.h>

#include <chrono>
#include <deque>
#include <optional>
#include <vector>

namespace tidemill::host {

// The batches that a sink has not answered for, in the order in which they came: those in its hands, and
// those that it is still, or again, to be offered.
class HeldBatches
{
public:
    using Clock = std::chrono::steady_clock;

    struct Entry
    {
        BatchPtr batch;
        quint64 number = 0;                           // rising as they came
        std::optional<Clock::time_point> failedSince; // without a delivery since then
        bool isRest = false;  // rows that have failed by name: what happens to others does not excuse them
        bool isNamed = false; // named just now; whether as failed or as waiting is not known yet
    };

    // To be offered, behind everything else.
    void add(BatchPtr batch);
    // To be offered, at its place: what is left of a batch that had been in the sink's hands.
    void putBack(Entry entry);
    // Into the sink's hands. Only if there is something to offer.
    const BatchPtr &offer();
    // Out of the sink's hands; nothing if it is not there.
    std::optional<Entry> take(const BatchPtr &batch);
    // Everything in the sink's hands is to be offered again; false: there was nothing. With `failed` the
    // clocks of those that have none begin then.
    bool takeBack(std::optional<Clock::time_point> failed);
    // Of those put back as named it is known now: they failed at that time; or, without one, they wait.
    void judgeNamed(std::optional<Clock::time_point> failed);
    // The peer has asked for so much time: in it nothing fails.
    void holdClocks(Clock::duration wait);
    // Something was delivered: the others have not been failing since before that.
    void excuse();
    // Those to be offered again that have failed since then, taken out.
    std::vector<Entry> takeFailedSince(Clock::time_point time);
    // All of them, taken out.
    std::deque<Entry> takeAll();

    bool hasToOffer() const { return !m_again.empty(); }
    bool isInHand(const BatchPtr &batch) const;
    bool hasInHand() const { return !m_inHand.empty(); }
    bool hasRests() const { return m_rests > 0; }
    quint64 rows() const { return m_rows; }
    quint64 bytes() const { return m_bytes; }

private:
    void count(const Entry &entry);
    void uncount(const Entry &entry);

    std::deque<Entry> m_inHand;
    std::deque<Entry> m_again; // by number
    quint64 m_last = 0;
    quint64 m_rows = 0;
    quint64 m_bytes = 0;
    quint64 m_rests = 0;
    bool m_hasFailed = false; // perhaps some have a clock
};

} // namespace tidemill::host
