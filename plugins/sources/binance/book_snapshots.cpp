// SPDX-License-Identifier: Apache-2.0
#include "book_snapshots.h"

#include "history.h"

namespace tidemill::binance {

namespace {

// A snapshot older than the first buffered event cannot be joined; the exchange needs a moment to have a
// newer one.
constexpr std::chrono::seconds oldPause{1};
// A symbol that the exchange refuses may be listed again later; nothing else helps.
constexpr std::chrono::seconds refusedPause{30};

// Of GET /api/v3/depth by limit, from the exchange's documentation.
int requestWeight(qint64 depth)
{
    if (depth <= 100)
        return 5;
    if (depth <= 500)
        return 25;
    return depth <= 1000 ? 50 : 250;
}

} // namespace

void BookSnapshots::setUrl(const QUrl &url, qint64 depth)
{
    m_url = url;
    m_depth = depth;
}

void BookSnapshots::request(int id)
{
    if (!m_streams[id].book->wantsSnapshot() || m_asked.contains(id) || m_due.contains(id) ||
        !m_source.stream(id).wanted)
        return;
    m_asked.insert(id);
    const QUrl url = apiUrl(m_url, "depth", m_streams[id].symbol, {{"limit", QString::number(m_depth)}});
    m_rest.get({.url = url, .weight = requestWeight(m_depth)}, this,
               [this, id](const net::HttpReply &reply) { handleReply(id, reply); });
}

void BookSnapshots::cancel()
{
    m_rest.cancel(this);
    m_asked.clear();
    m_due.clear();
}

void BookSnapshots::timePassed(Timestamp now)
{
    for (auto pause = m_due.begin(); pause != m_due.end();) {
        if (pause->second > now) {
            ++pause;
            continue;
        }
        const int id = pause->first;
        pause = m_due.erase(pause);
        request(id);
    }
}

void BookSnapshots::handleReply(int id, const net::HttpReply &reply)
{
    m_asked.remove(id);
    if (!reply.isSuccess()) {
        requestAfter(id, refusedPause);
        emit refused(
            QStringLiteral("book snapshot of %1: %2; trying again in %3 s")
                .arg(QString::fromUtf8(m_streams[id].symbol.name()), restError("depth", reply).message)
                .arg(refusedPause.count()));
        return;
    }
    join(id, reply.body);
    if (m_streams[id].book->wantsSnapshot())
        requestAfter(id, oldPause); // too old to be joined, or unreadable: not again at once
}

void BookSnapshots::join(int id, const QByteArray &body)
{
    const auto book = decodeDepth(body);
    if (!book)
        return m_source.rejectFrame(book.error(), body);
    const BookSnapshot header{.exchange = m_source.exchange(),
                              .symbol = m_streams[id].symbol,
                              .ts_recv = m_source.now(),
                              .last_update_id = book->lastUpdateId,
                              .depth = m_depth};
    m_streams[id].book->snapshot(header, book->bids, book->asks, m_source.out());
    m_source.flush();
}

// A snapshot that is older than the stream is an answer, though not the one that is needed, so asking anew is
// ours; RestClient tries again what is none.
void BookSnapshots::requestAfter(int id, std::chrono::nanoseconds pause)
{
    // In a replay nobody is asked, and the next answer comes when it came, be that a tick too early for us.
    if (m_source.isReplay())
        request(id);
    else
        m_due[id] = m_source.now() + pause;
}

} // namespace tidemill::binance
