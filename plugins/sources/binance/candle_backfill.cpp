// SPDX-License-Identifier: Apache-2.0
#include "candle_backfill.h"

#include <algorithm>

namespace tidemill::binance {

bool CandleBackfill::take(StreamState &stream, const Candle &candle, Timestamp before)
{
    const bool isFirst = stream.candles->completeTo().isNull();
    const CandleFill::Verdict verdict = stream.candles->take(candle);
    if (verdict.hole) {
        const Gap gap{.exchange = m_source.exchange(),
                      .symbol = stream.symbol,
                      .stream = stream.stream,
                      .ts_event = candle.ts_event,
                      .ts_recv = candle.ts_recv,
                      .ts_from = m_source.gapFrom(stream.id, before.isNull() ? verdict.hole->from : before),
                      .ts_to = candle.ts_recv};
        Filling filling{stream.id, *verdict.hole, gap};
        // Months are of different lengths, and that does not matter for a bound.
        const qint64 length = std::max<qint64>((CandleFill::nextOpen(candle) - candle.ts_open).count(), 1);
        const Timestamp oldest{std::max(filling.hole.from.ns, filling.hole.to.ns - m_limit * length)};
        if (m_limit > 0 && oldest > filling.hole.from) {
            m_source.out().add(gap, "more candles than are asked for");
            filling.gap.ts_from = m_source.gapFrom(stream.id, gap.ts_from); // it would take its place
        }
        if (m_limit <= 0)
            end(filling, "candles are missing");
        else
            fill(filling, oldest);
    }
    // The first one even while it runs: whoever stored it then has to get its end in another run.
    if (verdict.isNew && (candle.closed || isFirst))
        m_moved.insert(stream.id);
    return verdict.isNew;
}

void CandleBackfill::fill(const Filling &filling, Timestamp from)
{
    StreamState &stream = m_streams[filling.id];
    m_history.fetchCandles(stream.symbol, stream.spec, from, filling.hole.to,
                           [this, filling](const Result<History::CandlePage> &page) {
                               if (!page)
                                   return end(filling, page.error().message.toUtf8());
                               const bool isWanted = m_source.stream(filling.id).wanted;
                               for (const Candle &candle : page->candles) {
                                   if (isWanted)
                                       m_source.out().add(candle);
                               }
                               if (isWanted && !page->next.isNull())
                                   return fill(filling, page->next);
                               const bool reaches = !page->candles.empty();
                               end(filling, reaches ? "" : "the exchange's history does not have them");
                           });
}

void CandleBackfill::end(const Filling &filling, QByteArrayView missing)
{
    if (!missing.isEmpty())
        m_source.out().add(filling.gap, missing);
    m_streams[filling.id].candles->filled(filling.hole);
    m_moved.insert(filling.id);
}

QList<std::pair<int, QByteArray>> CandleBackfill::takeMoved()
{
    QList<std::pair<int, QByteArray>> moved;
    for (const int id : std::exchange(m_moved, {}))
        moved.append({id, QByteArray::number(m_streams[id].candles->completeTo().ns)});
    return moved;
}

} // namespace tidemill::binance
