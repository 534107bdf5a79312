// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "status.h"

#include <tidemill/delivery.h>

#include <chrono>

namespace tidemill::host {

// The host's end of a delivery: counts what a source has under way, and measures how long it took.
class SourceDelivery final : public Delivery
{
public:
    SourceDelivery(std::shared_ptr<NodeStatus> source, Histogram seconds)
        : m_source(std::move(source))
        , m_seconds(seconds)
    {
        m_source->unsettled.fetch_add(1, std::memory_order_relaxed);
    }

    // On whichever thread let go of the last batch.
    ~SourceDelivery() override
    {
        if (!isAbandoned())
            m_seconds.observe(std::chrono::steady_clock::now() - m_start);
        // Release: whoever sees zero also sees what the sinks did before.
        m_source->unsettled.fetch_sub(1, std::memory_order_release);
    }

private:
    std::shared_ptr<NodeStatus> m_source;
    Histogram m_seconds;
    std::chrono::steady_clock::time_point m_start = std::chrono::steady_clock::now();
};

} // namespace tidemill::host
