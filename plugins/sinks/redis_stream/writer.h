// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "entry_lookup.h"
#include "stream_table.h"

#include <tidemill/node.h>
#include <tidemill/redis/client.h>
#include <tidemill/redis/resp_writer.h>

#include <QTimer>

#include <deque>
#include <optional>
#include <unordered_map>
#include <utility>

namespace tidemill::redis_stream {

struct WriterSettings
{
    redis::Settings connection;
    QByteArray options; // of XADD, between key and id, in RESP
    qsizetype window = 1000;
    qsizetype lookup = 2000;
    bool explicitIds = false;
    int waitReplicas = 0;
    std::chrono::milliseconds waitTimeout{1000};
};

// Writes batches in rounds, one at a time: look up what is uncertain, send one transaction (in a cluster one
// for each slot), wait for its answer and, if wished, for replicas, confirm. A transaction is carried out as
// a whole or not at all, and the next one goes out only after it, so entries of a stream never change places,
// whatever fails in between. While an answer is due and more than enough waits, the next round is prepared;
// if anything goes wrong with the one before it, it is forgotten. If one node of a cluster is lost, the round
// goes on without its streams, whose records are named as failed, and then all that waits is given back: so
// that they are offered again in front of what came after them.
class Writer : public QObject
{
    Q_OBJECT

public:
    Writer(const WriterSettings &settings, QObject *parent);
    ~Writer() override;

    // Connects, so that what is wrong shows before there is anything to write.
    void open() { m_client.open(); }
    // Asks an open connection for a sign of life, unless it is at work anyway. It opens none: when to try
    // again is up to whoever offers the records.
    void probe();
    void add(const BatchPtr &batch, EntryForm *form) { m_held.push_back({batch, form, {}}); }
    void write();
    void stop();

    // Counted since they were taken last.
    quint64 takeAdded() { return std::exchange(m_added, 0); }
    quint64 takeFound() { return std::exchange(m_found, 0); }

Q_SIGNALS:
    // `refused`: records that can never be stored, ascending.
    void stored(const tidemill::BatchPtr &batch, const QList<tidemill::RowFailure> &refused);
    // Nothing of what was added and not answered is in our hands any more.
    void interrupted(const tidemill::Error &error);
    // There is no connection; nothing was waiting for it. Ends in reached().
    void unreachable(const tidemill::Error &error);
    void reached();
    // An answer takes long; ends in one of the first two.
    void slow(const tidemill::Error &cause);

private:
    enum class Phase { Idle, LookingUp, Writing, Checking, Waiting, Confirming };

    struct Held
    {
        BatchPtr batch;
        EntryForm *form;
        QList<RowFailure> refused;
    };
    struct Sent // one record in a transaction
    {
        Stream *stream;
        quint32 batch;
        quint32 row;
    };
    struct Part // what goes out as one transaction
    {
        redis::Transaction transaction;
        std::vector<Sent> rows;
    };

    struct Round
    {
        std::size_t first = 0; // of the batches that are held
        std::size_t batches = 0;
        std::vector<Stream *> rowStreams; // of each row
        std::vector<Stream *> touched;    // each once
        std::deque<Part> parts;           // they stay where they are
        std::unordered_map<int, std::size_t> partOfSlot;
        quint64 found = 0;
    };

    void beginRound();
    bool takeBatches(Round &round, std::size_t first);
    std::vector<EntryLookup::Question> assignStreams(Round &round);
    void afterLookup(const QByteArray &error);
    void appendRecords(Round &round);
    bool appendRecord(Round &round, redis::RespWriter &out, const Sent &sent);
    Part &partOf(Round &round, Stream *stream) const;
    void sendRound();
    void prepareNext();
    void dropNext();
    void sendNext();
    void takeAnswer(std::size_t index, const redis::Reply &reply);
    void takeLoss(std::size_t index);
    void takeEntry(const Sent &sent, const redis::Reply &reply);
    void undo(const Part &part);
    void afterWriting();
    void checkIds();
    void waitForReplicas();
    void confirmRound();
    void nameLost();
    void refuse(const Sent &sent, const Error &error);

    void clientFailed(const redis::Failure &failure);
    void nodeLost(int node, const redis::Failure &failure);
    void failRound(const QByteArray &serverError);
    void giveBackRound();
    void endRound();
    void interrupt(const Error &error);

    WriterSettings m_settings;
    redis::Client m_client;
    StreamTable m_streams;
    EntryLookup m_lookup;
    QTimer m_slow{this};

    std::deque<Held> m_held; // offered and unanswered; the round is of the first ones
    Phase m_phase = Phase::Idle;
    quint64 m_roundNumber = 0;
    quint64 m_roundsMade = 0;
    Round m_round;
    std::optional<Round> m_next;  // prepared
    qsizetype m_partBytes = 0;    // of the last one, as a first guess at the next
    std::size_t m_due = 0;        // answers
    QByteArray m_error;           // the first one that the server gave
    Error m_loss;                 // of the last connection of a cluster that broke
    std::vector<Sent> m_doubtful; // an entry with its id, or a later one, is there
    quint64 m_added = 0;
    quint64 m_found = 0;
};

} // namespace tidemill::redis_stream
