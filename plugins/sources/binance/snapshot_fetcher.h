// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "streams.h"

#include <tidemill/backoff.h>
#include <tidemill/net/http_client.h>
#include <tidemill/net/rate_limiter.h>

#include <QSet>
#include <QTimer>

namespace tidemill::binance {

// Fetches book snapshots by REST, one at a time and within the exchange's budget of request weight, for as
// long as a book wants one. A failed fetch is tried again after a backoff; 429 and 418 are answered with the
// silence they ask for.
class SnapshotFetcher : public QObject
{
    Q_OBJECT

public:
    using QObject::QObject;

    Result<> configure(const QUrl &restUrl, int depth, const net::HttpSettings &http);

    // Asks for a snapshot of that stream's symbol unless that is under way.
    void request(StreamState *stream);
    // Forgets all requests: the connection is gone or the source stops.
    void cancel();

Q_SIGNALS:
    void fetched(tidemill::binance::StreamState *stream, const QByteArray &body);
    void failed(const QString &reason);

private:
    void next();
    void handleReply(StreamState *stream, const net::HttpReply &reply);
    void later(std::chrono::milliseconds delay);

    QUrl m_url;
    int m_depth = 0;
    net::HttpClient m_http{this};
    net::RateLimiter m_limiter;
    Backoff m_backoff{{.initial = std::chrono::seconds(1), .max = std::chrono::seconds(30)}};
    QTimer m_retry{this};
    QList<StreamState *> m_queue;
    QSet<StreamState *> m_wanted;
    bool m_busy = false;
    quint64 m_generation = 0; // replies to requests from before cancel() are not for anybody
};

} // namespace tidemill::binance
