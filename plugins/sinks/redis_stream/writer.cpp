// SPDX-License-Identifier: Apache-2.0
#include "writer.h"

#include <algorithm>

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
    m_held.clear();
    endRound();
}

void Writer::probe()
{
    if (m_phase != Phase::Idle || m_client.unanswered() > 0)
        return;
    if (m_client.isOpen())
        m_client.send(redis::Command("PING"), {});
    else
        m_client.open();
}

void Writer::write()
{
    if (m_phase != Phase::Idle || m_held.empty())
        return;
    if (m_client.isOpen())
        beginRound();
    else
        m_client.open();
}

void Writer::beginRound()
{
    ++m_round;
    qsizetype rows = 0;
    std::size_t bytes = 0;
    m_roundBatches = 0;
    while (m_roundBatches < m_held.size() && rows < m_settings.window && bytes < roundBytes) {
        const Batch &batch = *m_held[m_roundBatches++].batch;
        rows += batch.rowCount();
        bytes += batch.byteSize();
    }
    m_slow.start();
    m_phase = Phase::LookingUp;
    const auto questions = assignStreams();
    if (questions.empty())
        sendRound();
    else
        m_lookup.start(questions);
}

// Finds each row's stream. What must be looked up before anything is written.
std::vector<EntryLookup::Question> Writer::assignStreams()
{
    std::vector<EntryLookup::Question> questions;
    m_rowStreams.clear();
    m_touched.clear();
    for (std::size_t index = 0; index < m_roundBatches; ++index) {
        const Held &held = m_held[index];
        for (qsizetype row = 0; row < held.batch->rowCount(); ++row) {
            Stream *stream = m_streams.find(*held.form, *held.batch, row);
            m_rowStreams.push_back(stream);
            if (stream->round != m_round) {
                stream->round = m_round;
                stream->part = m_touched.size(); // only until there are parts: its place among the questions
                m_touched.push_back(stream);
                if (stream->needsLookup) {
                    stream->part = questions.size();
                    questions.push_back({stream, held.form->identityOf(*held.batch, row), 1});
                }
            } else if (stream->needsLookup) {
                ++questions[stream->part].records;
            }
        }
    }
    return questions;
}

void Writer::afterLookup(const QByteArray &error)
{
    if (m_phase != Phase::LookingUp)
        return;
    if (error.isEmpty())
        sendRound();
    else
        failRound(error);
}

void Writer::sendRound()
{
    m_phase = Phase::Writing;
    m_parts.clear();
    m_partOfSlot.clear();
    m_doubtful.clear();
    m_error.clear();
    for (Stream *stream : m_touched)
        stream->part = std::size_t(-1);
    std::size_t at = 0;
    for (std::size_t index = 0; index < m_roundBatches; ++index) {
        const qsizetype rows = m_held[index].batch->rowCount();
        for (qsizetype row = 0; row < rows; ++row)
            appendRecord(index, row, m_rowStreams[at++]);
    }
    // Counted first: an answer may come from within send() when there is no connection any more.
    m_due = std::size_t(
        std::count_if(m_parts.begin(), m_parts.end(), [](const Part &part) { return !part.rows.empty(); }));
    if (m_due == 0) {
        afterWriting();
        return;
    }
    for (std::size_t index = 0; index < m_parts.size(); ++index) {
        if (m_parts[index].rows.empty())
            continue;
        m_client.send(std::move(m_parts[index].transaction),
                      [this, index, round = m_round](const redis::Reply &reply) {
                          if (round == m_round && m_phase == Phase::Writing && !reply.isLost())
                              takeAnswer(index, reply);
                      });
    }
}

void Writer::appendRecord(std::size_t batch, qsizetype row, Stream *stream)
{
    const Held &held = m_held[batch];
    Part &part = partOf(stream);
    const Sent sent{stream, quint32(batch), quint32(row)};
    redis::RespWriter out(part.transaction.body());
    const qsizetype before = out.size();
    out.bytes(held.form->commandHead());
    out.bytes(stream->words);
    if (m_settings.explicitIds) {
        const auto id = held.form->explicitId(*held.batch, row);
        if (!id) {
            out.truncate(before);
            refuse(sent, {Error::Kind::Config, QStringLiteral("it has no time or number to make an id of")});
            return;
        }
        out.word(*id);
    } else {
        out.word("*");
    }
    const quint64 identity = held.form->appendFields(out, *held.batch, row);
    if (m_settings.lookup > 0) {
        if (!stream->known.add(identity)) {
            out.truncate(before);
            ++m_found;
            return;
        }
        ++stream->unconfirmed;
    }
    part.transaction.countCommand();
    part.rows.push_back(sent);
}

Writer::Part &Writer::partOf(Stream *stream)
{
    if (stream->part == std::size_t(-1)) {
        // All keys of a transaction are of one slot; without a cluster that is all the same.
        const int slot = m_client.isCluster() ? stream->slot : redis::anySlot;
        const auto [place, isNew] = m_partOfSlot.try_emplace(slot, m_parts.size());
        if (isNew)
            m_parts.push_back({redis::Transaction(slot), {}});
        stream->part = place->second;
    }
    return m_parts[stream->part];
}

void Writer::takeAnswer(std::size_t index, const redis::Reply &reply)
{
    const Part &part = m_parts[index];
    if (reply.isError() || reply.size() != qsizetype(part.rows.size())) {
        if (m_error.isEmpty())
            m_error =
                reply.isError() ? reply.text().toByteArray() : QByteArray("ERR not an answer for each XADD");
        undo(part);
    } else {
        for (std::size_t at = 0; at < part.rows.size(); ++at)
            takeEntry(part.rows[at], reply.elements()[at]);
    }
    if (--m_due == 0)
        afterWriting();
}

void Writer::takeEntry(const Sent &sent, const redis::Reply &reply)
{
    if (!reply.isError() && !reply.isNil()) {
        sent.stream->lastId.resize(0); // keeps its memory
        sent.stream->lastId.append(reply.text());
        ++m_added;
    } else if (reply.isNil()) {
        refuse(sent, {Error::Kind::Storage,
                      QStringLiteral("Redis at %1: there is no stream '%2', and create is false")
                          .arg(m_client.place(), QString::fromUtf8(sent.stream->key))});
    } else if (m_settings.explicitIds && reply.text().contains("equal or smaller")) {
        m_doubtful.push_back(sent);
    } else {
        Error error = redis::describe(reply.text(), m_client.place());
        error.message += QStringLiteral("; key '%1'").arg(QString::fromUtf8(sent.stream->key));
        refuse(sent, error);
    }
}

// None of it was carried out.
void Writer::undo(const Part &part)
{
    if (m_settings.lookup == 0)
        return;
    for (const Sent &sent : part.rows) {
        sent.stream->known.dropNewest(1);
        --sent.stream->unconfirmed;
    }
}

void Writer::refuse(const Sent &sent, const Error &error)
{
    sent.stream->hasRefused = true;
    m_held[sent.batch].refused.append({qsizetype(sent.row), error, true});
}

} // namespace tidemill::redis_stream
