// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tidemill/batch.h>

namespace tidemill::redis_counters {

// What some batches add to the counters.
struct Counts
{
    qint64 messages = 0;  // records, but gaps
    qint64 latencyNs = 0; // from the exchange's clock to ours, of records that have both; never negative
    qint64 errors = 0;    // connections lost
    qint64 losses = 0;    // gaps, a lost connection's too; not one that was filled since

    static Counts of(const Batch &batch);
    Counts &operator+=(const Counts &other);
    // In seconds, all digits: "0.001500000".
    QByteArray latencyText() const;
};

// Tells one batch from another when it is offered again: what its rows are.
quint64 fingerprintOf(const Batch &batch);

} // namespace tidemill::redis_counters
