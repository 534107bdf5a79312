// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "entry_id.h"

#include <tidemill/redis/client.h>

#include <functional>

namespace tidemill::redis_stream {

// Which pending entries have been given out how often, by XPENDING.
struct PendingQuery
{
    QByteArray stream;
    QByteArray group;
    QByteArray consumer;               // empty: of any
    std::chrono::milliseconds idle{0}; // for so long at least
};

// `each` for every entry found, then `done` once: with the answer that ended it, which may be an error or
// lost.
void sweepPending(redis::Client &client, const PendingQuery &query,
                  const std::function<void(EntryId id, qint64 deliveries)> &each,
                  const redis::Client::Callback &done, const QByteArray &from = "-");

// Why an entry is let go of that was given out so often.
inline QString givenOutText(qint64 deliveries)
{
    return QStringLiteral("given out %1 times and never done with").arg(deliveries);
}

} // namespace tidemill::redis_stream
