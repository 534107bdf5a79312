// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "pipeline_description.h"

namespace tidemill::host {

// What a node of that kind can be told whatever its plugin, bound to `settings`. A dot stands for a map:
// "queue.rows" is written queue: {rows: 1000}. For parsing and for the reference.
OptionList nodeSettingsOptions(NodeKind kind, NodeSettings &settings);

// The keys of a node that are the host's with that kind of node: type, inputs, thread, queue, ...
QStringList hostKeys(NodeKind kind);

// Takes the host's keys but type and inputs from a node's map into `settings`; says what is wrong with them,
// also that one belongs to another kind of node. Keys that are nobody's here are left to the plugin.
OptionErrors applyNodeSettings(NodeKind kind, const Value &node, NodeSettings &settings);

// All keys that the host knows with any kind of node; a plugin's options cannot have these names.
QStringList allHostKeys();

} // namespace tidemill::host
