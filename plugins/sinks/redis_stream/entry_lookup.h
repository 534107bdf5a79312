// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "stream_table.h"

#include <tidemill/redis/client.h>

#include <QObject>

#include <functional>

namespace tidemill::redis_stream {

// Finds out what streams hold: behind the last entry that is confirmed, or, where there is none yet, the
// newest ones. What it finds counts as known and unconfirmed.
class EntryLookup : public QObject
{
    Q_OBJECT

public:
    struct Question
    {
        Stream *stream;
        // The first record that is to be written: what is older than it does not matter.
        quint64 oldest = 0;
        qsizetype records = 1; // that are to be written
    };

    // Of each stream, `limit` entries are read at most, and one for each record that is to be written.
    EntryLookup(redis::Client *client, qsizetype limit, QObject *parent);

    // Ends in finished() unless cancel() comes first or the connection ends.
    void start(const std::vector<Question> &questions);
    void cancel();

Q_SIGNALS:
    // `error` is what the server said against it; empty if all went well.
    void finished(const QByteArray &error);

private:
    struct Search
    {
        Stream *stream;
        quint64 oldest;
        qsizetype limit;
        bool isForward;
        QByteArray cursor;
        qsizetype read = 0;
        bool foundOldest = false;
        std::vector<quint64> found; // in the order read
    };

    void ask(std::size_t index);
    void take(std::size_t index, const redis::Reply &reply);
    void end(Search &search);
    void endOne();

    redis::Client *m_client;
    qsizetype m_limit;
    quint64 m_run = 0;
    std::vector<Search> m_searches;
    std::size_t m_due = 0;
    QByteArray m_error;
};

} // namespace tidemill::redis_stream
