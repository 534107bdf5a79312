// SPDX-License-Identifier: Apache-2.0
// What a sink answers for its batches, one by one. What it says of all of them is in sink_runner.cpp.
#include "batch_rows.h"
#include "kept_delivery.h"
#include "sink_runner.h"

#include <QLoggingCategory>

Q_LOGGING_CATEGORY(lcSinkAnswers, "tidemill.host.delivery")

namespace tidemill::host {

namespace {

void settle(const Batch &batch)
{
    if (const auto *kept = dynamic_cast<const KeptDelivery *>(batch.delivery().get()))
        kept->settle();
}

// What is wrong with the rows that a sink names; empty if nothing is.
QString wrongRows(const Batch &batch, const QList<RowFailure> &rows)
{
    if (rows.isEmpty())
        return QStringLiteral("named no rows");
    qsizetype least = 0;
    for (const RowFailure &failure : rows) {
        if (failure.row < least || failure.row >= batch.rowCount())
            return QStringLiteral("named row %1 where one from %2 to %3 was expected")
                .arg(failure.row)
                .arg(least)
                .arg(batch.rowCount() - 1);
        least = failure.row + 1;
    }
    return {};
}

// Rows that say the same share a cause.
void addCause(QList<DeadLetter::Cause> &causes, const QString &message)
{
    if (causes.isEmpty() || causes.last().message != message)
        causes.append({0, message});
    ++causes.last().rows;
}

} // namespace

void SinkRunner::countDelivered(quint64 rows)
{
    countUnqueuedRows(rows);
    m_delivered.add(rows);
    status().recordsOut.fetch_add(rows, std::memory_order_relaxed);
    status().recordsTaken.fetch_add(rows, std::memory_order_relaxed);
    status().lastDataNs.store(Timestamp::now().ns, std::memory_order_relaxed);
    m_held.excuse();
    const bool failedBefore = m_breaker.failures() > 0;
    if (m_breaker.noteDelivery()) {
        qCInfo(lcSinkAnswers).noquote() << status().description.name + QStringLiteral(": breaker closed");
        wake();
    }
    if (failedBefore)
        showDelivery();
    if (std::exchange(m_windowFull, false))
        wake();
}

// Rows that the sink keeps naming are still trouble, whatever else it stores meanwhile.
void SinkRunner::showRecovered()
{
    if (!m_nextTry.isNull() || m_held.hasRests() || m_breaker.failures() > 0)
        return;
    m_backoff.reset();
    setRecovered();
}

void SinkRunner::confirm(const BatchPtr &batch)
{
    // A copy, because the signal's argument may be the very one in the list.
    const BatchPtr keep = batch; // NOLINT(performance-unnecessary-copy-initialization)
    if (!m_held.take(keep)) {
        qCCritical(lcSinkAnswers).noquote()
            << status().description.name
            << "confirmed a batch that it was not offered, or confirmed it twice: ignored";
        return;
    }
    settle(*keep);
    countDelivered(quint64(keep->rowCount()));
    showRecovered();
}

void SinkRunner::confirmPart(const BatchPtr &batch, const QList<RowFailure> &rows)
{
    // Copies, as above.
    const BatchPtr keep = batch;             // NOLINT(performance-unnecessary-copy-initialization)
    const QList<RowFailure> failures = rows; // NOLINT(performance-unnecessary-copy-initialization)
    const QString wrong = m_held.isInHand(keep)
                              ? wrongRows(*keep, failures)
                              : QStringLiteral("answered for a batch that it does not have");
    if (!wrong.isEmpty()) {
        qCCritical(lcSinkAnswers).noquote()
            << status().description.name << wrong << ": all that it has counts as not stored";
        retryLater({Error::Kind::Internal, wrong});
        return;
    }
    std::vector<qsizetype> hopeless;
    std::vector<qsizetype> again;
    QList<DeadLetter::Cause> causes;
    const Error *first = nullptr;
    for (const RowFailure &failure : failures) {
        if (failure.isFinal) {
            hopeless.push_back(failure.row);
            addCause(causes, failure.error.message);
        } else {
            again.push_back(failure.row);
            first = first ? first : &failure.error;
        }
    }
    HeldBatches::Entry entry = *m_held.take(keep);
    if (!hopeless.empty()) {
        noteFailed();
        letGo(copyRows(*keep, hopeless), "rejected", causes);
    }
    if (again.empty()) {
        settle(*keep);
    } else {
        entry.batch = copyRows(*keep, again);
        entry.isRest = true;
        if (!entry.failedSince)
            entry.failedSince = HeldBatches::Clock::now();
        m_held.putBack(std::move(entry));
    }
    if (const qsizetype stored = keep->rowCount() - failures.size(); stored > 0)
        countDelivered(quint64(stored));
    else if (again.empty())
        wake(); // a half-open breaker has no answer yet
    else if (m_nextTry.isNull() && m_breaker.noteFailure())
        m_openings.add();
    if (first && m_nextTry.isNull())
        waitAfterFailure(*first);
    else
        showRecovered();
}

void SinkRunner::refuse(const BatchPtr &batch, const Error &error)
{
    const BatchPtr keep = batch; // NOLINT(performance-unnecessary-copy-initialization): as above
    if (!m_held.take(keep))
        return;
    noteFailed();
    letGo(keep, "rejected", {{keep->rowCount(), error.message}});
    settle(*keep);
    showRecovered();
    wake(); // a half-open breaker has no answer yet, and there is room again
}

void SinkRunner::letGo(const BatchPtr &batch, const char *reason, const QList<DeadLetter::Cause> &causes)
{
    const Refusals::Outcome outcome = m_refusals.putAway(batch, reason, causes);
    if (outcome.isLost) {
        if (const auto *kept = dynamic_cast<const KeptDelivery *>(batch->delivery().get()))
            kept->noteLoss();
    }
    countUnqueued(batch);
    countDropped(batch, outcome.reason);
    showDelivery();
}

void SinkRunner::giveUp(const Error &error)
{
    const auto limit = status().description.settings.retryGiveUp;
    if (!limit)
        return;
    for (const HeldBatches::Entry &entry : m_held.takeFailedSince(HeldBatches::Clock::now() - *limit)) {
        letGo(entry.batch, "given_up", {{entry.batch->rowCount(), error.message}});
        settle(*entry.batch);
    }
}

} // namespace tidemill::host
