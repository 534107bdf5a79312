// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <QString>

class QCommandLineParser;

namespace tidemill::app {

// Where nodes keep state over a restart, as --state-dir, TIDEMILL_STATE_DIR or the system says; empty:
// nowhere (off).
QString stateDirectory(const QCommandLineParser &parser);

} // namespace tidemill::app
