// SPDX-License-Identifier: Apache-2.0
#include <tidemill/delivery.h>

#include <algorithm>

namespace tidemill {

Delivery::~Delivery() = default;

namespace {

class JoinedDelivery final : public Delivery
{
public:
    explicit JoinedDelivery(std::vector<DeliveryPtr> parts) : m_parts(std::move(parts)) {}

    void abandon() const override
    {
        Delivery::abandon();
        for (const DeliveryPtr &part : m_parts)
            part->abandon();
    }

private:
    std::vector<DeliveryPtr> m_parts;
};

} // namespace

DeliveryPtr joinDeliveries(std::vector<DeliveryPtr> parts)
{
    std::erase(parts, nullptr);
    std::sort(parts.begin(), parts.end());
    parts.erase(std::unique(parts.begin(), parts.end()), parts.end());
    if (parts.empty())
        return {};
    if (parts.size() == 1)
        return parts.front();
    return std::make_shared<JoinedDelivery>(std::move(parts));
}

} // namespace tidemill
