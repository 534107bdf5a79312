// SPDX-License-Identifier: Apache-2.0
#include "commands.h"
#include "host/plugin_probe.h"
#include "pipeline_loading.h"

#include <tidemill/option.h>

#include <QCoreApplication>

namespace {

constexpr auto usage = R"(Tidemill collects market data: it runs pipelines of sources, transforms and sinks.

Usage: tidemill COMMAND [OPTIONS]

  run FILE...        run pipelines until SIGINT or SIGTERM
  check FILE...      say everything that is wrong with pipeline files, start nothing
  graph FILE...      print the graph of pipelines (--format mermaid|dot|json)
  plugins [ID]       list plugins, or tell all about one (--json)
  schema             print a JSON Schema of pipeline files, for editors
  spool ls|verify    list or check what sinks have not confirmed, on disk
  tail URL [STREAM]  list the streams of a Redis, or follow one
  deadletter ls|show|replay
                     list, print or offer again what sinks could not store
  version            print versions

A FILE may be a folder: all its *.yaml are taken. `tidemill COMMAND --help` tells more.
Exit codes: 0 well, 1 ran and failed, 2 wrong usage or configuration.
)";

// What Qt would keep ready and nobody here uses: GLib's loop in each thread, machine code for patterns that
// are matched a few times at the start.
void useLessMemory()
{
    for (const auto &[name, value] : {std::pair{"QT_NO_GLIB", "1"}, std::pair{"QT_ENABLE_REGEXP_JIT", "0"}}) {
        if (!qEnvironmentVariableIsSet(name))
            qputenv(name, value);
    }
}

} // namespace

int main(int argc, char **argv)
{
    using namespace tidemill;
    using namespace tidemill::app;

    useLessMemory();
    QCoreApplication application(argc, argv);
    QCoreApplication::setApplicationName(QStringLiteral("tidemill"));
    QCoreApplication::setApplicationVersion(QStringLiteral(TIDEMILL_VERSION));

    const QStringList arguments = QCoreApplication::arguments().mid(1);
    const QString command = arguments.value(0);
    if (command == QLatin1String("probe-plugin") && arguments.size() == 2) // for pluginProbe() only
        host::loadAsProbe(arguments.at(1));
    if (command == QLatin1String("run"))
        return runCommand(arguments);
    if (command == QLatin1String("check"))
        return checkCommand(arguments);
    if (command == QLatin1String("graph"))
        return graphCommand(arguments);
    if (command == QLatin1String("plugins"))
        return pluginsCommand(arguments);
    if (command == QLatin1String("schema"))
        return schemaCommand(arguments);
    if (command == QLatin1String("spool"))
        return spoolCommand(arguments);
    if (command == QLatin1String("tail"))
        return tailCommand(arguments);
    if (command == QLatin1String("deadletter"))
        return deadletterCommand(arguments);
    if (command == QLatin1String("version") || command == QLatin1String("--version")) {
        print(QStringLiteral("tidemill %1 (Qt %2)\n")
                  .arg(QLatin1String(TIDEMILL_VERSION), QLatin1String(qVersion())));
        return Success;
    }
    if (command == QLatin1String("help") || command == QLatin1String("--help") ||
        command == QLatin1String("-h")) {
        print(QLatin1String(usage));
        return Success;
    }

    if (command.isEmpty()) {
        printError(QLatin1String(usage));
        return WrongUsage;
    }
    const QString meant = nearestName(command, {"run", "check", "graph", "plugins", "schema", "spool", "tail",
                                                "deadletter", "version", "help"});
    printError(
        QStringLiteral("tidemill: no command '%1'%2\n")
            .arg(command, meant.isEmpty() ? QString() : QStringLiteral("; did you mean '%1'?").arg(meant)));
    return WrongUsage;
}
