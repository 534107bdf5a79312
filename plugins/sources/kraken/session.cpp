// SPDX-License-Identifier: Apache-2.0
#include "session.h"

#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>

#include <algorithm>

namespace tidemill::kraken {

using namespace net::json;

namespace {

constexpr qsizetype symbolsPerMessage = 100;

std::optional<Channel> channelOf(std::string_view name)
{
    for (const Channel channel : {Channel::Trade, Channel::Book, Channel::Ticker, Channel::Ohlc}) {
        if (bytes(name) == channelName(channel))
            return channel;
    }
    return {};
}

} // namespace

void Session::request(const char *method, const QList<net::FeedStream> &streams)
{
    std::map<std::pair<Channel, int>, QJsonArray> symbols;
    const auto send = [&](Channel channel, int parameter, const QJsonArray &names) {
        QJsonObject params{{"channel", QString::fromLatin1(channelName(channel))}, {"symbol", names}};
        if (channel == Channel::Book)
            params.insert("depth", parameter);
        if (channel == Channel::Ohlc)
            params.insert("interval", parameter);
        if (method == QByteArrayView("subscribe"))
            params.insert("snapshot", true);
        const qint64 id = ++m_lastRequest;
        m_requests[id] = {channel, parameter, int(names.size())};
        m_link.send(QJsonDocument(QJsonObject{{"method", method}, {"params", params}, {"req_id", id}})
                        .toJson(QJsonDocument::Compact));
    };
    for (const net::FeedStream &wanted : streams) {
        const StreamSpec &spec = m_streams[wanted.id].spec;
        m_books.erase(wanted.id);
        QJsonArray &names = symbols[{spec.channel, spec.parameter}];
        names.append(QString::fromUtf8(m_source.stream(wanted.id).symbol.name()));
        if (names.size() == symbolsPerMessage) {
            send(spec.channel, spec.parameter, names);
            names = {};
        }
    }
    for (const auto &[what, names] : symbols) {
        if (!names.isEmpty())
            send(what.first, what.second, names);
    }
}

Result<> Session::decode(QByteArrayView frame)
{
    ondemand::document document;
    if (!open(frame, document))
        return malformed(QStringLiteral("expected a JSON object"));

    std::string_view name;
    const auto channelError = document["channel"].get_string().get(name);
    if (channelError == simdjson::SUCCESS) {
        if (const auto channel = channelOf(name))
            return decodeData(document, *channel);
        m_link.heardPeer(m_received);
        if (name != "heartbeat" && name != "status")
            m_source.countUnknown();
        return {};
    }
    if (isBroken(channelError))
        return malformed(QStringLiteral("broken JSON"));
    const auto methodError = document["method"].get_string().get(name);
    if (methodError == simdjson::SUCCESS)
        return decodeAnswer(document, name);
    if (isBroken(methodError))
        return malformed(QStringLiteral("broken JSON"));
    // Errors that belong to no request: which of them was not carried out is not said, so all start over.
    for (const char *member : {"error", "Error"}) {
        if (document[member].get_string().get(name) == simdjson::SUCCESS) {
            m_link.recycle(QStringLiteral("the exchange reports '%1'").arg(QString::fromUtf8(bytes(name))));
            return {};
        }
    }
    return malformed(QStringLiteral("expected a channel, a method or an error"));
}

// One for each symbol of a request.
Result<> Session::decodeAnswer(ondemand::document &document, std::string_view method)
{
    const bool isSubscribe = method == "subscribe";
    if (!isSubscribe && method != "unsubscribe") {
        m_source.countUnknown();
        return {};
    }
    bool success = false;
    int64_t request = 0;
    std::string_view symbol;
    std::string_view error;
    if (document["success"].get_bool().get(success) != simdjson::SUCCESS)
        return malformed(QStringLiteral("answer: expected success"));
    if (document["req_id"].get_int64().get(request) != simdjson::SUCCESS)
        return malformed(QStringLiteral("answer: expected the req_id of the request"));
    const auto asked = m_requests.find(request);
    if (asked == m_requests.end())
        return malformed(QStringLiteral("answer: to a request that was not made"));
    const auto symbolError = success ? document["result"]["symbol"].get_string().get(symbol)
                                     : document["symbol"].get_string().get(symbol);
    if (symbolError != simdjson::SUCCESS)
        return malformed(QStringLiteral("answer: expected a symbol"));
    const Channel channel = asked->second.channel;
    const int parameter = asked->second.parameter;
    if (--asked->second.waiting == 0)
        m_requests.erase(asked);
    const int id = m_streams.find(channel, bytes(symbol), channel == Channel::Ohlc ? parameter : 0);
    if (id < 0 || !isSubscribe)
        return {};
    if (!success && document["error"].get_string().get(error) != simdjson::SUCCESS)
        error = "refused without a reason";
    if (error == "Already subscribed" && channel == Channel::Book && !m_books.contains(id))
        m_link.recycle(QStringLiteral("no new book of %1 can be had").arg(QString::fromUtf8(bytes(symbol))));
    else if (success || error == "Already subscribed")
        m_link.confirm({id});
    else
        m_link.refuse(id, {Error::Kind::Config, QString::fromUtf8(bytes(error))});
    return {};
}

Result<> Session::decodeData(ondemand::document &document, Channel channel)
{
    std::string_view type;
    if (document["type"].get_string().get(type) != simdjson::SUCCESS)
        return malformed(QStringLiteral("expected a type"));
    m_isSnapshot = type == "snapshot";
    ondemand::value data;
    if (document["data"].get(data) != simdjson::SUCCESS)
        return malformed(QStringLiteral("expected data"));
    m_trades.clear();
    m_candles.clear();
    const bool good = eachElement(data, [&](ondemand::value value) {
        switch (channel) {
        case Channel::Trade:
            return readTrade(value);
        case Channel::Ticker:
            return readTicker(value);
        case Channel::Ohlc:
            return readCandle(value);
        case Channel::Book:
            return readBook(value);
        }
        return false;
    });
    if (!good)
        return malformed(QString::fromLatin1(channelName(channel)) +
                         QStringLiteral(": a member is missing or not what it should be"));
    std::stable_sort(m_trades.begin(), m_trades.end(), [](const auto &a, const auto &b) {
        return std::pair(a.first, a.second.trade_id) < std::pair(b.first, b.second.trade_id);
    });
    for (const auto &[id, trade] : m_trades)
        m_source.add(id, trade);
    net::closeFollowed(m_candles);
    for (auto &[id, candle] : m_candles) {
        if (const auto closed = m_streams[id].closer.add(candle))
            m_source.out().add(*closed);
        m_source.out().add(candle);
    }
    return {};
}

bool Session::readTrade(ondemand::value value)
{
    Trade trade{.exchange = m_source.exchange(), .ts_recv = m_received};
    std::string_view symbol;
    std::string_view side;
    unsigned seen = 0;
    const bool good = eachMember(value, [&](std::string_view name, ondemand::value member) {
        if (name == "symbol")
            return seen |= 1, readText(member, symbol);
        if (name == "side")
            return seen |= 2, readText(member, side);
        if (name == "price")
            return seen |= 4, readDecimal(member, trade.price);
        if (name == "qty")
            return seen |= 8, readDecimal(member, trade.quantity);
        if (name == "trade_id")
            return seen |= 16, readInteger(member, trade.trade_id);
        if (name == "timestamp")
            return seen |= 32, readTime(member, trade.ts_event);
        return true;
    });
    if (!good || seen != 63 || (side != "buy" && side != "sell"))
        return false;
    const int id = m_streams.find(Channel::Trade, bytes(symbol));
    if (!takes(id, trade.ts_event))
        return true;
    trade.symbol = m_source.stream(id).symbol;
    trade.side = side == "buy" ? Side::Buy : Side::Sell;
    // The snapshot is history too: the last fifty trades from before the subscription.
    trade.provenance = m_isSnapshot ? Provenance::Backfill : Provenance::Live;
    m_trades.emplace_back(id, trade);
    return true;
}

bool Session::readTicker(ondemand::value value)
{
    Ticker ticker{.exchange = m_source.exchange(), .ts_recv = m_received};
    std::string_view symbol;
    unsigned seen = 0;
    const bool good = eachMember(value, [&](std::string_view name, ondemand::value member) {
        if (name == "symbol")
            return seen |= 1, readText(member, symbol);
        if (name == "last")
            return seen |= 2, readDecimal(member, ticker.price);
        if (name == "bid")
            return readOptionalDecimal(member, ticker.bid_price);
        if (name == "bid_qty")
            return readOptionalDecimal(member, ticker.bid_quantity);
        if (name == "ask")
            return readOptionalDecimal(member, ticker.ask_price);
        if (name == "ask_qty")
            return readOptionalDecimal(member, ticker.ask_quantity);
        if (name == "high")
            return readOptionalDecimal(member, ticker.high_24h);
        if (name == "low")
            return readOptionalDecimal(member, ticker.low_24h);
        if (name == "volume")
            return readOptionalDecimal(member, ticker.volume_24h);
        if (name == "timestamp")
            return readTime(member, ticker.ts_event);
        return true;
    });
    if (!good || seen != 3)
        return false;
    const int id = m_streams.find(Channel::Ticker, bytes(symbol));
    if (!takes(id, ticker.ts_event))
        return true;
    ticker.symbol = m_source.stream(id).symbol;
    // Kraken numbers no tickers either, and older servers send no time: something has to tell two apart.
    ticker.sequence = m_source.stream(id).bookNumbers.snapshot(m_received);
    m_source.out().add(ticker);
    return true;
}

bool Session::readCandle(ondemand::value value)
{
    Candle candle{.exchange = m_source.exchange(), .ts_recv = m_received};
    std::string_view symbol;
    qint64 minutes = 0;
    unsigned seen = 0;
    const bool good = eachMember(value, [&](std::string_view name, ondemand::value member) {
        if (name == "symbol")
            return seen |= 1, readText(member, symbol);
        if (name == "open")
            return seen |= 2, readDecimal(member, candle.open);
        if (name == "high")
            return seen |= 4, readDecimal(member, candle.high);
        if (name == "low")
            return seen |= 8, readDecimal(member, candle.low);
        if (name == "close")
            return seen |= 16, readDecimal(member, candle.close);
        if (name == "volume")
            return seen |= 32, readDecimal(member, candle.volume);
        if (name == "trades")
            return readInteger(member, candle.trades);
        if (name == "interval_begin")
            return seen |= 64, readTime(member, candle.ts_open);
        if (name == "interval")
            return seen |= 128, readInteger(member, minutes);
        return true;
    });
    if (!good || seen != 255 || minutes <= 0 || minutes > 21600)
        return false;
    const int id = m_streams.find(Channel::Ohlc, bytes(symbol), int(minutes));
    if (!takes(id, {}))
        return true;
    candle.symbol = m_source.stream(id).symbol;
    candle.interval = Symbol(QByteArray::number(minutes));
    candle.ts_close = candle.ts_open + std::chrono::minutes(minutes) + std::chrono::nanoseconds(-1);
    candle.provenance = m_isSnapshot ? Provenance::Backfill : Provenance::Live;
    m_candles.emplace_back(id, candle);
    return true;
}

} // namespace tidemill::kraken
