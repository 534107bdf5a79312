// SPDX-License-Identifier: Apache-2.0
#include "pipeline_loading.h"

#include <QCommandLineParser>
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
