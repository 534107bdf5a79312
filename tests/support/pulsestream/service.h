// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "http_door.h"

#include <QJsonObject>
#include <QObject>
#include <QSet>

#include <chrono>
#include <deque>

namespace tidemill::pulsestream {

// The rules of the PulseStream ingestion API, as its real answers show them; knows no sockets. What a test
// wants to happen it sets, what has happened it reads.
class Service : public QObject
{
    Q_OBJECT

public:
    struct Event
    {
        QByteArray id;
        QJsonObject event;
    };

    struct Post
    {
        QByteArray path;
        QHash<QByteArray, QByteArray> headers;
        QByteArray body;
        int events = 0;
    };

    Response answer(const Request &request);

    // How it is.
    QByteArray key = "test-key";
    std::chrono::milliseconds latency{0}; // what each event takes until it is stored
    std::chrono::milliseconds stall{0};   // what each request takes beyond that
    int limit = 0;                        // new events in each window; 0: no limit
    qint64 windowMs = 60000;              // aligned to the epoch, as the real ones are to the minute
    bool databaseIsDown = false;
    bool redisIsDown = false;    // then nobody counts
    int uniqueViolations = 0;    // so many posts lose against another one of the same id, which is stored
    QSet<QByteArray> forbidden;  // ids that the schema has something against
    QSet<QByteArray> poisons;    // ids that are as bad as a NUL in a text
    int forbidNext = 0;          // so many new events become one of these
    int poisonNext = 0;          // or of those
    bool takesGzip = false;      // as the real one never does
    std::deque<Response> script; // the next posts get these instead, and nothing is stored
    std::deque<Response> limitScript; // the same for GET /rate-limit

    // What happened.
    QList<Event> stored;           // in order; a second row of one id only after two posts at a time
    QList<Post> posts;             // that were let in and read
    int repeated = 0;              // posts of an id that was stored already
    QSet<QByteArray> simultaneous; // ids that were posted while they were being stored
    int questions = 0;             // GET /rate-limit

    QList<QByteArray> storedIds() const;
    // One more row of that id, as two posts at a time leave it.
    void addRow(const QByteArray &id) { ++m_rows[id]; }

private:
    Response ingest(const Request &request, bool isBatch);
    Response ingestOne(const QJsonValue &event);
    Response ingestBatch(const QJsonObject &body);
    QJsonObject batchResult(const QJsonValue &event, std::chrono::milliseconds after);
    bool isPoison(const QJsonValue &event);
    QJsonArray schemaErrors(const QJsonValue &event);
    void mark(const QByteArray &id, int &next, QSet<QByteArray> &ids);
    QString refusalOf(const QJsonObject &event, bool *isValidation) const;
    bool take(const QJsonObject &event, const QByteArray &id, std::chrono::milliseconds after);
    QString limitRefusal();
    Response rateLimit() const;
    Response search(const QByteArray &query) const;

    QHash<QByteArray, int> m_rows;       // stored
    QHash<QByteArray, int> m_processing; // not yet
    qint64 m_window = 0;
    int m_inWindow = 0;
};

} // namespace tidemill::pulsestream
