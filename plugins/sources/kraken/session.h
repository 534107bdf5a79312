// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "book.h"
#include "streams.h"

#include <tidemill/net/feed_source.h>
#include <tidemill/net/json_values.h>

#include <map>

namespace tidemill::kraken {

namespace ondemand = simdjson::ondemand;

// Kraken's WebSocket API, version 2, on one connection: subscribes, and makes records of what comes.
//
// Kraken numbers neither frames nor changes of a book (see net::BookNumbers); what shows that nothing is
// missing is the checksum. Of several connections that carry a book only the leader's is told.
class Session final : public net::FeedSession
{
public:
    Session(net::FeedLink &link, net::FeedSource &source, Streams &streams, Counter checksumFailures)
        : m_link(link)
        , m_source(source)
        , m_streams(streams)
        , m_checksumFailures(checksumFailures)
    {}

    void subscribe(const QList<net::FeedStream> &streams) override { request("subscribe", streams); }
    void unsubscribe(const QList<net::FeedStream> &streams) override { request("unsubscribe", streams); }
    void receive(const net::Frames &frames) override;
    void lead() override;

private:
    struct Request
    {
        Channel channel;
        int parameter;
        int waiting; // answers: there is one for each symbol
    };

    void request(const char *method, const QList<net::FeedStream> &streams);
    Result<> decode(QByteArrayView frame);
    Result<> decodeAnswer(ondemand::document &document, std::string_view method);
    Result<> decodeData(ondemand::document &document, Channel channel);
    // Whether a record of that stream goes on; counts it otherwise.
    bool takes(int id, Timestamp happened);
    bool readTrade(ondemand::value value);
    bool readTicker(ondemand::value value);
    bool readCandle(ondemand::value value);
    bool readBook(ondemand::value value);
    void takeBook(int id, bool isSnapshot, Timestamp happened, quint32 checksum);
    void emitSnapshot(int id, const Book &book, Timestamp happened);

    net::FeedLink &m_link;
    net::FeedSource &m_source;
    Streams &m_streams;
    Counter m_checksumFailures;
    simdjson::ondemand::parser m_parser;
    qint64 m_lastRequest = 0;
    std::map<qint64, Request> m_requests;
    std::map<int, Book> m_books; // of those that had a snapshot, and no wrong checksum since
    // Of the frame at hand; kept for their memory.
    std::vector<std::pair<int, Trade>> m_trades;
    net::StreamCandles m_candles;
    std::vector<Level> m_bids;
    std::vector<Level> m_asks;
    Timestamp m_received;
    bool m_isSnapshot = false;
};

} // namespace tidemill::kraken
