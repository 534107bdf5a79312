// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tidemill/export.h>

#include <atomic>
#include <memory>
#include <vector>

namespace tidemill {

// The promise behind a batch. What a source emits at once carries one Delivery; every batch made from it
// carries it on (BatchBuilder does that). A sink's confirmation, a filter that lets nothing through, a
// counted drop: each lets go of its batch. When the last batch is gone, everything has been dealt with, and
// the destructor tells the source's host.
//
// Whoever lets go of a batch without having dealt with it (a shutdown that ran out of time) says abandon()
// first; then the position behind it must not move.
class TIDEMILL_SDK_EXPORT Delivery
{
public:
    Delivery() = default;
    virtual ~Delivery();
    Q_DISABLE_COPY_MOVE(Delivery)

    // Any thread.
    virtual void abandon() const { m_abandoned.store(true, std::memory_order_relaxed); }
    bool isAbandoned() const { return m_abandoned.load(std::memory_order_relaxed); }

private:
    mutable std::atomic<bool> m_abandoned = false;
};

using DeliveryPtr = std::shared_ptr<const Delivery>;

// One delivery for a batch that was made from several.
TIDEMILL_SDK_EXPORT DeliveryPtr joinDeliveries(std::vector<DeliveryPtr> parts);

} // namespace tidemill
