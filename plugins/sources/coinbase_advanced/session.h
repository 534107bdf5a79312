// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "candle_history.h"
#include "candle_metrics.h"
#include "streams.h"

#include <tidemill/net/decoding_session.h>
#include <tidemill/net/jwt.h>

#include <set>

namespace tidemill::coinbase_advanced {

namespace ondemand = simdjson::ondemand;

// Coinbase's Advanced Trade market data on one connection. Rules of the wire that shape it:
//
// * One channel a message, each message with a token of its own if there is a key.
// * sequence_num counts all frames of the connection, over all channels and products. A jump means that
//   frames were lost: books and the last trades are asked for anew, and there is a Gap for what has no ids.
// * Snapshots may come before the acknowledgement, and again after each subscription.
// * Trades carry the maker's side, newest first.
class Session final : public net::BookSession<OrderBook>
{
public:
    Session(net::FeedLink &link, net::FeedSource &source, Streams &streams, CandleMetrics &metrics,
            const net::JwtSigner *signer, CandleHistory *history = nullptr)
        : BookSession(link, source)
        , m_streams(streams)
        , m_metrics(metrics)
        , m_signer(signer)
        , m_history(history)
    {}

    void subscribe(const QList<net::FeedStream> &streams) override { request("subscribe", streams); }
    void unsubscribe(const QList<net::FeedStream> &streams) override { request("unsubscribe", streams); }

private:
    using Value = ondemand::value;

    void request(const char *type, const QList<net::FeedStream> &streams);
    Result<> decode(QByteArrayView frame) override;
    // False: the frame has been seen already.
    bool follow(qint64 sequence);
    bool readEvent(Channel channel, Value event);
    bool readSubscriptions(Value event);
    bool readCandle(Value value);
    void tellCandles();
    bool readTicker(Value value, Channel channel);
    bool readTrade(Value value);
    bool readProducts(Value value);
    bool readLevels(Value value, Timestamp &happened);
    bool takeBook(std::string_view product, Timestamp happened);

    Streams &m_streams;
    CandleMetrics &m_metrics;
    const net::JwtSigner *m_signer; // null: no key
    CandleHistory *m_history;       // null: nobody asks it
    // Subscribed to, and their snapshot mends a hole: it has the whole book, or the last hundred trades.
    std::set<int> m_renewable;
    qint64 m_sequence = -1; // of the newest frame

    // Of the frame at hand.
    Timestamp m_sent;
    bool m_isSnapshot = false;
    std::vector<std::pair<int, Trade>> m_trades;
    net::StreamCandles m_candles;
};

} // namespace tidemill::coinbase_advanced
