// SPDX-License-Identifier: Apache-2.0
#include "commands.h"
#include "host/graph_view.h"
#include "host/option_json.h"
#include "host/pipeline_schema.h"
#include "pipeline_loading.h"

#include <QCommandLineParser>
#include <QJsonDocument>
#include <QJsonObject>

#include <algorithm>
#include <utility>

// The commands that look and start nothing: check, graph, plugins, schema.

namespace tidemill::app {

namespace {

const QCommandLineOption pluginPathOption(
    QStringLiteral("plugin-path"),
    QStringLiteral("Folder to look for plugins in, before TIDEMILL_PLUGIN_PATH and the built-in one."),
    QStringLiteral("folder"));

host::PluginRegistry registryFor(const QCommandLineParser &parser)
{
    return host::PluginRegistry(host::pluginSearchPaths(parser.values(pluginPathOption)), pluginProbe());
}

// Handles --help and wrong flags. Nothing: go on.
std::optional<int> parse(QCommandLineParser &parser, const QStringList &arguments)
{
    parser.addOption(pluginPathOption);
    const QCommandLineOption help({QStringLiteral("h"), QStringLiteral("help")},
                                  QStringLiteral("Show this."));
    parser.addOption(help);
    if (!parser.parse(arguments)) {
        printError(QStringLiteral("tidemill %1: %2\n").arg(arguments.value(0), parser.errorText()));
        return WrongUsage;
    }
    if (parser.isSet(help)) {
        print(parser.helpText());
        return Success;
    }
    return {};
}

void printPlugin(const QJsonObject &plugin)
{
    print(QStringLiteral("%1 (%2, %3): %4\n")
              .arg(plugin["id"].toString(), plugin["kind"].toString(), plugin["stability"].toString(),
                   plugin["summary"].toString()));
    QString group; // of the option before: those of one map stand below its name
    for (const auto value : plugin["options"].toArray()) {
        const QJsonObject option = value.toObject();
        const QString name = option["name"].toString();
        const qsizetype dot = name.lastIndexOf(QLatin1Char('.'));
        if (const QString own = name.left(std::max<qsizetype>(dot, 0));
            std::exchange(group, own) != own && dot > 0)
            print(QStringLiteral("  %1:\n").arg(own));
        const QString indent(dot > 0 ? 4 : 2, QLatin1Char(' '));
        QString facts = option["type"].toString();
        if (option["required"].toBool())
            facts += QStringLiteral(", required");
        if (!option["default"].toString().isEmpty())
            facts += QStringLiteral(", default ") + option["default"].toString();
        print(QStringLiteral("%1%2 (%3)\n%1    %4\n")
                  .arg(indent, name.mid(dot + 1), facts, option["help"].toString()));
    }
}

} // namespace

int checkCommand(const QStringList &arguments)
{
    QCommandLineParser parser;
    parser.setApplicationDescription(
        QStringLiteral("Says everything that is wrong with pipeline files. Starts nothing."));
    parser.addPositionalArgument(QStringLiteral("file"), QStringLiteral("Pipeline files or folders of them."),
                                 QStringLiteral("check FILE..."));
    if (const auto code = parse(parser, arguments))
        return *code;
    const QStringList files = parser.positionalArguments();
    if (files.isEmpty()) {
        printError(QStringLiteral("tidemill check: expected at least one pipeline file\n"));
        return WrongUsage;
    }
    host::PluginRegistry plugins = registryFor(parser);
    const LoadedPipelines loaded = loadPipelines(files, plugins);
    for (const host::PipelineDescription &pipeline : loaded.pipelines)
        print(QStringLiteral("%1: pipeline %2, %3 nodes: good\n")
                  .arg(pipeline.file, pipeline.name)
                  .arg(pipeline.nodes.size()));
    const QString errors = loaded.errors + loaded.unusable.join(QString());
    printError(errors);
    return errors.isEmpty() ? Success : WrongUsage;
}

int graphCommand(const QStringList &arguments)
{
    QCommandLineParser parser;
    parser.setApplicationDescription(QStringLiteral("Prints the graph of pipelines."));
    parser.addPositionalArgument(QStringLiteral("file"), QStringLiteral("Pipeline files or folders of them."),
                                 QStringLiteral("graph FILE..."));
    const QCommandLineOption format(QStringLiteral("format"),
                                    QStringLiteral("mermaid (default), dot or json."),
                                    QStringLiteral("format"), QStringLiteral("mermaid"));
    parser.addOption(format);
    if (const auto code = parse(parser, arguments))
        return *code;
    const QStringList files = parser.positionalArguments();
    const auto wanted = host::graphFormatFromName(parser.value(format));
    if (files.isEmpty() || !wanted) {
        printError(files.isEmpty()
                       ? QStringLiteral("tidemill graph: expected at least one pipeline file\n")
                       : QStringLiteral("tidemill graph: --format: expected mermaid, dot or json, got '%1'\n")
                             .arg(parser.value(format)));
        return WrongUsage;
    }
    host::PluginRegistry plugins = registryFor(parser);
    const LoadedPipelines loaded = loadPipelines(files, plugins);
    if (const QString errors = loaded.errors + loaded.unusable.join(QString()); !errors.isEmpty()) {
        printError(errors);
        return WrongUsage;
    }
    print(host::graphAs(loaded.pipelines, *wanted));
    return Success;
}

int pluginsCommand(const QStringList &arguments)
{
    QCommandLineParser parser;
    parser.setApplicationDescription(QStringLiteral("Lists the plugins found, or tells all about one."));
    parser.addPositionalArgument(QStringLiteral("id"), QStringLiteral("Only this one."),
                                 QStringLiteral("plugins [ID]"));
    const QCommandLineOption json(QStringLiteral("json"), QStringLiteral("As JSON, with all options."));
    parser.addOption(json);
    const QCommandLineOption settings(QStringLiteral("settings"),
                                      QStringLiteral("As JSON, the host's settings: of nodes of each kind, "
                                                     "beside their plugin's, and of a pipeline."));
    parser.addOption(settings);
    if (const auto code = parse(parser, arguments))
        return *code;
    if (parser.isSet(settings)) {
        print(QString::fromUtf8(QJsonDocument(host::describeSettings()).toJson()));
        return Success;
    }
    host::PluginRegistry plugins = registryFor(parser);
    const QString id = parser.positionalArguments().value(0);
    if (!id.isEmpty() && !plugins.findAny(id)) {
        QStringList known;
        for (const host::PluginInfo &plugin : plugins.plugins())
            known.append(plugin.id);
        const QString meant = nearestName(id, known);
        printError(
            QStringLiteral("tidemill plugins: no plugin '%1'%2\n")
                .arg(id, meant.isEmpty() ? QString() : QStringLiteral("; did you mean '%1'?").arg(meant)));
        return WrongUsage;
    }
    if (parser.isSet(json)) {
        print(QString::fromUtf8(QJsonDocument(plugins.describe(id)).toJson()));
        return Success;
    }
    if (!id.isEmpty()) {
        const QJsonArray ofThatId = plugins.describe(id); // one of each kind at most
        for (qsizetype index = 0; index < ofThatId.size(); ++index) {
            if (index > 0)
                print(QStringLiteral("\n"));
            printPlugin(ofThatId.at(index).toObject());
        }
        return Success;
    }
    const QJsonArray all = plugins.describe(); // loads each, so that all reasons show
    for (const auto &value : all) {
        const QJsonObject plugin = value.toObject();
        const QString error = plugin["error"].toString();
        const QString what =
            error.isEmpty() ? plugin["summary"].toString() : QStringLiteral("CANNOT BE USED: ") + error;
        print(QStringLiteral("%1 %2 %3\n")
                  .arg(plugin["kind"].toString(), -10)
                  .arg(plugin["id"].toString(), -16)
                  .arg(what));
    }
    return Success;
}

int schemaCommand(const QStringList &arguments)
{
    QCommandLineParser parser;
    parser.setApplicationDescription(QStringLiteral("Prints a JSON Schema of pipeline files for editors: "
                                                    "with it they complete and check while you type."));
    parser.addPositionalArgument(QString(), QString(), QStringLiteral("schema"));
    if (const auto code = parse(parser, arguments))
        return *code;
    if (!parser.positionalArguments().isEmpty()) {
        printError(QStringLiteral("tidemill schema: expected no arguments, got '%1'\n")
                       .arg(parser.positionalArguments().first()));
        return WrongUsage;
    }
    host::PluginRegistry plugins = registryFor(parser);
    print(QString::fromUtf8(QJsonDocument(host::pipelineSchema(plugins.describe())).toJson()));
    return Success;
}

} // namespace tidemill::app
