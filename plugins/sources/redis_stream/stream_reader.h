// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "entry_id.h"

#include <tidemill/redis/client.h>
#include <tidemill/redis/reconnector.h>

#include <QList>
#include <QTimer>

#include <functional>
#include <map>
#include <optional>

namespace tidemill::redis_stream {

struct ReadSettings
{
    QByteArray group; // empty: without one, from a position
    QByteArray consumer;
    QByteArray from;         // where to begin with streams that are there at the start: 0, $ or an id
    QList<QByteArray> named; // streams to create if they are missing; others were found and may go again
    qsizetype count = 1000;  // entries asked for at once, of all streams together
    std::chrono::milliseconds block{1000};
    qint64 maxDeliveries = 0; // 0: no limit
};

// Reads entries over a connection of its own, one question at a time: in a group first what this consumer was
// given before and did not acknowledge, then what is new. Streams of one slot are asked for together with a
// read that blocks; in a cluster with several slots each is asked in turn, as a blocking read would hold up
// the others.
class StreamReader : public QObject
{
    Q_OBJECT

public:
    enum class Age {
        New,
        Pending
    }; // pending: given to somebody before, perhaps to us and still in our hands
    // The entries of one stream, as [[id, [name, value, ...]], ...]; valid within the call.
    using Take = std::function<void(const QByteArray &stream, const redis::Reply &entries, Age age)>;

    // One of our own pending entries was given out too often or is too long: to be let go of, and passed over
    // when it comes.
    using LetGo =
        std::function<void(const QByteArray &stream, EntryId id, const char *reason, const QString &detail)>;

    StreamReader(redis::Reconnector &link, const ReadSettings &settings, Take take, LetGo letGo,
                 QObject *parent);

    // Where an earlier run stood, for reading without a group.
    void setPosition(const QByteArray &stream, EntryId id) { m_positions[stream] = id; }
    // All there are; those not known yet are begun.
    void setStreams(const QList<QByteArray> &names);
    void setPaused(bool paused);
    // The connection is there, or there again.
    void start();
    void stop() { m_isStopped = true; }

    QList<QByteArray> readable() const;
    // Some stream cannot be read; troubled() has said why.
    bool hasUnusable() const;

Q_SIGNALS:
    // One answer with entries is over: what was taken can go out.
    void answered();
    // A good answer, be it empty.
    void progressed();
    void troubled(const tidemill::Error &cause);

private:
    enum class Step { Unprepared, Unusable, Own, New };
    struct Stream
    {
        Step step = Step::Unprepared;
        QByteArray begin;  // where the group, or the reading, begins
        QByteArray cursor; // within our own pending entries; empty: look first how often they were given out
        EntryId last;      // read last, without a group
        // Entries asked for at once: an answer with more was too long. 0: as many as the settings say.
        qsizetype limit = 0;
        std::optional<EntryId> next;   // of our own, asked for alone; known before its contents
        std::optional<EntryId> passed; // too long even alone
    };

    QByteArray ownBegin() const { return m_settings.maxDeliveries > 0 ? QByteArray() : QByteArray("0"); }
    void pump();
    void prepare(const QByteArray &name, Stream &stream);
    void finishPreparing(const QByteArray &name, const redis::Reply &reply);
    void sweepOwn(const QByteArray &name);
    void readOwn(const QByteArray &name, const Stream &stream);
    void nameNextOwn(const QByteArray &name, const Stream &stream);
    void handleOwn(const QByteArray &name, const redis::Reply &reply);
    void shrink(const QList<QByteArray> &names, qsizetype count);
    void letGoOfNext(const QByteArray &name);
    void readNew();
    void ask(const QList<QByteArray> &names, bool blocks);
    void handleNew(const QList<QByteArray> &names, qsizetype count, const redis::Reply &reply);
    bool hasGone(const QList<QByteArray> &names, const redis::Reply &reply);
    void takeEntries(const QByteArray &name, const redis::Reply &entries, Age age);
    void noteRefusal(const redis::Reply &reply);
    void finishOne();

    redis::Reconnector &m_link;
    redis::Client &m_client;
    ReadSettings m_settings;
    Take m_take;
    LetGo m_letGo;
    std::map<QByteArray, Stream> m_streams;
    std::map<QByteArray, EntryId> m_positions;
    QTimer m_poll{this}; // until the next round over several slots
    int m_due = 0;       // answers of this round
    bool m_hasFound = false;
    bool m_knowsStreams = false; // those that come later have begun after us
    bool m_asksEach = false;     // streams together give answers that are too long
    bool m_isPaused = false;
    bool m_isStopped = false;
};

} // namespace tidemill::redis_stream
