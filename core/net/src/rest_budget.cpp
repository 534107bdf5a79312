// SPDX-License-Identifier: Apache-2.0
#include "rest_budget.h"

#include <QHash>

#include <algorithm>

namespace tidemill::net {

namespace {

// How much later than ours the exchange's minute may begin.
constexpr qint64 clockMargin = 100;

qint64 millisecondsOf(auto time)
{
    return std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count();
}

} // namespace

RestBudget::Now RestBudget::Now::get()
{
    return {millisecondsOf(std::chrono::steady_clock::now()),
            millisecondsOf(std::chrono::system_clock::now())};
}

RestBudget::RestBudget(const RestLimits &limits)
    : m_limit(std::max<qint64>(1, qint64(double(limits.weight) * std::clamp(limits.usable, 0.0, 1.0))))
    , m_window(std::max<qint64>(1, limits.window.count()))
    , m_wallClock(limits.wallClock)
{}

std::shared_ptr<RestBudget> RestBudget::shared(const QUrl &url, const RestLimits &limits)
{
    static std::mutex lock;
    static QHash<QString, std::shared_ptr<RestBudget>> budgets;
    const int defaultPort = url.scheme() == QLatin1String("https") ? 443 : 80;
    const QString key = QStringLiteral("%1://%2:%3").arg(url.scheme(), url.host()).arg(url.port(defaultPort));
    const std::lock_guard guard(lock);
    std::shared_ptr<RestBudget> &budget = budgets[key];
    if (!budget)
        budget = std::make_shared<RestBudget>(limits);
    return budget;
}

void RestBudget::forgetOld(Now now)
{
    if (m_wallClock) {
        if (std::exchange(m_currentWindow, windowOf(now)) != m_currentWindow)
            m_used = 0;
        return;
    }
    while (!m_taken.empty() && m_taken.front().first + m_window <= now.steady) {
        m_used -= m_taken.front().second;
        m_taken.pop_front();
    }
}

RestBudget::Turn RestBudget::tryTake(int weight, Now now)
{
    const std::lock_guard guard(m_lock);
    if (m_bannedUntil > now.steady)
        return {m_bannedUntil - now.steady, true, 0};
    forgetOld(now);
    // One that is heavier than the whole budget has a window to itself.
    if (m_used == 0 || m_used + weight <= m_limit) {
        m_used += weight;
        if (!m_wallClock)
            m_taken.emplace_back(now.steady, weight);
        return {0, false, windowOf(now)};
    }
    if (m_wallClock)
        return {(windowOf(now) + 1) * m_window - now.wall + clockMargin, false, 0};
    qint64 left = m_used;
    for (const auto &[when, taken] : m_taken) {
        left -= taken;
        if (left == 0 || left + weight <= m_limit)
            return {when + m_window - now.steady, false, 0};
    }
    return {m_window, false, 0};
}

void RestBudget::correct(qint64 used, qint64 window, Now now)
{
    const std::lock_guard guard(m_lock);
    forgetOld(now);
    // Only upwards: a lower count is that of a window which has begun a moment ago, or lacks what is under
    // way.
    if (used <= m_used || window != windowOf(now))
        return;
    if (!m_wallClock)
        m_taken.emplace_back(now.steady, used - m_used);
    m_used = used;
}

void RestBudget::ban(qint64 duration, Now now)
{
    const std::lock_guard guard(m_lock);
    m_bannedUntil = std::max(m_bannedUntil, now.steady + duration);
}

} // namespace tidemill::net
