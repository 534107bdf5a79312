// SPDX-License-Identifier: Apache-2.0
#include <tidemill/net/rate_limiter.h>

#include <QHash>
#include <QMutex>
#include <QTimer>

#include <algorithm>
#include <vector>

namespace tidemill::net {

using std::chrono::milliseconds;

struct RateLimiter::Window
{
    explicit Window(const RateLimit &theLimit) : limit(theLimit) {}

    void count(Clock::time_point now)
    {
        if (limit.events <= 0)
            return;
        last = now;
        if (times.size() < static_cast<size_t>(limit.events)) {
            times.push_back(now);
            return;
        }
        times[oldest] = now;
        oldest = (oldest + 1) % times.size();
    }

    milliseconds untilFree(Clock::time_point now) const
    {
        if (times.empty())
            return milliseconds(0);
        Clock::time_point free = last + limit.spacing;
        if (times.size() == static_cast<size_t>(limit.events))
            free = std::max(free, times[oldest] + limit.window);
        // Rounded up: asking a fraction of a millisecond early would only mean asking twice.
        return std::max(milliseconds(0), std::chrono::ceil<milliseconds>(free - now));
    }

    QMutex mutex;
    const RateLimit limit;
    std::vector<Clock::time_point> times; // a ring of the last `events` of them, once it is full
    size_t oldest = 0;
    Clock::time_point last;
};

RateLimiter::RateLimiter(const RateLimit &limit) : m_window(std::make_shared<Window>(limit)) {}

RateLimiter RateLimiter::shared(const QString &key, const RateLimit &limit)
{
    // Kept for good: a limiter forgotten between two connections would forget what the peer has counted.
    static QMutex mutex;
    static QHash<QString, RateLimiter> limiters;
    const QMutexLocker lock(&mutex);
    const auto found = limiters.constFind(key);
    return found != limiters.constEnd() ? *found : *limiters.insert(key, RateLimiter(limit));
}

milliseconds RateLimiter::tryTake(Clock::time_point now)
{
    const QMutexLocker lock(&m_window->mutex);
    const milliseconds wait = m_window->untilFree(now);
    if (wait.count() == 0)
        m_window->count(now);
    return wait;
}

void RateLimiter::record(Clock::time_point now)
{
    const QMutexLocker lock(&m_window->mutex);
    m_window->count(now);
}

void RateLimiter::clear()
{
    const QMutexLocker lock(&m_window->mutex);
    m_window->times.clear();
    m_window->oldest = 0;
}

void RateLimiter::whenFree(QObject *context, std::function<void()> callback)
{
    const milliseconds wait = tryTake();
    if (wait.count() == 0) {
        QMetaObject::invokeMethod(context, std::move(callback), Qt::QueuedConnection);
        return;
    }
    // The copy keeps the window alive, whatever happens to this limiter.
    QTimer::singleShot(wait, Qt::PreciseTimer, context, [limiter = *this, context, callback]() mutable {
        limiter.whenFree(context, std::move(callback));
    });
}

} // namespace tidemill::net
