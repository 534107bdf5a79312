// SPDX-License-Identifier: Apache-2.0
#include "records_out.h"

namespace tidemill::binance {

template<typename Builder>
void RecordsOut::emitIfAny(Builder &builder)
{
    if (!builder.isEmpty())
        m_emit(builder.finish());
}

void RecordsOut::add(BookUpdate update, std::span<const Level> bids, std::span<const Level> asks)
{
    emitIfAny(m_gaps);
    emitIfAny(m_snapshots);
    update.bids = m_updates.levels(bids);
    update.asks = m_updates.levels(asks);
    m_updates.append(update);
}

void RecordsOut::add(BookSnapshot snapshot, std::span<const Level> bids, std::span<const Level> asks)
{
    emitIfAny(m_gaps);
    emitIfAny(m_updates);
    snapshot.bids = m_snapshots.levels(bids);
    snapshot.asks = m_snapshots.levels(asks);
    m_snapshots.append(snapshot);
}

void RecordsOut::add(Gap gap, const QByteArray &reason)
{
    // Whatever was before the gap goes first, of every type: a consumer that forgets its state at a gap must
    // not forget what came after it.
    emitIfAny(m_trades);
    emitIfAny(m_aggTrades);
    emitIfAny(m_quotes);
    emitIfAny(m_candles);
    emitIfAny(m_updates);
    emitIfAny(m_snapshots);
    gap.reason = m_gaps.text(reason);
    m_gaps.append(gap);
}

void RecordsOut::flush()
{
    emitIfAny(m_gaps);
    emitIfAny(m_trades);
    emitIfAny(m_aggTrades);
    emitIfAny(m_quotes);
    emitIfAny(m_candles);
    emitIfAny(m_updates);
    emitIfAny(m_snapshots);
}

} // namespace tidemill::binance
