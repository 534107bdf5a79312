// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "exchanges/coinbase/products.h"

#include <tidemill/net/candle_closer.h>

namespace tidemill::coinbase_advanced {

enum class Channel { Candles, Ticker, TickerBatch, MarketTrades, Level2, Status, Heartbeats };

// The channel of an option's text; the message says what is possible.
Result<Channel> parseChannel(const QString &name);
QByteArray channelName(Channel channel);
// The channel by the name in a frame or an acknowledgement, where level2 is also called l2_data.
std::optional<Channel> channelOf(std::string_view name);
// The name in frames: products quoted in USDC are served under that of the one quoted in USD.
QByteArray servedAs(QByteArrayView product);

struct Stream
{
    Channel channel = Channel::Candles;
    net::CandleCloser closer;
};

class Streams : public coinbase::ProductStreams<Stream>
{
public:
    // -1: none. Products quoted in USDC are served under the name of the one quoted in USD.
    int find(Channel channel, QByteArrayView product) const;
};

} // namespace tidemill::coinbase_advanced
