// SPDX-License-Identifier: Apache-2.0
#include "rest_rows.h"

namespace tidemill::binance {

using namespace net::json;

namespace {

bool readSide(ondemand::value value, Side &side)
{
    bool buyerIsMaker = false;
    if (!readBool(value, buyerIsMaker))
        return false;
    side = buyerIsMaker ? Side::Sell : Side::Buy; // the taker's
    return true;
}

} // namespace

// {"id":28457,"price":"4.00000100","qty":"12.00000000","quoteQty":"48.000012","time":1499865549590,
//  "isBuyerMaker":true,"isBestMatch":true}
bool readRow(ondemand::value row, Trade &trade)
{
    unsigned seen = 0;
    const bool good = eachMember(row, [&](std::string_view name, ondemand::value member) {
        if (name == "id")
            return seen |= 1, readInteger(member, trade.trade_id);
        if (name == "price")
            return seen |= 2, readDecimal(member, trade.price);
        if (name == "qty")
            return seen |= 4, readDecimal(member, trade.quantity);
        if (name == "time")
            return seen |= 8, readEpoch(member, trade.ts_event);
        if (name == "isBuyerMaker")
            return seen |= 16, readSide(member, trade.side);
        return true;
    });
    return good && seen == 31;
}

// {"a":26129,"p":"0.01633102","q":"4.70443515","f":27781,"l":27781,"T":1498793709153,"m":true,"M":true}
bool readRow(ondemand::value row, AggTrade &trade)
{
    unsigned seen = 0;
    const bool good = eachMember(row, [&](std::string_view name, ondemand::value member) {
        if (name == "a")
            return seen |= 1, readInteger(member, trade.agg_trade_id);
        if (name == "p")
            return seen |= 2, readDecimal(member, trade.price);
        if (name == "q")
            return seen |= 4, readDecimal(member, trade.quantity);
        if (name == "f")
            return seen |= 8, readInteger(member, trade.first_trade_id);
        if (name == "l")
            return seen |= 16, readInteger(member, trade.last_trade_id);
        if (name == "T")
            return seen |= 32, readEpoch(member, trade.ts_event);
        if (name == "m")
            return seen |= 64, readSide(member, trade.side);
        return true;
    });
    return good && seen == 127;
}

// [open time, open, high, low, close, volume, close time, quote volume, trades, taker volume, taker quote
//  volume, unused]
bool readRow(ondemand::value row, Candle &candle)
{
    int column = 0;
    const bool good = eachElement(row, [&](ondemand::value member) {
        switch (column++) {
        case 0:
            return readEpoch(member, candle.ts_open);
        case 1:
            return readDecimal(member, candle.open);
        case 2:
            return readDecimal(member, candle.high);
        case 3:
            return readDecimal(member, candle.low);
        case 4:
            return readDecimal(member, candle.close);
        case 5:
            return readDecimal(member, candle.volume);
        case 6:
            return readEpoch(member, candle.ts_close);
        case 7:
            return readDecimal(member, candle.quote_volume);
        case 8:
            return readInteger(member, candle.trades);
        case 9:
            return readDecimal(member, candle.taker_buy_volume);
        case 10:
            return readDecimal(member, candle.taker_buy_quote_volume);
        default:
            return true;
        }
    });
    candle.ts_event = candle.ts_close;
    return good && column >= 11;
}

} // namespace tidemill::binance
