// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tidemill/net/book_numbers.h>
#include <tidemill/net/candle_closer.h>
#include <tidemill/result.h>

#include <QHash>

#include <deque>
#include <string_view>

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
    net::BookNumbers numbers; // of a book
    net::CandleCloser closer;
};

// Streams by the id that the feed knows them by, and by channel and product.
class Streams
{
public:
    // Ids rise from 0, as those of net::FeedSource do. Heartbeats have a null product.
    void add(Channel channel, Symbol product);

    Stream &operator[](int id) { return m_streams[std::size_t(id)]; }
    // -1: none. Products quoted in USDC are served under the name of the one quoted in USD.
    int find(Channel channel, QByteArrayView product) const;
    QList<int> ofChannel(Channel channel) const;

private:
    static quint64 key(Channel channel, Symbol product)
    {
        return quint64(product.id()) << 8 | quint64(channel);
    }

    std::deque<Stream> m_streams;
    QHash<quint64, int> m_ids;
};

} // namespace tidemill::coinbase_advanced
