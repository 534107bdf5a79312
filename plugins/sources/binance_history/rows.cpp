// SPDX-License-Identifier: Apache-2.0
#include "rows.h"

namespace tidemill::binance_history {

namespace {

// So that each of them can be visited by what differs.
template<typename... Functions>
struct Overloaded : Functions...
{
    using Functions::operator()...;
};
template<typename... Functions>
Overloaded(Functions...) -> Overloaded<Functions...>;

} // namespace

qint64 keyOf(const Row &row)
{
    return std::visit(Overloaded{[](const AggTrade &trade) { return trade.agg_trade_id; },
                                 [](const Trade &trade) { return trade.trade_id; },
                                 [](const Candle &candle) { return candle.ts_open.ns; }},
                      row);
}

qint64 keyAfter(const Series &series, const Row &row)
{
    const auto *candle = std::get_if<Candle>(&row);
    return candle ? nextOpen(series.interval, candle->ts_open).ns : keyOf(row) + 1;
}

Timestamp timeOf(const Row &row)
{
    const auto *candle = std::get_if<Candle>(&row);
    return candle ? candle->ts_open : std::visit([](const auto &record) { return record.ts_event; }, row);
}

Row blankRow(const Series &series, Timestamp received)
{
    static const Symbol exchange("binance");
    const auto fill = [&](auto record) {
        record.exchange = exchange;
        record.symbol = series.symbol;
        record.ts_recv = received;
        record.provenance = Provenance::Backfill;
        return record;
    };
    if (series.kind == Kind::AggTrades)
        return fill(AggTrade{});
    if (series.kind == Kind::Trades)
        return fill(Trade{});
    Candle candle = fill(Candle{});
    candle.interval = Symbol(series.interval);
    candle.closed = true; // who takes it has seen to that
    return candle;
}

bool isSound(const Row &row)
{
    return std::visit(Overloaded{[](const AggTrade &trade) {
                                     return trade.agg_trade_id >= 0 &&
                                            trade.first_trade_id <= trade.last_trade_id;
                                 },
                                 [](const Trade &trade) { return trade.trade_id >= 0; },
                                 [](const Candle &candle) {
                                     return candle.ts_open < candle.ts_close && candle.trades >= 0;
                                 }},
                      row);
}

} // namespace tidemill::binance_history
