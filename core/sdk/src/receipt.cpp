// SPDX-License-Identifier: Apache-2.0
#include <tidemill/receipt.h>

namespace tidemill {

Receipt::~Receipt()
{
    if (!isAbandoned() && m_settled)
        m_settled(std::move(m_hosts));
}

void Receipt::abandon() const
{
    Delivery::abandon();
    if (m_hosts)
        m_hosts->abandon();
}

} // namespace tidemill
