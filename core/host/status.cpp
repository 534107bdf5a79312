// SPDX-License-Identifier: Apache-2.0
#include "status.h"

namespace tidemill::host {

QByteArray nodeStateName(NodeState state)
{
    switch (state) {
    case NodeState::Created:
        return "created";
    case NodeState::Configured:
        return "configured";
    case NodeState::Started:
        return "started";
    case NodeState::Running:
        return "running";
    case NodeState::Degraded:
        return "degraded";
    case NodeState::Stopping:
        return "stopping";
    case NodeState::Stopped:
        return "stopped";
    case NodeState::Failed:
        return "failed";
    }
    return "unknown";
}

NodeStatus::NodeStatus(const QString &pipelineName, const NodeDescription &nodeDescription)
    : pipeline(pipelineName)
    , description(nodeDescription)
{
    m_snapshot.since = created;
}

void NodeStatus::setState(NodeState state, const QString &error)
{
    const std::lock_guard lock(m_lock);
    // A second cause of the same trouble does not start its clock again.
    if (m_snapshot.state != state) {
        m_snapshot.state = state;
        m_snapshot.since = Timestamp::now();
    }
    m_snapshot.error = error;
}

void NodeStatus::setStreams(const QList<Source::Stream> &streams)
{
    const std::lock_guard lock(m_lock);
    m_snapshot.streams = streams;
}

void NodeStatus::setTrouble(const QString &part, const QString &cause)
{
    const std::lock_guard lock(m_lock);
    if (cause.isEmpty()) {
        m_troubles.remove(part);
        return;
    }
    if (m_troubles.isEmpty())
        m_troubledSince = Timestamp::now();
    m_troubles.insert(part, cause);
}

void NodeStatus::setNote(const QString &part, const QString &text)
{
    const std::lock_guard lock(m_lock);
    m_notes.insert(part, text);
}

NodeState NodeStatus::state() const
{
    const std::lock_guard lock(m_lock);
    return m_snapshot.state;
}

void NodeStatus::setPositions(const QHash<QByteArray, QByteArray> &positions)
{
    const std::lock_guard lock(m_lock);
    m_snapshot.positions = positions;
}

void NodeStatus::setDelivery(const DeliveryState &delivery)
{
    const std::lock_guard lock(m_lock);
    m_snapshot.delivery = delivery;
}

NodeStatus::Snapshot NodeStatus::snapshot() const
{
    const std::lock_guard lock(m_lock);
    Snapshot snapshot = m_snapshot;
    if (!m_troubles.isEmpty() && snapshot.state == NodeState::Running) {
        snapshot.state = NodeState::Degraded;
        snapshot.since = m_troubledSince;
    }
    QStringList texts = m_troubles.values() + m_notes.values();
    if (!snapshot.error.isEmpty())
        texts.prepend(snapshot.error);
    snapshot.error = texts.join(QLatin1String("; "));
    snapshot.hasNote = !m_notes.isEmpty();
    return snapshot;
}

quint64 NodeStatus::delivered() const
{
    return recordsTaken.load(std::memory_order_relaxed) -
           recordsDroppedByNode.load(std::memory_order_relaxed);
}

quint64 NodeStatus::dropped() const
{
    return recordsDropped.load(std::memory_order_relaxed) +
           recordsDroppedByNode.load(std::memory_order_relaxed);
}

static QString imbalanceText(quint64 in, quint64 delivered, quint64 dropped, quint64 queued)
{
    if (in == delivered + dropped + queued)
        return {};
    return QStringLiteral("received %1, but delivered %2 + dropped %3 + queued %4")
        .arg(in)
        .arg(delivered)
        .arg(dropped)
        .arg(queued);
}

QString NodeStatus::imbalance() const
{
    if (description.kind == NodeKind::Source)
        return {}; // nothing leads into it; what it emits is in the figures of its edges
    return imbalanceText(recordsIn, delivered(), dropped(), recordsQueued);
}

EdgeStatus::EdgeStatus(const QString &pipelineName, const QString &fromNode, const QString &toNode,
                       const QString &recordType)
    : pipeline(pipelineName)
    , from(fromNode)
    , to(toNode)
    , type(recordType)
{}

quint64 EdgeStatus::dropped() const
{
    quint64 all = 0;
    for (const auto &count : recordsDropped)
        all += count.load(std::memory_order_relaxed);
    return all;
}

QString EdgeStatus::imbalance() const
{
    return imbalanceText(recordsIn, recordsOut, dropped(), recordsQueued);
}

const char *edgeDropName(EdgeStatus::Drop drop)
{
    switch (drop) {
    case EdgeStatus::Drop::QueueFull:
        return "queue_full";
    case EdgeStatus::Drop::Superseded:
        return "superseded";
    case EdgeStatus::Drop::SpoolDamaged:
        break;
    }
    return "spool_damaged";
}

void HostStatus::add(std::shared_ptr<NodeStatus> node)
{
    const std::lock_guard lock(m_lock);
    m_nodes.push_back(std::move(node));
}

std::vector<std::shared_ptr<const NodeStatus>> HostStatus::nodes() const
{
    const std::lock_guard lock(m_lock);
    return m_nodes;
}

void HostStatus::add(std::shared_ptr<const EdgeStatus> edge)
{
    const std::lock_guard lock(m_lock);
    m_edges.push_back(std::move(edge));
}

std::vector<std::shared_ptr<const EdgeStatus>> HostStatus::edges() const
{
    const std::lock_guard lock(m_lock);
    return m_edges;
}

} // namespace tidemill::host
