// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tidemill/export.h>

#include <QRandomGenerator>

#include <chrono>
#include <optional>

namespace tidemill {

// Where between its bounds a delay is drawn.
enum class Jitter {
    Full,  // anywhere: clients that lost the same peer spread out most
    Equal, // in the upper half of the bound
    None,  // the bound itself: for a single client whose times must be foreseeable
};

struct BackoffSettings
{
    std::chrono::milliseconds initial{500}; // the longest first delay
    std::chrono::milliseconds max{30'000};  // no delay is drawn above this
    double factor = 2;                      // how the longest delay grows from one to the next
    Jitter jitter = Jitter::Full;
};

// How long to wait before the next try: exponential, with jitter, so that many clients that lost the
// same peer do not come back together. With full jitter each delay is drawn evenly between a tenth of
// `initial` (at least 1 ms) and a bound that starts at `initial` and grows up to `max`. The lower end is
// there because a peer that accepts and hangs up at once must never be answered at full speed, not even now
// and then by a lucky draw.
//
// When to reset is the caller's decision, and it matters: after useful work, not after a mere connect.
// A plain value: used from one thread at a time, copied freely (a copy draws the same delays).
class TIDEMILL_SDK_EXPORT Backoff
{
public:
    explicit Backoff(const BackoffSettings &settings = {});
    Backoff(const BackoffSettings &settings, quint32 seed); // the same delays for the same seed

    // `atLeast` is what the peer asked for (Retry-After): the delay drawn is added to it, never taken from
    // it.
    std::chrono::milliseconds next(std::optional<std::chrono::milliseconds> atLeast = {});

    void reset();

    // Delays handed out since the last reset.
    int attempts() const { return m_attempts; }

private:
    BackoffSettings m_settings;
    QRandomGenerator m_random;
    double m_bound = 0; // longest delay of the next draw, in ms
    int m_attempts = 0;
};

} // namespace tidemill
