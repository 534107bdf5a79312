// SPDX-License-Identifier: Apache-2.0
#include "candle_backfill.h"

#include <algorithm>

namespace tidemill::binance {

namespace {

constexpr std::size_t maxHoles = 64; // of a stream; further ones become one

} // namespace

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
        // Months are of different lengths, and that does not matter for a bound.
        const qint64 length = std::max<qint64>((CandleFill::nextOpen(candle) - candle.ts_open).count(), 1);
        add(stream, {*verdict.hole, gap, verdict.hole->from, length, {}});
    }
    // The first one even while it runs: whoever stored it then has to get its end in another run.
    if (verdict.isNew && (candle.closed || isFirst))
        m_moved.insert(stream.id);
    return verdict.isNew;
}

void CandleBackfill::add(StreamState &stream, const Filling &filling)
{
    if (m_limit <= 0) {
        m_source.out().add(filling.gap, "candles are missing");
        return stream.candles->filled();
    }
    Series &series = m_series[stream.id];
    if (series.holes.size() < maxHoles || series.asked == series.holes.size()) {
        series.holes.push_back(filling);
        shorten(stream.id, series.holes.back());
    } else {
        // The candles between the two come again, which changes nothing.
        Filling &last = series.holes.back();
        last.hole.to = filling.hole.to;
        last.gap.ts_event = filling.gap.ts_event;
        last.gap.ts_recv = filling.gap.ts_recv;
        last.gap.ts_to = filling.gap.ts_to;
    }
    if (series.asked == 0)
        ask(stream.id);
}

void CandleBackfill::shorten(int id, Filling &filling)
{
    if ((filling.hole.to - filling.from).count() / filling.length <= m_limit)
        return;
    m_source.out().add(filling.gap, "more candles than are asked for");
    filling.gap.ts_from = m_source.gapFrom(id, filling.gap.ts_from); // it would take its place
    filling.from = {filling.hole.to.ns - m_limit * filling.length};
}

// Holes that are near to each other have one answer.
void CandleBackfill::ask(int id)
{
    Series &series = m_series[id];
    const Filling &first = series.holes.front();
    Timestamp to;
    for (series.asked = 0; series.asked < series.holes.size(); ++series.asked) {
        Filling &filling = series.holes[series.asked];
        const bool isNear = filling.hole.to.ns - first.from.ns <= History::pageSize * first.length;
        if (series.asked > 0 && !isNear)
            break;
        shorten(id, filling);
        to = filling.hole.to;
    }
    fetch(id, first.from, to);
}

void CandleBackfill::fetch(int id, Timestamp from, Timestamp to)
{
    m_history.fetchCandles(m_streams[id].symbol, m_streams[id].spec, from, to,
                           [this, id, to](const Result<History::CandlePage> &page) {
                               if (!m_source.stream(id).wanted)
                                   return leave(id);
                               if (!page)
                                   return end(id, page.error().message.toUtf8());
                               for (const Candle &candle : page->candles)
                                   fill(m_series[id], candle);
                               if (page->next.isNull())
                                   end(id, {});
                               else
                                   fetch(id, page->next, to);
                           });
}

void CandleBackfill::fill(Series &series, const Candle &candle)
{
    for (std::size_t i = 0; i < series.asked; ++i) {
        Filling &filling = series.holes[i];
        if (candle.ts_open < filling.from || candle.ts_open >= filling.hole.to)
            continue;
        filling.reached = CandleFill::nextOpen(candle);
        return m_source.out().add(candle);
    }
}

void CandleBackfill::leave(int id)
{
    // If it has come back meanwhile it goes on where this one stands, and asks by itself.
    if (!m_streams.findByName({m_streams[id].name.constData(), std::size_t(m_streams[id].name.size())})) {
        for (const Filling &filling : m_series[id].holes)
            m_source.out().add(filling.gap, "no longer collected");
    }
    m_series.erase(id);
}

// Of the question under way; what waits is next.
void CandleBackfill::end(int id, const QByteArray &failure)
{
    const auto found = m_series.find(id);
    Series &series = found->second;
    for (; series.asked > 0; --series.asked) {
        const Filling &filling = series.holes.front();
        if (!failure.isEmpty())
            m_source.out().add(filling.gap, failure);
        else if (filling.reached < filling.hole.to)
            m_source.out().add(filling.gap, "the exchange's history does not have them");
        series.holes.pop_front();
    }
    const bool isLast = series.holes.empty();
    m_streams[id].candles->filled(isLast ? Timestamp() : series.holes.front().hole.from);
    m_moved.insert(id);
    if (isLast)
        m_series.erase(found);
    else
        ask(id);
}

QList<std::pair<int, QByteArray>> CandleBackfill::takeMoved()
{
    QList<std::pair<int, QByteArray>> moved;
    for (const int id : std::exchange(m_moved, {}))
        moved.append({id, QByteArray::number(m_streams[id].candles->completeTo().ns)});
    return moved;
}

} // namespace tidemill::binance
