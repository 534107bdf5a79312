// SPDX-License-Identifier: Apache-2.0
#include "stream_finder.h"

#include <algorithm>

namespace tidemill::redis_stream {

StreamFinder::StreamFinder(redis::Client &client, const QStringList &wanted,
                           std::chrono::milliseconds interval, qsizetype limit, QObject *parent)
    : QObject(parent)
    , m_client(client)
    , m_limit(limit)
{
    for (const QString &text : wanted)
        (isPattern(text) ? m_patterns : m_names).append(text.toUtf8());
    m_timer.setInterval(interval);
    connect(&m_timer, &QTimer::timeout, this, &StreamFinder::look);
}

bool StreamFinder::isPattern(const QString &text)
{
    return std::any_of(text.begin(), text.end(),
                       [](QChar letter) { return letter == u'*' || letter == u'?' || letter == u'['; });
}

void StreamFinder::start()
{
    m_timer.start();
    look();
}

void StreamFinder::stop()
{
    m_timer.stop();
}

void StreamFinder::look()
{
    if (m_due > 0 || !m_client.isOpen())
        return;
    m_seen.clear();
    m_isWhole = true;
    m_due = 1; // ours, so that answers within the loop do not end it
    for (const QByteArray &pattern : std::as_const(m_patterns)) {
        for (const int slot : m_client.slotOfEachNode()) {
            ++m_due;
            scan(pattern, slot, "0");
        }
    }
    finishOne();
}

void StreamFinder::scan(const QByteArray &pattern, int slot, const QByteArray &cursor)
{
    redis::Command command("SCAN");
    command.add(cursor).add("MATCH").add(pattern).add("COUNT").add(qint64(1000)).add("TYPE").add("stream");
    if (slot != redis::anySlot)
        command.toNodeOf(slot);
    m_client.send(command, [this, pattern, slot](const redis::Reply &reply) {
        if (reply.isLost() || reply.isError()) {
            m_isWhole = false;
            if (reply.isError())
                emit failed(redis::describe(reply.text(), m_client.place()));
            finishOne();
            return;
        }
        for (const redis::Reply &name : reply[1].elements()) {
            if (m_seen.size() <= m_limit)
                m_seen.insert(name.text().toByteArray());
        }
        const QByteArray next = reply[0].text().toByteArray();
        if (next.isEmpty() || next == "0" || m_seen.size() > m_limit)
            finishOne();
        else
            scan(pattern, slot, next);
    });
}

void StreamFinder::finishOne()
{
    if (--m_due > 0 || !m_isWhole)
        return;
    QList<QByteArray> streams = m_names;
    QList<QByteArray> matching(m_seen.begin(), m_seen.end());
    std::sort(matching.begin(), matching.end());
    for (const QByteArray &name : std::as_const(matching)) {
        if (!streams.contains(name))
            streams.append(name);
    }
    if (streams.size() > m_limit) {
        streams.resize(m_limit);
        emit limited(m_limit);
    }
    emit found(streams);
}

} // namespace tidemill::redis_stream
