// SPDX-License-Identifier: Apache-2.0
// What a sink answers for its batches, one by one. What it says of all of them is in sink_runner.cpp.
#include "batch_rows.h"
#include "kept_delivery.h"
#include "sink_runner.h"

#include <QLoggingCategory>

#include <utility>

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
    if (m_named)
        m_named->hasStored = true;
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

// Rows that the sink keeps naming are still trouble, whatever else it stores meanwhile. Without anything in
// hand there is none: the breaker shows by itself that the peer still has to prove itself.
void SinkRunner::showRecovered()
{
    const bool isEmpty = !m_held.hasToOffer() && !m_held.hasInHand();
    if (!m_nextTry.isNull() || m_named || m_held.hasRests() || (m_breaker.failures() > 0 && !isEmpty))
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
    const qsizetype stored = keep->rowCount() - failures.size();
    HeldBatches::Entry entry = *m_held.take(keep);
    if (!hopeless.empty()) {
        noteFailed();
        letGo(copyRows(*keep, hopeless), "rejected", causes);
    }
    if (again.empty()) {
        settle(*keep);
    } else {
        entry.batch = copyRows(*keep, again);
        entry.isNamed = true;
        if (stored > 0)
            entry.isRest = false; // it gets on: the delivery excuses it, too
        m_held.putBack(std::move(entry));
    }
    if (stored > 0)
        countDelivered(quint64(stored));
    else if (again.empty())
        wake(); // a half-open breaker has no answer yet
    if (first)
        noteNamed(*first, stored > 0);
    else
        showRecovered();
}

// Rows that a sink names have failed, unless it goes on to say that its peer wants them later: it says both
// in one turn of the event loop, whose end decides.
void SinkRunner::noteNamed(const Error &error, bool hasStored)
{
    if (m_named) {
        m_named->hasStored = m_named->hasStored || hasStored;
        return;
    }
    m_named = Named{error, hasStored};
    QMetaObject::invokeMethod(this, &SinkRunner::judgeNamed, Qt::QueuedConnection);
}

void SinkRunner::judgeNamed()
{
    const std::optional<Named> named = std::exchange(m_named, std::nullopt);
    if (!named)
        return; // the sink has said more
    m_held.judgeNamed(HeldBatches::Clock::now());
    if (!m_nextTry.isNull())
        return; // being waited for
    if (!named->hasStored && m_breaker.noteFailure())
        m_openings.add();
    waitAfterFailure(named->error);
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
