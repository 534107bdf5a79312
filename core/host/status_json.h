// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "status.h"

#include <QJsonObject>
#include <QJsonValue>

namespace tidemill::host {

// The status as JSON, without judging it. Nothing here prints a node's options: there may be secrets among
// them.

// {"timestamp", "uptime_seconds", "ready", "stopping", "pairs_count", "nodes": [nodeJson() of each]}
QJsonObject statsJson(const HostStatus &host, Timestamp now);
// What is collected: {"timestamp", "count", "pairs": [symbols, sorted], "sources": [{pipeline, node, pairs,
// streams}]}
QJsonObject pairsJson(const HostStatus &host, Timestamp now);

// "pipeline/node"
QString componentId(const NodeStatus &node);
// Who it is, its state, its counters, its streams.
QJsonObject nodeJson(const NodeStatus &node, Timestamp now);
// {"symbol", "stream", "age_seconds": number or null if there was no data yet}
QJsonObject streamJson(const Source::Stream &stream, Timestamp now);

// UTC to the millisecond; null for a time that is not known.
QJsonValue timeJson(Timestamp time);
// Seconds between the two, not below zero; null if `then` is not known.
QJsonValue ageJson(Timestamp then, Timestamp now);
// To the millisecond, for a person's eye.
double roundedSeconds(double seconds);

} // namespace tidemill::host
