// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tidemill/delivery.h>

#include <functional>

namespace tidemill {

// The delivery of a batch whose source itself has to know when it is dealt with, because it must tell its
// peer (a consumer group). The source attaches one before it emits the batch:
//
//     batch->attachDelivery(std::make_shared<Receipt>([...](DeliveryPtr hosts) { ... }));
//     emit emitted(batch);
//
// `settled` is called once, on whichever thread lets go of the last batch, and not at all if the delivery was
// abandoned. It must not block. What it is given keeps the batch counted as under way: a shutdown waits for
// it, within its limit. Let go of it when the peer has answered, or when it will not, and at the latest when
// the source is deleted.
class TIDEMILL_SDK_EXPORT Receipt final : public Delivery
{
public:
    using Settled = std::function<void(DeliveryPtr hosts)>;

    explicit Receipt(Settled settled) : m_settled(std::move(settled)) {}
    ~Receipt() override;

    void abandon() const override;

    // For the host: its own delivery of the batch. Before anybody else has seen the batch.
    void setHosts(DeliveryPtr hosts) const { m_hosts = std::move(hosts); }

private:
    Settled m_settled;
    mutable DeliveryPtr m_hosts;
};

} // namespace tidemill
