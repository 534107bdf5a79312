// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "rest_decoder.h"

#include <tidemill/net/feed_source.h>

#include <QSet>

#include <map>

namespace tidemill::binance {

// Fetches snapshots by REST for the books that want one, and joins them. Limits and retries are the client's.
class BookSnapshots : public QObject
{
    Q_OBJECT

public:
    // These outlive this object; `rest` is the source's.
    BookSnapshots(net::FeedSource &source, Streams &streams, net::RestClient &rest)
        : QObject(&source)
        , m_source(source)
        , m_streams(streams)
        , m_rest(rest)
    {}

    void setUrl(const QUrl &url, qint64 depth);
    // Asks for a snapshot of that stream's symbol if its book wants one and none is under way.
    void request(int id);
    // Asks again for those whose pause is over. Now and then.
    void timePassed(Timestamp now);
    // Forgets all requests: the source stops.
    void cancel();

Q_SIGNALS:
    // The exchange will not give that one; it is asked again later.
    void refused(const QString &reason);

private:
    void handleReply(int id, const net::HttpReply &reply);
    void join(int id, const QByteArray &body);
    void requestAfter(int id, std::chrono::nanoseconds pause);

    net::FeedSource &m_source;
    Streams &m_streams;
    net::RestClient &m_rest;
    QUrl m_url;
    qint64 m_depth = 0;
    QSet<int> m_asked;              // and not answered yet
    std::map<int, Timestamp> m_due; // when the others may be asked for again
};

} // namespace tidemill::binance
