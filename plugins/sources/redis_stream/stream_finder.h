// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tidemill/redis/client.h>

#include <QSet>
#include <QTimer>

namespace tidemill::redis_stream {

// Which streams there are: those that were named, and those that match a pattern (SCAN on every master of a
// cluster, again and again, as new ones appear while we run).
class StreamFinder : public QObject
{
    Q_OBJECT

public:
    StreamFinder(redis::Client &client, const QStringList &wanted, std::chrono::milliseconds interval,
                 qsizetype limit, QObject *parent);

    // The connection is there: look now.
    void start();
    void stop();

    static bool isPattern(const QString &text);

Q_SIGNALS:
    // All of them, at most `limit`; after each look, also when nothing has changed.
    void found(const QList<QByteArray> &streams);
    void failed(const tidemill::Error &error);
    // There are more than we may take.
    void limited(qsizetype limit);

private:
    void look();
    void scan(const QByteArray &pattern, int slot, const QByteArray &cursor);
    void finishOne();

    redis::Client &m_client;
    QList<QByteArray> m_names;
    QList<QByteArray> m_patterns;
    qsizetype m_limit;
    QTimer m_timer{this};
    QSet<QByteArray> m_seen;
    int m_due = 0;
    bool m_isWhole = false; // every scan of this look came to its end
};

} // namespace tidemill::redis_stream
