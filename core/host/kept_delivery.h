// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tidemill/delivery.h>

namespace tidemill::host {

// The delivery of a batch of which a copy is kept on disk (a spool, a dead letter). Not the end of its life
// lets go of that copy but settle(): a sink that is deleted with batches in hand has not stored them.
class KeptDelivery : public Delivery
{
public:
    // All rows are dealt with: confirmed, or kept elsewhere, or dropped with a reason.
    virtual void settle() const = 0;
    // Some rows are about to be dropped for want of a place to keep them; settle() comes later all the same.
    virtual void noteLoss() const {}
};

} // namespace tidemill::host
