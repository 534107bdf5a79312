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

void Streams::add(Channel channel, Symbol product)
{
    m_ids.insert(key(channel, product), int(m_streams.size()));
    m_streams.emplace_back().channel = channel;
}

int Streams::find(Channel channel, QByteArrayView product) const
{
    if (product.isEmpty())
        return m_ids.value(key(channel, {}), -1);
    const Symbol symbol = Symbol::find(product);
    const int id = symbol.isNull() ? -1 : m_ids.value(key(channel, symbol), -1);
    if (id >= 0 || !product.endsWith(QByteArrayView("-USD")))
        return id;
    const QByteArray name = product.toByteArray() + 'C';
    const Symbol inUsdc = servedAs(name) == product ? Symbol::find(name) : Symbol();
    return inUsdc.isNull() ? -1 : m_ids.value(key(channel, inUsdc), -1);
}

QList<int> Streams::ofChannel(Channel channel) const
{
    QList<int> ids;
    for (int id = 0; id < int(m_streams.size()); ++id) {
        if (m_streams[std::size_t(id)].channel == channel)
            ids.append(id);
    }
    return ids;
}

} // namespace tidemill::coinbase_advanced
