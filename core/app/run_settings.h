// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "host/host_settings.h"
#include "host/pipeline_description.h"

#include <tidemill/result.h>

#include <chrono>
#include <optional>

class QCommandLineParser;

namespace tidemill::app {

// What `tidemill run` is told: by its command line and the environment, then by its pipelines.
struct RunSettings
{
    QStringList files;
    QStringList pluginPath;
    std::optional<host::HttpAddress> http; // nothing, as below: the pipelines may say, or it is the default
    QString httpToken;
    bool httpOpen = false;
    QString stateDirectory;
    std::optional<host::LogLevel> logLevel;
    host::LogSettings log;
    std::optional<std::chrono::milliseconds> runFor;
    std::chrono::milliseconds drain{10'000};
};

void addRunFlags(QCommandLineParser &parser);
Result<RunSettings> readRunSettings(const QCommandLineParser &parser);

// Fills in what only the pipelines say, and the defaults. An error if two of them say different things.
Result<> addHostSettings(RunSettings &settings, const QList<host::PipelineDescription> &pipelines);

} // namespace tidemill::app
