// SPDX-License-Identifier: Apache-2.0
#include "pipeline_loading.h"

#include "host/plugin_probe.h"

#include <QCommandLineParser>
#include <QCoreApplication>
#include <QDir>
#include <QFileInfo>

#include <algorithm>
#include <cstdio>

namespace tidemill::app {

namespace {

QString message(const QString &file, const QString &what)
{
    return QStringLiteral("%1: error: %2\n").arg(file, what);
}

} // namespace

LoadedPipelines loadPipelines(const QStringList &paths, host::PluginRegistry &plugins)
{
    LoadedPipelines loaded;
    QStringList files;
    for (const QString &path : paths) {
        if (!QFileInfo(path).isDir()) {
            files.append(path);
            continue;
        }
        const QDir folder(path);
        const QStringList names =
            folder.entryList({QStringLiteral("*.yaml"), QStringLiteral("*.yml")}, QDir::Files, QDir::Name);
        for (const QString &name : names)
            files.append(folder.filePath(name));
        if (names.isEmpty())
            loaded.errors += message(path, QStringLiteral("the folder holds no *.yaml file"));
    }

    const auto environment = QProcessEnvironment::systemEnvironment();
    for (const QString &path : std::as_const(files)) {
        host::PipelineFile file = host::readPipelineFile(path, environment);
        loaded.secrets += file.secrets;
        file.diagnostics = host::checkPipelineFile(file, plugins);
        const bool isUsable =
            std::none_of(file.diagnostics.begin(), file.diagnostics.end(),
                         [](const host::Diagnostic &problem) { return problem.isPluginFault; });
        const bool isRight =
            std::all_of(file.diagnostics.begin(), file.diagnostics.end(),
                        [](const host::Diagnostic &problem) { return problem.isPluginFault; });
        if (isRight && !isUsable) {
            loaded.unusable.append(host::formatDiagnostics(file.diagnostics, file.text));
            continue;
        }
        if (!file.diagnostics.isEmpty()) {
            loaded.errors += host::formatDiagnostics(file.diagnostics, file.text);
            continue;
        }
        const auto same = std::find_if(
            loaded.pipelines.begin(), loaded.pipelines.end(),
            [&](const host::PipelineDescription &other) { return other.name == file.description.name; });
        if (same != loaded.pipelines.end())
            loaded.errors +=
                message(path, QStringLiteral("the name '%1' is that of %2 too; figures and state go by it")
                                  .arg(file.description.name, same->file));
        loaded.pipelines.append(file.description);
    }
    return loaded;
}

host::PluginRegistry::Probe pluginProbe()
{
    // What systemd gives, or the user's own place for such things.
    QString cache = qEnvironmentVariable("CACHE_DIRECTORY").section(QLatin1Char(':'), 0, 0);
    if (cache.isEmpty() && QDir::isAbsolutePath(qEnvironmentVariable("XDG_CACHE_HOME")))
        cache = qEnvironmentVariable("XDG_CACHE_HOME") + QLatin1String("/tidemill");
    if (cache.isEmpty() && qEnvironmentVariableIsSet("HOME"))
        cache = qEnvironmentVariable("HOME") + QLatin1String("/.cache/tidemill");
    if (!cache.isEmpty())
        cache += QLatin1String("/plugins");
    return host::PluginProbe(
        {QCoreApplication::applicationFilePath(), {QStringLiteral("probe-plugin")}, cache});
}

QString flagOrEnvironment(const QCommandLineParser &parser, const QString &flag, const char *variable)
{
    return parser.isSet(flag) ? parser.value(flag) : qEnvironmentVariable(variable);
}

void printError(const QString &text)
{
    std::fputs(text.toUtf8().constData(), stderr);
}

void print(const QString &text)
{
    std::fputs(text.toUtf8().constData(), stdout);
}

} // namespace tidemill::app
