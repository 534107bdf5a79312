// SPDX-License-Identifier: Apache-2.0
#include "market_data.h"

namespace tidemill::exchange {

void MarketData::setAudience(int clients)
{
    m_audience = clients;
    if (!m_begun && clients >= m_startClients) {
        m_begun = true;
        emit began();
    }
    if (m_begun)
        wake();
}

void MarketData::setCongested(bool congested)
{
    m_congested = congested;
    if (m_begun && !congested)
        wake();
}

void MarketData::setDemand(const QSet<QByteArray> &streams)
{
    m_demand = streams;
    applyDemand();
}

} // namespace tidemill::exchange
