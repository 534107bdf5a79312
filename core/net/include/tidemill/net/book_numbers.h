// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tidemill/timestamp.h>

#include <algorithm>

namespace tidemill::net {

// Numbers for the book records of an exchange that numbers none: each snapshot takes the clock's nanoseconds
// (or one more than the last, if that is greater), each change one more. So they rise for ever, over
// connections and restarts, and a change follows what came before it exactly if nothing is missing.
class BookNumbers
{
public:
    qint64 snapshot(Timestamp received) { return m_last = std::max(m_last + 1, received.ns); }
    qint64 change() { return ++m_last; }

private:
    qint64 m_last = 0;
};

} // namespace tidemill::net
