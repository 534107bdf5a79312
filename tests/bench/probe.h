// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "market_frames.h"

#include <functional>
#include <vector>

namespace tidemill::bench {

// What the sink `bench_probe` has seen. It finds its probe through the application, of which there is one:
// QCoreApplication::setProperty(probeProperty, QVariant::fromValue<void *>(&probe)). Used in the main thread
// only.
struct Probe
{
    TradeFrames::Sums trades;
    struct
    {
        quint64 rows = 0;
        quint64 ids = 0;    // of the updates
        quint64 prices = 0; // hash of mantissas and exponents
    } waps;
    quint64 otherRows = 0; // of no type that is counted here

    // If it has capacity, gets for each trade the nanoseconds from its ts_event to the sink.
    std::vector<qint64> latencies;

    // Called once when there are that many rows of trades and waps together.
    quint64 awaited = 0;
    std::function<void()> reached;

    quint64 rows() const { return trades.rows + waps.rows; }
};

constexpr const char *probeProperty = "tidemillBenchProbe";

} // namespace tidemill::bench
