// SPDX-License-Identifier: Apache-2.0
#include "session.h"

#include <QJsonDocument>
#include <QJsonObject>

namespace tidemill::coinbase_exchange {

using namespace net::json;

void Session::request(const char *type, const QList<net::FeedStream> &streams)
{
    for (const net::FeedStream &wanted : streams)
        m_books.erase(wanted.id);
    const auto products = coinbase::productsByChannel<Channel>(
        m_source, streams, [this](int id) { return m_streams[id].channel; },
        [](Channel channel) { return channel != Channel::Status; });
    for (const auto &[channel, lists] : products) {
        for (const QJsonArray &ids : lists) {
            QJsonObject wanted{{"name", QString::fromLatin1(channelName(channel))}};
            if (!ids.isEmpty())
                wanted.insert("product_ids", ids);
            m_link.send(QJsonDocument(QJsonObject{{"type", type}, {"channels", QJsonArray{wanted}}})
                            .toJson(QJsonDocument::Compact));
        }
    }
}

Result<> Session::decode(QByteArrayView frame)
{
    ondemand::document document;
    Object object;
    std::string_view type;
    if (!open(frame, document) || document.get_object().get(object) != simdjson::SUCCESS ||
        object["type"].get_string().get(type) != simdjson::SUCCESS)
        return malformed("expected a JSON object with a type");
    // The text is in the parser's memory until the next document, the frame may be read from its begin again.
    if (object.reset().error() != simdjson::SUCCESS)
        return malformed("broken JSON");
    if (type == "match" || type == "last_match")
        return decodeMatch(object);
    if (type == "ticker")
        return decodeTicker(object);
    if (type == "l2update")
        return decodeChanges(object);
    if (type == "heartbeat")
        return decodeHeartbeat(object);
    if (type == "snapshot")
        return decodeSnapshot(object);
    if (type == "subscriptions")
        return decodeSubscriptions(object);
    if (type == "status")
        return decodeStatus(object);
    if (type == "error")
        return decodeError(object);
    m_link.heardPeer(m_received);
    m_source.countUnknown();
    return {};
}

Result<> Session::decodeSubscriptions(Object &object)
{
    QList<int> confirmed;
    ondemand::value channels;
    if (object["channels"].get(channels) != simdjson::SUCCESS)
        return malformed("subscriptions: expected channels");
    std::vector<std::string_view> products;
    const bool good = eachElement(channels, [&](ondemand::value value) {
        std::string_view channelText;
        products.clear();
        const bool read = eachMember(value, [&](std::string_view name, ondemand::value member) {
            if (name == "name")
                return readText(member, channelText);
            if (name != "product_ids" || token(member) == "null")
                return true;
            return eachElement(member, [&products](ondemand::value product) {
                return readText(product, products.emplace_back());
            });
        });
        const auto channel = channelOfAcknowledgement(channelText);
        if (channel == Channel::Status)
            confirmed.append(m_streams.find(Channel::Status, {}));
        else if (channel) {
            for (const std::string_view product : products)
                confirmed.append(m_streams.find(*channel, bytes(product)));
        }
        return read && !channelText.empty();
    });
    if (!good)
        return malformed("subscriptions: expected channels with name and product_ids");
    confirmed.removeAll(-1);
    m_link.heardPeer(m_received);
    m_link.confirm(confirmed);
    return {};
}

// One for each product or channel that cannot be had; others end the connection. It does not say which
// request it answers, so the reason's words are what there is.
Result<> Session::decodeError(Object &object)
{
    std::string_view message;
    std::string_view reason;
    const bool good = eachMember(object, [&](std::string_view name, ondemand::value member) {
        return name == "message" ? readText(member, message) : name != "reason" || readText(member, reason);
    });
    if (!good || message.empty())
        return malformed("error: expected a message");
    const QString text = QString::fromUtf8(bytes(reason.empty() ? message : reason));
    if (message != "Failed to subscribe") {
        m_link.recycle(QStringLiteral("the exchange reports ") + text);
        return {};
    }
    const Error error{Error::Kind::Config, text};
    bool isUnderstood = false;
    for (const QString &word : text.split(QLatin1Char(' '), Qt::SkipEmptyParts)) {
        for (const int id : m_streams.ofProduct(word.toUtf8())) {
            m_link.refuse(id, error);
            isUnderstood = true;
        }
    }
    if (!isUnderstood && text.contains(QLatin1String("authentication"))) {
        for (int id = 0; id < m_source.streamCount(); ++id) {
            if (m_streams[id].channel == Channel::Level2Batch)
                m_link.refuse(id, error);
        }
        isUnderstood = true;
    }
    return isUnderstood ? Result<>() : malformed("error: a refusal that names no product");
}

int Session::tickerStream(QByteArrayView product) const
{
    const int id = m_streams.find(Channel::Ticker, product);
    return id >= 0 ? id : m_streams.find(Channel::TickerBatch, product);
}

Result<> Session::decodeTicker(Object &object)
{
    Ticker ticker{.exchange = m_source.exchange(), .ts_recv = m_received};
    std::string_view product;
    std::string_view side;
    unsigned seen = 0;
    const bool good = eachMember(object, [&](std::string_view name, ondemand::value member) {
        if (name == "product_id")
            return readText(member, product);
        if (name == "sequence")
            return seen |= 1, readInteger(member, ticker.sequence);
        if (name == "price")
            return seen |= 2, readDecimal(member, ticker.price);
        if (token(member) == "null")
            return true; // of a product that has never been traded
        if (name == "trade_id")
            return readInteger(member, ticker.trade_id);
        if (name == "side")
            return readText(member, side);
        if (name == "time")
            return token(member) == "\"\"" || readTime(member, ticker.ts_event);
        if (name == "last_size")
            return readOptionalDecimal(member, ticker.last_quantity);
        if (name == "best_bid")
            return readOptionalDecimal(member, ticker.bid_price);
        if (name == "best_bid_size")
            return readOptionalDecimal(member, ticker.bid_quantity);
        if (name == "best_ask")
            return readOptionalDecimal(member, ticker.ask_price);
        if (name == "best_ask_size")
            return readOptionalDecimal(member, ticker.ask_quantity);
        if (name == "open_24h")
            return readOptionalDecimal(member, ticker.open_24h);
        if (name == "high_24h")
            return readOptionalDecimal(member, ticker.high_24h);
        if (name == "low_24h")
            return readOptionalDecimal(member, ticker.low_24h);
        if (name == "volume_24h")
            return readOptionalDecimal(member, ticker.volume_24h);
        if (name == "volume_30d")
            return readOptionalDecimal(member, ticker.volume_30d);
        return true;
    });
    if (!good || product.empty() || seen != 3)
        return malformed("ticker: expected product_id, sequence and price");
    const int id = tickerStream(bytes(product));
    if (!takes(id, ticker.ts_event))
        return {};
    // Late by the exchange's own count.
    if (ticker.sequence <= m_streams[id].sequence)
        return m_source.countLate(), Result<>();
    m_streams[id].sequence = ticker.sequence;
    ticker.symbol = m_source.stream(id).symbol;
    ticker.side = side == "buy" ? Side::Buy : side == "sell" ? Side::Sell : Side::Unknown;
    m_source.out().add(ticker);
    return {};
}

Result<> Session::decodeMatch(Object &object)
{
    Trade trade{.exchange = m_source.exchange(), .ts_recv = m_received};
    std::string_view product;
    if (!coinbase::readTrade(object, product, trade) || product.empty())
        return malformed("match: expected product_id, trade_id, price, size, side and time");
    const int id = m_streams.find(Channel::Matches, bytes(product));
    if (takes(id, trade.ts_event)) {
        trade.symbol = m_source.stream(id).symbol;
        m_source.add(id, trade);
    }
    return {};
}

Result<> Session::decodeHeartbeat(Object &object)
{
    std::string_view product;
    qint64 lastTrade = 0;
    unsigned seen = 0;
    const bool good = eachMember(object, [&](std::string_view name, ondemand::value member) {
        if (name == "product_id")
            return seen |= 1, readText(member, product);
        if (name == "last_trade_id")
            return seen |= 2, token(member) == "null" || readInteger(member, lastTrade);
        return true;
    });
    if (!good || seen != 3)
        return malformed("heartbeat: expected product_id and last_trade_id");
    m_link.heardPeer(m_received);
    const int id = m_streams.find(Channel::Heartbeat, bytes(product));
    if (id < 0)
        return {};
    m_source.heard(m_link, id, {}, m_received);
    // The trade itself may be on its way when the heartbeat is made. Not any more at the next one.
    const int trades = m_streams.find(Channel::Matches, bytes(product));
    if (trades >= 0)
        m_source.expectTrade(trades, std::exchange(m_streams[id].announcedTrade, lastTrade));
    return {};
}

Result<> Session::decodeStatus(Object &object)
{
    const int id = m_streams.find(Channel::Status, {});
    ondemand::value products;
    if (object["products"].get(products) != simdjson::SUCCESS)
        return malformed("status: expected products");
    if (!takes(id, {}))
        return {};
    const net::ProductStatus blank{
        .exchange = m_source.exchange(), .ts_recv = m_received, .provenance = m_source.provenance()};
    if (!coinbase::emitProducts(m_source, products, blank, [](const auto &) { return true; }))
        return malformed("status: a product's member is missing or not what it should be");
    return {};
}

} // namespace tidemill::coinbase_exchange
