// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "queue_policy.h"

#include <tidemill/batch.h>

#include <QByteArrayList>
#include <QEvent>
#include <QStringList>

#include <atomic>
#include <deque>
#include <memory>
#include <mutex>

namespace tidemill::host {

class NodeRunner;
class Spool;

// What leads from one node to the next.
class Edge
{
public:
    // `recordType`: the only one that goes along it; empty for all.
    Edge(NodeRunner &from, NodeRunner &to, const QByteArray &recordType);
    virtual ~Edge();
    Q_DISABLE_COPY_MOVE(Edge)

    NodeRunner &from() const { return m_from; }
    NodeRunner &to() const { return m_to; }
    bool carries(const Schema &schema) const
    {
        return (m_recordType.isEmpty() || QByteArrayView(m_recordType) == schema.name()) &&
               isAccepted(schema);
    }
    // The types that the receiver's metadata says it takes; what it would only throw away does not even reach
    // it. "*" or nothing: all. While nothing runs.
    void setAccepted(const QStringList &recordTypes);

    // Sender's thread.
    virtual void push(const BatchPtr &batch) = 0;
    // Receiver's thread: it cannot take more for now, or can again.
    virtual void setHeld(bool held) = 0;

private:
    bool isAccepted(const Schema &schema) const;

    NodeRunner &m_from;
    NodeRunner &m_to;
    QByteArray m_recordType;
    QByteArrayList m_accepted; // empty: all
};

// Both nodes in one thread: a call.
class DirectEdge final : public Edge
{
public:
    using Edge::Edge;
    void push(const BatchPtr &batch) override;
    void setHeld(bool held) override;
};

// A bounded queue between two threads, or in front of a sink. All that crosses is behind the mutex; the
// events that wake the other side carry nothing. With the policy Block, a full queue blocks its sender until
// it is half empty again; what the sender had in hand by then still goes in, so the bound is exceeded by one
// socket read at the most. The other policies let go of records instead, each counted in the receiver's
// status; then the bound is exceeded only by a single batch that is larger than it. With a spool, a batch is
// on disk before push() returns, and only a copy of it waits here while there is room; what the spool cannot
// take (budget, disk) blocks the sender as Block does.
class QueuedEdge final : public Edge
{
public:
    struct Bound
    {
        quint64 rows;
        quint64 bytes;
    };

    QueuedEdge(NodeRunner &from, NodeRunner &to, const QByteArray &recordType, Bound bound,
               QueuePolicy policy = QueuePolicy::Block);
    // With a spool, whose unconfirmed records count as received anew. While nothing runs.
    QueuedEdge(NodeRunner &from, NodeRunner &to, const QByteArray &recordType, Bound bound,
               std::shared_ptr<Spool> spool);
    ~QueuedEdge() override;

    void push(const BatchPtr &batch) override;
    void setHeld(bool) override {} // the receiver just does not take

    // Receiver's thread. Null when empty.
    BatchPtr take();
    // Receiver's thread, before it starts to take: from here on a push wakes it again.
    void acceptWake();
    // Sender's thread, after its release event: true if this edge has room again and had none.
    bool collectRelease();

    bool hasWaiting() const { return m_rows->load(std::memory_order_relaxed) > 0; }
    // Shutdown: take() gives only what is not in the spool from now on.
    void keepSpooled();
    const std::shared_ptr<Spool> &spool() const { return m_spool; } // null: none

    // Rows in the queue; any thread, and also after the edge is gone.
    std::shared_ptr<const std::atomic<quint64>> rowsCell() const { return m_rows; }

    static QEvent::Type wakeEvent();
    static QEvent::Type releaseEvent();

private:
    // Under the lock, all of them.
    bool isOver(quint64 share) const; // more than 1/share of either bound
    void add(const BatchPtr &batch);
    BatchPtr removeFront();
    // Rows that a policy lets go of to make room; the batches leave with `gone`, to be freed without the
    // lock.
    struct Shed
    {
        quint64 full = 0;
        quint64 superseded = 0;
        std::deque<BatchPtr> batches;
    };
    void addOrShed(const BatchPtr &batch, Shed &shed);
    bool addSpooled(const BatchPtr &batch); // false: the spool did not take it
    BatchPtr takeSpooled(quint64 &lostRows);
    void shedOldest(quint64 rows, quint64 bytes, Shed &shed);
    void shedSuperseded(Shed &shed);

    const Bound m_bound;
    const QueuePolicy m_policy;
    const std::shared_ptr<Spool> m_spool;
    std::mutex m_lock;
    std::deque<BatchPtr> m_queue;
    std::deque<BatchPtr> m_overflow; // behind the queue and the spool: what the spool did not take
    std::shared_ptr<std::atomic<quint64>> m_rows =
        std::make_shared<std::atomic<quint64>>(0); // written under the lock
    quint64 m_queueRows = 0;                       // in m_queue only
    quint64 m_bytes = 0;
    bool m_spoolFails = false;
    bool m_keepSpooled = false;
    bool m_wakePending = false;
    bool m_full = false;
    bool m_released = false;
};

} // namespace tidemill::host
