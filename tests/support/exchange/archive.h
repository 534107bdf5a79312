// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "http_server.h"
#include "market_data.h"

namespace tidemill::exchange {

// A bulk file as data.binance.vision has it, made from the rows that `data` still have; `path` is what
// follows /data/spot/: "daily/trades/BTCUSDT/BTCUSDT-trades-2024-01-01.zip", or that with .CHECKSUM. 404 for
// a day or month that is not over by the market's clock, and for one without rows.
HttpResponse archiveAnswer(const QByteArray &path, MarketData &data);

} // namespace tidemill::exchange
