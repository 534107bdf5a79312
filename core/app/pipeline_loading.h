// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "host/pipeline_file.h"
#include "host/plugin_registry.h"

class QCommandLineParser;

namespace tidemill::app {

// The pipelines of some files, checked as far as can be without starting anything.
struct LoadedPipelines
{
    QList<host::PipelineDescription> pipelines;
    QStringList secrets;
    QString errors; // all of them, formatted for a terminal; empty if there are none
    // Pipelines with nothing wrong but a plugin that cannot be used: what the errors would say.
    QStringList unusable;
};

// `paths` are files, or folders whose *.yaml files are taken in the order of their names.
LoadedPipelines loadPipelines(const QStringList &paths, host::PluginRegistry &plugins);

// Plugins are tried in a process of their own before they are let into this one: for PluginRegistry.
host::PluginRegistry::Probe pluginProbe();

// Command-line values that have a twin in the environment: the flag wins, then NAME, then nothing.
QString flagOrEnvironment(const QCommandLineParser &parser, const QString &flag, const char *variable);

// Writes to standard error or output as it is.
void printError(const QString &text);
void print(const QString &text);

} // namespace tidemill::app
