// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tidemill/export.h>
#include <tidemill/record.h>

// The standard record types. Times: ts_event is the exchange's clock (null where it sends none), ts_recv ours
// when the bytes were read. Ids are the exchange's own. A decimal that an exchange may leave out starts as
// null.

namespace tidemill {

enum class Provenance : quint8 { Live, Backfill, Replay };
TIDEMILL_ENUM(Provenance, "live", "backfill", "replay")

// The taker's side, whatever the exchange reports.
enum class Side : quint8 { Unknown, Buy, Sell };
TIDEMILL_ENUM(Side, "unknown", "buy", "sell")

struct Trade
{
    Symbol exchange;
    Symbol symbol;
    Timestamp ts_event;
    Timestamp ts_recv;
    qint64 trade_id = 0;
    Decimal price;
    Decimal quantity;
    Side side = Side::Unknown;
    Provenance provenance = Provenance::Live;
};

// Trades of one taker order at one price, put together by the exchange.
struct AggTrade
{
    Symbol exchange;
    Symbol symbol;
    Timestamp ts_event;
    Timestamp ts_recv;
    qint64 agg_trade_id = 0;
    qint64 first_trade_id = 0;
    qint64 last_trade_id = 0;
    Decimal price;
    Decimal quantity;
    Side side = Side::Unknown;
    Provenance provenance = Provenance::Live;
};

// Best bid and ask.
struct Quote
{
    Symbol exchange;
    Symbol symbol;
    Timestamp ts_event;
    Timestamp ts_recv;
    qint64 update_id = 0;
    Decimal bid_price;
    Decimal bid_quantity;
    Decimal ask_price;
    Decimal ask_quantity;
    Provenance provenance = Provenance::Live;
};

// The last trade and the day around it.
struct Ticker
{
    Symbol exchange;
    Symbol symbol;
    Timestamp ts_event;
    Timestamp ts_recv;
    qint64 sequence = 0;
    qint64 trade_id = 0;
    Decimal price;
    Decimal last_quantity = Decimal::null();
    Decimal bid_price = Decimal::null();
    Decimal bid_quantity = Decimal::null();
    Decimal ask_price = Decimal::null();
    Decimal ask_quantity = Decimal::null();
    Decimal open_24h = Decimal::null();
    Decimal high_24h = Decimal::null();
    Decimal low_24h = Decimal::null();
    Decimal volume_24h = Decimal::null();
    Decimal volume_30d = Decimal::null();
    Side side = Side::Unknown;
    Provenance provenance = Provenance::Live;
};

struct Candle
{
    Symbol exchange;
    Symbol symbol;
    Symbol interval; // the exchange's own spelling: 1m, 1h
    Timestamp ts_event;
    Timestamp ts_recv;
    Timestamp ts_open;
    Timestamp ts_close; // last instant that belongs to the candle
    Decimal open;
    Decimal high;
    Decimal low;
    Decimal close;
    Decimal volume;
    Decimal quote_volume = Decimal::null();
    Decimal taker_buy_volume = Decimal::null();
    Decimal taker_buy_quote_volume = Decimal::null();
    qint64 trades = 0;
    qint64 first_trade_id = -1; // -1: no trade in it
    qint64 last_trade_id = -1;
    bool closed = false;
    Provenance provenance = Provenance::Live;
};

// A change of a book: these levels have these quantities now. Follows the update whose last_update_id is
// first_update_id - 1; if that one was not seen, something is missing.
struct BookUpdate
{
    Symbol exchange;
    Symbol symbol;
    Timestamp ts_event;
    Timestamp ts_recv;
    qint64 first_update_id = 0;
    qint64 last_update_id = 0;
    Levels bids; // in the order sent
    Levels asks;
    Provenance provenance = Provenance::Live;
};

// A whole book, or its best `depth` levels a side: replaces what was known. Best level first.
struct BookSnapshot
{
    Symbol exchange;
    Symbol symbol;
    Timestamp ts_event;
    Timestamp ts_recv;
    qint64 last_update_id = 0;
    qint64 depth = 0; // levels a side that were asked for
    Levels bids;
    Levels asks;
    Provenance provenance = Provenance::Live;
};

enum class WapOf : quint8 { Message, Book };
TIDEMILL_ENUM(WapOf, "message", "book")

// Average price weighted by quantity over the first `levels` levels of each side.
struct Wap
{
    Symbol exchange;
    Symbol symbol;
    Timestamp ts_event;
    Timestamp ts_recv;
    qint64 update_id = 0; // of the update that it was computed at
    qint64 levels = 0;
    Decimal price;
    WapOf of = WapOf::Message;
    Provenance provenance = Provenance::Live;
};

enum class SignalAction : quint8 { Open, Close };
TIDEMILL_ENUM(SignalAction, "open", "close")

// A decision of a strategy.
struct Signal
{
    Symbol exchange;
    Symbol symbol;
    Timestamp ts_event;
    Timestamp ts_recv;
    qint64 update_id = 0; // of the price that it was decided at
    qint64 short_window = 0;
    qint64 long_window = 0;
    Decimal price;
    Decimal sma_short;
    Decimal sma_long;
    Text details;
    SignalAction action = SignalAction::Open;
    Provenance provenance = Provenance::Live;
};

enum class OrderStatus : quint8 { Open, Closed };
TIDEMILL_ENUM(OrderStatus, "open", "closed")

enum class OrderSide : quint8 { Long, Short };
TIDEMILL_ENUM(OrderSide, "long", "short")

// A paper order, as it stands after its last change.
struct Order
{
    Symbol exchange;
    Symbol symbol;
    Timestamp ts_event; // of the last change
    Timestamp ts_recv;
    Timestamp ts_open;
    Timestamp ts_close;  // null while open
    qint64 order_id = 0; // update_id of the signal that opened it
    qint64 short_window = 0;
    qint64 long_window = 0;
    Decimal price;
    Decimal close_price = Decimal::null();
    Text details;
    OrderStatus status = OrderStatus::Open;
    OrderSide side = OrderSide::Long;
    Provenance provenance = Provenance::Live;
};

// What a connection delivered, undecoded.
struct Frame
{
    Symbol exchange;
    Symbol stream;
    Timestamp ts_recv;
    qint64 connection = 0; // one number for each connection made
    qint64 sequence = 0;   // position in that connection
    Bytes payload;
    bool text = false;
    Provenance provenance = Provenance::Live;
};

enum class GapCause : quint8 { Disconnect, Sequence, Dropped };
TIDEMILL_ENUM(GapCause, "disconnect", "sequence", "dropped")

enum class GapState : quint8 { Open, Filled };
TIDEMILL_ENUM(GapState, "open", "filled")

// A piece of a stream that was not received. Ids are 0 where the stream has none or they are not known.
struct Gap
{
    Symbol exchange;
    Symbol symbol;
    Symbol stream;
    Timestamp ts_event; // of the first record behind the gap
    Timestamp ts_recv;  // when it was noticed
    Timestamp ts_from;  // our clock when the last record before the gap was read
    Timestamp ts_to;    // our clock when the first record behind it was read
    qint64 first_missing = 0;
    qint64 last_missing = 0;
    Text reason;
    GapCause cause = GapCause::Disconnect;
    GapState state = GapState::Open;
    Provenance provenance = Provenance::Live;
};

// Rows are copied as bytes and their layout is part of the ABI: a change here is a new version.
static_assert(sizeof(Trade) == 72);
static_assert(sizeof(AggTrade) == 88);
static_assert(sizeof(Quote) == 104);
static_assert(sizeof(Ticker) == 224);
static_assert(sizeof(Candle) == 208);
static_assert(sizeof(BookUpdate) == 64);
static_assert(sizeof(BookSnapshot) == 64);
static_assert(sizeof(Wap) == 64);
static_assert(sizeof(Signal) == 112);
static_assert(sizeof(Order) == 112);
static_assert(sizeof(Frame) == 48);
static_assert(sizeof(Gap) == 80);

// Defined once, in the SDK, so that all plugins share one Schema object of each.
#define TIDEMILL_STANDARD_RECORD(Type) TIDEMILL_SDK_EXPORT const Schema &tidemillSchema(const Type *);
TIDEMILL_STANDARD_RECORD(Trade)
TIDEMILL_STANDARD_RECORD(AggTrade)
TIDEMILL_STANDARD_RECORD(Quote)
TIDEMILL_STANDARD_RECORD(Ticker)
TIDEMILL_STANDARD_RECORD(Candle)
TIDEMILL_STANDARD_RECORD(BookUpdate)
TIDEMILL_STANDARD_RECORD(BookSnapshot)
TIDEMILL_STANDARD_RECORD(Wap)
TIDEMILL_STANDARD_RECORD(Signal)
TIDEMILL_STANDARD_RECORD(Order)
TIDEMILL_STANDARD_RECORD(Frame)
TIDEMILL_STANDARD_RECORD(Gap)
#undef TIDEMILL_STANDARD_RECORD

// All of them, in the order above.
TIDEMILL_SDK_EXPORT std::span<const Schema *const> standardSchemas();

} // namespace tidemill
