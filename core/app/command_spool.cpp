// SPDX-License-Identifier: Apache-2.0
#include "commands.h"
#include "host/spool/spool_report.h"
#include "pipeline_loading.h"

#include <QCommandLineParser>
#include <QFileInfo>

namespace tidemill::app {

namespace {

using host::SpoolReport;

void printSegments(const SpoolReport &report)
{
    print(QStringLiteral("%1: %2 segments, %3 records unconfirmed, confirmed through batch %4\n")
              .arg(report.folder)
              .arg(report.segments.size())
              .arg(report.unconfirmed())
              .arg(report.confirmed));
    for (const SpoolReport::Segment &segment : report.segments) {
        QStringList types;
        for (auto type = segment.rows.begin(); type != segment.rows.end(); ++type)
            types.append(QStringLiteral("%1 %2").arg(type.key()).arg(type.value()));
        print(QStringLiteral("  %1  %2 bytes  %3 batches  %4 unconfirmed  %5\n")
                  .arg(QFileInfo(segment.path).fileName())
                  .arg(segment.bytes)
                  .arg(segment.batches)
                  .arg(segment.unconfirmed)
                  .arg(types.join(QLatin1String(", "))));
    }
    for (const QString &name : report.quarantined)
        print(QStringLiteral("  quarantine/%1\n").arg(name));
}

void printDamage(const SpoolReport &report)
{
    if (!report.cursorGood)
        print(QStringLiteral("%1/cursor: damaged\n").arg(report.folder));
    for (const SpoolReport::Segment &segment : report.segments) {
        if (!segment.headerGood && !segment.tornTail)
            print(QStringLiteral("%1: no segment header\n").arg(segment.path));
        for (const host::SpoolScan::Damage &damage : segment.damages)
            print(QStringLiteral("%1: %2 bytes at byte %3 %4\n")
                      .arg(segment.path)
                      .arg(damage.size)
                      .arg(damage.offset)
                      .arg(segment.tornTail
                               ? QStringLiteral("were not written whole (the next start cuts them)")
                               : QStringLiteral("are damaged")));
        for (const QString &problem : segment.problems)
            print(QStringLiteral("%1: %2\n").arg(segment.path, problem));
    }
    if (!report.isDamaged())
        print(QStringLiteral("%1: good\n").arg(report.folder));
}

int wrongUsage(const QString &message)
{
    printError(QStringLiteral("tidemill spool: %1\n").arg(message));
    return WrongUsage;
}

} // namespace

int spoolCommand(const QStringList &arguments)
{
    QCommandLineParser parser;
    parser.setApplicationDescription(
        QStringLiteral("Lists what is in spools (ls), or checks every byte of them (verify; exit code 1 on "
                       "damage). Changes nothing."));
    parser.addPositionalArgument(QStringLiteral("action"), QStringLiteral("ls or verify."),
                                 QStringLiteral("spool ls|verify"));
    parser.addPositionalArgument(QStringLiteral("folder"),
                                 QStringLiteral("A spool, or a folder with spools below."),
                                 QStringLiteral("FOLDER"));
    const QCommandLineOption stateDirectory(QStringLiteral("state-dir"),
                                            QStringLiteral("Instead of FOLDER: all spools of that host."),
                                            QStringLiteral("folder"));
    const QCommandLineOption help({QStringLiteral("h"), QStringLiteral("help")},
                                  QStringLiteral("Show this."));
    parser.addOption(stateDirectory);
    parser.addOption(help);
    if (!parser.parse(arguments))
        return wrongUsage(parser.errorText());
    if (parser.isSet(help)) {
        print(parser.helpText());
        return Success;
    }
    const QStringList words = parser.positionalArguments();
    const QString action = words.value(0);
    if (action != QLatin1String("ls") && action != QLatin1String("verify"))
        return wrongUsage(QStringLiteral("expected ls or verify, got '%1'").arg(action));
    const QString folder = words.size() > 1 ? words.at(1) : parser.value(stateDirectory);
    if (words.size() > 2 || folder.isEmpty() || (words.size() > 1 && parser.isSet(stateDirectory)))
        return wrongUsage(QStringLiteral("expected one folder, or --state-dir"));
    if (!QFileInfo(folder).isDir())
        return wrongUsage(QStringLiteral("%1: no such folder").arg(folder));

    bool damaged = false;
    const QStringList spools = host::findSpools(folder);
    if (spools.isEmpty())
        print(QStringLiteral("no spools in %1\n").arg(folder));
    for (const QString &path : spools) {
        const SpoolReport report = host::inspectSpool(path);
        damaged = damaged || report.isDamaged();
        if (action == QLatin1String("ls"))
            printSegments(report);
        else
            printDamage(report);
    }
    return damaged && action == QLatin1String("verify") ? Failed : Success;
}

} // namespace tidemill::app
