// SPDX-License-Identifier: Apache-2.0
#include "spooled_edge.h"

#include "node_runner.h"

#include <QLoggingCategory>

Q_LOGGING_CATEGORY(lcSpooledEdge, "tidemill.host.spool")

namespace tidemill::host {

SpooledEdge::SpooledEdge(NodeRunner &from, NodeRunner &to, const QByteArray &recordType, Bound bound,
                         std::shared_ptr<Spool> spool)
    : QueuedEdge(from, to, recordType, bound, QueuePolicy::Spool)
    , m_spool(std::move(spool))
    , m_backoff({.initial = to.status().description.settings.retryInitial,
                 .max = to.status().description.settings.retryMax})
{
    const quint64 rows = m_spool->unreadRows();
    to.countQueuedRows(rows);
    status()->recordsIn.fetch_add(rows, std::memory_order_relaxed);
    countWaiting(rows);
    if (const quint64 segments = m_spool->figures().quarantined; segments > 0)
        noteLoss(QStringLiteral("%1 damaged segments were found at the start").arg(segments));
}

SpooledEdge::~SpooledEdge()
{
    // Batches that a sink still holds keep the spool itself alive.
    m_spool->close();
}

void SpooledEdge::push(const BatchPtr &batch)
{
    const bool wasRefused = m_refused.has_value();
    QueuedEdge::push(batch);
    if (wasRefused || m_refused)
        showRefusal();
}

bool SpooledEdge::put(const BatchPtr &batch, Shed &)
{
    if (m_overflow.empty() && store(batch))
        return false;
    m_overflow.push_back(batch);
    countWaiting(quint64(batch->rowCount()));
    return true;
}

bool SpooledEdge::store(const BatchPtr &batch)
{
    const auto taken = m_spool->append(*batch, fits(*batch) && !m_spool->hasUnread());
    if (!taken) {
        m_refused = taken.error();
        return false;
    }
    m_refused.reset();
    if (*taken)
        add(*taken);
    else
        countWaiting(quint64(batch->rowCount()));
    return true;
}

// From memory, from disk, then what the disk did not take: the order in which they came.
BatchPtr SpooledEdge::get()
{
    if (!m_keepStored) {
        if (!isQueueEmpty())
            return removeFront();
        const Spool::Read read = m_spool->readNext();
        if (read.lostRows > 0) {
            countGone(read.lostRows);
            countShed(read.lostRows, EdgeStatus::Drop::SpoolDamaged);
            m_lostRows += read.lostRows;
            noteLoss(QStringLiteral("%1 records were damaged on the disk and are lost").arg(m_lostRows));
        }
        if (read.batch) {
            countGone(quint64(read.batch->rowCount()));
            return read.batch;
        }
    }
    if (m_overflow.empty())
        return {};
    BatchPtr batch = std::move(m_overflow.front());
    m_overflow.pop_front();
    countGone(quint64(batch->rowCount()));
    return batch;
}

void SpooledEdge::noteLoss(const QString &what)
{
    to().status().setNote(m_spool->folder(),
                          QStringLiteral("%1: %2; see quarantine/ there").arg(m_spool->folder(), what));
}

void SpooledEdge::keepStored()
{
    const std::scoped_lock guard(lock());
    m_keepStored = true;
}

void SpooledEdge::retry()
{
    bool release = false;
    {
        const std::scoped_lock guard(lock());
        if (m_keepStored)
            return;
        while (!m_overflow.empty() && store(m_overflow.front())) {
            countGone(quint64(m_overflow.front()->rowCount()));
            m_overflow.pop_front();
        }
        // What was refused may have gone straight to the sink meanwhile; the disk may be as full as before.
        if (m_overflow.empty() && m_refused && m_spool->hasRoomAgain())
            m_refused.reset();
        release = m_overflow.empty() && endHold();
    }
    showRefusal();
    if (release)
        from().outputReleased();
}

void SpooledEdge::showRefusal()
{
    if (!m_refused) {
        m_backoff.reset();
        if (m_retryTimer)
            m_retryTimer->stop();
        if (std::exchange(m_isTrouble, false)) {
            to().status().setTrouble(m_spool->folder(), {});
            qCInfo(lcSpooledEdge).noquote() << m_spool->folder() + QStringLiteral(": takes records again");
        }
        return;
    }
    if (!m_retryTimer) {
        m_retryTimer = new QTimer(&from());
        m_retryTimer->setSingleShot(true);
        QObject::connect(m_retryTimer, &QTimer::timeout, m_retryTimer, [this] { retry(); });
    }
    if (!m_retryTimer->isActive())
        m_retryTimer->start(m_backoff.next());
    if (m_spool->isFull()) // back-pressure, as with any full queue
        return;
    to().status().setTrouble(m_spool->folder(), m_refused->message);
    if (!std::exchange(m_isTrouble, true))
        qCCritical(lcSpooledEdge).noquote()
            << QStringLiteral("%1; what comes is kept in memory, what feeds it is held, trying again")
                   .arg(m_refused->message);
}

} // namespace tidemill::host
