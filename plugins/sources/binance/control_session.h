// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "decoder.h"

#include <tidemill/net/feed_session.h>

#include <map>

namespace tidemill::binance {

// What Binance's connections have in common, whatever their data look like: requests and answers in JSON.
class ControlSession : public net::FeedSession
{
public:
    void subscribe(const QList<net::FeedStream> &streams) override;
    void unsubscribe(const QList<net::FeedStream> &streams) override { request("UNSUBSCRIBE", streams); }

protected:
    explicit ControlSession(net::FeedLink &link) : m_link(link) {}

    // A frame that is not data.
    void handle(const Decoded &notice, Timestamp received);
    net::FeedLink &link() { return m_link; }

private:
    struct Request
    {
        bool isSubscription;
        QList<net::FeedStream> streams;
    };

    void request(const char *method, const QList<net::FeedStream> &streams);
    void send(const char *method, const QList<net::FeedStream> &streams);
    void handleReply(const ControlReply &reply);
    void handleRefusal(const Request &refused, const ControlReply &reply);

    net::FeedLink &m_link;
    qint64 m_lastRequest = 0;
    std::map<qint64, Request> m_unanswered;
};

} // namespace tidemill::binance
