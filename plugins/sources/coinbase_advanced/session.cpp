// SPDX-License-Identifier: Apache-2.0
#include "session.h"

#include <QJsonDocument>
#include <QJsonObject>

namespace tidemill::coinbase_advanced {

using namespace net::json;

void Session::request(const char *type, const QList<net::FeedStream> &streams)
{
    const bool isSubscribe = type == QByteArrayView("subscribe");
    for (const net::FeedStream &wanted : streams) {
        const Channel channel = m_streams[wanted.id].channel;
        m_books.erase(wanted.id);
        if (isSubscribe && (channel == Channel::Level2 || channel == Channel::MarketTrades))
            m_renewable.insert(wanted.id);
        else
            m_renewable.erase(wanted.id);
    }
    const auto products = coinbase::productsByChannel<Channel>(
        m_source, streams, [this](int id) { return m_streams[id].channel; },
        [](Channel channel) { return channel != Channel::Heartbeats; });
    for (const auto &[channel, lists] : products) {
        for (const QJsonArray &ids : lists) {
            QJsonObject message{{"type", type}, {"channel", QString::fromLatin1(channelName(channel))}};
            if (!ids.isEmpty())
                message.insert("product_ids", ids);
            if (m_signer) {
                const auto token = m_signer->token(Timestamp::now());
                if (!token)
                    return m_link.recycle(token.error().message);
                message.insert("jwt", QString::fromLatin1(*token));
            }
            m_link.send(QJsonDocument(message).toJson(QJsonDocument::Compact));
        }
    }
}

Result<> Session::decode(QByteArrayView frame)
{
    ondemand::document document;
    ondemand::object object;
    if (!open(frame, document) || document.get_object().get(object) != simdjson::SUCCESS)
        return malformed("expected a JSON object");
    std::string_view channelText;
    std::string_view errorText;
    qint64 sequence = -1;
    m_sent = {};
    std::optional<Channel> channel;
    bool isSubscriptions = false;
    bool isTaken = false;
    // The events come last on the wire; they are read where they stand, and need what stands before them.
    const bool good = eachMember(object, [&](std::string_view name, Value member) {
        if (name == "channel") {
            if (!readText(member, channelText))
                return false;
            channel = channelOf(channelText);
            isSubscriptions = channelText == "subscriptions";
            return true;
        }
        if (name == "timestamp")
            return readTime(member, m_sent);
        if (name == "sequence_num")
            return readInteger(member, sequence);
        if (name == "message")
            return readText(member, errorText);
        if (name != "events" || channelText.empty())
            return true;
        isTaken = true;
        if (sequence < 0 || !follow(sequence))
            return sequence >= 0;
        if (!channel && !isSubscriptions)
            return m_source.countUnknown(), true;
        return eachElement(member, [&](Value event) {
            return isSubscriptions ? readSubscriptions(event) : readEvent(*channel, event);
        });
    });
    if (!good)
        return malformed(
            QStringLiteral("%1: a member is missing or not what it should be")
                .arg(channelText.empty() ? QStringLiteral("frame") : QString::fromUtf8(bytes(channelText))));
    m_link.heardPeer(m_received);
    // It does not say which request it answers, and gives the same words for a wrong key as for a wrong
    // channel.
    if (channelText.empty() && !errorText.empty())
        m_link.recycle(
            QStringLiteral("the exchange reports '%1': it says so of a product or channel that it does "
                           "not know, of a wrong or revoked key, and when our clock is off")
                .arg(QString::fromUtf8(bytes(errorText))));
    else if (!isTaken)
        return malformed("expected channel, sequence_num and then events");
    return {};
}

bool Session::follow(qint64 sequence)
{
    if (sequence <= m_sequence) {
        m_source.countLate();
        return false;
    }
    const qint64 last = std::exchange(m_sequence, sequence);
    if (sequence == last + 1)
        return true;
    // All of them: what was lost may have been a book's very snapshot.
    QList<net::FeedStream> again;
    for (const int id : m_renewable)
        again.append(net::FeedStream{id, {}});
    for (int id = 0; id < m_source.streamCount(); ++id) {
        const bool counts =
            m_link.isLeader() && m_source.stream(id).numbers == net::FeedSource::Numbers::None;
        if (counts && !m_source.stream(id).lastReceived.isNull())
            m_source.addGap(id, GapCause::Sequence, m_sent, m_received,
                            "frames of the connection were lost: " + QByteArray::number(sequence - last - 1));
    }
    if (!again.isEmpty())
        subscribeAnew(again);
    return true;
}

bool Session::readSubscriptions(Value event)
{
    QList<int> confirmed;
    const bool good = eachMember(event, [&](std::string_view name, Value member) {
        if (name != "subscriptions")
            return true;
        return eachMember(member, [&](std::string_view channelText, Value products) {
            const auto channel = channelOf(channelText);
            if (channel == Channel::Heartbeats)
                confirmed.append(m_streams.find(Channel::Heartbeats, {}));
            if (channel == Channel::Status) // it may list no products
                confirmed +=
                    m_streams.where([](const Stream &stream) { return stream.channel == Channel::Status; });
            return eachElement(products, [&](Value product) {
                std::string_view text;
                if (!readText(product, text))
                    return false;
                if (channel)
                    confirmed.append(m_streams.find(*channel, bytes(text)));
                return true;
            });
        });
    });
    confirmed.removeAll(-1);
    m_link.confirm(confirmed);
    return good;
}

bool Session::readEvent(Channel channel, Value event)
{
    std::string_view product;
    Timestamp happened;
    m_isSnapshot = false;
    m_trades.clear();
    m_candles.clear();
    m_bids.clear();
    m_asks.clear();
    const bool good = eachMember(event, [&](std::string_view name, Value member) {
        std::string_view type;
        if (name == "type") {
            if (!readText(member, type))
                return false;
            m_isSnapshot = type == "snapshot";
            return true;
        }
        if (name == "product_id")
            return readText(member, product);
        if (name == "candles")
            return eachElement(member, [this](Value value) { return readCandle(value); });
        if (name == "tickers")
            return eachElement(member, [&](Value value) { return readTicker(value, channel); });
        if (name == "products" && channel == Channel::Status)
            return readProducts(member);
        if (name == "trades")
            return eachElement(member, [this](Value value) { return readTrade(value); });
        if (name == "updates" && channel == Channel::Level2)
            return eachElement(member, [&](Value value) { return readLevels(value, happened); });
        return true;
    });
    if (!good)
        return false;
    // Newest first on the wire.
    for (auto trade = m_trades.rbegin(); trade != m_trades.rend(); ++trade)
        m_source.add(trade->first, trade->second);
    tellCandles();
    if (const int id = m_streams.find(Channel::Heartbeats, {}); channel == Channel::Heartbeats && id >= 0)
        m_source.heard(m_link, id, {}, m_received);
    return channel != Channel::Level2 || takeBook(product, happened);
}

bool Session::readCandle(Value value)
{
    Candle candle{.exchange = m_source.exchange(), .ts_event = m_sent, .ts_recv = m_received};
    std::string_view product;
    if (!coinbase_advanced::readCandle(value, product, candle) || product.empty())
        return false;
    const int id = m_streams.find(Channel::Candles, bytes(product));
    if (!takes(id, m_sent))
        return true;
    candle.symbol = m_source.stream(id).symbol;
    candle.provenance = m_isSnapshot ? Provenance::Backfill : Provenance::Live;
    m_candles.emplace_back(id, candle);
    return true;
}

void Session::tellCandles()
{
    struct Ends
    {
        Candle oldest;
        Candle newest;
    };
    std::map<int, Ends> ends;
    net::closeFollowed(m_candles);
    for (auto &[stream, candle] : m_candles) {
        if (const auto closed = m_streams[stream].closer.add(candle))
            m_source.out().add(*closed);
        m_source.out().add(candle);
        if (!m_isSnapshot)
            m_metrics.countUpdate(candle.symbol, m_received);
        Ends &of = ends.try_emplace(stream, Ends{candle, candle}).first->second;
        of.oldest = candle.ts_open < of.oldest.ts_open ? candle : of.oldest;
        of.newest = candle.ts_open > of.newest.ts_open ? candle : of.newest;
    }
    for (const auto &[stream, of] : ends) {
        if (m_history)
            m_history->follow(stream, m_isSnapshot, of.oldest, of.newest);
    }
}

bool Session::readTicker(Value value, Channel channel)
{
    Ticker ticker{.exchange = m_source.exchange(), .ts_event = m_sent, .ts_recv = m_received};
    std::string_view product;
    unsigned seen = 0;
    const bool good = eachMember(value, [&](std::string_view name, Value member) {
        if (name == "product_id")
            return seen |= 1, readText(member, product);
        if (name == "price")
            return seen |= 2, readDecimal(member, ticker.price);
        if (name == "best_bid")
            return readOptionalDecimal(member, ticker.bid_price);
        if (name == "best_bid_quantity")
            return readOptionalDecimal(member, ticker.bid_quantity);
        if (name == "best_ask")
            return readOptionalDecimal(member, ticker.ask_price);
        if (name == "best_ask_quantity")
            return readOptionalDecimal(member, ticker.ask_quantity);
        if (name == "high_24_h")
            return readOptionalDecimal(member, ticker.high_24h);
        if (name == "low_24_h")
            return readOptionalDecimal(member, ticker.low_24h);
        if (name == "volume_24_h")
            return readOptionalDecimal(member, ticker.volume_24h);
        return true;
    });
    if (!good || seen != 3)
        return false;
    const int id = m_streams.find(channel, bytes(product));
    if (!takes(id, m_sent))
        return true;
    ticker.symbol = m_source.stream(id).symbol;
    ticker.sequence = m_sequence;
    m_source.out().add(ticker);
    return true;
}

bool Session::readTrade(Value value)
{
    Trade trade{.exchange = m_source.exchange(), .ts_recv = m_received};
    std::string_view product;
    if (!coinbase::readTrade(value, product, trade) || product.empty())
        return false;
    const int id = m_streams.find(Channel::MarketTrades, bytes(product));
    if (!takes(id, trade.ts_event))
        return true;
    trade.symbol = m_source.stream(id).symbol;
    trade.provenance = m_isSnapshot ? Provenance::Backfill : Provenance::Live;
    m_trades.emplace_back(id, trade);
    return true;
}

bool Session::readProducts(Value value)
{
    const net::ProductStatus blank{.exchange = m_source.exchange(),
                                   .ts_event = m_sent,
                                   .ts_recv = m_received,
                                   .provenance = m_source.provenance()};
    return coinbase::emitProducts(m_source, value, blank, [this](net::ProductStatus &status) {
        // The channel may tell of all products, whatever was asked for.
        const int id = m_streams.find(Channel::Status, status.symbol.name());
        if (id < 0 || !m_source.heard(m_link, id, m_sent, m_received))
            return false;
        status.symbol = m_source.stream(id).symbol;
        return true;
    });
}

} // namespace tidemill::coinbase_advanced
