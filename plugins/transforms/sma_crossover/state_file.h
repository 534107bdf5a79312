// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "moving_averages.h"

#include <tidemill/result.h>

#include <QByteArray>
#include <QList>
#include <QString>

#include <optional>

// What sma_crossover remembers over a restart: a JSON file, replaced as a whole or not at all.
namespace tidemill::crossover {

// A paper order that has not been closed.
struct OpenOrder
{
    qint64 id = 0;
    Decimal price;
    Timestamp opened;
};

struct SavedMarket
{
    QByteArray exchange;
    QByteArray symbol;
    qint64 lastUpdateId = 0;
    QList<MovingAverages::Price> prices; // oldest first
    std::optional<OpenOrder> order;
};

struct SavedState
{
    int shortWindow = 0;
    int longWindow = 0;
    QList<SavedMarket> markets;
};

// Makes the folder if it is not there.
Result<> writeState(const QString &path, const SavedState &state);

// An empty state if there is no file. A file that is not whole is an error: half a state would be a wrong
// one.
Result<SavedState> readState(const QString &path);

} // namespace tidemill::crossover
