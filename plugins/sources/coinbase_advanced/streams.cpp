// SPDX-License-Identifier: Apache-2.0
#include "streams.h"

#include <array>

namespace tidemill::coinbase_advanced {

namespace {

struct Name
{
    Channel channel;
    const char *name;
    const char *inFrames;
};

constexpr std::array<Name, 7> names{{
    {Channel::Candles, "candles", "candles"},
    {Channel::Ticker, "ticker", "ticker"},
    {Channel::TickerBatch, "ticker_batch", "ticker_batch"},
    {Channel::MarketTrades, "market_trades", "market_trades"},
    {Channel::Level2, "level2", "l2_data"},
    {Channel::Status, "status", "status"},
    {Channel::Heartbeats, "heartbeats", "heartbeats"},
}};

} // namespace

Result<Channel> parseChannel(const QString &name)
{
    for (const Name &known : names) {
        if (name == QLatin1String(known.name))
            return known.channel;
    }
    return Error{Error::Kind::Config,
                 QStringLiteral("expected candles, ticker, ticker_batch, market_trades, level2, status or "
                                "heartbeats, got '%1'")
                     .arg(name)};
}

QByteArray channelName(Channel channel)
{
    return names[std::size_t(channel)].name;
}

std::optional<Channel> channelOf(std::string_view name)
{
    for (const Name &known : names) {
        if (name == known.name || name == known.inFrames)
            return known.channel;
    }
    return {};
}

QByteArray servedAs(QByteArrayView product)
{
    const bool asItself = product == "USDT-USDC" || product == "EURC-USDC";
    return product.endsWith(QByteArrayView("-USDC")) && !asItself ? product.chopped(1).toByteArray()
                                                                  : product.toByteArray();
}

int Streams::find(Channel channel, QByteArrayView product) const
{
    const int id = ProductStreams::find(channel, product);
    if (id >= 0 || !product.endsWith(QByteArrayView("-USD")))
        return id;
    const QByteArray inUsdc = product.toByteArray() + 'C';
    return servedAs(inUsdc) == product ? ProductStreams::find(channel, inUsdc) : -1;
}

} // namespace tidemill::coinbase_advanced
