// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "history.h"
#include "simulated_symbol.h"

namespace tidemill::exchange {

enum class TimeUnit { Milliseconds, Microseconds };

QByteArray timeText(qint64 us, TimeUnit unit);
QByteArray scaledText(qint64 value); // of 1e-8, with all decimals

// Stream payloads, member for member in the exchange's order. `symbol` is upper case.
QByteArray tradeEvent(const QByteArray &symbol, const TradeRow &trade, qint64 eventUs, TimeUnit unit);
QByteArray aggTradeEvent(const QByteArray &symbol, const AggTradeRow &trade, qint64 eventUs, TimeUnit unit);
QByteArray candleEvent(const QByteArray &symbol, const QByteArray &interval, const CandleRow &candle,
                       bool closed, qint64 eventUs, TimeUnit unit);

// `day`: what has been traded since the market opened. In whole, or what little a miniTicker has of it.
QByteArray tickerEvent(const SimulatedSymbol &symbol, const CandleRow &day, bool isMini, TimeUnit unit);

// Empty when nothing has changed.
QByteArray depthEvent(const SimulatedSymbol &symbol, const SimulatedSymbol::Difference &difference,
                      TimeUnit unit);

// The first levels of the book, as REST and the partial-depth streams have them.
QByteArray bookJson(const SimulatedSymbol &symbol, int limit);

// REST rows.
QByteArray tradesJson(const QList<TradeRow> &rows, TimeUnit unit);
QByteArray aggTradesJson(const QList<AggTradeRow> &rows, TimeUnit unit);
QByteArray candlesJson(const QList<CandleRow> &rows, TimeUnit unit);

} // namespace tidemill::exchange
