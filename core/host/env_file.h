// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "pipeline_description.h"

#include <QByteArray>
#include <QProcessEnvironment>

#include <utility>

namespace tidemill::host {

// What a .env file says: lines of KEY=VALUE, also with `export` before them; # begins a comment at the start
// of a line or after a space. A value in single quotes is taken as it is, one in double quotes knows \n \t \"
// \\ and \$; nothing is replaced in either.
struct EnvFile
{
    QList<std::pair<QString, QString>> variables;
    // Without columns: such a line may hold a secret and must not be printed.
    QList<Diagnostic> problems;
};

// From memory; `path` is for the diagnostics only.
EnvFile parseEnvFile(const QByteArray &text, const QString &path);

// Adds what the file says to `environment`, except what is set there already. No file is no problem.
QList<Diagnostic> readEnvFile(const QString &path, QProcessEnvironment &environment);

} // namespace tidemill::host
