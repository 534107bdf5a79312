// SPDX-License-Identifier: Apache-2.0
#include "commands.h"
#include "host/graph_view.h"
#include "host/host.h"
#include "host/http_server.h"
#include "host/http_service.h"
#include "host/json_log.h"
#include "host/watchdog.h"
#include "pipeline_loading.h"
#include "run_settings.h"
#include "shutdown_signals.h"

#include <QCommandLineParser>
#include <QCoreApplication>
#include <QLoggingCategory>
#include <QScopeGuard>
#include <QTimer>

Q_LOGGING_CATEGORY(lcRun, "tidemill.run")

namespace tidemill::app {

namespace {

// Beyond the drain limit, for nodes to stop in; then the watchdog ends the process.
constexpr std::chrono::seconds stopGrace{10};

Result<> listen(host::HttpServer &server, const host::HttpAddress &address)
{
    const auto bound = server.listen(address.host, address.port);
    if (!bound)
        return bound.error();
    qCInfo(lcRun).noquote()
        << QStringLiteral("HTTP on http://%1/").arg(host::HttpAddress{address.host, *bound}.toString());
    return {};
}

int run(RunSettings settings)
{
    host::PluginRegistry plugins(host::pluginSearchPaths(settings.pluginPath), pluginProbe());
    const LoadedPipelines loaded = loadPipelines(settings.files, plugins);
    if (!loaded.errors.isEmpty()) {
        printError(loaded.errors);
        return WrongUsage;
    }
    if (const auto added = addHostSettings(settings, loaded.pipelines); !added) {
        printError(QStringLiteral("tidemill run: %1\n").arg(added.error().message));
        return WrongUsage;
    }
    host::installLog(settings.log);
    QStringList secrets = loaded.secrets;
    secrets.append(settings.httpToken);
    host::setSecrets(secrets);

    for (const QString &problem : loaded.unusable)
        qCCritical(lcRun).noquote() << "a pipeline is left out, for its plugin cannot be used:"
                                    << problem.trimmed();
    if (loaded.pipelines.isEmpty())
        return Failed;

    host::MetricsRegistry metrics;
    host::HostStatus status;
    ShutdownSignals shutdown;
    // The endpoint is up before the pipelines, so that a start that takes its time can be watched, and down
    // after them.
    host::HttpService service(
        status, metrics,
        {QCoreApplication::applicationVersion(), settings.httpToken.toUtf8(), settings.httpOpen});
    service.setGraph([pipelines = loaded.pipelines](const QString &format) {
        return host::graphAs(pipelines, host::graphFormatFromName(format).value_or(host::GraphFormat::Json));
    });
    std::unique_ptr<host::HttpServer> server;
    if (!settings.http.host.isEmpty()) {
#ifdef TIDEMILL_HTTP
        server = host::makeHttpServer(service);
        if (const auto listening = listen(*server, settings.http); !listening) {
            printError(QStringLiteral("tidemill run: %1\n").arg(listening.error().message));
            return listening.error().kind == Error::Kind::Config ? WrongUsage : Failed;
        }
#else
        qCWarning(lcRun) << "built without the HTTP endpoint (TIDEMILL_HTTP=OFF)";
#endif
    }

    host::Host host(plugins, metrics, status, {settings.stateDirectory, settings.drain});
    const host::Watchdog watchdog(settings.drain + stopGrace,
                                  [&status] { return host::describeStuck(status); });
    ShutdownSignals::setWatchdog(&watchdog);
    const auto unwatch = qScopeGuard([] { ShutdownSignals::setWatchdog(nullptr); });
    int exitCode = Success;
    QObject::connect(
        &host, &host::Host::finished, &host,
        [&exitCode](int code) {
            exitCode = code;
            QCoreApplication::exit(code);
        },
        Qt::QueuedConnection);
    QObject::connect(&shutdown, &ShutdownSignals::received, &host, &host::Host::stop);
    if (const auto started = host.start(loaded.pipelines); !started) {
        qCCritical(lcRun).noquote() << started.error().message;
        return Failed;
    }
    const auto end = [&host, &watchdog] {
        watchdog.begin();
        host.stop();
    };
    QObject::connect(&host, &host::Host::exhausted, &host, end);
    if (settings.runFor)
        QTimer::singleShot(*settings.runFor, &host, end);
    QCoreApplication::exec();
    if (server)
        server->close();
    return exitCode == Success && !loaded.unusable.isEmpty() ? int(Failed) : exitCode;
}

} // namespace

int runCommand(const QStringList &arguments)
{
    QCommandLineParser parser;
    addRunFlags(parser);
    if (!parser.parse(arguments)) {
        printError(QStringLiteral("tidemill run: %1\n").arg(parser.errorText()));
        return WrongUsage;
    }
    if (parser.isSet(QStringLiteral("help"))) {
        print(parser.helpText());
        return Success;
    }
    const auto settings = readRunSettings(parser);
    if (!settings) {
        printError(QStringLiteral("tidemill run: %1\n").arg(settings.error().message));
        return WrongUsage;
    }
    return run(*settings);
}

} // namespace tidemill::app
