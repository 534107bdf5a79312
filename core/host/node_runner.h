// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "edge.h"
#include "metrics_registry.h"
#include "source_checkpoints.h"
#include "status.h"

#include <QObject>

#include <memory>
#include <vector>

namespace tidemill::host {

// Runs one node: owns it, counts what goes in and out, passes its batches on, carries back-pressure to it,
// keeps its state. Lives in the node's thread and is used there, except for construction, connecting and
// deletion, which happen while nothing runs.
class NodeRunner : public QObject
{
    Q_OBJECT

public:
    NodeRunner(NodePtr<> node, std::shared_ptr<NodeStatus> status, Metrics &registry);
    ~NodeRunner() override;

    NodeStatus &status() const { return *m_status; }
    Node &node() const { return *m_node; }

    // The record types of its plugin's metadata; what else it emits is dropped: nobody behind it expects it.
    void setEmits(const QStringList &types) { m_emits = types; }
    void addOutput(Edge *edge) { m_outputs.push_back(edge); }
    void addInput(Edge *edge) { m_inputs.push_back(edge); }
    void addQueue(QueuedEdge *edge) { m_queues.push_back(edge); }

    Result<> start();
    // Stops the node; for sources this ends all emitting.
    void stop();
    // Deletes the node, in its thread, and leaves that thread: nothing runs here after it.
    void destroyNode();

    // A batch for the node, in its thread: counted and handed over.
    void accept(const BatchPtr &batch);
    // Counts a batch that a queue has taken in for the node. Any thread.
    void countQueued(const BatchPtr &batch);
    void countQueuedRows(quint64 rows);
    // Counts records of those that the queue has let go of by its policy. Any thread.
    void countShed(quint64 rows, const char *reason);

    // An edge behind this node became full, or has room again.
    void outputBlocked();
    void outputReleased();
    bool isBlocked() const { return m_blockedOutputs > 0; }

    // A shutdown: nothing waits for more to come from now on. The event may be sent to it in any thread.
    virtual void hurry() {}
    static QEvent::Type hurryEvent();

    // Lets go of everything still queued in front of the node without delivering it: a shutdown out of time.
    virtual void abandon();

protected:
    bool event(QEvent *event) override;

    // Counts a batch that the node emitted and sends it along the edges.
    void distribute(const BatchPtr &batch);
    // Records that arrived and do not go on; the identity received = delivered + dropped + queued counts
    // them.
    void countDropped(const BatchPtr &batch, const char *reason);
    void countDroppedRows(quint64 rows, const char *reason);
    // Records that the node emitted and that do not go on; the identity does not know them.
    void countRefused(const BatchPtr &batch, const char *reason);

    // Takes from the queues; called whenever there may be something in them and the node is not blocked.
    virtual void drain() = 0;
    virtual void handle(const BatchPtr &batch) = 0;
    virtual void setBlocked(bool blocked) = 0;

    // Null when all queues are empty. What is taken counts as queued until the caller says it is not.
    BatchPtr takeNext();
    void countUnqueued(const BatchPtr &batch);
    void countUnqueuedRows(quint64 rows);
    void noteFailed();
    void setDegraded(const Error &cause);
    void setRecovered();

    Metrics &metrics() { return m_metrics; }
    const std::vector<Edge *> &inputs() const { return m_inputs; }
    const std::vector<QueuedEdge *> &queues() const { return m_queues; }
    const std::shared_ptr<NodeStatus> &sharedStatus() const { return m_status; }
    bool isStopped() const { return m_stopped; }
    // Within the node's stop(): a source may still let go of what it holds.
    bool isStopping() const { return m_stopping; }

private:
    void countIn(quint64 rows);
    void countReason(quint64 rows, const char *reason);
    bool mayEmit(const Schema &schema);

    ScopedMetrics m_metrics;
    std::shared_ptr<NodeStatus> m_status;
    NodePtr<> m_node;
    Counter m_in;
    Counter m_out;
    std::vector<Edge *> m_outputs;
    std::vector<Edge *> m_inputs;
    std::vector<QueuedEdge *> m_queues; // those of the inputs that are queues
    std::size_t m_nextQueue = 0;        // so that no queue starves another
    int m_blockedOutputs = 0;
    bool m_stopped = false;
    bool m_stopping = false;
    QStringList m_emits; // empty: not known, anything goes
    const Schema *m_lastEmitted = nullptr;
};

class SourceRunner final : public NodeRunner
{
    Q_OBJECT

public:
    SourceRunner(NodePtr<> node, std::shared_ptr<NodeStatus> status, Metrics &registry);

    // Also the end of its checkpoints: what has not settled by now is the next run's.
    void abandon() override;

protected:
    void drain() override {}
    void handle(const BatchPtr &batch) override;
    void setBlocked(bool blocked) override;

private:
    void emitBatch(const BatchPtr &batch);
    void noteFinished();
    void observeTimes(const Batch &batch);

    Source *m_source;
    SourceCheckpoints m_checkpoints;
    Histogram m_deliverSeconds;
    Histogram m_eventAge;
    Histogram m_latency;
    Counter m_messages;
    Gauge m_paused;
};

class TransformRunner final : public NodeRunner
{
    Q_OBJECT

public:
    TransformRunner(NodePtr<> node, std::shared_ptr<NodeStatus> status, Metrics &registry);

protected:
    void drain() override;
    void handle(const BatchPtr &batch) override;
    void setBlocked(bool blocked) override;

private:
    Transform *m_transform;
};

} // namespace tidemill::host
