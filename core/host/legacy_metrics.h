// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "metrics_registry.h"

namespace tidemill::host {

// The figures of the depth collector that Tidemill replaces, under its names, so that its dashboards and
// scripts go on: ws_message_count_total, ws_message_latency_seconds and ws_error_count_total on the
// Prometheus page, with the _created gauges its client library prints, and an object of six numbers as JSON.

// Makes them appear with zero before anything is counted. Call once, at the start.
void addLegacyMetrics(MetricsRegistry &metrics);

// average_latency (seconds), cpu_usage_percent, memory_usage_percent, error_count, data_loss_count,
// message_count. The last is written with a fraction ("12.0"), as it was.
QByteArray legacyMetricsJson(const MetricsRegistry &metrics, double cpuPercent, double memoryPercent);

} // namespace tidemill::host
