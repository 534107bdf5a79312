// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "pipeline_description.h"

namespace tidemill::host {

// From the tree of a file, ${...} replaced, to the description of a pipeline: keys, names, types and the
// host's settings of nodes. Whether the nodes fit together is for checkConnections(). Says all that is wrong;
// diagnostics have no file name. What could be understood of a wrong file is in the description nevertheless.
PipelineDescription parseDescription(const Value &root, QList<Diagnostic> &diagnostics);

// Inputs that do not exist, that are sinks or given twice, cycles, nodes that nobody reads.
QList<Diagnostic> checkConnections(const PipelineDescription &pipeline);

} // namespace tidemill::host
