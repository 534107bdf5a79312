// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "delivery_breaker.h"
#include "pipeline_description.h"

#include <tidemill/node.h>

#include <QHash>
#include <QMap>

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <vector>

namespace tidemill::host {

enum class NodeState { Created, Configured, Started, Running, Degraded, Stopping, Stopped, Failed };

// A node that has not come back from being created, start() or stop() by then is stuck, and left behind.
constexpr std::chrono::seconds nodeCallLimit{10};

// "running", "degraded", ...
QByteArray nodeStateName(NodeState state);

// How a sink's delivery is doing, beside its counters.
struct DeliveryState
{
    BreakerState breaker = BreakerState::Closed;
    qint64 failures = 0; // in a row, up to now
    Timestamp since;     // the breaker's state
    Timestamp nextTry;   // null: nothing is being waited for
    quint64 deadLetters = 0;
};

// What the rest of the process may know about a running node. Written by the node's thread (through its
// runner), read by the HTTP thread: counters are atomics, the rest is behind the lock.
class NodeStatus
{
public:
    struct Snapshot
    {
        NodeState state = NodeState::Created;
        Timestamp since;
        QString error; // cause of degraded or failed, and what is noted; empty otherwise
        bool hasNote = false;
        QList<Source::Stream> streams;
        QHash<QByteArray, QByteArray> positions; // of a source: its checkpoints, see Source::reached()
        DeliveryState delivery;                  // of a sink
    };

    NodeStatus(const QString &pipelineName, const NodeDescription &nodeDescription);

    const QString pipeline;
    const NodeDescription description; // with secrets in it: print only name, kind, type, inputs
    const Timestamp created = Timestamp::now();

    // `since` is when the state was entered, not when its cause was last said.
    void setState(NodeState state, const QString &error = {});
    // Something around the node that is wrong for a while: a running node shows as degraded meanwhile. `part`
    // says what, for whoever takes it back with an empty cause.
    void setTrouble(const QString &part, const QString &cause);
    // Something that has happened and cannot be made good, such as a loss: shown until the process ends.
    void setNote(const QString &part, const QString &text);
    void setStreams(const QList<Source::Stream> &streams);
    void setPositions(const QHash<QByteArray, QByteArray> &positions);
    void setDelivery(const DeliveryState &delivery);
    // The node's own, without troubles around it.
    NodeState state() const;
    Snapshot snapshot() const;

    // Records. For sinks "out" is what was delivered. At rest, for transforms and sinks:
    // in = delivered() + dropped() + queued.
    std::atomic<quint64> recordsIn{0};
    std::atomic<quint64> recordsOut{0};
    std::atomic<quint64> recordsTaken{0};         // by the node: processed, or confirmed by a sink
    std::atomic<quint64> recordsDropped{0};       // by the host on their way in; a reason is in the metrics
    std::atomic<quint64> recordsDroppedByNode{0}; // Node::drop()
    std::atomic<quint64> recordsRefused{0};       // that it emitted and should not have: a source after stop
    std::atomic<quint64> recordsQueued{0};        // in front of it and, for a sink, not yet confirmed
    std::atomic<quint64> unsettled{0};            // sources: deliveries that are under way
    std::atomic<bool> finished{false};            // sources: nothing more will come, all is emitted
    std::atomic<qint64> lastDataNs{0};            // when it last took or made a batch
    std::atomic<quint64> failures{0};

    quint64 delivered() const;
    quint64 dropped() const;
    // What the figures say against themselves; empty if they add up. For a node at rest.
    QString imbalance() const;

private:
    mutable std::mutex m_lock;
    Snapshot m_snapshot; // the node's own
    QMap<QString, QString> m_troubles;
    QMap<QString, QString> m_notes;
    Timestamp m_troubledSince;
};

// The same for an edge. At rest: in = out + dropped + queued.
class EdgeStatus
{
public:
    enum class Drop { QueueFull, Superseded, SpoolDamaged };
    static constexpr std::size_t dropKinds = 3;

    EdgeStatus(const QString &pipelineName, const QString &fromNode, const QString &toNode,
               const QString &recordType);

    const QString pipeline;
    const QString from;
    const QString to;
    const QString type; // empty: all

    std::atomic<quint64> recordsIn{0}; // from the sender, and what a spool had kept
    std::atomic<quint64> recordsOut{0};
    std::atomic<quint64> recordsQueued{0};
    std::atomic<quint64> recordsDropped[dropKinds] = {};

    quint64 dropped() const;
    QString imbalance() const; // as for nodes
};

// The reason as metrics have it.
const char *edgeDropName(EdgeStatus::Drop drop);

// All nodes and edges of the process, added while pipelines are built and never removed.
class HostStatus
{
public:
    void add(std::shared_ptr<NodeStatus> node);
    std::vector<std::shared_ptr<const NodeStatus>> nodes() const;
    void add(std::shared_ptr<const EdgeStatus> edge);
    std::vector<std::shared_ptr<const EdgeStatus>> edges() const;

    const Timestamp started = Timestamp::now();
    // The main thread's loop sets this now and then; /health/live judges by its age.
    std::atomic<qint64> lastBeatNs{0};
    std::atomic<bool> ready{false}; // all pipelines started
    std::atomic<bool> stopping{false};

private:
    mutable std::mutex m_lock;
    std::vector<std::shared_ptr<const NodeStatus>> m_nodes;
    std::vector<std::shared_ptr<const EdgeStatus>> m_edges;
};

} // namespace tidemill::host
