// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "history.h"

namespace tidemill::exchange {

enum class TimeUnit { Milliseconds, Microseconds };

QByteArray timeText(qint64 us, TimeUnit unit);

// Stream payloads, member for member in the exchange's order. `symbol` is upper case.
QByteArray tradeEvent(const QByteArray &symbol, const TradeRow &trade, qint64 eventUs, TimeUnit unit);
QByteArray aggTradeEvent(const QByteArray &symbol, const AggTradeRow &trade, qint64 eventUs, TimeUnit unit);
QByteArray candleEvent(const QByteArray &symbol, const QByteArray &interval, const CandleRow &candle,
                       bool closed, qint64 eventUs, TimeUnit unit);

// REST rows.
QByteArray tradesJson(const QList<TradeRow> &rows, TimeUnit unit);
QByteArray aggTradesJson(const QList<AggTradeRow> &rows, TimeUnit unit);
QByteArray candlesJson(const QList<CandleRow> &rows, TimeUnit unit);

} // namespace tidemill::exchange
