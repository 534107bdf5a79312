// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tidemill/metrics.h>
#include <tidemill/symbol.h>
#include <tidemill/timestamp.h>

#include <QHash>
#include <QStringList>

namespace tidemill::coinbase_advanced {

// Figures of the candle service that this source replaces, under its names, so that its dashboards go on.
// As there, only updates count: no snapshots, no heartbeats.
class CandleMetrics
{
public:
    // `metrics` may be null: then nothing is counted.
    void open(Metrics *metrics, const QStringList &products);

    // An update of a candle of that product has been dealt with; it was read at `received`.
    void countUpdate(Symbol product, Timestamp received);
    void countConnectionError() { m_errors.add(); }

private:
    Counter m_messages;
    QHash<Symbol, Counter> m_bySymbol;
    Counter m_errors;
    Gauge m_last;
    Histogram m_seconds;
};

} // namespace tidemill::coinbase_advanced
