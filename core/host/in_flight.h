// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "checkpoint_tracker.h"
#include "status.h"

#include <tidemill/delivery.h>

#include <chrono>

namespace tidemill::host {

// The host's end of a delivery: counts what a source has under way, and measures how long it took.
class SourceDelivery final : public Delivery
{
public:
    // `checkpoints` may be null.
    SourceDelivery(std::shared_ptr<NodeStatus> source, Histogram seconds,
                   std::shared_ptr<CheckpointTracker> checkpoints)
        : m_source(std::move(source))
        , m_checkpoints(std::move(checkpoints))
        , m_number(m_checkpoints ? m_checkpoints->emitted() : 0)
        , m_seconds(seconds)
    {
        m_source->unsettled.fetch_add(1, std::memory_order_relaxed);
    }

    // On whichever thread let go of the last batch.
    ~SourceDelivery() override
    {
        if (!isAbandoned())
            m_seconds.observe(std::chrono::steady_clock::now() - m_start);
        if (m_checkpoints)
            m_checkpoints->settle(m_number, isAbandoned());
        // Release: whoever sees zero also sees what the sinks did before.
        m_source->unsettled.fetch_sub(1, std::memory_order_release);
    }

private:
    std::shared_ptr<NodeStatus> m_source;
    std::shared_ptr<CheckpointTracker> m_checkpoints;
    quint64 m_number;
    Histogram m_seconds;
    std::chrono::steady_clock::time_point m_start = std::chrono::steady_clock::now();
};

} // namespace tidemill::host
