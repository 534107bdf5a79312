// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "held_rows.h"

#include <tidemill/net/continuity_core.h>

#include <deque>

namespace tidemill::net {

// No exchange counts as far, and sums stay far from overflow.
constexpr qint64 maxContinuityId = qint64(1) << 62;

// A hole that was announced as an open Gap and may still be filled.
struct ContinuityCore::LateHole
{
    Gap gap;
    std::vector<Range> todo; // still hoped for, ascending
    std::vector<Range> missing;
    Timestamp since{}; // when it was noticed; null: in an earlier run
};

// An answer that came within the call that asked for it.
struct ContinuityCore::Early
{
    std::optional<Error> error;
    std::vector<std::byte> rows;
    bool complete = true;
};

struct ContinuityCore::Stream
{
    explicit Stream(std::size_t rowSize) : held(rowSize) {}

    ContinuityStream names;
    bool isKnown = false;       // there was a record or a position
    bool isInterrupted = false; // since the last record
    qint64 next = 0;            // while its gate is shut
    HeldRows held;              // behind a hole that begins at `next`
    Timestamp holeSince;
    std::deque<LateHole> late; // ascending
    bool isStopped = false;    // history is not asked any more

    std::optional<Request> asked;
    bool isAsking = false;
    std::optional<Early> early;
    Range lagging{0, -1};      // history does not reach these yet
    Timestamp askAgain;        // for them; null: no such thing
    bool isCatchingUp = false; // history up to now is wanted, or being asked for
    Timestamp catchUpSince;
    qint64 caughtUp = 0;
    std::vector<std::function<void(Missed)>> catchUpDone;
    bool isCatchUpStale = false; // another was wanted when this one had been asked already
    std::vector<std::function<void(Missed)>> staleDone;

    bool lags(qint64 first) const
    {
        return !askAgain.isNull() && lagging.first <= first && first <= lagging.last;
    }

    Timestamp lastGapFrom;
    ContinuityFigures figures;
    Counter filled;
    Counter missing;
};

} // namespace tidemill::net
