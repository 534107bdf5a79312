// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tidemill/batch.h>
#include <tidemill/records.h>

#include <functional>

namespace tidemill::binance {

// Collects what one socket read gave, one batch for each record type. Records of a book keep their order
// across types: a snapshot must come after the changes before it and before the changes behind it, and so
// must a gap.
class RecordsOut
{
public:
    explicit RecordsOut(std::function<void(const BatchPtr &)> emitBatch) : m_emit(std::move(emitBatch)) {}

    void add(const Trade &trade) { m_trades.append(trade); }
    void add(const AggTrade &trade) { m_aggTrades.append(trade); }
    void add(const Quote &quote) { m_quotes.append(quote); }
    void add(const Candle &candle) { m_candles.append(candle); }
    // `update` and `snapshot` without their levels, which are given apart.
    void add(BookUpdate update, std::span<const Level> bids, std::span<const Level> asks);
    void add(BookSnapshot snapshot, std::span<const Level> bids, std::span<const Level> asks);
    void add(Gap gap, const QByteArray &reason);

    // Emits everything.
    void flush();

private:
    template<typename Builder>
    void emitIfAny(Builder &builder);

    std::function<void(const BatchPtr &)> m_emit;
    BatchBuilder<Trade> m_trades;
    BatchBuilder<AggTrade> m_aggTrades;
    BatchBuilder<Quote> m_quotes;
    BatchBuilder<Candle> m_candles;
    BatchBuilder<BookUpdate> m_updates;
    BatchBuilder<BookSnapshot> m_snapshots;
    BatchBuilder<Gap> m_gaps;
};

} // namespace tidemill::binance
