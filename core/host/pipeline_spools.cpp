// SPDX-License-Identifier: Apache-2.0
#include "pipeline_spools.h"

#include "spool/spool_report.h"

#include <QDir>
#include <QLoggingCategory>

Q_LOGGING_CATEGORY(lcPipelineSpools, "tidemill.host.spool")

namespace tidemill::host {

namespace {

QString spoolsOf(const QString &stateDirectory, const QString &pipeline, const NodeDescription &sink)
{
    return QStringLiteral("%1/%2/%3/spool").arg(stateDirectory, pipeline, sink.name);
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
                     QStringLiteral("queue.policy: spool needs a state directory, and there is none (off)")};
    SpoolSettings settings;
    settings.maxBytes = sink.settings.spoolMax.bytes;
    settings.fsync = sink.settings.spoolFsync;
    auto spool = Spool::open(spoolsOf(stateDirectory, pipeline, sink) + QLatin1Char('/') + folderName(input),
                             settings);
    if (spool && (*spool)->unreadRows() > 0)
        qCInfo(lcPipelineSpools).noquote()
            << QStringLiteral("%1: %2 records of the last run were not confirmed and come first")
                   .arg(sink.name)
                   .arg((*spool)->unreadRows());
    return spool;
}

void showSpool(MetricsRegistry &metrics, const Labels &labels, const std::shared_ptr<Spool> &spool)
{
    const Gauge bytes = metrics.gauge("tidemill_spool_bytes", "Disk space that a spool takes.", labels);
    const Gauge quarantined = metrics.gauge("tidemill_spool_quarantined_segments",
                                            "Damaged segments put aside since the start.", labels);
    metrics.addCollector([bytes, quarantined, weak = std::weak_ptr<Spool>(spool)] {
        if (const auto alive = weak.lock()) {
            bytes.set(double(alive->bytes()));
            quarantined.set(double(alive->quarantined()));
        }
    });
}

void warnOfLeftSpools(const QString &stateDirectory, const QString &pipeline, const NodeDescription &sink)
{
    if (stateDirectory.isEmpty())
        return;
    QStringList used;
    for (const InputRef &input : sink.inputs) {
        if (sink.settings.queuePolicy == QueuePolicy::Spool)
            used.append(folderName(input));
    }
    const QDir folder(spoolsOf(stateDirectory, pipeline, sink));
    for (const QString &name : folder.entryList(QDir::Dirs | QDir::NoDotAndDotDot)) {
        const quint64 rows = used.contains(name) ? 0 : inspectSpool(folder.filePath(name)).unconfirmed();
        if (rows > 0)
            qCWarning(lcPipelineSpools).noquote()
                << QStringLiteral("%1: %2 unconfirmed records lie in %3, which no input reads any more")
                       .arg(sink.name)
                       .arg(rows)
                       .arg(folder.filePath(name));
    }
}

} // namespace tidemill::host
