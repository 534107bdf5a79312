// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <QJsonArray>
#include <QJsonObject>

namespace tidemill::host {

// A JSON Schema (draft 2020-12) of pipeline files, for editors: made from what PluginRegistry::describe()
// says of the plugins and from the host's settings. Accepts every file that `tidemill check` accepts; what
// it cannot see is listed in docs/pipeline-files.md. Plugins that cannot be used are left out.
QJsonObject pipelineSchema(const QJsonArray &plugins);

} // namespace tidemill::host
