// SPDX-License-Identifier: Apache-2.0
#include "edge.h"

#include "latest_records.h"
#include "node_runner.h"

#include <QCoreApplication>

#include <algorithm>

namespace tidemill::host {

Edge::Edge(NodeRunner &from, NodeRunner &to, const QByteArray &recordType)
    : m_from(from)
    , m_to(to)
    , m_recordType(recordType)
    , m_status(std::make_shared<EdgeStatus>(from.status().pipeline, from.status().description.name,
                                            to.status().description.name, QString::fromUtf8(recordType)))
{}

Edge::~Edge() = default;

void Edge::setAccepted(const QStringList &recordTypes)
{
    m_accepted.clear();
    if (recordTypes.contains(QLatin1String("*")))
        return;
    for (const QString &type : recordTypes)
        m_accepted.append(type.toUtf8());
}

bool Edge::isAccepted(const Schema &schema) const
{
    return m_accepted.isEmpty() ||
           std::any_of(m_accepted.begin(), m_accepted.end(),
                       [&schema](const QByteArray &type) { return QByteArrayView(type) == schema.name(); });
}

void DirectEdge::push(const BatchPtr &batch)
{
    const auto rows = quint64(batch->rowCount());
    status()->recordsIn.fetch_add(rows, std::memory_order_relaxed);
    status()->recordsOut.fetch_add(rows, std::memory_order_relaxed);
    to().accept(batch);
}

void DirectEdge::setHeld(bool held)
{
    if (held)
        from().outputBlocked();
    else
        from().outputReleased();
}

QueuedEdge::QueuedEdge(NodeRunner &from, NodeRunner &to, const QByteArray &recordType, Bound bound,
                       QueuePolicy policy)
    : Edge(from, to, recordType)
    , m_bound(bound)
    , m_policy(policy)
    , m_rows(status()->recordsQueued)
{}

QueuedEdge::~QueuedEdge() = default;

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
    return m_queueRows >= m_bound.rows / share + 1 || m_bytes > m_bound.bytes / share;
}

// An empty queue takes a batch of any size.
bool QueuedEdge::fits(const Batch &batch) const
{
    return m_queue.empty() || (m_queueRows + quint64(batch.rowCount()) <= m_bound.rows &&
                               m_bytes + batch.byteSize() <= m_bound.bytes);
}

void QueuedEdge::add(const BatchPtr &batch)
{
    m_queue.push_back(batch);
    m_queueRows += quint64(batch->rowCount());
    m_rows.fetch_add(quint64(batch->rowCount()), std::memory_order_relaxed);
    m_bytes += batch->byteSize();
}

BatchPtr QueuedEdge::removeFront()
{
    BatchPtr batch = std::move(m_queue.front());
    m_queue.pop_front();
    m_queueRows -= quint64(batch->rowCount());
    m_rows.fetch_sub(quint64(batch->rowCount()), std::memory_order_relaxed);
    m_bytes -= batch->byteSize();
    return batch;
}

void QueuedEdge::addOrShed(const BatchPtr &batch, Shed &shed)
{
    if (m_policy == QueuePolicy::DropNewest && !fits(*batch)) {
        shed.full += quint64(batch->rowCount());
        return;
    }
    add(batch);
    if (m_policy == QueuePolicy::DropOldest)
        shedOldest(m_bound.rows, m_bound.bytes, shed);
    else if (m_policy == QueuePolicy::Latest && isOver(1))
        shedSuperseded(shed);
}

void QueuedEdge::shedOldest(quint64 rows, quint64 bytes, Shed &shed)
{
    while (m_queue.size() > 1 && (m_queueRows > rows || m_bytes > bytes)) {
        shed.batches.push_back(removeFront());
        shed.full += quint64(shed.batches.back()->rowCount());
    }
}

void QueuedEdge::shedSuperseded(Shed &shed)
{
    shed.batches = m_queue;
    const quint64 gone = keepLatest(m_queue);
    shed.superseded += gone;
    m_rows.fetch_sub(gone, std::memory_order_relaxed);
    m_queueRows -= gone;
    m_bytes = 0;
    for (const BatchPtr &batch : m_queue)
        m_bytes += batch->byteSize();
    // Comparing everything again for each batch that comes would hold the sender: a quarter stays free.
    shedOldest(m_bound.rows - m_bound.rows / 4, m_bound.bytes - m_bound.bytes / 4, shed);
}

bool QueuedEdge::put(const BatchPtr &batch, Shed &shed)
{
    addOrShed(batch, shed);
    return m_policy == QueuePolicy::Block && isOver(1);
}

BatchPtr QueuedEdge::get()
{
    return m_queue.empty() ? BatchPtr() : removeFront();
}

bool QueuedEdge::mayRelease() const
{
    return !isOver(2);
}

void QueuedEdge::push(const BatchPtr &batch)
{
    bool wake = false;
    bool block = false;
    Shed shed;
    to().countQueued(batch);
    status()->recordsIn.fetch_add(quint64(batch->rowCount()), std::memory_order_relaxed);
    {
        const std::scoped_lock lock(m_lock);
        block = put(batch, shed) && !std::exchange(m_full, true);
        wake = hasWaiting() && !std::exchange(m_wakePending, true);
    }
    if (shed.full > 0)
        countShed(shed.full, EdgeStatus::Drop::QueueFull);
    if (shed.superseded > 0)
        countShed(shed.superseded, EdgeStatus::Drop::Superseded);
    if (wake)
        QCoreApplication::postEvent(&to(), new QEvent(wakeEvent()));
    if (block)
        from().outputBlocked();
}

void QueuedEdge::countShed(quint64 rows, EdgeStatus::Drop drop)
{
    status()->recordsDropped[std::size_t(drop)].fetch_add(rows, std::memory_order_relaxed);
    to().countShed(rows, edgeDropName(drop));
}

quint64 QueuedEdge::waitingBytes()
{
    const std::scoped_lock lock(m_lock);
    return m_bytes;
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
        batch = get();
        release = m_full && mayRelease();
        if (release) {
            m_full = false;
            m_released = true;
        }
    }
    if (batch)
        status()->recordsOut.fetch_add(quint64(batch->rowCount()), std::memory_order_relaxed);
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
