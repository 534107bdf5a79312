// SPDX-License-Identifier: Apache-2.0
#include "pipeline_spools.h"

#include "spool/spool_report.h"

#include <QDir>
#include <QLoggingCategory>

Q_LOGGING_CATEGORY(lcPipelineSpools, "tidemill.host.spool")

namespace tidemill::host {

namespace {

QString spoolsOf(const QString &stateDirectory, const QString &pipeline, const QString &sink)
{
    return QStringLiteral("%1/%2/%3/spool").arg(stateDirectory, pipeline, sink);
}

QString folderName(const InputRef &input)
{
    return input.recordType.isEmpty() ? input.node : input.node + QLatin1Char('.') + input.recordType;
}

} // namespace

Result<std::shared_ptr<Spool>> openEdgeSpool(const QString &stateDirectory, const QString &pipeline,
                                             const NodeDescription &sink, const InputRef &input)
{
    if (stateDirectory.isEmpty())
        return Error{Error::Kind::Config,
                     QStringLiteral("buffer.type: disk needs a state directory, and there is none (off)")};
    SpoolSettings settings;
    settings.maxBytes = sink.settings.bufferMax.bytes;
    settings.fsync = sink.settings.bufferFsync;
    auto spool = Spool::open(
        spoolsOf(stateDirectory, pipeline, sink.name) + QLatin1Char('/') + folderName(input), settings);
    if (!spool)
        return spool;
    const SpoolFigures left = (*spool)->figures();
    if (left.waitingBatches > 0)
        qCInfo(lcPipelineSpools).noquote()
            << QStringLiteral(
                   "%1: %2 batches with %3 records were not confirmed in an earlier run (the last was "
                   "%4) and come first; they lie in %5")
                   .arg(sink.name)
                   .arg(left.waitingBatches)
                   .arg(left.waitingRows)
                   .arg((*spool)->usedBefore(), (*spool)->folder());
    return spool;
}

void showSpool(MetricsRegistry &metrics, const Labels &labels, const std::shared_ptr<Spool> &spool)
{
    const auto gauge = [&](const char *name, const char *help) { return metrics.gauge(name, help, labels); };
    const Gauge bytes = gauge("tidemill_spool_bytes", "Disk space that a spool takes.");
    const Gauge batches =
        gauge("tidemill_spool_waiting_batches", "Batches in a spool that are not confirmed.");
    const Gauge records =
        gauge("tidemill_spool_waiting_records", "Records in a spool that are not confirmed.");
    const Gauge oldest =
        gauge("tidemill_spool_oldest_age_seconds", "Since when the oldest record of a spool has waited.");
    const Gauge quarantined =
        gauge("tidemill_spool_quarantined_segments", "Damaged segments put aside since the start.");
    const Gauge errors = metrics.realCounter("tidemill_spool_write_errors_total",
                                             "How often the disk did not take what a spool wrote.", labels);
    metrics.addCollector([=, weak = std::weak_ptr<Spool>(spool)] {
        const auto alive = weak.lock();
        if (!alive)
            return;
        const SpoolFigures figures = alive->figures();
        bytes.set(double(figures.bytes));
        batches.set(double(figures.waitingBatches));
        records.set(double(figures.waitingRows));
        oldest.set(double(figures.oldestAgeMs) / 1000);
        quarantined.set(double(figures.quarantined));
        errors.set(double(figures.writeErrors));
    });
}

void warnOfStrandedSpools(const QString &stateDirectory, const PipelineDescription &pipeline)
{
    if (stateDirectory.isEmpty())
        return;
    QStringList used;
    for (const NodeDescription &node : pipeline.nodes) {
        if (node.kind != NodeKind::Sink || node.settings.queuePolicy != QueuePolicy::Spool)
            continue;
        for (const InputRef &input : node.inputs)
            used.append(QDir::cleanPath(spoolsOf(stateDirectory, pipeline.name, node.name) +
                                        QLatin1Char('/') + folderName(input)));
    }
    for (const QString &folder : findSpools(QDir(stateDirectory).filePath(pipeline.name))) {
        const quint64 rows = used.contains(QDir::cleanPath(folder)) ? 0 : inspectSpool(folder).unconfirmed();
        if (rows > 0)
            qCWarning(lcPipelineSpools).noquote()
                << QStringLiteral(
                       "%1 unconfirmed records lie in %2, which nothing in pipeline %3 reads: they stay "
                       "there until their sink and input are back (look at them: tidemill spool ls %2)")
                       .arg(rows)
                       .arg(folder, pipeline.name);
    }
}

} // namespace tidemill::host
