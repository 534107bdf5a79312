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

NodeStatus::Snapshot NodeStatus::snapshot() const
{
    const std::lock_guard lock(m_lock);
    return m_snapshot;
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

} // namespace tidemill::host
