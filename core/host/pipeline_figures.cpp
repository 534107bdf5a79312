// SPDX-License-Identifier: Apache-2.0
#include "pipeline_figures.h"

#include <QLoggingCategory>

#include <array>
#include <map>

Q_LOGGING_CATEGORY(lcFigures, "tidemill.host.figures")

namespace tidemill::host {

namespace {

using EdgeGroup = std::vector<std::shared_ptr<const EdgeStatus>>;

quint64 sum(const EdgeGroup &edges, std::atomic<quint64> EdgeStatus::*figure)
{
    quint64 all = 0;
    for (const auto &edge : edges)
        all += ((*edge).*figure).load(std::memory_order_relaxed);
    return all;
}

Labels with(Labels labels, const QByteArray &key, const QByteArray &value)
{
    labels.append({key, value});
    return labels;
}

void showGroup(MetricsRegistry &metrics, const EdgeGroup &edges)
{
    const Labels labels{{"pipeline", edges.front()->pipeline.toUtf8()},
                        {"from", edges.front()->from.toUtf8()},
                        {"to", edges.front()->to.toUtf8()}};
    const QByteArray records = "tidemill_edge_records_total";
    const QByteArray recordsHelp = "Records that went into and out of edges.";
    const Gauge in = metrics.realCounter(records, recordsHelp, with(labels, "direction", "in"));
    const Gauge out = metrics.realCounter(records, recordsHelp, with(labels, "direction", "out"));
    const Gauge queued = metrics.gauge("tidemill_edge_queued", "Records waiting in an edge's queue.", labels);
    std::array<Gauge, EdgeStatus::dropKinds> dropped;
    for (std::size_t kind = 0; kind < dropped.size(); ++kind)
        dropped[kind] =
            metrics.realCounter("tidemill_edge_dropped_total", "Records that an edge let go of, by reason.",
                                with(labels, "reason", edgeDropName(EdgeStatus::Drop(kind))));
    metrics.addCollector([edges, in, out, queued, dropped] {
        in.set(double(sum(edges, &EdgeStatus::recordsIn)));
        out.set(double(sum(edges, &EdgeStatus::recordsOut)));
        queued.set(double(sum(edges, &EdgeStatus::recordsQueued)));
        for (std::size_t kind = 0; kind < dropped.size(); ++kind) {
            quint64 rows = 0;
            for (const auto &edge : edges)
                rows += edge->recordsDropped[kind].load(std::memory_order_relaxed);
            dropped[kind].set(double(rows));
        }
    });
}

} // namespace

void showNode(MetricsRegistry &metrics, const std::shared_ptr<const NodeStatus> &node)
{
    if (node->description.kind == NodeKind::Source)
        return;
    const Labels labels{{"pipeline", node->pipeline.toUtf8()}, {"node", node->description.name.toUtf8()}};
    const Gauge delivered = metrics.realCounter(
        "tidemill_delivered_total", "Records that a transform has dealt with or a sink has stored.", labels);
    const Gauge queued =
        metrics.gauge("tidemill_queued", "Records in front of a node or not yet confirmed by it.", labels);
    metrics.addCollector([node, delivered, queued] {
        delivered.set(double(node->delivered()));
        queued.set(double(node->recordsQueued.load(std::memory_order_relaxed)));
    });
}

void showEdges(MetricsRegistry &metrics, const std::vector<std::unique_ptr<Edge>> &edges)
{
    std::map<std::pair<QString, QString>, EdgeGroup> groups;
    for (const auto &edge : edges)
        groups[{edge->status()->from, edge->status()->to}].push_back(edge->status());
    for (const auto &[ends, group] : groups)
        showGroup(metrics, group);
}

void logFigures(const HostStatus &status)
{
    for (const auto &node : status.nodes()) {
        const QString name = node->pipeline + QLatin1Char('.') + node->description.name;
        if (node->description.kind == NodeKind::Source)
            qCInfo(lcFigures).noquote() << QStringLiteral("%1: emitted %2").arg(name).arg(node->recordsOut);
        else
            qCInfo(lcFigures).noquote()
                << QStringLiteral("%1: received %2 = delivered %3 + dropped %4 + queued %5")
                       .arg(name)
                       .arg(node->recordsIn)
                       .arg(node->delivered())
                       .arg(node->dropped())
                       .arg(node->recordsQueued);
        if (const QString wrong = node->imbalance(); !wrong.isEmpty())
            qCCritical(lcFigures).noquote() << name << "does not add up:" << wrong;
    }
    for (const auto &edge : status.edges()) {
        if (const QString wrong = edge->imbalance(); !wrong.isEmpty())
            qCCritical(lcFigures).noquote()
                << QStringLiteral("%1: the edge from %2 to %3 does not add up: %4")
                       .arg(edge->pipeline, edge->from, edge->to, wrong);
    }
}

} // namespace tidemill::host
