// SPDX-License-Identifier: Apache-2.0
#include "edge.h"

#include "node_runner.h"

#include <QCoreApplication>

namespace tidemill::host {

Edge::Edge(NodeRunner &from, NodeRunner &to, const QByteArray &recordType)
    : m_from(from)
    , m_to(to)
    , m_recordType(recordType)
{}

Edge::~Edge() = default;

void DirectEdge::push(const BatchPtr &batch)
{
    to().accept(batch);
}

void DirectEdge::setHeld(bool held)
{
    if (held)
        from().outputBlocked();
    else
        from().outputReleased();
}

QueuedEdge::QueuedEdge(NodeRunner &from, NodeRunner &to, const QByteArray &recordType, Bound bound)
    : Edge(from, to, recordType)
    , m_bound(bound)
{}

QEvent::Type QueuedEdge::wakeEvent()
{
    static const auto type = QEvent::Type(QEvent::registerEventType());
    return type;
}

QEvent::Type QueuedEdge::releaseEvent()
{
    static const auto type = QEvent::Type(QEvent::registerEventType());
    return type;
}

bool QueuedEdge::isOver(quint64 share) const
{
    return m_rows->load(std::memory_order_relaxed) >= m_bound.rows / share + 1 ||
           m_bytes > m_bound.bytes / share;
}

void QueuedEdge::push(const BatchPtr &batch)
{
    bool wake = false;
    bool block = false;
    to().countQueued(batch);
    {
        const std::scoped_lock lock(m_lock);
        m_queue.push_back(batch);
        m_rows->fetch_add(quint64(batch->rowCount()), std::memory_order_relaxed);
        m_bytes += batch->byteSize();
        wake = !std::exchange(m_wakePending, true);
        block = !m_full && isOver(1);
        if (block)
            m_full = true;
    }
    if (wake)
        QCoreApplication::postEvent(&to(), new QEvent(wakeEvent()));
    if (block)
        from().outputBlocked();
}

void QueuedEdge::acceptWake()
{
    const std::scoped_lock lock(m_lock);
    m_wakePending = false;
}

BatchPtr QueuedEdge::take()
{
    BatchPtr batch;
    bool release = false;
    {
        const std::scoped_lock lock(m_lock);
        if (m_queue.empty())
            return {};
        batch = std::move(m_queue.front());
        m_queue.pop_front();
        m_rows->fetch_sub(quint64(batch->rowCount()), std::memory_order_relaxed);
        m_bytes -= batch->byteSize();
        if (m_full && !isOver(2)) {
            m_full = false;
            release = true;
            m_released = true;
        }
    }
    if (release)
        QCoreApplication::postEvent(&from(), new QEvent(releaseEvent()));
    return batch;
}

bool QueuedEdge::collectRelease()
{
    const std::scoped_lock lock(m_lock);
    return std::exchange(m_released, false);
}

} // namespace tidemill::host
