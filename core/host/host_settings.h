// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "json_log.h"

#include <tidemill/option.h>

#include <optional>

namespace tidemill::host {

// Where the HTTP endpoint listens.
struct HttpAddress
{
    QString host; // an IP address or localhost; empty: it does not
    quint16 port = 0;

    // "127.0.0.1:8080", "[::1]:8080", "8080" (on loopback), "off". Nothing if it is none of these.
    static std::optional<HttpAddress> parse(const QString &text);
    // What parse() takes, as a regular expression that JSON Schema knows too.
    static QString form();
    QString toString() const;

    friend bool operator==(const HttpAddress &, const HttpAddress &) = default;
};

QString expectedHttpAddress(const QString &got); // for messages

// "debug", "info", "warning" (or "warn"), "critical" (or "error"); all small or all in capitals.
std::optional<LogLevel> logLevelFromText(const QString &text);
QString logLevelName(LogLevel level);
QString expectedLogLevel(const QString &got); // for messages: which there are
QStringList logLevelWords();                  // all that logLevelFromText() takes

// What a pipeline brings along for the process that it runs in: the section `host` of its file. Nothing: it
// does not say. The command line and the environment win over it.
struct HostSettings
{
    std::optional<HttpAddress> http;
    std::optional<LogLevel> logLevel;
};

// The section's keys as they are written.
struct WrittenHostSettings
{
    QString http;
    QString logLevel;
};

// "host.http", ...: for parsing and for the reference.
OptionList hostSettingsOptions(WrittenHostSettings &written);

// Takes the section into `settings`, and says what is wrong with it.
OptionErrors applyHostSettings(const Value::Member &section, HostSettings &settings);

} // namespace tidemill::host
