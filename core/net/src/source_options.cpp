// SPDX-License-Identifier: Apache-2.0
#include <tidemill/net/proxy.h>
#include <tidemill/net/source_options.h>

#include <algorithm>

namespace tidemill::net {

OptionList SourceOptions::options()
{
    return {
        Option("url", url, "WebSocket address."),
        Option("rest_url", restUrl, "REST address, for history."),
        Option("connections.streams", streamsPerConnection, "At most so many streams on one connection.")
            .atLeast(1)
            .atMost(streamsPerConnection),
        Option("connections.redundancy", redundancy,
               "Connections that carry the same streams. Numbered records are taken from whichever is first, "
               "all others from the oldest.")
            .atLeast(1)
            .atMost(3),
        Option("connections.lifetime", lifetime,
               "A connection that old gets a successor before it is left; 0s: never.")
            .atLeast(0),
        Option("connections.open_timeout", openTimeout,
               "TCP and TLS may take so long, and then the answer to the handshake.")
            .atLeast(100)
            .atMost(5 * 60'000),
        Option("connections.max_pause", maxPause,
               "Pauses between attempts to connect grow up to that; the exchange may ask for longer ones.")
            .atLeast(100)
            .atMost(60 * 60'000),
        Option("connections.max_message", maxMessage,
               "A longer message, also when unpacked, ends the connection.")
            .atLeast(1024)
            .atMost(256 << 20),
        Option("silence.floor", silenceFloor,
               "A stream is never called silent sooner, however lively it has been.")
            .atLeast(100),
        Option("silence.ceiling", silenceCeiling,
               "A stream is looked into after so long at the latest, until it has proved quiet.")
            .atLeast(1000),
        Option("backfill", backfill, "Fill holes from the exchange's REST history."),
        Option("max_backfill", maxBackfill,
               "Of a longer hole only the newest so many records are filled; the rest becomes a gap.")
            .atLeast(0),
        Option("ca_file", caFile, "PEM file of certificate authorities to trust instead of the system's."),
        Option("proxy", proxy,
               "http://[user:password@]host:port or socks5://...; the environment's is never used.")
            .secret(),
        Option("shard", shard,
               "K/N: of all symbols only the share of the Kth of N collectors, who all have the same list.")
            .example("1/4"),
        Option("capture", capture.directory,
               "Folder that everything received is written to, as it came, for replay."),
        Option("capture_max_file", capture.maxFile, "A larger file gets a successor.").atLeast(64 * 1024),
        Option("capture_rotate", capture.rotate, "A file that is older gets a successor.").atLeast(1000),
        Option("capture_max_bytes", capture.maxBytes,
               "All captures of this node together; beyond that nothing more is captured.")
            .atLeast(64 * 1024),
        Option("capture_delete_oldest", capture.deleteOldest,
               "Beyond capture_max_bytes delete the oldest files instead."),
        Option("replay", replay.from,
               "Play this capture, folder of captures or tape instead of asking the exchange."),
        Option("replay_speed", replay.speed,
               "1: as recorded; 10: ten times as fast; max: as fast as the pipeline takes it.")
            .example("max"),
        Option("replay_clock", replay.clock,
               "ts_recv of what is played: when it was recorded, or the time of now.",
               {QStringLiteral("recorded"), QStringLiteral("now")}),
    };
}

namespace {

constexpr int maxShards = 1000;

struct Shard
{
    quint32 number = 1;
    quint32 count = 1;

    static std::optional<Shard> parse(const QString &text)
    {
        if (text.isEmpty())
            return Shard();
        bool isNumber = false;
        bool isCount = false;
        const Shard shard{text.section(u'/', 0, 0).toUInt(&isNumber), text.section(u'/', 1).toUInt(&isCount)};
        if (!isNumber || !isCount || shard.number < 1 || shard.number > shard.count ||
            shard.count > maxShards)
            return {};
        return shard;
    }
    // FNV-1a: the same everywhere and for ever, which no library's hash promises.
    bool has(const QByteArray &symbol) const
    {
        quint32 hash = 2166136261U;
        for (const char byte : symbol)
            hash = (hash ^ quint8(byte)) * 16777619U;
        return (hash ^ (hash >> 16)) % count == number - 1;
    }
};

} // namespace

QStringList SourceOptions::ours(const QStringList &symbols) const
{
    const Shard mine = Shard::parse(shard).value_or(Shard());
    QStringList result;
    for (const QString &symbol : symbols) {
        if (mine.has(symbol.toUtf8()))
            result.append(symbol);
    }
    return result;
}

std::optional<double> ReplayOptions::factor() const
{
    if (speed == QLatin1String("max"))
        return 0;
    bool isNumber = false;
    const double number = speed.toDouble(&isNumber);
    if (!isNumber || !(number >= 0.001) || number > 1e6)
        return {};
    return number;
}

OptionErrors SourceOptions::validate() const
{
    OptionErrors errors;
    const auto expect = [&errors](bool good, const char *option, const QString &message) {
        if (!good)
            errors.append({QLatin1String(option), message, {}, {}});
    };
    const QUrl socket(url);
    expect(socket.scheme() == QLatin1String("wss") || socket.scheme() == QLatin1String("ws"), "url",
           QStringLiteral("expected an address that begins with wss:// (or ws://), got '%1'").arg(url));
    const QUrl rest(restUrl);
    expect(
        rest.scheme() == QLatin1String("https") || rest.scheme() == QLatin1String("http"), "rest_url",
        QStringLiteral("expected an address that begins with https:// (or http://), got '%1'").arg(restUrl));
    expect(silenceFloor <= silenceCeiling, "silence.floor",
           QStringLiteral("must not be longer than silence.ceiling"));
    if (const auto checked = checkProxy(proxy); !proxy.isEmpty() && !checked)
        expect(false, "proxy", checked.error().message);
    expect(Shard::parse(shard).has_value(), "shard",
           QStringLiteral("expected K/N with K from 1 to N and N up to %1, such as 1/4, got '%2'")
               .arg(maxShards)
               .arg(shard));
    expect(replay.factor().has_value(), "replay_speed",
           QStringLiteral("expected a number from 0.001 to 1000000, or max, got '%1'").arg(replay.speed));
    expect(capture.directory.isEmpty() || replay.from.isEmpty(), "capture",
           QStringLiteral("is not for use together with replay"));
    expect(capture.maxBytes.bytes >= 2 * capture.maxFile.bytes, "capture_max_bytes",
           QStringLiteral("must be at least twice capture_max_file, so that a whole file fits beside the "
                          "one that is written"));
    return errors;
}

FeedPlan SourceOptions::feedPlan() const
{
    FeedPlan plan;
    plan.connection.url = QUrl(url);
    plan.connection.caFile = caFile;
    plan.connection.proxy = proxy;
    plan.connection.connectTimeout = openTimeout;
    plan.connection.backoff.max = maxPause;
    plan.connection.backoff.initial = std::min(plan.connection.backoff.initial, maxPause);
    plan.connection.maxMessageBytes = maxMessage.bytes;
    plan.streamsPerConnection = streamsPerConnection;
    plan.redundancy = redundancy;
    plan.lifetime = lifetime;
    plan.silenceFloor = silenceFloor;
    plan.silenceCeiling = silenceCeiling;
    return plan;
}

RestSettings SourceOptions::restSettings() const
{
    RestSettings settings;
    settings.http.caFile = caFile;
    settings.http.proxy = proxy;
    return settings;
}

ContinuitySettings SourceOptions::continuitySettings() const
{
    ContinuitySettings settings;
    // Another connection may have what this one lost, for a fraction of what asking costs.
    settings.reorder = reorder;
    if (redundancy > 1)
        settings.reorder = std::max(reorder, std::chrono::milliseconds(250));
    settings.maxBackfill = backfill ? maxBackfill : 0;
    return settings;
}

} // namespace tidemill::net
