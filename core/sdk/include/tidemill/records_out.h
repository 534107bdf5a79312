// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tidemill/batch.h>
#include <tidemill/metrics.h>
#include <tidemill/records.h>

#include <functional>

namespace tidemill {

// For sources: collects what one socket read gave, one batch for each standard record type. Records of a book
// keep their order across types: a snapshot comes after the changes before it and before the changes behind
// it. A gap comes after everything that was added before it, of any type, since whoever forgets its state at
// a gap must not forget what came after.
class TIDEMILL_SDK_EXPORT RecordsOut
{
public:
    explicit RecordsOut(std::function<void(const BatchPtr &)> emitBatch) : m_emit(std::move(emitBatch)) {}

    void add(const Trade &trade) { append(m_trades, trade); }
    void add(const AggTrade &trade) { append(m_aggTrades, trade); }
    void add(const Quote &quote) { append(m_quotes, quote); }
    void add(const Ticker &ticker) { append(m_tickers, ticker); }
    void add(const Candle &candle) { append(m_candles, candle); }
    // `update` and `snapshot` without their levels, `frame` without its payload: these are given apart.
    void add(BookUpdate update, std::span<const Level> bids, std::span<const Level> asks);
    void add(BookSnapshot snapshot, std::span<const Level> bids, std::span<const Level> asks);
    void add(Frame frame, QByteArrayView payload);
    void add(Gap gap, QByteArrayView reason);

    // Counts Gap records in tidemill_gap_records_total{exchange,symbol,stream,state}, as
    // countGaps(context().metrics) in start(). Whoever calls this emits no Gap by another way.
    void countGaps(Metrics *metrics) { m_metrics = metrics; }

    // For a source that plays what was recorded: every record says so.
    void markReplayed() { m_isReplay = true; }

    // Emits everything. A source calls it at the end of each burst.
    void flush();

private:
    template<typename R>
    void append(BatchBuilder<R> &builder, const R &record)
    {
        R &row = builder.append(record);
        if (m_isReplay)
            row.provenance = Provenance::Replay;
    }

    template<typename Builder>
    void emitIfAny(Builder &builder)
    {
        if (!builder.isEmpty())
            m_emit(builder.finish());
    }

    std::function<void(const BatchPtr &)> m_emit;
    BatchBuilder<Trade> m_trades;
    BatchBuilder<AggTrade> m_aggTrades;
    BatchBuilder<Quote> m_quotes;
    BatchBuilder<Ticker> m_tickers;
    BatchBuilder<Candle> m_candles;
    BatchBuilder<BookUpdate> m_updates;
    BatchBuilder<BookSnapshot> m_snapshots;
    BatchBuilder<Frame> m_frames;
    BatchBuilder<Gap> m_gaps;
    Metrics *m_metrics = nullptr;
    bool m_isReplay = false;
};

} // namespace tidemill
