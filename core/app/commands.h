// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <QStringList>

namespace tidemill::app {

// What the process ends with; the same for every command.
enum ExitCode {
    Success = 0,
    Failed = 1,     // ran, and something went wrong
    WrongUsage = 2, // the command line or a configuration is wrong; nothing was started
};

// Each takes the command line from its own name on and gives the exit code.
int runCommand(const QStringList &arguments);
int checkCommand(const QStringList &arguments);
int pluginsCommand(const QStringList &arguments);
int graphCommand(const QStringList &arguments);
int schemaCommand(const QStringList &arguments);
int spoolCommand(const QStringList &arguments);
int tailCommand(const QStringList &arguments);
int deadletterCommand(const QStringList &arguments);

} // namespace tidemill::app
