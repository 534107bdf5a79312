// SPDX-License-Identifier: Apache-2.0
#include "report.h"

#include <QCommandLineParser>
#include <QCoreApplication>
#include <QJsonDocument>
#include <QJsonObject>
#include <QLoggingCategory>

#include <cstdio>

using namespace tidemill;
using namespace tidemill::bench;

namespace {

std::vector<Bench> allBenches()
{
    std::vector<Bench> all;
    // Databases last: PostgreSQL is not done when its rows are stored, and works on beside what comes next.
    for (auto *group :
         {feedBenches, depthBenches, graphBenches, spoolBenches, redisBenches, pulseStreamBenches,
          decodeBenches, sbeBenches, sourceBenches, idleBenches, sqlBenches}) {
        for (Bench &bench : group())
            all.push_back(std::move(bench));
    }
    return all;
}

// One run, in this process: what measureInChild() started.
int measureHere(const std::vector<Bench> &all, const QString &name, bool isCandidate, const Extent &extent)
{
    // What a pipeline says about its life is not what is measured; trouble is still heard of.
    QLoggingCategory::setFilterRules(QStringLiteral("tidemill.*.info=false\ntidemill.*.debug=false"));
    for (const Bench &bench : all) {
        if (name != QLatin1String(bench.name))
            continue;
        const auto figures = isCandidate ? bench.candidate(extent) : bench.floor(extent);
        QJsonObject reply;
        for (const Figure &figure : figures ? *figures : Figures())
            reply.insert(figure.name, figure.value);
        if (!figures)
            reply.insert(QStringLiteral("error"), figures.error().message);
        std::printf("%s\n", QJsonDocument(reply).toJson(QJsonDocument::Compact).constData());
        return figures ? 0 : 1;
    }
    return 2;
}

} // namespace

int main(int argc, char **argv)
{
    QCoreApplication app(argc, argv);
    QCoreApplication::setApplicationName(QStringLiteral("tidemill-bench"));
    QCommandLineParser parser;
    parser.setApplicationDescription(QStringLiteral("Measures Tidemill beside the least that the same work "
                                                    "can cost. Exit code 1: a run gave wrong results."));
    parser.addPositionalArgument(QStringLiteral("name"),
                                 QStringLiteral("What to measure (default: everything)."),
                                 QStringLiteral("[NAME...]"));
    QCommandLineOption measure(QStringLiteral("measure"), QString(), QStringLiteral("side"));
    QCommandLineOption serve(QStringLiteral("serve"), QString(), QStringLiteral("port"));
    measure.setFlags(QCommandLineOption::HiddenFromHelp);
    serve.setFlags(QCommandLineOption::HiddenFromHelp);
    parser.addOptions({{QStringLiteral("quick"), QStringLiteral("Shorter and fewer runs.")},
                       {QStringLiteral("json"), QStringLiteral("Print JSON instead of a table.")},
                       {QStringLiteral("list"), QStringLiteral("Only say what can be measured.")},
                       measure,
                       serve});
    parser.addHelpOption();
    parser.process(app);

    if (parser.isSet(serve))
        return serveHealth(parser.value(serve).toUShort());

    const std::vector<Bench> all = allBenches();
    const QStringList names = parser.positionalArguments();
    const Extent extent{parser.isSet(QStringLiteral("quick"))};
    if (parser.isSet(measure))
        return measureHere(all, names.value(0), parser.value(measure) == QLatin1String("candidate"), extent);

    std::vector<Bench> chosen;
    for (const Bench &bench : all) {
        if (names.isEmpty() || names.contains(QLatin1String(bench.name)))
            chosen.push_back(bench);
        if (parser.isSet(QStringLiteral("list")))
            std::printf("%-20s %s\n", bench.name, bench.about);
    }
    if (parser.isSet(QStringLiteral("list")))
        return 0;
    for (const QString &name : names) {
        const bool known = std::any_of(all.begin(), all.end(), [&name](const Bench &bench) {
            return name == QLatin1String(bench.name);
        });
        if (!known) {
            std::fprintf(stderr, "tidemill-bench: no benchmark '%s'; --list shows them\n", qPrintable(name));
            return 2;
        }
    }
    const QList<Row> rows = measureAll(chosen, extent);
    printRows(rows, parser.isSet(QStringLiteral("json")));
    return std::any_of(rows.begin(), rows.end(), [](const Row &row) { return !row.error.isEmpty(); }) ? 1 : 0;
}
