// SPDX-License-Identifier: Apache-2.0
#include "streams.h"

#include <array>

namespace tidemill::coinbase_exchange {

namespace {

struct Name
{
    Channel channel;
    const char *name;
    const char *former; // how the server acknowledges it
};

constexpr std::array<Name, 6> names{{
    {Channel::Ticker, "ticker", "ticker"},
    {Channel::TickerBatch, "ticker_batch", "ticker_1000"},
    {Channel::Matches, "matches", "matches"},
    {Channel::Heartbeat, "heartbeat", "heartbeat"},
    {Channel::Level2Batch, "level2_batch", "level2_50"},
    {Channel::Status, "status", "status"},
}};

} // namespace

Result<Channel> parseChannel(const QString &name)
{
    for (const Name &known : names) {
        if (name == QLatin1String(known.name))
            return known.channel;
    }
    return Error{Error::Kind::Config, QStringLiteral("expected ticker, ticker_batch, matches, heartbeat, "
                                                     "level2_batch or status, got '%1'")
                                          .arg(name)};
}

QByteArray channelName(Channel channel)
{
    return names[std::size_t(channel)].name;
}

std::optional<Channel> channelOfAcknowledgement(std::string_view name)
{
    for (const Name &known : names) {
        if (name == known.name || name == known.former)
            return known.channel;
    }
    return {};
}

QList<int> Streams::ofProduct(QByteArrayView product) const
{
    QList<int> ids;
    for (const Name &known : names) {
        if (const int id = find(known.channel, product); id >= 0)
            ids.append(id);
    }
    return ids;
}

} // namespace tidemill::coinbase_exchange
