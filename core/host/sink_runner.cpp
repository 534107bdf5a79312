// SPDX-License-Identifier: Apache-2.0
#include "sink_runner.h"

#include "spool/spool.h"

#include <QCoreApplication>
#include <QLoggingCategory>

#include <algorithm>

Q_LOGGING_CATEGORY(lcSinkRunner, "tidemill.host.delivery")

namespace tidemill::host {

SinkRunner::SinkRunner(NodePtr<> node, std::shared_ptr<NodeStatus> status, Metrics &registry)
    : NodeRunner(std::move(node), std::move(status), registry)
    , m_sink(static_cast<Sink *>(&this->node()))
    , m_backoff({.initial = this->status().description.settings.retryInitial,
                 .max = this->status().description.settings.retryMax})
    , m_delivered(metrics().counter("tidemill_records_total", "Records that went in and out of nodes.",
                                    {{"direction", "out"}}))
    , m_retries(metrics().counter("tidemill_delivery_retries_total",
                                  "How often a sink's unconfirmed records were offered again."))
{
    connect(m_sink, &Sink::delivered, this, &SinkRunner::confirm);
    connect(m_sink, &Sink::rejected, this, &SinkRunner::refuse);
    connect(m_sink, &Node::failed, this, &SinkRunner::retryLater);
    m_retryTimer.setSingleShot(true);
    connect(&m_retryTimer, &QTimer::timeout, this, &SinkRunner::retry);
}

void SinkRunner::handle(const BatchPtr &)
{
    Q_UNREACHABLE(); // every edge into a sink is a queue
}

void SinkRunner::drain()
{
    if (m_waiting || isStopped())
        return;
    if (offerGroup() == Offered::Some)
        QCoreApplication::postEvent(this, new QEvent(QueuedEdge::wakeEvent()));
}

// The next batch to the sink: first what a failure left over, then what is new. Its rows; 0 when there is
// none, or when so much is unconfirmed that the queue in front should fill up instead.
qint64 SinkRunner::offerNext()
{
    if (m_offered == m_pending.size()) {
        const NodeSettings &settings = status().description.settings;
        m_windowFull = m_pendingRows >= quint64(settings.queueRows) ||
                       m_pendingBytes >= quint64(settings.queueBytes.bytes);
        if (m_windowFull)
            return 0;
        BatchPtr batch = takeNext();
        if (!batch)
            return 0;
        m_pendingRows += quint64(batch->rowCount());
        m_pendingBytes += batch->byteSize();
        m_pending.push_back(std::move(batch));
    }
    // A copy, and counted before: the sink may confirm or fail within the call.
    const BatchPtr batch = m_pending[m_offered++];
    m_sink->receive(batch);
    return qint64(batch->rowCount());
}

SinkRunner::Offered SinkRunner::offerGroup()
{
    const qint64 limit = status().description.settings.batchRows;
    m_failedInGroup = false;
    qint64 rows = 0;
    try {
        while (rows < limit && !m_failedInGroup) {
            const qint64 offered = offerNext();
            if (offered == 0)
                break;
            rows += offered;
        }
        if (rows > 0 && !m_failedInGroup)
            m_sink->flush();
    } catch (const std::exception &exception) {
        retryLater({Error::Kind::Internal, QStringLiteral("threw: %1").arg(QLatin1String(exception.what()))});
    } catch (...) {
        retryLater({Error::Kind::Internal, QStringLiteral("threw something that is no std::exception")});
    }
    if (m_failedInGroup)
        return Offered::Failed;
    return rows > 0 ? Offered::Some : Offered::Nothing;
}

bool SinkRunner::forget(const BatchPtr &batch)
{
    // Confirmations come in order nearly always, so the search ends at the first.
    const auto offeredEnd = m_pending.begin() + std::ptrdiff_t(m_offered);
    const auto found = std::find(m_pending.begin(), offeredEnd, batch);
    if (found == offeredEnd)
        return false;
    m_pending.erase(found);
    --m_offered;
    m_pendingRows -= quint64(batch->rowCount());
    m_pendingBytes -= batch->byteSize();
    countUnqueued(batch);
    if (const auto *spooled = dynamic_cast<const SpooledDelivery *>(batch->delivery().get()))
        spooled->settle();
    return true;
}

void SinkRunner::confirm(const BatchPtr &batch)
{
    // A copy, because the signal's argument may be the very one in the list.
    const BatchPtr keep = batch; // NOLINT(performance-unnecessary-copy-initialization)
    if (!forget(keep)) {
        qCCritical(lcSinkRunner).noquote()
            << status().description.name
            << "confirmed a batch that it was not offered, or confirmed it twice: ignored";
        return;
    }
    const auto rows = quint64(keep->rowCount());
    m_delivered.add(rows);
    status().recordsOut.fetch_add(rows, std::memory_order_relaxed);
    status().recordsTaken.fetch_add(rows, std::memory_order_relaxed);
    status().lastDataNs.store(Timestamp::now().ns, std::memory_order_relaxed);
    m_backoff.reset();
    setRecovered();
    if (std::exchange(m_windowFull, false))
        QCoreApplication::postEvent(this, new QEvent(QueuedEdge::wakeEvent()));
}

void SinkRunner::refuse(const BatchPtr &batch, const Error &error)
{
    const BatchPtr keep = batch; // NOLINT(performance-unnecessary-copy-initialization): as above
    if (!forget(keep))
        return;
    countDropped(keep, "rejected");
    noteFailed();
    qCCritical(lcSinkRunner).noquote()
        << status().description.name << "can never store" << keep->rowCount() << "records of"
        << keep->schema().name().toByteArray() << ":" << error.message;
}

void SinkRunner::retryLater(const Error &error)
{
    m_failedInGroup = true;
    m_offered = 0;
    if (std::exchange(m_waiting, true))
        return; // said twice for one failure
    noteFailed();
    const auto delay = m_backoff.next();
    status().setState(NodeState::Degraded, error.message);
    qCWarning(lcSinkRunner).noquote() << QStringLiteral("%1: %2; %3 records kept, trying again in %4 ms")
                                             .arg(status().description.name, error.message)
                                             .arg(m_pendingRows)
                                             .arg(delay.count());
    m_retryTimer.start(delay);
}

void SinkRunner::retry()
{
    m_waiting = false;
    m_retries.add();
    drain();
}

void SinkRunner::abandon()
{
    m_retryTimer.stop();
    for (const BatchPtr &batch : std::exchange(m_pending, {})) {
        // What is in a spool stays there, queued, for the next run.
        if (dynamic_cast<const SpooledDelivery *>(batch->delivery().get()))
            continue;
        countUnqueued(batch);
        countDropped(batch, "shutdown");
        if (batch->delivery())
            batch->delivery()->abandon();
    }
    m_offered = 0;
    m_pendingRows = 0;
    m_pendingBytes = 0;
    NodeRunner::abandon();
}

} // namespace tidemill::host
