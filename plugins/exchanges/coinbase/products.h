// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tidemill/net/feed_source.h>
#include <tidemill/net/json_values.h>
#include <tidemill/net/product_status.h>

#include <QHash>
#include <QJsonArray>

#include <deque>
#include <map>

namespace tidemill::coinbase {

// What a status message says of the products that `wants(product)`, a stream's id or -1 for each, has; called
// when all else of the product is filled in, and may change it. False: a member is missing or not what it
// should be; those before it have gone out.
bool emitProducts(net::FeedSource &source, simdjson::ondemand::value products,
                  const net::ProductStatus &blank,
                  const std::function<bool(net::ProductStatus &status)> &wants);

// A trade by stream or by REST: its id is a number or a text, its side in any case. That is the maker's there
// and the taker's here. `product` stays as it is where the row names none.
template<typename From>
bool readTrade(From from, std::string_view &product, Trade &trade)
{
    namespace json = net::json;
    std::string_view side;
    unsigned seen = 0;
    const bool good = json::eachMember(from, [&](std::string_view name, json::ondemand::value member) {
        if (name == "product_id")
            return json::readText(member, product);
        if (name == "trade_id")
            return seen |= 1, json::readIntegerText(member, trade.trade_id);
        if (name == "price")
            return seen |= 2, json::readDecimal(member, trade.price);
        if (name == "size")
            return seen |= 4, json::readDecimal(member, trade.quantity);
        if (name == "side")
            return seen |= 8, json::readText(member, side);
        if (name == "time")
            return seen |= 16, json::readTime(member, trade.ts_event);
        return true;
    });
    const bool isBuy = side == "buy" || side == "BUY";
    trade.side = isBuy ? Side::Sell : Side::Buy;
    return good && seen == 31 && (isBuy || side == "sell" || side == "SELL");
}

// What one message asks for: so many products that every channel of hundreds fits in few messages, and few
// enough for any proxy.
constexpr qsizetype productsPerMessage = 200;

// The products of the streams that a request is about, by channel, in pieces of one message each. A channel
// that knows no products has one empty piece.
template<typename Channel, typename ChannelOf, typename HasProducts>
std::map<Channel, QList<QJsonArray>> productsByChannel(net::FeedSource &source,
                                                       const QList<net::FeedStream> &streams,
                                                       ChannelOf channelOf, HasProducts hasProducts)
{
    std::map<Channel, QList<QJsonArray>> products;
    for (const net::FeedStream &wanted : streams) {
        const Channel channel = channelOf(wanted.id);
        QList<QJsonArray> &pieces = products[channel];
        if (pieces.isEmpty() || pieces.last().size() == productsPerMessage)
            pieces.append(QJsonArray());
        if (hasProducts(channel))
            pieces.last().append(QString::fromUtf8(source.stream(wanted.id).symbol.name()));
    }
    return products;
}

// Streams by the id that the feed knows them by, and by channel and product.
template<typename Stream>
class ProductStreams
{
public:
    using Channel = decltype(Stream::channel);

    // Ids rise from 0, as those of net::FeedSource do. A channel that knows no products has a null one.
    void add(Channel channel, Symbol product)
    {
        m_ids.insert(key(channel, product), int(m_streams.size()));
        m_streams.emplace_back().channel = channel;
    }

    Stream &operator[](int id) { return m_streams[std::size_t(id)]; }

    // -1: none.
    int find(Channel channel, QByteArrayView product) const
    {
        const Symbol symbol = product.isEmpty() ? Symbol() : Symbol::find(product);
        return symbol.isNull() && !product.isEmpty() ? -1 : m_ids.value(key(channel, symbol), -1);
    }

    // Those for which `is(stream)`.
    template<typename Is>
    QList<int> where(Is is) const
    {
        QList<int> ids;
        for (int id = 0; id < int(m_streams.size()); ++id) {
            if (is(m_streams[std::size_t(id)]))
                ids.append(id);
        }
        return ids;
    }

private:
    static quint64 key(Channel channel, Symbol product)
    {
        return quint64(product.id()) << 8 | quint64(channel);
    }

    std::deque<Stream> m_streams;
    QHash<quint64, int> m_ids;
};

} // namespace tidemill::coinbase
