// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "book.h"
#include "streams.h"

#include <tidemill/net/decoding_session.h>

namespace tidemill::kraken {

namespace ondemand = simdjson::ondemand;

// Kraken's WebSocket API, version 2, on one connection: subscribes, and makes records of what comes.
//
// Kraken numbers neither frames nor changes of a book (see net::BookNumbers); what shows that nothing is
// missing is the checksum. Of several connections that carry a book only the leader's is told.
class Session final : public net::BookSession<Book>
{
public:
    Session(net::FeedLink &link, net::FeedSource &source, Streams &streams, Counter checksumFailures)
        : BookSession(link, source)
        , m_streams(streams)
        , m_checksumFailures(checksumFailures)
    {}

    void subscribe(const QList<net::FeedStream> &streams) override { request("subscribe", streams); }
    void unsubscribe(const QList<net::FeedStream> &streams) override { request("unsubscribe", streams); }

private:
    struct Request
    {
        Channel channel;
        int parameter;
        int waiting; // answers: there is one for each symbol
    };

    void request(const char *method, const QList<net::FeedStream> &streams);
    Result<> decode(QByteArrayView frame) override;
    qint64 bookDepth(int stream) const override { return m_streams[stream].spec.parameter; }
    Result<> decodeAnswer(ondemand::document &document, std::string_view method);
    Result<> decodeData(ondemand::document &document, Channel channel);
    bool readTrade(ondemand::value value);
    bool readTicker(ondemand::value value);
    bool readCandle(ondemand::value value);
    bool readBook(ondemand::value value);
    void takeBook(int id, Timestamp happened, quint32 checksum);

    Streams &m_streams;
    Counter m_checksumFailures;
    qint64 m_lastRequest = 0;
    std::map<qint64, Request> m_requests;
    // Of the frame at hand; kept for their memory.
    std::vector<std::pair<int, Trade>> m_trades;
    net::StreamCandles m_candles;
    bool m_isSnapshot = false;
};

} // namespace tidemill::kraken
