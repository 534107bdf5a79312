// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tidemill/batch.h>

#include <QByteArray>
#include <QEvent>

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
    bool carries(const Schema &schema) const
    {
        return m_recordType.isEmpty() || QByteArrayView(m_recordType) == schema.name();
    }

    // Sender's thread.
    virtual void push(const BatchPtr &batch) = 0;
    // Receiver's thread: it cannot take more for now, or can again.
    virtual void setHeld(bool held) = 0;

private:
    NodeRunner &m_from;
    NodeRunner &m_to;
    QByteArray m_recordType;
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
// events that wake the other side carry nothing. A full queue blocks its sender until it is half empty again;
// what the sender had in hand by then still goes in, so the bound is exceeded by one socket read at the most.
class QueuedEdge final : public Edge
{
public:
    struct Bound
    {
        quint64 rows;
        quint64 bytes;
    };

    QueuedEdge(NodeRunner &from, NodeRunner &to, const QByteArray &recordType, Bound bound);

    void push(const BatchPtr &batch) override;
    void setHeld(bool) override {} // the receiver just does not take

    // Receiver's thread. Null when empty.
    BatchPtr take();
    // Receiver's thread, before it starts to take: from here on a push wakes it again.
    void acceptWake();
    // Sender's thread, after its release event: true if this edge has room again and had none.
    bool collectRelease();

    // Rows in the queue; any thread, and also after the edge is gone.
    std::shared_ptr<const std::atomic<quint64>> rowsCell() const { return m_rows; }

    static QEvent::Type wakeEvent();
    static QEvent::Type releaseEvent();

private:
    bool isOver(quint64 share) const; // under the lock: more than 1/share of either bound

    const Bound m_bound;
    std::mutex m_lock;
    std::deque<BatchPtr> m_queue;
    std::shared_ptr<std::atomic<quint64>> m_rows =
        std::make_shared<std::atomic<quint64>>(0); // written under the lock
    quint64 m_bytes = 0;
    bool m_wakePending = false;
    bool m_full = false;
    bool m_released = false;
};

} // namespace tidemill::host
