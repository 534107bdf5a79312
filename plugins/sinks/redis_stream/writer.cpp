// SPDX-License-Identifier: Apache-2.0
#include "writer.h"

namespace tidemill::redis_stream {

namespace {

// A round takes no further batch beyond this much memory: it is held in RESP as a whole.
constexpr std::size_t roundBytes = 8UL * 1024 * 1024;
// What an operator should hear of long before the connection is given up.
constexpr std::chrono::milliseconds slowAfter{1500};

} // namespace

Writer::Writer(const WriterSettings &settings, QObject *parent)
    : QObject(parent)
    , m_settings(settings)
    , m_client(settings.connection, this)
    , m_streams(settings.lookup, settings.options)
    , m_lookup(&m_client, settings.lookup, this)
{
    connect(&m_client, &redis::Client::connected, this, [this] {
        emit reached();
        write();
    });
    connect(&m_client, &redis::Client::failed, this, &Writer::clientFailed);
    connect(&m_client, &redis::Client::nodeLost, this, &Writer::nodeLost);
    connect(&m_lookup, &EntryLookup::finished, this, &Writer::afterLookup);
    m_slow.setSingleShot(true);
    m_slow.setInterval(slowAfter);
    connect(&m_slow, &QTimer::timeout, this, [this] {
        emit slow({Error::Kind::Network, QStringLiteral("Redis at %1 has not answered for %2 ms")
                                             .arg(m_client.place())
                                             .arg(m_slow.interval())});
    });
}

Writer::~Writer()
{
    stop();
}

void Writer::stop()
{
    m_client.close();
    m_lookup.cancel();
    dropNext();
    m_held.clear();
    endRound();
}

void Writer::probe()
{
    if (m_phase != Phase::Idle || m_client.unanswered() > 0)
        return;
    if (m_client.isOpen())
        m_client.send(redis::Command("PING"), {});
}

void Writer::write()
{
    if (m_phase == Phase::Writing)
        prepareNext();
    if (m_phase != Phase::Idle || m_held.empty())
        return;
    if (m_client.isOpen())
        m_next ? sendNext() : beginRound();
    else
        m_client.open();
}

void Writer::beginRound()
{
    ++m_roundNumber;
    (void)takeBatches(m_round, 0);
    m_slow.start();
    m_phase = Phase::LookingUp;
    const auto questions = assignStreams(m_round);
    if (questions.empty())
        afterLookup({});
    else
        m_lookup.start(questions);
}

// True if it is as much as a round may have.
bool Writer::takeBatches(Round &round, std::size_t first)
{
    qsizetype rows = 0;
    std::size_t bytes = 0;
    round.first = first;
    round.batches = 0;
    while (first + round.batches < m_held.size() && rows < m_settings.window && bytes < roundBytes) {
        const Held &held = m_held[first + round.batches++];
        // What is left of batches for a node that is away must not keep others from having their turn.
        const bool isAway = held.batch->rowCount() > 0 && m_streams.find(*held.form, *held.batch, 0)->isAway;
        rows += isAway ? 0 : held.batch->rowCount();
        bytes += held.batch->byteSize();
    }
    return rows >= m_settings.window || bytes >= roundBytes;
}

// Finds each row's stream. What must be looked up before anything is written.
std::vector<EntryLookup::Question> Writer::assignStreams(Round &round)
{
    std::vector<EntryLookup::Question> questions;
    round.rowStreams.clear();
    round.touched.clear();
    ++m_roundsMade;
    for (std::size_t index = 0; index < round.batches; ++index) {
        const Held &held = m_held[round.first + index];
        for (qsizetype row = 0; row < held.batch->rowCount(); ++row) {
            Stream *stream = m_streams.find(*held.form, *held.batch, row);
            round.rowStreams.push_back(stream);
            if (stream->round != m_roundsMade) {
                stream->round = m_roundsMade;
                round.touched.push_back(stream);
                if (stream->needsLookup) {
                    stream->part = questions.size(); // only until there are parts
                    questions.push_back({stream, held.form->identityOf(*held.batch, row),
                                         held.form->timeOf(*held.batch, row), 1});
                }
            } else if (stream->needsLookup) {
                EntryLookup::Question &question = questions[stream->part];
                ++question.records;
                if (const Timestamp time = held.form->timeOf(*held.batch, row); time < question.oldestTime) {
                    question.oldestTime = time;
                    question.oldest = held.form->identityOf(*held.batch, row);
                }
            }
        }
    }
    return questions;
}

void Writer::afterLookup(const QByteArray &error)
{
    if (m_phase != Phase::LookingUp)
        return;
    if (!error.isEmpty()) {
        failRound(error);
        return;
    }
    appendRecords(m_round);
    sendRound();
}

} // namespace tidemill::redis_stream
