// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "decoder.h"

#include <tidemill/net/http_client.h>

namespace tidemill::binance {

// The answers of Binance's REST API. What belongs to a symbol is in the order sent, oldest first.

Result<BookSides> decodeDepth(const QByteArray &body);
Result<std::vector<Trade>> decodeTrades(const QByteArray &body, Symbol symbol);
Result<std::vector<AggTrade>> decodeAggTrades(const QByteArray &body, Symbol symbol);
// All of them, also the one that is still running; closed is set by who knows.
Result<std::vector<Candle>> decodeCandles(const QByteArray &body, Symbol symbol, Symbol interval);

// What an answer without success says, for an operator. The body is {"code":..,"msg":".."} or anything.
Error restError(const char *what, const net::HttpReply &reply);

} // namespace tidemill::binance
