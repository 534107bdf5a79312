// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "stream_table.h"

#include <tidemill/redis/client.h>

#include <QObject>

#include <functional>

namespace tidemill::redis_stream {

// Finds out what streams hold: behind the last entry that is confirmed, or, where there is none yet, the
// newest ones; all of these, as records may be offered again that are older than the first one is: what a
// spool has kept comes before what the source had not noted down as done. What it finds counts as known and
// unconfirmed.
class EntryLookup : public QObject
{
    Q_OBJECT

public:
    struct Question
    {
        Stream *stream;
        // Of the records that are to be written, the one that happened first.
        Identity oldest;
        Timestamp oldestTime; // null: unknown
        qsizetype records = 1;
    };

    // Of each stream, `limit` entries are read, and one for each record that is to be written; more if the
    // oldest of these may lie further back.
    EntryLookup(redis::Client *client, qsizetype limit, QObject *parent);

    // Ends in finished() unless cancel() comes first or the client fails. Streams of a node that is lost
    // meanwhile are marked as such, and are to be looked up again.
    void start(const std::vector<Question> &questions);
    void cancel();

Q_SIGNALS:
    // `error` is what the server said against it; empty if all went well.
    void finished(const QByteArray &error);

private:
    struct Search
    {
        Stream *stream;
        Identity oldest;
        qint64 sinceMs; // what Redis took before then is nothing that is to be written
        qsizetype enough;
        qsizetype limit;
        bool isForward;
        QByteArray cursor;
        qsizetype read = 0;
        std::vector<Identity> found; // in the order read
    };

    void ask(std::size_t index);
    void take(std::size_t index, const redis::Reply &reply);
    static bool isOver(const Search &search, qsizetype pageSize);
    static void warn(const Search &search);
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
