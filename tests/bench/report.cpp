// SPDX-License-Identifier: Apache-2.0
#include "report.h"

#include <QCoreApplication>
#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>
#include <QProcess>

#include <unistd.h>

#include <algorithm>
#include <cstdio>

namespace tidemill::bench {

namespace {

constexpr int rounds = 5;
constexpr int quickRounds = 3;
constexpr int runLimitMs = 120'000;

Result<QJsonObject> measureInChild(const Bench &bench, const char *side, const Extent &extent)
{
    QProcess process;
    process.setProcessChannelMode(QProcess::ForwardedErrorChannel);
    QStringList arguments{QLatin1String(bench.name), QStringLiteral("--measure"), QLatin1String(side)};
    if (extent.quick)
        arguments.append(QStringLiteral("--quick"));
    process.start(QCoreApplication::applicationFilePath(), arguments);
    if (!process.waitForFinished(runLimitMs)) {
        process.kill();
        process.waitForFinished();
        return broken(QStringLiteral("%1 did not end").arg(QLatin1String(side)));
    }
    const QJsonObject reply = QJsonDocument::fromJson(process.readAllStandardOutput()).object();
    if (process.exitStatus() == QProcess::NormalExit && process.exitCode() == 0 && !reply.isEmpty())
        return reply;
    const QString error = reply.value(QLatin1String("error")).toString();
    return broken(QStringLiteral("%1: %2").arg(QLatin1String(side),
                                               error.isEmpty() ? QStringLiteral("crashed") : error));
}

// For a person who waits; a log would only get longer.
void showProgress(const QString &text)
{
    if (isatty(STDERR_FILENO))
        std::fprintf(stderr, "\r%-60s\r%s", "", qPrintable(text));
}

QString rowName(const Bench &bench, const FigureSpec &spec)
{
    const QString name = QLatin1String(bench.name);
    return *spec.name == '\0' ? name : name + QLatin1Char('/') + QLatin1String(spec.name);
}

// Adds one pair of runs to the rows of a bench.
void addRuns(QList<Row> &rows, const QJsonObject &candidate, const QJsonObject &floor)
{
    for (Row &row : rows) {
        const QString figure = QLatin1String(row.spec.name);
        const double value = candidate.value(figure).toDouble();
        const double least = floor.value(figure).toDouble();
        row.candidate.values.append(value);
        row.floor.values.append(least);
        row.ratio.values.append(row.spec.isRate ? least / value : value / least);
    }
}

QList<Row> measure(const Bench &bench, const Extent &extent)
{
    QList<Row> rows;
    for (const FigureSpec &spec : bench.figures)
        rows.append({rowName(bench, spec), spec, {}, {}, {}, {}, {}});
    const auto endWith = [&](const QString &error, const QString &note) {
        Row row;
        row.name = QLatin1String(bench.name);
        row.error = error;
        row.note = note;
        return QList<Row>{row};
    };
    if (const QString why = bench.unavailable ? bench.unavailable() : QString(); !why.isEmpty())
        return endWith({}, why);

    QJsonValue checksum;
    for (int round = 0; round < (extent.quick ? quickRounds : rounds); ++round) {
        showProgress(QStringLiteral("%1, run %2").arg(QLatin1String(bench.name)).arg(round + 1));
        const auto candidate = measureInChild(bench, "candidate", extent);
        if (!candidate)
            return endWith(candidate.error().message, {});
        const auto floor = measureInChild(bench, "floor", extent);
        if (!floor)
            return endWith(floor.error().message, {});
        const QJsonValue sum = candidate->value(QLatin1String("checksum"));
        if (round > 0 && sum != checksum)
            return endWith(QStringLiteral("two runs over the same data gave different results"), {});
        checksum = sum;
        addRuns(rows, *candidate, *floor);
    }
    return rows;
}

QString number(double value)
{
    const double size = std::abs(value);
    return QString::number(value, 'f', size >= 100 ? 0 : size >= 10 ? 1 : size >= 0.1 ? 2 : 3);
}

QString spread(const Runs &runs)
{
    return number(runs.least()) + QLatin1String("..") + number(runs.most());
}

// "<= 1.80" of the ratio, "<= 22.0 MB" of the figure.
QString promised(const FigureSpec &spec)
{
    if (spec.limit > 0)
        return QLatin1String(spec.isRate ? ">= " : "<= ") + number(spec.limit) + u' ' +
               QLatin1String(spec.unit);
    return spec.target > 0 ? QStringLiteral("<= ") + number(spec.target) : QString();
}

void printTable(const QList<Row> &rows)
{
    std::printf("%-24s %10s %-7s %-17s %10s %-17s %7s %-13s %s\n", "name", "median", "unit", "min..max",
                "floor", "min..max", "ratio", "min..max", "target");
    for (const Row &row : rows) {
        if (!row.error.isEmpty() || !row.note.isEmpty()) {
            std::printf("%-24s %s%s\n", qPrintable(row.name),
                        row.error.isEmpty() ? "not measured: " : "BROKEN: ",
                        qPrintable(row.error.isEmpty() ? row.note : row.error));
            continue;
        }
        const QString target = promised(row.spec);
        std::printf("%-24s %10s %-7s %-17s %10s %-17s %7s %-13s %s\n", qPrintable(row.name),
                    qPrintable(number(row.candidate.median())), row.spec.unit,
                    qPrintable(spread(row.candidate)), qPrintable(number(row.floor.median())),
                    qPrintable(spread(row.floor)), qPrintable(number(row.ratio.median())),
                    qPrintable(spread(row.ratio)), qPrintable(target));
    }
}

QJsonObject toJson(const Runs &runs)
{
    return {{"median", runs.median()}, {"min", runs.least()}, {"max", runs.most()}};
}

void printJson(const QList<Row> &rows)
{
    QJsonArray array;
    for (const Row &row : rows) {
        QJsonObject object{{"name", row.name}};
        if (!row.error.isEmpty() || !row.note.isEmpty()) {
            object.insert(row.error.isEmpty() ? QStringLiteral("note") : QStringLiteral("error"),
                          row.error + row.note);
        } else {
            object.insert(QStringLiteral("unit"), QLatin1String(row.spec.unit));
            object.insert(QStringLiteral("figure"), toJson(row.candidate));
            object.insert(QStringLiteral("floor"), toJson(row.floor));
            object.insert(QStringLiteral("ratio"), toJson(row.ratio));
            if (row.spec.target > 0)
                object.insert(QStringLiteral("target"), row.spec.target);
            if (row.spec.limit > 0)
                object.insert(QStringLiteral("limit"), row.spec.limit);
        }
        array.append(object);
    }
    std::printf("%s", QJsonDocument(array).toJson().constData());
}

} // namespace

double Runs::median() const
{
    QList<double> sorted = values;
    std::sort(sorted.begin(), sorted.end());
    return sorted.isEmpty() ? 0 : sorted[sorted.size() / 2];
}

double Runs::least() const
{
    return values.isEmpty() ? 0 : *std::min_element(values.begin(), values.end());
}

double Runs::most() const
{
    return values.isEmpty() ? 0 : *std::max_element(values.begin(), values.end());
}

QList<Row> measureAll(const std::vector<Bench> &benches, const Extent &extent)
{
    QList<Row> rows;
    for (const Bench &bench : benches)
        rows += measure(bench, extent);
    showProgress({});
    return rows;
}

void printRows(const QList<Row> &rows, bool asJson)
{
    if (asJson)
        printJson(rows);
    else
        printTable(rows);
}

} // namespace tidemill::bench
