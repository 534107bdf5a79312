// SPDX-License-Identifier: Apache-2.0
#include "call_watch.h"

#include <QLoggingCategory>

#include <unistd.h>

Q_LOGGING_CATEGORY(lcCallWatch, "tidemill.host.watchdog")

namespace tidemill::host {

CallWatch::CallWatch(std::chrono::milliseconds limit, std::function<QString()> culprit)
    : m_limit(limit)
    , m_culprit(std::move(culprit))
    , m_thread([this] { watch(); })
{}

CallWatch::~CallWatch()
{
    setPhase(Phase::Over);
    m_thread.join();
}

void CallWatch::begin()
{
    setPhase(Phase::Called);
}

void CallWatch::end()
{
    setPhase(Phase::Idle);
}

void CallWatch::setPhase(Phase phase)
{
    {
        const std::scoped_lock lock(m_lock);
        m_phase = phase;
        ++m_calls;
    }
    m_changed.notify_one();
}

void CallWatch::watch()
{
    std::unique_lock lock(m_lock);
    while (m_phase != Phase::Over) {
        const quint64 call = m_calls;
        const auto isOther = [this, call] { return m_calls != call; };
        if (m_phase == Phase::Idle) {
            m_changed.wait(lock, isOther);
        } else if (!m_changed.wait_for(lock, m_limit, isOther)) {
            // Whoever is stuck may hold the log's lock; then this ends the process without a word.
            ::alarm(2);
            qCCritical(lcCallWatch).noquote()
                << QStringLiteral("ending the process, whose main thread has been held for %1 s: %2")
                       .arg(double(m_limit.count()) / 1000)
                       .arg(m_culprit());
            _exit(1);
        }
    }
}

} // namespace tidemill::host
