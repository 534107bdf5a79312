// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tidemill/net/json_values.h>

namespace tidemill::binance {

// A row of an answer of Binance's REST API, in place. Fills in what the row says; exchange, symbol, ts_recv
// and the like are the caller's. False: a member is missing or not what it should be. What the values mean
// together is not looked at.
bool readRow(simdjson::ondemand::value row, Trade &trade);
bool readRow(simdjson::ondemand::value row, AggTrade &trade);
// Whether it is closed is for who knows the time.
bool readRow(simdjson::ondemand::value row, Candle &candle);

} // namespace tidemill::binance
