// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "pipeline_description.h"

namespace tidemill::host {

// What only a sink can be told: how its records are buffered, grouped, retried, and what becomes of those
// that it cannot store. Bound to `settings`.
OptionList sinkSettingsOptions(NodeSettings &settings);

// After they were set from `node`: what no single one of them can see, if all of them are right by
// themselves. Also turns one spelling into the other (buffer.type: disk, queue.policy: spool).
OptionErrors settleSinkSettings(const Value &node, NodeSettings &settings, bool areRight);

} // namespace tidemill::host
