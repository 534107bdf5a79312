// SPDX-License-Identifier: Apache-2.0
#include "snapshot_fetcher.h"

#include <QUrlQuery>

namespace tidemill::binance {

namespace {

constexpr std::chrono::seconds banWithoutRetryAfter{60};

// Of GET /api/v3/depth by limit, from the exchange's documentation.
int requestWeight(int depth)
{
    if (depth <= 100)
        return 5;
    if (depth <= 500)
        return 25;
    return depth <= 1000 ? 50 : 250;
}

// 80 % of the 6,000 a minute that an address has.
constexpr int weightPerMinute = 4800;

} // namespace

Result<> SnapshotFetcher::configure(const QUrl &restUrl, int depth, const net::HttpSettings &http)
{
    m_url = restUrl;
    m_depth = depth;
    m_retry.setSingleShot(true);
    connect(&m_retry, &QTimer::timeout, this, &SnapshotFetcher::next);
    const net::RateLimit budget{weightPerMinute / requestWeight(depth), std::chrono::minutes(1), {}};
    // The exchange counts by address, so all sources of this process share one budget.
    m_limiter = net::RateLimiter::shared(QStringLiteral("binance depth %1 %2").arg(restUrl.host()).arg(depth),
                                         budget);
    return m_http.configure(http);
}

void SnapshotFetcher::request(StreamState *stream)
{
    if (m_wanted.contains(stream))
        return;
    m_wanted.insert(stream);
    m_queue.append(stream);
    next();
}

void SnapshotFetcher::cancel()
{
    ++m_generation;
    m_queue.clear();
    m_wanted.clear();
    m_retry.stop();
    m_busy = false;
}

void SnapshotFetcher::next()
{
    if (m_busy || m_queue.isEmpty() || m_retry.isActive())
        return;
    m_busy = true;
    StreamState *stream = m_queue.takeFirst();
    m_limiter.whenFree(this, [this, stream, generation = m_generation] {
        if (generation != m_generation)
            return;
        QUrl url = m_url;
        url.setPath(url.path() + QStringLiteral("/api/v3/depth"));
        QUrlQuery query;
        query.addQueryItem(QStringLiteral("symbol"), QString::fromLatin1(QUrl::toPercentEncoding(
                                                         QString::fromUtf8(stream->symbol.name()))));
        query.addQueryItem(QStringLiteral("limit"), QString::number(m_depth));
        url.setQuery(query);
        m_http.get(url, {}, this, [this, stream, generation](const net::HttpReply &reply) {
            if (generation == m_generation)
                handleReply(stream, reply);
        });
    });
}

void SnapshotFetcher::handleReply(StreamState *stream, const net::HttpReply &reply)
{
    m_busy = false;
    if (reply.isSuccess()) {
        m_backoff.reset();
        m_wanted.remove(stream);
        emit fetched(stream, reply.body);
        next();
        return;
    }
    m_queue.prepend(stream);
    auto atLeast = reply.retryAfter;
    if (!atLeast && (reply.status == 429 || reply.status == 418))
        atLeast = banWithoutRetryAfter;
    const auto delay = m_backoff.next(atLeast);
    const QString what =
        reply.error
            ? reply.error->message
            : QStringLiteral("HTTP %1 %2").arg(reply.status).arg(QString::fromUtf8(reply.body.left(200)));
    later(delay);
    emit failed(QStringLiteral("book snapshot of %1: %2; trying again in %3 ms")
                    .arg(QString::fromUtf8(stream->symbol.name()), what)
                    .arg(delay.count()));
}

void SnapshotFetcher::later(std::chrono::milliseconds delay)
{
    m_retry.start(delay);
}

} // namespace tidemill::binance
