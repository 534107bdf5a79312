// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "pipeline_description.h"

#include <tidemill/node.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <vector>

namespace tidemill::host {

enum class NodeState { Created, Configured, Started, Running, Degraded, Stopping, Stopped, Failed };

// "running", "degraded", ...
QByteArray nodeStateName(NodeState state);

// What the rest of the process may know about a running node. Written by the node's thread (through its
// runner), read by the HTTP thread: counters are atomics, the rest is behind the lock.
class NodeStatus
{
public:
    struct Snapshot
    {
        NodeState state = NodeState::Created;
        Timestamp since;
        QString error; // cause of degraded or failed; empty otherwise
        QList<Source::Stream> streams;
    };

    NodeStatus(const QString &pipelineName, const NodeDescription &nodeDescription);

    const QString pipeline;
    const NodeDescription description; // with secrets in it: print only name, kind, type, inputs
    const Timestamp created = Timestamp::now();

    // `since` is when the state was entered, not when its cause was last said.
    void setState(NodeState state, const QString &error = {});
    void setStreams(const QList<Source::Stream> &streams);
    Snapshot snapshot() const;

    // Records. For sinks "out" is what was delivered.
    std::atomic<quint64> recordsIn{0};
    std::atomic<quint64> recordsOut{0};
    std::atomic<quint64> recordsDropped{0}; // with a reason in the metrics
    std::atomic<quint64> recordsQueued{0};  // in front of it and, for a sink, not yet confirmed
    std::atomic<quint64> unsettled{0};      // sources: deliveries that are under way
    std::atomic<qint64> lastDataNs{0};      // when it last took or made a batch
    std::atomic<quint64> failures{0};

private:
    mutable std::mutex m_lock;
    Snapshot m_snapshot;
};

// All nodes of the process, added while pipelines are built and never removed.
class HostStatus
{
public:
    void add(std::shared_ptr<NodeStatus> node);
    std::vector<std::shared_ptr<const NodeStatus>> nodes() const;

    const Timestamp started = Timestamp::now();
    // The main thread's loop sets this now and then; /health/live judges by its age.
    std::atomic<qint64> lastBeatNs{0};
    std::atomic<bool> ready{false}; // all pipelines started
    std::atomic<bool> stopping{false};

private:
    mutable std::mutex m_lock;
    std::vector<std::shared_ptr<const NodeStatus>> m_nodes;
};

} // namespace tidemill::host
