// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "pipeline_description.h"

namespace tidemill::host {

enum class GraphFormat { Mermaid, Dot, Json };

// "mermaid", "dot", "json"; nothing for another word.
std::optional<GraphFormat> graphFormatFromName(const QString &name);

// The nodes of pipelines with name, kind and type, and the edges between them with the record type that an
// edge is restricted to. Options and settings are left out: they may hold secrets. Ends with a newline.
QString graphAs(const QList<PipelineDescription> &pipelines, GraphFormat format);

} // namespace tidemill::host
