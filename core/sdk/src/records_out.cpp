// SPDX-License-Identifier: Apache-2.0
#include <tidemill/records_out.h>

namespace tidemill {

void RecordsOut::add(BookUpdate update, std::span<const Level> bids, std::span<const Level> asks)
{
    emitIfAny(m_gaps);
    emitIfAny(m_snapshots);
    update.bids = m_updates.levels(bids);
    update.asks = m_updates.levels(asks);
    append(m_updates, update);
}

void RecordsOut::add(BookSnapshot snapshot, std::span<const Level> bids, std::span<const Level> asks)
{
    emitIfAny(m_gaps);
    emitIfAny(m_updates);
    snapshot.bids = m_snapshots.levels(bids);
    snapshot.asks = m_snapshots.levels(asks);
    append(m_snapshots, snapshot);
}

void RecordsOut::add(Frame frame, QByteArrayView payload)
{
    frame.payload = m_frames.bytes(payload);
    append(m_frames, frame);
}

void RecordsOut::add(Gap gap, QByteArrayView reason)
{
    // Gaps themselves stay together: nothing came between them.
    emitIfAny(m_trades);
    emitIfAny(m_aggTrades);
    emitIfAny(m_quotes);
    emitIfAny(m_tickers);
    emitIfAny(m_candles);
    emitIfAny(m_updates);
    emitIfAny(m_snapshots);
    emitIfAny(m_frames);
    gap.reason = m_gaps.text(reason);
    append(m_gaps, gap);
    if (!m_metrics)
        return;
    m_metrics
        ->counter("tidemill_gap_records_total", "Gap records: announced as open, or filled after all.",
                  {{"exchange", gap.exchange.name().toByteArray()},
                   {"symbol", gap.symbol.name().toByteArray()},
                   {"stream", gap.stream.name().toByteArray()},
                   {"state", gap.state == GapState::Filled ? "filled" : "open"}})
        .add();
}

void RecordsOut::flush()
{
    emitIfAny(m_gaps);
    emitIfAny(m_trades);
    emitIfAny(m_aggTrades);
    emitIfAny(m_quotes);
    emitIfAny(m_tickers);
    emitIfAny(m_candles);
    emitIfAny(m_updates);
    emitIfAny(m_snapshots);
    emitIfAny(m_frames);
}

} // namespace tidemill
