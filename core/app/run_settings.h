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
    host::HostSettings said; // by the command line or the environment; what is missing the pipelines may say
    host::HttpAddress http{QStringLiteral("127.0.0.1"), 8080};
    QString httpToken;
    bool httpOpen = false;
    QString stateDirectory;
    host::LogSettings log;
    std::optional<std::chrono::milliseconds> runFor;
    std::chrono::milliseconds drain{10'000};
};

void addRunFlags(QCommandLineParser &parser);
Result<RunSettings> readRunSettings(const QCommandLineParser &parser);

// Settles address and log level. An error if they are left to pipelines that say different things.
Result<> addHostSettings(RunSettings &settings, const QList<host::PipelineDescription> &pipelines);

} // namespace tidemill::app
