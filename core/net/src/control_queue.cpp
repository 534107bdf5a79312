// SPDX-License-Identifier: Apache-2.0
#include "control_queue.h"

namespace tidemill::net {

ControlQueue::ControlQueue(QObject *parent) : QObject(parent)
{
    m_timer.setSingleShot(true);
    m_timer.setTimerType(Qt::PreciseTimer); // a coarse one may be early, and early is over the limit
    connect(&m_timer, &QTimer::timeout, this, &ControlQueue::sendNext);
}

void ControlQueue::restart(const RateLimit &limit)
{
    m_timer.stop();
    m_messages.clear();
    m_limiter = RateLimiter(limit);
}

bool ControlQueue::append(const QByteArray &message)
{
    if (m_messages.size() >= maxMessages)
        return false;
    m_messages.enqueue(message);
    if (!m_timer.isActive())
        m_timer.start(0);
    return true;
}

void ControlQueue::sendNext()
{
    if (m_messages.isEmpty())
        return;
    const std::chrono::milliseconds wait = m_limiter.tryTake();
    m_timer.start(wait); // before the signal, whose receiver may restart us
    if (wait.count() == 0)
        emit due(m_messages.dequeue());
}

} // namespace tidemill::net
