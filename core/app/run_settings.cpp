// SPDX-License-Identifier: Apache-2.0
#include "run_settings.h"

#include "pipeline_loading.h"
#include "state_directory.h"

#include <tidemill/option.h>

#include <QCommandLineParser>

namespace tidemill::app {

namespace {

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

Result<> readLogSettings(const QCommandLineParser &parser, RunSettings &settings)
{
    const QString level = flagOrEnvironment(parser, QStringLiteral("log-level"), "TIDEMILL_LOG_LEVEL");
    settings.said.logLevel = host::logLevelFromText(level);
    if (!level.isEmpty() && !settings.said.logLevel)
        return usageError(QStringLiteral("log-level"), host::expectedLogLevel(level));

    const QString format = flagOrEnvironment(parser, QStringLiteral("log-format"), "TIDEMILL_LOG_FORMAT");
    const QStringList formats{"auto", "json", "text"};
    if (!format.isEmpty() && !formats.contains(format))
        return usageError(QStringLiteral("log-format"),
                          QStringLiteral("expected json or text, got '%1'").arg(format));
    if (!format.isEmpty())
        settings.log.format = host::LogFormat(formats.indexOf(format));

    const QString target = flagOrEnvironment(parser, QStringLiteral("log-to"), "TIDEMILL_LOG_TO");
    const QStringList targets{"stdout", "stderr"};
    if (!target.isEmpty() && !targets.contains(target))
        return usageError(QStringLiteral("log-to"),
                          QStringLiteral("expected stdout or stderr, got '%1'").arg(target));
    settings.log.fd = target == QLatin1String("stderr") ? 2 : 1;
    return {};
}

// What the pipelines say of one setting. They run in one process, so it is one thing.
template<typename T>
Result<> agree(const QList<host::PipelineDescription> &pipelines,
               std::optional<T> host::HostSettings::*setting, const char *name, const char *flag,
               QString (*print)(const T &), std::optional<T> &agreed)
{
    if (agreed)
        return {};
    const host::PipelineDescription *first = nullptr;
    for (const host::PipelineDescription &pipeline : pipelines) {
        const std::optional<T> &said = pipeline.host.*setting;
        if (first && said && *said != *agreed)
            return Error{Error::Kind::Config,
                         QStringLiteral(
                             "host.%1 is %2 in %3 and %4 in %5, but one process runs both: say it with --%6")
                             .arg(QLatin1String(name), print(*agreed), first->file, print(*said),
                                  pipeline.file, QLatin1String(flag))};
        if (!first && said) {
            agreed = said;
            first = &pipeline;
        }
    }
    return {};
}

} // namespace

void addRunFlags(QCommandLineParser &parser)
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
    add("http", "Address of the HTTP endpoint, or off (default: the pipeline's, or 127.0.0.1:8080).",
        "address");
    add("http-token", "Token that HTTP requests must bear; needed beyond loopback.", "token");
    parser.addOption({QStringLiteral("http-open"), QStringLiteral("Serve beyond loopback without a token.")});
    add("state-dir", "Where nodes keep state over a restart (default ~/.local/state/tidemill), or off.",
        "folder");
    add("plugin-path", "Folder to look for plugins in, before the built-in one; may be repeated.", "folder");
    add("drain", "At the end, how long records under way may take (default 10s).", "duration");
    add("log-level", "debug, info, warning or critical (default: the pipeline's, or info).", "level");
    add("log-format", "json or text (default: text on a terminal).", "format");
    add("log-to", "stdout (default) or stderr, for pipelines that write records to stdout.", "stream");
    parser.addOption({{QStringLiteral("h"), QStringLiteral("help")}, QStringLiteral("Show this.")});
}

Result<RunSettings> readRunSettings(const QCommandLineParser &parser)
{
    RunSettings settings;
    settings.files = parser.positionalArguments();
    if (settings.files.isEmpty())
        return Error{Error::Kind::Config, QStringLiteral("expected at least one pipeline file")};
    settings.pluginPath = parser.values(QStringLiteral("plugin-path"));

    const QString http = flagOrEnvironment(parser, QStringLiteral("http"), "TIDEMILL_HTTP");
    settings.said.http = host::HttpAddress::parse(http);
    if (!http.isEmpty() && !settings.said.http)
        return usageError(QStringLiteral("http"), host::expectedHttpAddress(http));
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
    if (const auto log = readLogSettings(parser, settings); !log)
        return log.error();
    return settings;
}

Result<> addHostSettings(RunSettings &settings, const QList<host::PipelineDescription> &pipelines)
{
    const auto address = [](const host::HttpAddress &http) { return http.toString(); };
    const auto level = [](const host::LogLevel &value) { return host::logLevelName(value); };
    host::HostSettings &said = settings.said;
    if (const auto agreed = agree<host::HttpAddress>(pipelines, &host::HostSettings::http, "http", "http",
                                                     address, said.http);
        !agreed)
        return agreed.error();
    if (const auto agreed = agree<host::LogLevel>(pipelines, &host::HostSettings::logLevel, "log_level",
                                                  "log-level", level, said.logLevel);
        !agreed)
        return agreed.error();
    settings.http = said.http.value_or(settings.http);
    settings.log.level = said.logLevel.value_or(settings.log.level);
    return {};
}

} // namespace tidemill::app
