// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tidemill/option.h>

#include <QJsonObject>

namespace tidemill::host {

// Everything a reader can be told about one option: name, type, help, default, bounds, choices. A secret's
// default is ***.
QJsonObject optionToJson(const Option &option);

// The host's own settings as optionToJson() gives them: of nodes, by their kind ("source", "transform",
// "sink"), and of a pipeline's section "host". For `tidemill plugins --settings` and the reference made from
// it.
QJsonObject describeSettings();

} // namespace tidemill::host
