// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tidemill/batch.h>
#include <tidemill/records.h>

#include <QByteArray>

namespace tidemill::pulsestream {

// What an absent number is in an event: 0.0, as the bridge that this sink replaces wrote it, or null.
enum class AbsentNumbers { Zero, Null };

// The parts of an event that are particular to a ticker, member by member as that bridge wrote them; only the
// numbers are exact.
QByteArray tickerId(const Ticker &ticker);
QByteArray tickerTitle(const Ticker &ticker);
QByteArray tickerMessage(const Ticker &ticker, AbsentNumbers absent);
void appendTickerMetrics(QByteArray &out, const Ticker &ticker, AbsentNumbers absent);
void appendTickerPayload(QByteArray &out, const Batch &batch, qsizetype row, AbsentNumbers absent);

} // namespace tidemill::pulsestream
