// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "pipeline_description.h"

#include <QByteArray>
#include <QProcessEnvironment>

namespace tidemill::host {

struct PipelineFile
{
    PipelineDescription description; // meaningful only without diagnostics
    QList<Diagnostic> diagnostics;   // everything that is wrong, in the order of the file
    QByteArray text;                 // as read, for printing the lines of diagnostics
    QStringList secrets; // as in the description: values from ${...}, to be masked wherever they are printed
};

// Reads one pipeline file: YAML, strictly (see docs/pipeline-files.md), ${...} replaced from the environment
// given and from a .env beside the file. Knows nothing of plugins: types and options are checked by
// PluginRegistry::check().
PipelineFile readPipelineFile(const QString &path, const QProcessEnvironment &environment);
// The same from memory, for tests and fuzzers; never touches the disk except for ${file:...}.
PipelineFile parsePipeline(const QByteArray &text, const QString &path,
                           const QProcessEnvironment &environment);

// For a terminal: every diagnostic with the line it is about and a caret, then their number. Ends with a
// newline; empty if there are none. `text` is that of the file that they are about.
QString formatDiagnostics(const QList<Diagnostic> &diagnostics, const QByteArray &text);

// By line and column, what is of another file (.env) or of no line first.
void sortDiagnostics(QList<Diagnostic> &diagnostics);

} // namespace tidemill::host
