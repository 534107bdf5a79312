// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "series.h"

namespace tidemill::binance_history {

// A bulk file: all of a series of one day or one month.
struct ArchiveFile
{
    QByteArray path;  // from the root: data/spot/daily/trades/BTCUSDT/BTCUSDT-trades-2024-01-01.zip
    QByteArray entry; // in it: BTCUSDT-trades-2024-01-01.csv
    Timestamp begin;
    Timestamp end; // not in it any more
    bool monthly = false;
};

// The file to go on with from `at`, for a series that ends at `end` (null: it does not): the month's if all
// of it but its first day at the most is still wanted, otherwise the day's; nothing if the day is not over
// `now` or not wanted to its end. `monthly` false: there is none for that month.
std::optional<ArchiveFile> archiveFileFor(const Series &series, Timestamp at, Timestamp end, Timestamp now,
                                          bool monthly);

} // namespace tidemill::binance_history
