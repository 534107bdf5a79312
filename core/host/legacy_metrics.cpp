// SPDX-License-Identifier: Apache-2.0
#include "legacy_metrics.h"

#include <tidemill/timestamp.h>

#include <chrono>

namespace tidemill::host {

static const QByteArray messageCount = "ws_message_count_total";
static const QByteArray messageLatency = "ws_message_latency_seconds";
static const QByteArray errorCount = "ws_error_count_total";
static const QByteArray dataLoss = "tidemill_data_loss_total";

void addLegacyMetrics(MetricsRegistry &metrics)
{
    metrics.counter(messageCount, "Messages received.");
    metrics.histogram(messageLatency, "From reading a message until the graph had handled it.");
    metrics.counter(errorCount, "Errors of connections and sources.");

    const double now = double(Timestamp::now().ns) / 1e9;
    const QByteArray help = "When counting began, in seconds since 1970.";
    metrics.gauge("ws_message_count_created", help).set(now);
    metrics.gauge("ws_message_latency_seconds_created", help).set(now);
    metrics.gauge("ws_error_count_created", help).set(now);
}

QByteArray legacyMetricsJson(const MetricsRegistry &metrics, double cpuPercent, double memoryPercent)
{
    const MetricsRegistry::HistogramTotal latency = metrics.histogramTotal(messageLatency);
    const double latencySum = std::chrono::duration<double>(latency.sum).count();
    const double average = latency.count > 0 ? latencySum / double(latency.count) : 0;

    // By hand, because QJsonDocument would print 12.0 as 12.
    return "{\"average_latency\":" + QByteArray::number(average, 'f', 9) +
           ",\"cpu_usage_percent\":" + QByteArray::number(cpuPercent, 'f', 1) +
           ",\"memory_usage_percent\":" + QByteArray::number(memoryPercent, 'f', 1) +
           ",\"error_count\":" + QByteArray::number(metrics.counterTotal(errorCount)) +
           ",\"data_loss_count\":" + QByteArray::number(metrics.counterTotal(dataLoss)) +
           ",\"message_count\":" + QByteArray::number(metrics.counterTotal(messageCount)) + ".0}";
}

} // namespace tidemill::host
