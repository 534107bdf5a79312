// SPDX-License-Identifier: Apache-2.0
#include "command_deadletter.h"

#include "commands.h"
#include "host/dead_letters/letter_store.h"
#include "pipeline_loading.h"
#include "state_directory.h"

#include <tidemill/json.h>

#include <QCommandLineParser>
#include <QDir>
#include <QFileInfo>

#include <cstdio>

namespace tidemill::app {

namespace {

using host::DeadLetter;

void addFlags(QCommandLineParser &parser)
{
    const auto add = [&parser](const char *name, const char *help, const char *value) {
        parser.addOption({QLatin1String(name), QLatin1String(help), QLatin1String(value)});
    };
    parser.setApplicationDescription(QStringLiteral(
        "Records that sinks could not store: lists them (ls), prints them as JSON lines (show), or offers "
        "them to their sink again (replay), which removes what it stores and keeps what it refuses. Works "
        "beside a running host."));
    parser.addPositionalArgument(QStringLiteral("action"), QStringLiteral("ls, show or replay."),
                                 QStringLiteral("deadletter ls [FOLDER] | show FILE... | replay "
                                                "PIPELINE.yaml [SINK]"));
    add("state-dir", "The host's (default ~/.local/state/tidemill).", "folder");
    add("plugin-path", "replay: folder to look for plugins in, before the built-in one; may be repeated.",
        "folder");
    add("for", "replay: stop after this time (30s, 5m).", "duration");
    parser.addOption({{QStringLiteral("h"), QStringLiteral("help")}, QStringLiteral("Show this.")});
}

QString summary(const DeadLetter &letter)
{
    const QString type = QString::fromUtf8(letter.batch->schema().name());
    const QString more =
        letter.causes.size() > 1 ? QStringLiteral(" (and %1 more)").arg(letter.causes.size() - 1) : QString();
    return QStringLiteral("%1  %2 records  %3  %4: %5%6")
        .arg(QString::fromLatin1(letter.time.toString()))
        .arg(letter.batch->rowCount())
        .arg(type, letter.reason, letter.causeOf(0), more);
}

int list(const QString &folder)
{
    bool damaged = false;
    const QStringList folders = host::findLetterFolders(folder);
    for (const QString &place : folders) {
        const QStringList files = host::letterFiles(place);
        print(QStringLiteral("%1: %2 dead letters\n").arg(place).arg(files.size()));
        for (const QString &path : files) {
            const auto letter = host::readLetter(path);
            if (!letter && !QFile::exists(path))
                continue; // replayed meanwhile
            damaged = damaged || !letter;
            print(
                QStringLiteral("  %1  %2\n")
                    .arg(QFileInfo(path).fileName(), letter ? summary(*letter) : QStringLiteral("DAMAGED")));
            if (!letter)
                printError(letter.error().message + QLatin1Char('\n'));
        }
    }
    if (folders.isEmpty())
        print(QStringLiteral("no dead letters in %1\n").arg(folder));
    return damaged ? Failed : Success;
}

// {"time":...,"pipeline":...,"sink":...,"reason":...,"error":...,"record":{"type":"trade",...}}
void printRecords(const DeadLetter &letter)
{
    const auto member = [](QByteArray &out, const char *name, QByteArrayView value) {
        out += out.isEmpty() ? "{\"" : ",\"";
        out += name;
        out += "\":";
        appendJsonString(out, value);
    };
    QByteArray head;
    member(head, "time", letter.time.toString());
    member(head, "pipeline", letter.pipeline.toUtf8());
    member(head, "sink", letter.sink.toUtf8());
    member(head, "reason", letter.reason.toUtf8());
    for (qsizetype row = 0; row < letter.batch->rowCount(); ++row) {
        QByteArray line = head;
        member(line, "error", letter.causeOf(row).toUtf8());
        line += ",\"record\":";
        appendJson(line, *letter.batch, row);
        line += "}\n";
        std::fwrite(line.constData(), 1, std::size_t(line.size()), stdout);
    }
}

int show(const QStringList &paths)
{
    int exitCode = Success;
    for (const QString &path : paths) {
        if (const auto letter = host::readLetter(path)) {
            printRecords(*letter);
        } else {
            printError(QStringLiteral("tidemill deadletter: %1\n").arg(letter.error().message));
            exitCode = Failed;
        }
    }
    return exitCode;
}

int wrongUsage(const QString &message)
{
    printError(QStringLiteral("tidemill deadletter: %1\n").arg(message));
    return WrongUsage;
}

// The folder to list: given, or all of a host.
int listCommand(const QCommandLineParser &parser, const QStringList &words)
{
    if (words.size() > 1 || (words.size() == 1 && parser.isSet(QStringLiteral("state-dir"))))
        return wrongUsage(QStringLiteral("expected one folder, or --state-dir"));
    const QString folder = words.isEmpty() ? stateDirectory(parser) : words.first();
    if (folder.isEmpty())
        return wrongUsage(QStringLiteral("expected a folder, or --state-dir"));
    if (!QFileInfo(folder).isDir())
        return wrongUsage(QStringLiteral("%1: no such folder").arg(folder));
    return list(folder);
}

int showCommand(const QStringList &words)
{
    if (words.isEmpty())
        return wrongUsage(QStringLiteral("expected at least one file"));
    for (const QString &path : words) {
        if (!QFileInfo(path).isFile())
            return wrongUsage(QStringLiteral("%1: no such file").arg(path));
    }
    return show(words);
}

} // namespace

int deadletterCommand(const QStringList &arguments)
{
    QCommandLineParser parser;
    addFlags(parser);
    if (!parser.parse(arguments))
        return wrongUsage(parser.errorText());
    if (parser.isSet(QStringLiteral("help"))) {
        print(parser.helpText());
        return Success;
    }
    QStringList words = parser.positionalArguments();
    const QString action = words.isEmpty() ? QString() : words.takeFirst();
    if (action == QLatin1String("ls"))
        return listCommand(parser, words);
    if (action == QLatin1String("show"))
        return showCommand(words);
    if (action == QLatin1String("replay"))
        return replayDeadLetters(parser, words);
    return wrongUsage(QStringLiteral("expected ls, show or replay, got '%1'").arg(action));
}

} // namespace tidemill::app
