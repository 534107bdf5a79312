// SPDX-License-Identifier: Apache-2.0
#include "candle_metrics.h"

namespace tidemill::coinbase_advanced {

namespace {

double seconds(Timestamp time)
{
    return double(time.ns) / 1e9;
}

} // namespace

void CandleMetrics::open(Metrics *metrics, const QStringList &products)
{
    if (!metrics)
        return;
    m_messages = metrics->counter("websocket_messages_processed_total", "Updates of candles.");
    for (const QString &product : products) {
        const QByteArray name = product.toUtf8();
        m_bySymbol[Symbol(name)] = metrics->counter("websocket_messages_by_symbol_total",
                                                    "Updates of candles, by product.", {{"symbol", name}});
    }
    m_errors = metrics->counter("websocket_connection_errors_total",
                                "Connections that were lost or could not be made.");
    m_last = metrics->gauge("websocket_last_message_timestamp_seconds",
                            "When the last update of a candle came; at first, when the source was started.");
    m_last.set(seconds(Timestamp::now()));
    m_seconds = metrics->histogram("message_processing_seconds",
                                   "From reading an update of a candle until it had been decoded.", {},
                                   {0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25});
}

void CandleMetrics::countUpdate(Symbol product, Timestamp received)
{
    m_messages.add();
    m_bySymbol.value(product).add();
    m_last.set(seconds(received));
    m_seconds.observe(Timestamp::now() - received);
}

} // namespace tidemill::coinbase_advanced
