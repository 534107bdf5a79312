// SPDX-License-Identifier: Apache-2.0
#include "host_settings.h"

#include <QRegularExpression>

#include <algorithm>

namespace tidemill::host {

namespace {

// In the order of LogLevel.
const QStringList levels{QStringLiteral("debug"), QStringLiteral("info"), QStringLiteral("warning"),
                         QStringLiteral("critical")};

} // namespace

QString HttpAddress::form()
{
    const QString v4 =
        QStringLiteral("(?:%1\\.){3}%1").arg(QLatin1String("(?:25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])"));
    const QString v6 = QStringLiteral("[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*");
    const QString port = QStringLiteral(
        "6553[0-5]|655[0-2][0-9]|65[0-4][0-9][0-9]|6[0-4][0-9][0-9][0-9]|[0-5]?[0-9]?[0-9]?[0-9]?[0-9]");
    return QStringLiteral("^(?:off|(?:(localhost|%1|%2|\\[%2\\]):)?(%3))$").arg(v4, v6, port);
}

std::optional<HttpAddress> HttpAddress::parse(const QString &text)
{
    static const QRegularExpression expression(form());
    const auto match = expression.match(text);
    if (!match.hasMatch() || text.endsWith(QLatin1Char('\n'))) // which $ would let pass
        return {};
    if (text == QLatin1String("off"))
        return HttpAddress();
    QString host = match.captured(1);
    if (host.startsWith(QLatin1Char('[')))
        host = host.mid(1, host.size() - 2);
    return HttpAddress{host.isEmpty() ? QStringLiteral("127.0.0.1") : host, match.captured(2).toUShort()};
}

QString HttpAddress::toString() const
{
    if (host.isEmpty())
        return QStringLiteral("off");
    const bool isV6 = host.contains(QLatin1Char(':'));
    return (isV6 ? QStringLiteral("[%1]:%2") : QStringLiteral("%1:%2")).arg(host).arg(port);
}

QString expectedHttpAddress(const QString &got)
{
    return QStringLiteral("expected an address such as 127.0.0.1:8080, or off, got '%1'").arg(got);
}

std::optional<LogLevel> logLevelFromText(const QString &text)
{
    if (!logLevelWords().contains(text))
        return {};
    const QString word = text.toLower();
    if (word == QLatin1String("warn"))
        return LogLevel::Warning;
    if (word == QLatin1String("error"))
        return LogLevel::Critical;
    return LogLevel(levels.indexOf(word));
}

QString logLevelName(LogLevel level)
{
    return levels.value(int(level));
}

QString expectedLogLevel(const QString &got)
{
    return QStringLiteral("expected one of %1, got '%2'").arg(levels.join(QLatin1String(", ")), got);
}

QStringList logLevelWords()
{
    QStringList words = levels + QStringList{QStringLiteral("warn"), QStringLiteral("error")};
    for (const QString &word : QStringList(words))
        words.append(word.toUpper());
    return words;
}

OptionList hostSettingsOptions(WrittenHostSettings &written)
{
    return {
        Option("host.http", written.http, "Where HTTP is served, as of --http: an address, a port, or off.")
            .notEmpty()
            .example("127.0.0.1:8000"),
        Option("host.log_level", written.logLevel,
               "As of --log-level: debug, info, warning or warn, critical or error; also in capitals.")
            .notEmpty()
            .example("info"),
    };
}

OptionErrors applyHostSettings(const Value::Member &section, HostSettings &settings)
{
    WrittenHostSettings written;
    Value::Member named = section;
    named.key = QStringLiteral("host"); // it may have been misspelt
    OptionErrors errors = hostSettingsOptions(written).apply(Value::map({named}));
    const auto placeOf = [&section](const char *key) {
        const Value *value = section.value.find(QLatin1String(key));
        return value ? value->place() : section.keyPlace;
    };
    // What an option has refused is empty here.
    settings.http = HttpAddress::parse(written.http);
    if (!written.http.isEmpty() && !settings.http)
        errors.append({QStringLiteral("host.http"), expectedHttpAddress(written.http), {}, placeOf("http")});
    settings.logLevel = logLevelFromText(written.logLevel);
    if (!written.logLevel.isEmpty() && !settings.logLevel)
        errors.append({QStringLiteral("host.log_level"), expectedLogLevel(written.logLevel),
                       nearestName(written.logLevel, levels), placeOf("log_level")});
    return errors;
}

} // namespace tidemill::host
