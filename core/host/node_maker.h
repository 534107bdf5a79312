// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "node_runner.h"
#include "plugin_registry.h"

namespace tidemill::host {

// What there is to know about a node before it exists. The status is shown to operators from here on.
struct NodeOrder
{
    NodeDescription description;
    NodeContext context;
    PluginInfo plugin;
    std::shared_ptr<NodeStatus> status;
};

// Creates a node, sets its options and gives it its runner. In the thread that it will live in; the plugin
// must have been loaded. Whatever the plugin throws is an error.
Result<std::unique_ptr<NodeRunner>> makeNode(const NodeOrder &order, PluginRegistry &plugins,
                                             Metrics &metrics);

} // namespace tidemill::host
