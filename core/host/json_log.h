// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tidemill/timestamp.h>

#include <QByteArray>
#include <QStringList>
#include <QtGlobal>

namespace tidemill::host {

// The process's log: everything that goes through Qt's categories, one line each, written at once and whole.

enum class LogFormat {
    Auto, // Text on a terminal, otherwise Json
    Json, // {"ts":"2024-08-08T23:54:15.308Z","level":"info","category":"tidemill.host","message":"...","thread":"db"}
    Text, // 23:54:15.308 INFO  host        ...  in local time
};

// From here on: levels below are left out.
enum class LogLevel { Debug, Info, Warning, Critical };

struct LogSettings
{
    LogFormat format = LogFormat::Auto;
    LogLevel level = LogLevel::Info;
    int fd = 1; // standard output
};

// Sends Qt's messages there from now on; may be called again with other settings. Any thread.
void installLog(const LogSettings &settings);

// These texts are printed as *** wherever they occur in a message, also where they stand percent-encoded or
// with quotes and backslashes escaped. Texts shorter than 4 are left alone: they would make holes everywhere.
// Replaces those set before. Any thread.
void setSecrets(const QStringList &secrets);

struct LogLine
{
    Timestamp time;
    QtMsgType type = QtInfoMsg;
    QByteArrayView category;
    QByteArrayView message; // UTF-8
    QByteArrayView thread;  // empty: the main one, not printed
};

// One line with its end, whatever the message holds: no message can look like a second line or steer a
// terminal.
void appendLogLine(QByteArray &out, const LogLine &line, LogFormat format);

} // namespace tidemill::host
