// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tidemill/timestamp.h>

#include <algorithm>

namespace tidemill {

// For a source, one for each stream: what the Gap records of it have for ts_from. That is part of their key,
// so two gaps never share one: several that were noticed at once are told apart by a nanosecond.
class GapStarts
{
public:
    // For the next gap; `before` is the time of the record before it.
    Timestamp next(Timestamp before) { return m_last = std::max(before, Timestamp{m_last.ns + 1}); }

private:
    Timestamp m_last;
};

} // namespace tidemill
