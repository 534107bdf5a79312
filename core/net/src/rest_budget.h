// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tidemill/net/rest_client.h>

#include <QUrl>

#include <deque>
#include <memory>
#include <mutex>

namespace tidemill::net {

// What may be asked of one host, and when; shared by all who ask it. Any thread. Times in ms.
class RestBudget
{
public:
    struct Now
    {
        qint64 steady; // of a clock that never jumps
        qint64 wall;   // since 1970, as the exchange's own
        static Now get();
    };
    struct Turn
    {
        qint64 wait = 0; // ms; zero: asked for and counted
        bool isBanned = false;
        qint64 window = 0; // for correct()
    };

    explicit RestBudget(const RestLimits &limits);

    // That of the host of this address, for the life of the process: one forgotten would forget a ban.
    static std::shared_ptr<RestBudget> shared(const QUrl &url, const RestLimits &limits);

    Turn tryTake(int weight, Now now = Now::get());
    // By the exchange's own count `used` was spent when it answered a request of that window.
    void correct(qint64 used, qint64 window, Now now = Now::get());
    // Nobody may ask for so long.
    void ban(qint64 duration, Now now = Now::get());

private:
    qint64 windowOf(Now now) const { return m_wallClock ? now.wall / m_window : 0; }
    void forgetOld(Now now);

    std::mutex m_lock;
    const qint64 m_limit; // of weight
    const qint64 m_window;
    const bool m_wallClock;
    qint64 m_used = 0;
    qint64 m_currentWindow = 0;                    // wall clock: its number
    std::deque<std::pair<qint64, qint64>> m_taken; // sliding: when and how much
    qint64 m_bannedUntil = 0;                      // steady
};

} // namespace tidemill::net
