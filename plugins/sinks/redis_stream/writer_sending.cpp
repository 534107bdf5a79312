// SPDX-License-Identifier: Apache-2.0
#include "writer.h"

#include <algorithm>

namespace tidemill::redis_stream {

void Writer::appendRecords(Round &round)
{
    round.parts.clear();
    round.partOfSlot.clear();
    round.found = 0;
    for (Stream *stream : round.touched)
        stream->part = std::size_t(-1);
    Part *part = nullptr;
    std::optional<redis::RespWriter> out; // of that part
    std::size_t at = 0;
    for (std::size_t index = 0; index < round.batches; ++index) {
        const qsizetype rows = m_held[round.first + index].batch->rowCount();
        for (qsizetype row = 0; row < rows; ++row) {
            const Sent sent{round.rowStreams[at++], quint32(index), quint32(row)};
            if (sent.stream->isLost)
                continue;
            if (Part &its = partOf(round, sent.stream); &its != part) {
                part = &its;
                out.emplace(part->transaction.body());
            }
            if (appendRecord(round, *out, sent)) {
                part->transaction.countCommand();
                part->rows.push_back(sent);
            }
        }
    }
}

// False if it is not to be sent.
bool Writer::appendRecord(Round &round, redis::RespWriter &out, const Sent &sent)
{
    const Held &held = m_held[round.first + sent.batch];
    const qsizetype row = sent.row;
    const qsizetype before = out.size();
    out.bytes(held.form->commandHead());
    out.bytes(sent.stream->words);
    if (m_settings.explicitIds) {
        const auto id = held.form->explicitId(*held.batch, row);
        if (!id) {
            out.truncate(before);
            refuse(sent, {Error::Kind::Config, QStringLiteral("it has no time or number to make an id of")});
            return false;
        }
        out.word(*id);
    } else {
        out.word("*");
    }
    const Identity identity = held.form->appendFields(out, *held.batch, row);
    if (m_settings.lookup > 0) {
        if (!sent.stream->known.add(identity)) {
            out.truncate(before);
            ++round.found;
            return false;
        }
        ++sent.stream->prepared;
    }
    return true;
}

Writer::Part &Writer::partOf(Round &round, Stream *stream) const
{
    if (stream->part == std::size_t(-1)) {
        // All keys of a transaction are of one slot; without a cluster that is all the same.
        const int slot = m_client.isCluster() ? stream->slot : redis::anySlot;
        const auto [place, isNew] = round.partOfSlot.try_emplace(slot, round.parts.size());
        if (isNew) {
            round.parts.push_back({redis::Transaction(slot), {}});
            round.parts.back().transaction.body().reserve(m_partBytes + m_partBytes / 4);
        }
        stream->part = place->second;
    }
    return round.parts[stream->part];
}

void Writer::sendRound()
{
    m_phase = Phase::Writing;
    m_doubtful.clear();
    m_error.clear();
    m_found += m_round.found;
    for (Stream *stream : m_round.touched) {
        stream->foundAhead = std::max<qsizetype>(0, stream->foundAhead - stream->prepared);
        stream->unconfirmed += std::exchange(stream->prepared, 0);
    }
    // Counted first: an answer may come from within send() when there is no connection any more.
    m_due = std::size_t(std::count_if(m_round.parts.begin(), m_round.parts.end(),
                                      [](const Part &part) { return !part.rows.empty(); }));
    if (m_due == 0) {
        afterWriting();
        return;
    }
    for (std::size_t index = 0; index < m_round.parts.size(); ++index) {
        Part &part = m_round.parts[index];
        if (part.rows.empty())
            continue;
        m_partBytes = part.transaction.byteSize();
        m_client.send(std::move(part.transaction),
                      [this, index, round = m_roundNumber](const redis::Reply &reply) {
                          if (round != m_roundNumber || m_phase != Phase::Writing)
                              return;
                          if (!reply.isLost())
                              takeAnswer(index, reply);
                          else if (m_client.isOpen())
                              takeLoss(index);
                      });
    }
    if (m_phase == Phase::Writing)
        prepareNext();
}

// So that the server has the next one as soon as it has answered. Only of records that would fill it and need
// nothing to be asked before; ids of our own make too many answers that are neither yes nor no.
void Writer::prepareNext()
{
    if (m_next || m_settings.explicitIds)
        return;
    Round next;
    const bool isFull = takeBatches(next, m_round.batches);
    if (!isFull || !assignStreams(next).empty())
        return;
    appendRecords(next);
    m_next = std::move(next);
}

void Writer::dropNext()
{
    if (!m_next)
        return;
    for (Stream *stream : m_next->touched)
        stream->dropPrepared();
    m_next.reset();
}

void Writer::sendNext()
{
    ++m_roundNumber;
    m_round = *std::exchange(m_next, std::nullopt);
    m_round.first = 0; // those in front of it are confirmed
    m_slow.start();
    sendRound();
}

void Writer::takeAnswer(std::size_t index, const redis::Reply &reply)
{
    const Part &part = m_round.parts[index];
    if (reply.isError() || reply.size() != qsizetype(part.rows.size())) {
        if (m_error.isEmpty())
            m_error =
                reply.isError() ? reply.text().toByteArray() : QByteArray("ERR not an answer for each XADD");
        undo(part);
    } else {
        for (std::size_t at = 0; at < part.rows.size(); ++at)
            takeEntry(part.rows[at], reply.elements()[at]);
        for (Stream *stream : m_round.touched)
            stream->takeAnsweredId();
    }
    if (--m_due == 0)
        afterWriting();
}

// Whether it was carried out, the next lookup tells.
void Writer::takeLoss(std::size_t index)
{
    for (const Sent &sent : m_round.parts[index].rows)
        sent.stream->isLost = true;
    if (--m_due == 0)
        afterWriting();
}

void Writer::takeEntry(const Sent &sent, const redis::Reply &reply)
{
    if (!reply.isError() && !reply.isNil()) {
        sent.stream->answeredId = reply.text();
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
    dropNext();
    if (m_settings.lookup == 0)
        return;
    for (const Sent &sent : part.rows) {
        sent.stream->known.dropNewest(1);
        --sent.stream->unconfirmed;
    }
}

// Of the round that is under way, or one with ids of our own, which is never prepared before its time.
void Writer::refuse(const Sent &sent, const Error &error)
{
    dropNext();
    sent.stream->hasRefused = true;
    m_held[sent.batch].refused.append({qsizetype(sent.row), error, true});
}

} // namespace tidemill::redis_stream
