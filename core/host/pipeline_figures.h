// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "edge.h"
#include "metrics_registry.h"
#include "status.h"

namespace tidemill::host {

// Figures that are kept in the status and shown as metrics when somebody asks. Each is held by what shows it.

// What a node has delivered and what waits for it. Sources have neither.
void showNode(MetricsRegistry &metrics, const std::shared_ptr<const NodeStatus> &node);

// The edges of one pipeline. Those between the same two nodes, for different record types, show as one.
void showEdges(MetricsRegistry &metrics, const std::vector<std::unique_ptr<Edge>> &edges);

// For the log, at the end of a run: the figures of each node, and what does not add up of nodes and edges.
void logFigures(const HostStatus &status);

} // namespace tidemill::host
