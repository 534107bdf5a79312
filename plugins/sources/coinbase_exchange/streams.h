// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tidemill/net/book_numbers.h>
#include <tidemill/order_book.h>
#include <tidemill/result.h>

#include <QHash>

#include <deque>
#include <string_view>

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
    net::BookNumbers numbers;  // of a book
    qint64 announcedTrade = 0; // of a heartbeat: the newest trade it knew of
};

// Streams by the id that the feed knows them by, and by channel and product.
class Streams
{
public:
    // Ids rise from 0, as those of net::FeedSource do. The status channel has a null product.
    void add(Channel channel, Symbol product);

    Stream &operator[](int id) { return m_streams[std::size_t(id)]; }
    int find(Channel channel, QByteArrayView product) const; // -1: none
    QList<int> ofProduct(QByteArrayView product) const;

private:
    static quint64 key(Channel channel, Symbol product)
    {
        return quint64(product.id()) << 8 | quint64(channel);
    }

    std::deque<Stream> m_streams;
    QHash<quint64, int> m_ids;
};

} // namespace tidemill::coinbase_exchange
