// SPDX-License-Identifier: Apache-2.0
#include <tidemill/records.h>

namespace tidemill {

#define TIDEMILL_DEFINE_RECORD(Type, version, kind, key, fields) \
    const Schema &tidemillSchema(const Type *) TIDEMILL_RECORD_BODY(Type, version, kind, key, fields)

TIDEMILL_DEFINE_RECORD(Trade, 1, Event, (exchange, symbol, trade_id),
                       (exchange, symbol, ts_event, ts_recv, trade_id, price, quantity, side, provenance))

TIDEMILL_DEFINE_RECORD(AggTrade, 1, Event, (exchange, symbol, agg_trade_id),
                       (exchange, symbol, ts_event, ts_recv, agg_trade_id, first_trade_id, last_trade_id,
                        price, quantity, side, provenance))

TIDEMILL_DEFINE_RECORD(Quote, 1, Event, (exchange, symbol, update_id),
                       (exchange, symbol, ts_event, ts_recv, update_id, bid_price, bid_quantity, ask_price,
                        ask_quantity, provenance))

TIDEMILL_DEFINE_RECORD(Ticker, 1, Event, (exchange, symbol, sequence, ts_event),
                       (exchange, symbol, ts_event, ts_recv, sequence, trade_id, price, last_quantity,
                        bid_price, bid_quantity, ask_price, ask_quantity, open_24h, high_24h, low_24h,
                        volume_24h, volume_30d, side, provenance))

TIDEMILL_DEFINE_RECORD(Candle, 1, State, (exchange, symbol, interval, ts_open),
                       (exchange, symbol, interval, ts_event, ts_recv, ts_open, ts_close, open, high, low,
                        close, volume, quote_volume, taker_buy_volume, taker_buy_quote_volume, trades,
                        first_trade_id, last_trade_id, closed, provenance))

TIDEMILL_DEFINE_RECORD(BookUpdate, 1, Event, (exchange, symbol, last_update_id),
                       (exchange, symbol, ts_event, ts_recv, first_update_id, last_update_id, bids, asks,
                        provenance))

TIDEMILL_DEFINE_RECORD(BookSnapshot, 1, Event, (exchange, symbol, last_update_id, depth),
                       (exchange, symbol, ts_event, ts_recv, last_update_id, depth, bids, asks, provenance))

TIDEMILL_DEFINE_RECORD(Wap, 1, Event, (exchange, symbol, of, levels, update_id),
                       (exchange, symbol, ts_event, ts_recv, update_id, levels, price, of, provenance))

TIDEMILL_DEFINE_RECORD(Signal, 1, Event, (exchange, symbol, short_window, long_window, update_id),
                       (exchange, symbol, ts_event, ts_recv, update_id, short_window, long_window, price,
                        sma_short, sma_long, details, action, provenance))

TIDEMILL_DEFINE_RECORD(Order, 1, State, (exchange, symbol, short_window, long_window, order_id),
                       (exchange, symbol, ts_event, ts_recv, ts_open, ts_close, order_id, short_window,
                        long_window, price, close_price, details, status, side, provenance))

TIDEMILL_DEFINE_RECORD(Frame, 1, Event, (exchange, connection, sequence),
                       (exchange, stream, ts_recv, connection, sequence, payload, text, provenance))

TIDEMILL_DEFINE_RECORD(Gap, 1, State, (exchange, symbol, stream, ts_from),
                       (exchange, symbol, stream, ts_event, ts_recv, ts_from, ts_to, first_missing,
                        last_missing, reason, cause, state, provenance))

std::span<const Schema *const> standardSchemas()
{
    static const Schema *const all[] = {
        &schemaOf<Trade>(),  &schemaOf<AggTrade>(),   &schemaOf<Quote>(),        &schemaOf<Ticker>(),
        &schemaOf<Candle>(), &schemaOf<BookUpdate>(), &schemaOf<BookSnapshot>(), &schemaOf<Wap>(),
        &schemaOf<Signal>(), &schemaOf<Order>(),      &schemaOf<Frame>(),        &schemaOf<Gap>()};
    return all;
}

} // namespace tidemill
