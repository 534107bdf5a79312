// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "exchanges/coinbase/products.h"

namespace tidemill::coinbase_exchange {

enum class Channel { Ticker, TickerBatch, Matches, Heartbeat, Level2Batch, Status };

// The channel of an option's text; the message says what is possible.
Result<Channel> parseChannel(const QString &name);
QByteArray channelName(Channel channel);
// The channel by the name that an acknowledgement or an error gives it, which may be an older one.
std::optional<Channel> channelOfAcknowledgement(std::string_view name);

struct Stream
{
    Channel channel = Channel::Ticker;
    qint64 sequence = 0;       // of the newest frame that went out; rises within a product, with jumps
    qint64 announcedTrade = 0; // of a heartbeat: the newest trade it knew of
};

class Streams : public coinbase::ProductStreams<Stream>
{
public:
    QList<int> ofProduct(QByteArrayView product) const;
};

} // namespace tidemill::coinbase_exchange
