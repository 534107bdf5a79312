// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tidemill/backoff.h>
#include <tidemill/net/compression.h>
#include <tidemill/net/headers.h>
#include <tidemill/net/rate_limiter.h>
#include <tidemill/result.h>
#include <tidemill/timestamp.h>

#include <QString>
#include <QUrl>

#include <chrono>

namespace tidemill::net {

// What one connection to an exchange is held to. A time of zero switches that limit off.
struct FeedSettings
{
    QUrl url;
    HeaderList headers;
    QString proxy;  // see proxy.h; may hold a password
    QString caFile; // PEM file of CAs to trust instead of the system's

    std::chrono::milliseconds connectTimeout{10'000};   // for TCP and TLS, and again for the handshake
    std::chrono::milliseconds subscribeTimeout{15'000}; // from opened() to confirmSubscribed()
    std::chrono::milliseconds silenceLimit{
        60'000}; // without a message: ask with a ping whether anybody is there
    std::chrono::milliseconds probeTimeout{10'000}; // still without a message after that: start over
    std::chrono::milliseconds goodAfter{
        10'000}; // data flowed for so long: a loss begins with short delays again

    BackoffSettings backoff;
    // At least so long after a handshake that was refused for good (status 400, 401, 403, 404): a wrong key
    // or address does not mend itself.
    std::chrono::milliseconds refusedPause{0};
    RateLimit controlLimit{5, std::chrono::seconds(1), std::chrono::milliseconds(250)};
    RateLimit connectLimit{300,
                           std::chrono::minutes(5)}; // shared by all connections of this process to that host
    qsizetype maxMessageBytes = 32LL * 1024 * 1024;  // also of what a packed message unpacks to
    Compression compression;                         // off: see there what it costs
};

// Why a connection, or an attempt at one, is over and what comes next.
struct LostInfo
{
    QString reason;
    Error::Kind kind = Error::Kind::Network;
    Timestamp since; // of the last data, null if there never was any
    int attempt = 0; // losses in a row, without data having flowed for long enough between
    std::chrono::milliseconds nextTry{0};
    quint16 closeCode = 0;   // of the WebSocket, see CloseInfo
    int handshakeStatus = 0; // of HTTP, if the exchange refused the handshake with it
};

// Counted over the life of a FeedConnection.
struct FeedStatistics
{
    quint64 connectAttempts = 0;
    quint64 reconnects = 0; // times it was open again after it had been before
    quint64 bytesReceived = 0;
    quint64 framesReceived = 0;
    Timestamp lastDataAt;
};

} // namespace tidemill::net
