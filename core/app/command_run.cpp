// SPDX-License-Identifier: Apache-2.0
#include "commands.h"
#include "host/graph_view.h"
#include "host/host.h"
#include "host/http_server.h"
#include "host/http_service.h"
#include "host/json_log.h"
#include "host/watchdog.h"
#include "pipeline_loading.h"
#include "shutdown_signals.h"
#include "state_directory.h"

#include <tidemill/option.h>

#include <QCommandLineParser>
#include <QCoreApplication>
#include <QDir>
#include <QLoggingCategory>
#include <QScopeGuard>
#include <QTimer>

Q_LOGGING_CATEGORY(lcRun, "tidemill.run")

namespace tidemill::app {

namespace {

// Beyond the drain limit, for nodes to stop in; then the watchdog ends the process.
constexpr std::chrono::seconds stopGrace{10};

struct RunSettings
{
    QStringList files;
    QStringList pluginPath;
    QString http = QStringLiteral("127.0.0.1:8080");
    QString httpToken;
    bool httpOpen = false;
    QString stateDirectory;
    host::LogSettings log;
    std::optional<std::chrono::milliseconds> runFor;
    std::chrono::milliseconds drain{10'000};
};

Error usageError(const QString &flag, const QString &message)
{
    return {Error::Kind::Config, QStringLiteral("--%1: %2").arg(flag, message)};
}

Result<std::chrono::milliseconds> duration(const QString &flag, const QString &text)
{
    std::chrono::milliseconds value{};
    if (const auto parsed = detail::assignOption(value, Value::scalar(text)); !parsed)
        return usageError(flag, parsed.error().message);
    return value;
}

Result<> readLogSettings(const QCommandLineParser &parser, host::LogSettings &log)
{
    const QString level = flagOrEnvironment(parser, QStringLiteral("log-level"), "TIDEMILL_LOG_LEVEL");
    const QStringList levels{"debug", "info", "warning", "critical"};
    if (!level.isEmpty() && !levels.contains(level))
        return usageError(
            QStringLiteral("log-level"),
            QStringLiteral("expected one of %1, got '%2'").arg(levels.join(QLatin1String(", ")), level));
    if (!level.isEmpty())
        log.level = host::LogLevel(levels.indexOf(level));

    const QString format = flagOrEnvironment(parser, QStringLiteral("log-format"), "TIDEMILL_LOG_FORMAT");
    const QStringList formats{"auto", "json", "text"};
    if (!format.isEmpty() && !formats.contains(format))
        return usageError(QStringLiteral("log-format"),
                          QStringLiteral("expected json or text, got '%1'").arg(format));
    if (!format.isEmpty())
        log.format = host::LogFormat(formats.indexOf(format));

    const QString target = flagOrEnvironment(parser, QStringLiteral("log-to"), "TIDEMILL_LOG_TO");
    const QStringList targets{"stdout", "stderr"};
    if (!target.isEmpty() && !targets.contains(target))
        return usageError(QStringLiteral("log-to"),
                          QStringLiteral("expected stdout or stderr, got '%1'").arg(target));
    log.fd = target == QLatin1String("stderr") ? 2 : 1;
    return {};
}

void addFlags(QCommandLineParser &parser)
{
    const auto add = [&parser](const char *name, const char *help, const char *value) {
        parser.addOption({QLatin1String(name), QLatin1String(help), QLatin1String(value)});
    };
    parser.setApplicationDescription(
        QStringLiteral("Runs pipelines until SIGINT or SIGTERM. Every flag can be given as "
                       "TIDEMILL_FLAG_NAME in the environment too."));
    parser.addPositionalArgument(QStringLiteral("file"), QStringLiteral("Pipeline files or folders of them."),
                                 QStringLiteral("run FILE..."));
    add("for", "Stop after this time (30s, 5m).", "duration");
    add("http", "Address of the HTTP endpoint, or off (default 127.0.0.1:8080).", "address");
    add("http-token", "Token that HTTP requests must bear; needed beyond loopback.", "token");
    parser.addOption({QStringLiteral("http-open"), QStringLiteral("Serve beyond loopback without a token.")});
    add("state-dir", "Where nodes keep state over a restart (default ~/.local/state/tidemill), or off.",
        "folder");
    add("plugin-path", "Folder to look for plugins in, before the built-in one; may be repeated.", "folder");
    add("drain", "At the end, how long records under way may take (default 10s).", "duration");
    add("log-level", "debug, info (default), warning or critical.", "level");
    add("log-format", "json or text (default: text on a terminal).", "format");
    add("log-to", "stdout (default) or stderr, for pipelines that write records to stdout.", "stream");
    parser.addOption({{QStringLiteral("h"), QStringLiteral("help")}, QStringLiteral("Show this.")});
}

Result<RunSettings> readSettings(const QCommandLineParser &parser)
{
    RunSettings settings;
    settings.files = parser.positionalArguments();
    if (settings.files.isEmpty())
        return Error{Error::Kind::Config, QStringLiteral("expected at least one pipeline file")};
    settings.pluginPath = parser.values(QStringLiteral("plugin-path"));

    if (const QString http = flagOrEnvironment(parser, QStringLiteral("http"), "TIDEMILL_HTTP");
        !http.isEmpty())
        settings.http = http;
    settings.httpToken = flagOrEnvironment(parser, QStringLiteral("http-token"), "TIDEMILL_HTTP_TOKEN");
    settings.httpOpen = parser.isSet(QStringLiteral("http-open")) ||
                        qEnvironmentVariable("TIDEMILL_HTTP_OPEN") == QLatin1String("true");

    settings.stateDirectory = stateDirectory(parser);

    if (const QString text = flagOrEnvironment(parser, QStringLiteral("for"), "TIDEMILL_FOR");
        !text.isEmpty()) {
        const auto value = duration(QStringLiteral("for"), text);
        if (!value)
            return value.error();
        settings.runFor = *value;
    }
    if (const QString text = flagOrEnvironment(parser, QStringLiteral("drain"), "TIDEMILL_DRAIN");
        !text.isEmpty()) {
        const auto value = duration(QStringLiteral("drain"), text);
        if (!value)
            return value.error();
        settings.drain = *value;
    }
    if (const auto log = readLogSettings(parser, settings.log); !log)
        return log.error();
    return settings;
}

// "127.0.0.1:8080", "[::1]:8080", "8080".
Result<> listen(host::HttpServer &server, const QString &address)
{
    const qsizetype colon = address.lastIndexOf(QLatin1Char(':'));
    QString name = colon < 0 ? QStringLiteral("127.0.0.1") : address.left(colon);
    if (name.startsWith(QLatin1Char('[')) && name.endsWith(QLatin1Char(']')))
        name = name.mid(1, name.size() - 2);
    bool isNumber = false;
    const ushort port = address.mid(colon + 1).toUShort(&isNumber);
    if (!isNumber || name.isEmpty())
        return usageError(
            QStringLiteral("http"),
            QStringLiteral("expected an address such as 127.0.0.1:8080, or off, got '%1'").arg(address));
    const auto bound = server.listen(name, port);
    if (!bound)
        return bound.error();
    qCInfo(lcRun).noquote() << QStringLiteral("HTTP on http://%1:%2/")
                                   .arg(name.contains(QLatin1Char(':')) ? QStringLiteral("[%1]").arg(name)
                                                                        : name)
                                   .arg(*bound);
    return {};
}

int run(const RunSettings &settings)
{
    host::PluginRegistry plugins(host::pluginSearchPaths(settings.pluginPath), pluginProbe());
    const LoadedPipelines loaded = loadPipelines(settings.files, plugins);
    if (!loaded.errors.isEmpty()) {
        printError(loaded.errors);
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
    if (settings.http != QLatin1String("off")) {
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
    addFlags(parser);
    if (!parser.parse(arguments)) {
        printError(QStringLiteral("tidemill run: %1\n").arg(parser.errorText()));
        return WrongUsage;
    }
    if (parser.isSet(QStringLiteral("help"))) {
        print(parser.helpText());
        return Success;
    }
    const auto settings = readSettings(parser);
    if (!settings) {
        printError(QStringLiteral("tidemill run: %1\n").arg(settings.error().message));
        return WrongUsage;
    }
    return run(*settings);
}

} // namespace tidemill::app
