// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "edge.h"
#include "spool/spool.h"

#include <tidemill/backoff.h>

#include <QTimer>

namespace tidemill::host {

// A queue in front of a sink whose batches are on disk before push() returns; only copies of them wait here,
// while there is room. What the spool does not take (budget, a full or broken disk) stays in memory behind it
// and holds the sender as the policy Block does, until the sink has had it or the spool takes it after all:
// that is tried again with a growing pause. Meanwhile the sink shows as degraded if the disk is to blame.
class SpooledEdge final : public QueuedEdge
{
public:
    // What is unconfirmed in the spool counts as received anew. While nothing runs.
    SpooledEdge(NodeRunner &from, NodeRunner &to, const QByteArray &recordType, Bound bound,
                std::shared_ptr<Spool> spool);
    ~SpooledEdge() override;

    void push(const BatchPtr &batch) override;
    // take() gives only what is not in the spool from now on.
    void keepStored() override;
    const std::shared_ptr<Spool> &spool() const { return m_spool; }

private:
    bool put(const BatchPtr &batch, Shed &shed) override;
    BatchPtr get() override;
    bool mayRelease() const override { return m_overflow.empty(); }

    // Sender's thread.
    bool store(const BatchPtr &batch); // under the lock
    void retry();
    void showRefusal();

    void noteLoss(const QString &what);

    const std::shared_ptr<Spool> m_spool;
    std::deque<BatchPtr> m_overflow; // behind the queue and the spool: what the spool did not take
    quint64 m_lostRows = 0;
    bool m_keepStored = false;
    // Sender's thread.
    std::optional<Error> m_refused; // why the spool did not take the last one
    bool m_isTrouble = false;
    Backoff m_backoff;
    QTimer *m_retryTimer = nullptr; // a child of the sender, in whose thread it is made
};

} // namespace tidemill::host
