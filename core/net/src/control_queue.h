// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tidemill/net/rate_limiter.h>

#include <QByteArray>
#include <QObject>
#include <QQueue>
#include <QTimer>

namespace tidemill::net {

// Our own messages on one connection, let out one by one as the exchange's limit allows. Bounded.
class ControlQueue : public QObject
{
    Q_OBJECT

public:
    static constexpr qsizetype maxMessages = 1024;

    explicit ControlQueue(QObject *parent);

    // For a new connection: nothing queued, nothing counted.
    void restart(const RateLimit &limit);
    bool append(const QByteArray &message); // false if it is full
    bool isEmpty() const { return m_messages.isEmpty(); }
    void record() { m_limiter.record(); } // something went out that does not stand in this queue

Q_SIGNALS:
    void due(const QByteArray &message);

private:
    void sendNext();

    RateLimiter m_limiter;
    QQueue<QByteArray> m_messages;
    QTimer m_timer{this};
};

} // namespace tidemill::net
