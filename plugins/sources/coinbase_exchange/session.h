// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "streams.h"

#include <tidemill/net/decoding_session.h>

namespace tidemill::coinbase_exchange {

namespace ondemand = simdjson::ondemand;

struct Book : OrderBook
{
    // Its snapshot was crossed, as books are in an auction; otherwise crossing shows that it is wrong.
    bool mayCross = false;
};

// Coinbase Exchange's market data feed on one connection. Rules of the wire that shape it:
//
// * The first subscription must come within five seconds; acknowledgements list all subscriptions of the
//   connection, by names that may differ from those asked for, and may come after the first data.
// * A product's sequence rises with every event there, so on these channels it jumps all the time; what tells
//   that trades are missing are trade ids, and what heartbeats say of the last trade.
// * Trades carry the maker's side, tickers the taker's.
// * Books have no sequence (see net::BookNumbers), and taking away a level that is not there is normal.
class Session final : public net::BookSession<Book>
{
public:
    Session(net::FeedLink &link, net::FeedSource &source, Streams &streams)
        : BookSession(link, source)
        , m_streams(streams)
    {}

    void subscribe(const QList<net::FeedStream> &streams) override { request("subscribe", streams); }
    void unsubscribe(const QList<net::FeedStream> &streams) override { request("unsubscribe", streams); }

private:
    using Object = ondemand::object;
    struct BookFrame
    {
        std::string_view product;
        Timestamp happened;
    };

    void request(const char *type, const QList<net::FeedStream> &streams);
    Result<> decode(QByteArrayView frame) override;
    Result<> decodeSubscriptions(Object &object);
    Result<> decodeError(Object &object);
    Result<> decodeTicker(Object &object);
    Result<> decodeMatch(Object &object);
    Result<> decodeHeartbeat(Object &object);
    Result<> decodeSnapshot(Object &object);
    Result<> decodeChanges(Object &object);
    Result<> decodeStatus(Object &object);
    bool readBook(Object &object, bool isSnapshot, BookFrame &frame);
    bool readChanges(ondemand::value value);
    // The ticker stream that a ticker frame belongs to: both channels send the same frames.
    int tickerStream(QByteArrayView product) const;

    Streams &m_streams;
};

} // namespace tidemill::coinbase_exchange
