// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tidemill/net/continuity_core.h>
#include <tidemill/net/feed.h>
#include <tidemill/net/rest_client.h>
#include <tidemill/option.h>

#include <optional>

namespace tidemill::net {

// Whether what comes is kept as it came, see docs/formats/capture.md.
struct CaptureOptions
{
    QString directory; // empty: it is not
    ByteSize maxFile{256LL * 1024 * 1024};
    std::chrono::milliseconds rotate = std::chrono::hours(1);
    ByteSize maxBytes{10LL * 1024 * 1024 * 1024};
    bool deleteOldest = false;
};

enum class ReplayClock { Recorded, Now };

// Whether a recording is played instead of asking the exchange.
struct ReplayOptions
{
    QString from; // a file or a folder; empty: it is not
    QString speed = QStringLiteral("1");
    ReplayClock clock = ReplayClock::Recorded;

    // So many times as fast as recorded; 0: as fast as it goes; nothing: no speed.
    std::optional<double> factor() const;
};

// The options that every source with WebSocket connections has, under the same names and with the same
// meaning, and what follows from them. A source sets its own defaults (addresses, limits) in its constructor:
//
//     net::SourceOptions m_net{"wss://ws.kraken.com/v2", "https://api.kraken.com"};
//     OptionList options() override { return m_net.options() + OptionList{...}; }
struct TIDEMILL_NET_EXPORT SourceOptions
{
    SourceOptions(const char *defaultUrl, const char *defaultRestUrl)
        : url(QLatin1String(defaultUrl))
        , restUrl(QLatin1String(defaultRestUrl))
    {}

    OptionList options();
    // What no single option can see.
    OptionErrors validate() const;

    // With the options set; the source adds what its exchange's rules are.
    FeedPlan feedPlan() const;
    RestSettings restSettings() const;
    ContinuitySettings continuitySettings() const;
    // Of these symbols those that are ours by the option `shard`. Which one is whose depends on its name and
    // the number of shards alone, so that all collectors agree, whatever their lists and machines.
    QStringList ours(const QStringList &symbols) const;

    QString url;
    QString restUrl;
    QString caFile;
    QString proxy;
    QString shard; // "2/4"; empty: all
    int streamsPerConnection = 1024;
    int redundancy = 1;
    bool backfill = true;
    qint64 maxBackfill = 1'000'000;
    std::chrono::milliseconds silenceFloor = std::chrono::seconds(2);
    std::chrono::milliseconds silenceCeiling = std::chrono::seconds(60);
    std::chrono::milliseconds lifetime = std::chrono::hours(23);
    std::chrono::milliseconds openTimeout = std::chrono::seconds(10);
    std::chrono::milliseconds maxPause = std::chrono::seconds(30);
    ByteSize maxMessage{32 << 20};
    CaptureOptions capture;
    ReplayOptions replay;

    // Not an option: how long a hole waits for what may still come by itself, before history is asked.
    std::chrono::milliseconds reorder{0};
};

} // namespace tidemill::net
