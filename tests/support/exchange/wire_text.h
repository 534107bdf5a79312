// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "number.h"

#include <QList>

namespace tidemill::exchange {

// "2026-03-02T09:15:17.164892Z", as the exchanges other than Binance print times: without trailing zeros, or
// with six decimals always.
QByteArray isoTime(qint64 us);
QByteArray isoTimeFull(qint64 us);
QByteArray isoNow();

// Of a number in 1e-8: "0.2", "61234.5", "126296".
QByteArray shortText(qint64 value);
// ... with exactly so many decimals (8 or fewer); what is beyond is cut off.
QByteArray fixedText(qint64 value, int decimals);

// A JSON string with its quotes.
QByteArray jsonString(const QByteArray &text);
// ["a","b"]
QByteArray jsonList(const QList<QByteArray> &texts);

} // namespace tidemill::exchange
