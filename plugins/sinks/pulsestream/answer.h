// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tidemill/net/http_client.h>
#include <tidemill/result.h>

#include <QDateTime>
#include <QJsonObject>

#include <chrono>
#include <optional>
#include <vector>

namespace tidemill::pulsestream {

// What the service said about one event.
struct Fate
{
    enum class Kind {
        Stored,
        Known,       // it had it already
        Limited,     // no more events in this window
        Raced,       // lost against another post of the same id: worth being offered once more
        Refused,     // for what is in it
        Unavailable, // the service's own trouble
    };
    Kind kind = Kind::Stored;
    QString message;
};

// What the service said to a request.
struct Answer
{
    enum class Kind {
        Fates,       // about each event, in their order
        Broken,      // 500: one of the events may be to blame, or the service
        TooMuch,     // the request as a whole is not to its taste, smaller ones may be
        Unpacked,    // it may not understand gzip
        Later,       // 429, or 503 with a time
        Unavailable, // nothing is known of any event
    };
    Kind kind = Kind::Unavailable;
    std::vector<Fate> fates;
    QString message;
    std::optional<std::chrono::milliseconds> wait;
};

// How the body was sent: as gzip that the service may not know, or has taken before.
enum class Packing { Plain, Untried, Proven };

// Reads the answer to a post of `events` events; without `isBatch` it is one, at the endpoint for one.
Answer readAnswer(const net::HttpReply &reply, bool isBatch, std::size_t events, Packing packing);

// How long until the next window of the rate limit: from the answer to GET /rate-limit, or else from the
// clock, as the windows are aligned to the minute.
std::chrono::milliseconds timeToNextWindow(const net::HttpReply &reply, const QDateTime &now);

} // namespace tidemill::pulsestream
