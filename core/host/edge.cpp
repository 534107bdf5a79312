// SPDX-License-Identifier: Apache-2.0
#include "edge.h"

#include "latest_records.h"
#include "node_runner.h"
#include "spool/spool.h"

#include <QCoreApplication>
#include <QLoggingCategory>

#include <algorithm>

Q_LOGGING_CATEGORY(lcEdge, "tidemill.host.edge")

namespace tidemill::host {

Edge::Edge(NodeRunner &from, NodeRunner &to, const QByteArray &recordType)
    : m_from(from)
    , m_to(to)
    , m_recordType(recordType)
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
{}

QueuedEdge::QueuedEdge(NodeRunner &from, NodeRunner &to, const QByteArray &recordType, Bound bound,
                       std::shared_ptr<Spool> spool)
    : Edge(from, to, recordType)
    , m_bound(bound)
    , m_policy(QueuePolicy::Spool)
    , m_spool(std::move(spool))
{
    const quint64 rows = m_spool->unreadRows();
    to.countQueuedRows(rows);
    m_rows->store(rows);
}

QueuedEdge::~QueuedEdge()
{
    // Batches that a sink still holds keep the spool itself alive.
    if (m_spool)
        m_spool->close();
}

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

void QueuedEdge::add(const BatchPtr &batch)
{
    m_queue.push_back(batch);
    m_queueRows += quint64(batch->rowCount());
    m_rows->fetch_add(quint64(batch->rowCount()), std::memory_order_relaxed);
    m_bytes += batch->byteSize();
}

BatchPtr QueuedEdge::removeFront()
{
    BatchPtr batch = std::move(m_queue.front());
    m_queue.pop_front();
    m_queueRows -= quint64(batch->rowCount());
    m_rows->fetch_sub(quint64(batch->rowCount()), std::memory_order_relaxed);
    m_bytes -= batch->byteSize();
    return batch;
}

void QueuedEdge::addOrShed(const BatchPtr &batch, Shed &shed)
{
    const auto rows = quint64(batch->rowCount());
    if (m_policy == QueuePolicy::DropNewest && !m_queue.empty() &&
        (m_queueRows + rows > m_bound.rows || m_bytes + batch->byteSize() > m_bound.bytes)) {
        shed.full += rows;
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
    m_rows->fetch_sub(gone, std::memory_order_relaxed);
    m_queueRows -= gone;
    m_bytes = 0;
    for (const BatchPtr &batch : m_queue)
        m_bytes += batch->byteSize();
    // Comparing everything again for each batch that comes would hold the sender: a quarter stays free.
    shedOldest(m_bound.rows - m_bound.rows / 4, m_bound.bytes - m_bound.bytes / 4, shed);
}

void QueuedEdge::push(const BatchPtr &batch)
{
    bool wake = false;
    bool block = false;
    Shed shed;
    to().countQueued(batch);
    {
        const std::scoped_lock lock(m_lock);
        const bool taken = m_spool && addSpooled(batch);
        if (!m_spool)
            addOrShed(batch, shed);
        wake = hasWaiting() && !std::exchange(m_wakePending, true);
        block = !m_full && (m_spool ? !taken : m_policy == QueuePolicy::Block && isOver(1));
        if (block)
            m_full = true;
    }
    if (shed.full > 0)
        to().countShed(shed.full, "queue_full");
    if (shed.superseded > 0)
        to().countShed(shed.superseded, "superseded");
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

bool QueuedEdge::addSpooled(const BatchPtr &batch)
{
    const auto rows = quint64(batch->rowCount());
    if (m_overflow.empty()) {
        const bool hasRoom = m_queue.empty() || (m_queueRows + rows <= m_bound.rows &&
                                                 m_bytes + batch->byteSize() <= m_bound.bytes);
        const auto taken = m_spool->append(*batch, hasRoom && !m_spool->hasUnread());
        if (taken) {
            m_spoolFails = false;
            if (*taken)
                add(*taken);
            else
                m_rows->fetch_add(rows, std::memory_order_relaxed);
            return true;
        }
        if (!std::exchange(m_spoolFails, true))
            qCWarning(lcEdge).noquote() << taken.error().message + QStringLiteral("; what feeds it is held");
    }
    m_overflow.push_back(batch);
    m_rows->fetch_add(rows, std::memory_order_relaxed);
    return false;
}

// From memory, from disk, then what the disk did not take: the order in which they came.
BatchPtr QueuedEdge::takeSpooled(quint64 &lostRows)
{
    if (!m_keepSpooled) {
        if (!m_queue.empty())
            return removeFront();
        const Spool::Read read = m_spool->readNext();
        lostRows = read.lostRows;
        const quint64 rows = read.batch ? quint64(read.batch->rowCount()) : 0;
        m_rows->fetch_sub(rows + lostRows, std::memory_order_relaxed);
        if (read.batch)
            return read.batch;
    }
    if (m_overflow.empty())
        return {};
    BatchPtr batch = std::move(m_overflow.front());
    m_overflow.pop_front();
    m_rows->fetch_sub(quint64(batch->rowCount()), std::memory_order_relaxed);
    return batch;
}

void QueuedEdge::keepSpooled()
{
    const std::scoped_lock lock(m_lock);
    m_keepSpooled = true;
}

BatchPtr QueuedEdge::take()
{
    BatchPtr batch;
    bool release = false;
    quint64 lostRows = 0;
    {
        const std::scoped_lock lock(m_lock);
        if (m_spool)
            batch = takeSpooled(lostRows);
        else if (!m_queue.empty())
            batch = removeFront();
        if (m_full && (m_spool ? m_overflow.empty() : !isOver(2))) {
            m_full = false;
            release = true;
            m_released = true;
        }
    }
    if (lostRows > 0)
        to().countShed(lostRows, "spool_damaged");
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
