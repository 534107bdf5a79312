// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "node_runner.h"

#include <tidemill/backoff.h>

#include <QTimer>

namespace tidemill::host {

// Drives one sink: groups batches, keeps every batch until the sink has confirmed it, and after a failure
// waits (backoff with jitter) and offers all unconfirmed ones again, in order. The only place where delivery
// is retried.
class SinkRunner final : public NodeRunner
{
    Q_OBJECT

public:
    SinkRunner(NodePtr<> node, std::shared_ptr<NodeStatus> status, Metrics &registry);

    void abandon() override;

protected:
    void drain() override;
    void handle(const BatchPtr &batch) override;
    void setBlocked(bool) override {} // nothing comes after a sink

private:
    enum class Offered { Some, Nothing, Failed };

    Offered offerGroup();
    qint64 offerNext();
    void confirm(const BatchPtr &batch);
    void refuse(const BatchPtr &batch, const Error &error);
    void retryLater(const Error &error);
    void retry();
    bool forget(const BatchPtr &batch);

    Sink *m_sink;
    // Unconfirmed, oldest first. Those before m_offered are in the sink's hands.
    std::deque<BatchPtr> m_pending;
    std::size_t m_offered = 0;
    quint64 m_pendingRows = 0;
    quint64 m_pendingBytes = 0;
    bool m_waiting = false;
    bool m_windowFull = false;
    bool m_failedInGroup = false;
    Backoff m_backoff;
    QTimer m_retryTimer{this};
    Counter m_delivered;
    Counter m_retries;
};

} // namespace tidemill::host
