// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "queue_policy.h"
#include "status.h"

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
    // Its figures; any thread, and also after the edge is gone.
    const std::shared_ptr<EdgeStatus> &status() const { return m_status; }
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
    std::shared_ptr<EdgeStatus> m_status;
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
// status; then the bound is exceeded only by a single batch that is larger than it.
class QueuedEdge : public Edge
{
public:
    struct Bound
    {
        quint64 rows;
        quint64 bytes;
    };

    QueuedEdge(NodeRunner &from, NodeRunner &to, const QByteArray &recordType, Bound bound,
               QueuePolicy policy = QueuePolicy::Block);
    ~QueuedEdge() override;

    void push(const BatchPtr &batch) override;
    void setHeld(bool) override {} // the receiver just does not take

    // Receiver's thread. Null when empty.
    BatchPtr take();
    // Receiver's thread, before it starts to take: from here on a push wakes it again.
    void acceptWake();
    // Sender's thread, after its release event: true if this edge has room again and had none.
    bool collectRelease();

    bool hasWaiting() const { return waitingRows() > 0; }
    quint64 waitingRows() const { return m_rows.load(std::memory_order_relaxed); }
    // In memory only. Any thread.
    quint64 waitingBytes();
    // Shutdown: take() gives only what would be lost otherwise from now on.
    virtual void keepStored() {}

    static QEvent::Type wakeEvent();
    static QEvent::Type releaseEvent();

protected:
    // Rows that a policy lets go of to make room; the batches leave with it, to be freed without the lock.
    struct Shed
    {
        quint64 full = 0;
        quint64 superseded = 0;
        std::deque<BatchPtr> batches;
    };

    // Under the lock, all of them.
    virtual bool put(const BatchPtr &batch, Shed &shed); // true: the sender is to be held
    virtual BatchPtr get();
    virtual bool mayRelease() const; // a sender that is held
    bool fits(const Batch &batch) const;
    bool isQueueEmpty() const { return m_queue.empty(); }
    void add(const BatchPtr &batch);
    BatchPtr removeFront();
    void countWaiting(quint64 rows) { m_rows.fetch_add(rows, std::memory_order_relaxed); }
    void countGone(quint64 rows) { m_rows.fetch_sub(rows, std::memory_order_relaxed); }
    bool endHold() { return std::exchange(m_full, false); } // true: the sender was held

    std::mutex &lock() { return m_lock; }
    // Rows that were let go of; with or without the lock.
    void countShed(quint64 rows, EdgeStatus::Drop drop);

private:
    bool isOver(quint64 share) const; // more than 1/share of either bound
    void addOrShed(const BatchPtr &batch, Shed &shed);
    void shedOldest(quint64 rows, quint64 bytes, Shed &shed);
    void shedSuperseded(Shed &shed);

    const Bound m_bound;
    const QueuePolicy m_policy;
    std::mutex m_lock;
    std::deque<BatchPtr> m_queue;
    std::atomic<quint64> &m_rows; // in the status; written under the lock
    quint64 m_queueRows = 0;      // in m_queue only
    quint64 m_bytes = 0;
    bool m_wakePending = false;
    bool m_full = false;
    bool m_released = false;
};

} // namespace tidemill::host
