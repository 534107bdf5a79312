// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "batch_gate.h"
#include "dead_letters/refusals.h"
#include "delivery_breaker.h"
#include "held_batches.h"
#include "node_runner.h"

#include <tidemill/backoff.h>

#include <QTimer>

#include <optional>

namespace tidemill::host {

// Drives one sink: groups batches, keeps every batch until the sink has answered for it, and after a failure
// waits (backoff, circuit breaker) and offers what is left again, in order. What can never be stored becomes
// a dead letter. The only place where delivery is retried.
class SinkRunner final : public NodeRunner
{
    Q_OBJECT

public:
    SinkRunner(NodePtr<> node, std::shared_ptr<NodeStatus> status, Metrics &registry);

    void abandon() override;
    void hurry() override;

protected:
    void drain() override;
    void handle(const BatchPtr &batch) override;
    void setBlocked(bool) override {} // nothing comes after a sink

private:
    enum class Offered { Some, Nothing, Interrupted };

    // Rows that the sink wants to be offered again.
    struct Named
    {
        Error error;            // of the first one
        bool hasStored = false; // others, in the same turn
    };

    // Offering.
    bool mayBegin();
    Offered offerGroup();
    BatchPtr offerNext();
    void wake();

    // What the sink answers.
    void confirm(const BatchPtr &batch);
    void confirmPart(const BatchPtr &batch, const QList<RowFailure> &rows);
    void refuse(const BatchPtr &batch, const Error &error);
    void retryLater(const Error &error);
    void retryWhenTold(const Error &cause, std::chrono::milliseconds wait);

    void noteNamed(const Error &error, bool hasStored);
    void judgeNamed();
    void countDelivered(quint64 rows);
    void letGo(const BatchPtr &batch, const char *reason, const QList<DeadLetter::Cause> &causes);
    void giveUp(const Error &error);
    void waitAfterFailure(const Error &error);
    void wait(std::chrono::milliseconds delay, const Error &cause);
    void retry();
    void showRecovered();
    void showDelivery();

    Sink *m_sink;
    HeldBatches m_held;
    BatchGate m_gate;
    DeliveryBreaker m_breaker;
    Backoff m_backoff;
    Refusals m_refusals;
    Timestamp m_nextTry;          // null: nothing is being waited for
    std::optional<Named> m_named; // in this turn of the event loop; nothing is offered in it any more
    bool m_windowFull = false;
    bool m_interrupted = false; // the sink has let go of the group that is being offered
    QTimer m_retryTimer{this};
    QTimer m_lingerTimer{this};
    QTimer m_lettersTimer{this};
    Counter m_delivered;
    Counter m_retries;
    Counter m_openings;
    Gauge m_breakerState;
    Gauge m_letters;
};

} // namespace tidemill::host
