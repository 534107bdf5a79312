// SPDX-License-Identifier: Apache-2.0
#include "market_data.h"

namespace tidemill::exchange {

void MarketData::setAudience(int clients)
{
    m_audience = clients;
    beginIfWanted();
    if (m_begun)
        wake();
}

void MarketData::beginIfWanted()
{
    if (m_begun || m_audience < m_startClients || m_demand.size() < m_startStreams)
        return;
    m_begun = true;
    emit began();
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
    const bool begun = m_begun;
    beginIfWanted();
    if (m_begun && !begun)
        wake();
}

} // namespace tidemill::exchange
