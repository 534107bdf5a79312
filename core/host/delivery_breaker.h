// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tidemill/timestamp.h>

#include <QByteArray>

#include <chrono>

namespace tidemill::host {

enum class BreakerState {
    Closed,   // the sink is offered all there is
    HalfOpen, // the pause is over: one batch is offered, and its fate decides
    Open,     // it is offered nothing
};

// "closed", "half_open", "open".
QByteArray breakerStateName(BreakerState state);

// Keeps a peer that fails again and again from being asked at each retry: after so many failures in a row it
// is left alone for a pause, then tried with one batch. A plain value; whoever has it keeps the time.
class DeliveryBreaker
{
public:
    struct Settings
    {
        qint64 failures = 5; // 0: never opens
        std::chrono::milliseconds pause{10'000};
    };

    explicit DeliveryBreaker(const Settings &settings) : m_settings(settings) {}

    BreakerState state() const { return m_state; }
    qint64 failures() const { return m_failures; } // in a row, up to now
    Timestamp since() const { return m_since; }    // when the state was entered
    std::chrono::milliseconds pause() const { return m_settings.pause; }

    // True: it has opened.
    bool noteFailure(Timestamp now = Timestamp::now());
    // True: it was not closed.
    bool noteDelivery(Timestamp now = Timestamp::now());
    // The pause is over.
    void endPause(Timestamp now = Timestamp::now());

private:
    void enter(BreakerState state, Timestamp now);

    Settings m_settings;
    BreakerState m_state = BreakerState::Closed;
    qint64 m_failures = 0;
    Timestamp m_since = Timestamp::now();
};

} // namespace tidemill::host
