// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tidemill/net/export.h>

#include <QObject>
#include <QString>

#include <chrono>
#include <functional>
#include <memory>

namespace tidemill::net {

// What a peer allows: at most `events` in any `window`, and at least `spacing` between two. No events: no
// limit.
struct RateLimit
{
    int events = 0;
    std::chrono::milliseconds window{0};
    std::chrono::milliseconds spacing{0};
};

// Holds us to a RateLimit over a sliding window. Copies share one window; any thread may use it.
class TIDEMILL_NET_EXPORT RateLimiter
{
public:
    using Clock = std::chrono::steady_clock;

    explicit RateLimiter(const RateLimit &limit = {});

    // The one limiter of this process for a key, such as the name of a host that counts our connections. Its
    // limit is that of the first caller.
    static RateLimiter shared(const QString &key, const RateLimit &limit);

    // Zero: an event may happen now and has been counted. Otherwise nothing has been, and it is worth asking
    // again after that time.
    std::chrono::milliseconds tryTake(Clock::time_point now = Clock::now());

    // Counts an event that could not wait.
    void record(Clock::time_point now = Clock::now());

    // Forgets what has been counted.
    void clear();

    // Takes an event as soon as there is one and then calls back, always from the event loop of this thread,
    // which must be that of `context`. Never, if `context` is deleted before.
    void whenFree(QObject *context, std::function<void()> callback);

private:
    struct Window;
    std::shared_ptr<Window> m_window;
};

} // namespace tidemill::net
