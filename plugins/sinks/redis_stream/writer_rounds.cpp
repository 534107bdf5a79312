// SPDX-License-Identifier: Apache-2.0
#include "writer.h"

#include <QHash>

#include <algorithm>

namespace tidemill::redis_stream {

void Writer::afterWriting()
{
    if (!m_error.isEmpty())
        failRound(m_error);
    else if (!m_doubtful.empty())
        checkIds();
    else
        waitForReplicas();
}

// "Equal or smaller": either this very record is there, or a later one is and ours can find no place any
// more.
void Writer::checkIds()
{
    m_phase = Phase::Checking;
    const std::vector<Sent> doubtful = std::exchange(m_doubtful, {});
    m_due = doubtful.size();
    for (const Sent &sent : doubtful) {
        if (m_phase != Phase::Checking) // sending has failed, and nothing is held any more
            return;
        const Held &held = m_held[sent.batch];
        const Identity identity = held.form->identityOf(*held.batch, sent.row);
        const QByteArray id = held.form->explicitId(*held.batch, sent.row).value_or(QByteArray());
        redis::Command command("XRANGE");
        command.key(sent.stream->key).add(id).add(id);
        m_client.send(command, [this, sent, identity, id, round = m_roundNumber](const redis::Reply &reply) {
            if (round != m_roundNumber || m_phase != Phase::Checking ||
                (reply.isLost() && !m_client.isOpen()))
                return;
            if (reply.isLost()) {
                sent.stream->isLost = true;
            } else if (reply.isError()) {
                m_error = reply.text().toByteArray();
            } else if (m_held[sent.batch].form->identityOf(reply[0][1]) != identity) {
                refuse(sent,
                       {Error::Kind::Storage,
                        QStringLiteral("Redis at %1: stream '%2' has later entries than %3, so it cannot be "
                                       "added any more")
                            .arg(m_client.place(), QString::fromUtf8(sent.stream->key),
                                 QString::fromLatin1(id))});
            } else {
                ++m_found;
            }
            if (--m_due > 0)
                return;
            if (m_error.isEmpty())
                waitForReplicas();
            else
                failRound(m_error);
        });
    }
}

// A master answers before its replicas know. Any command makes WAIT wait for all that the master has written
// so far, so it also covers what an earlier connection of ours wrote (not from Redis 7.2 on). It is the node
// that took the entries that is asked, also if their slot is only on its way there.
void Writer::waitForReplicas()
{
    if (m_settings.waitReplicas == 0) {
        confirmRound();
        return;
    }
    m_phase = Phase::Waiting;
    QHash<int, const Stream *> streamOfNode;
    for (const Stream *stream : m_round.touched) {
        if (!stream->isLost)
            streamOfNode.insert(m_client.takerOf(stream->slot), stream);
    }
    m_due = std::size_t(streamOfNode.size());
    if (m_due == 0) {
        confirmRound();
        return;
    }
    for (const Stream *stream : std::as_const(streamOfNode)) {
        if (m_phase != Phase::Waiting)
            return;
        redis::Command command("WAIT");
        command.add(qint64(m_settings.waitReplicas)).add(qint64(m_settings.waitTimeout.count()));
        command.toTakerOf(stream->slot).mayBlock(m_settings.waitTimeout);
        m_client.send(redis::Command("PING").toTakerOf(stream->slot), {});
        m_client.send(command, [this, round = m_roundNumber](const redis::Reply &reply) {
            if (round != m_roundNumber || m_phase != Phase::Waiting || (reply.isLost() && !m_client.isOpen()))
                return;
            const bool isLost = reply.isLost(); // then its streams are marked already
            if (reply.isError())
                m_error = reply.text().toByteArray();
            else if (!isLost && reply.integer() < m_settings.waitReplicas)
                m_error = QStringLiteral("NOREPLICAS only %1 of %2 replicas have it after %3 ms")
                              .arg(reply.integer())
                              .arg(m_settings.waitReplicas)
                              .arg(m_settings.waitTimeout.count())
                              .toUtf8();
            if (--m_due > 0)
                return;
            if (m_error.isEmpty())
                confirmRound();
            else
                failRound(m_error);
        });
    }
}

void Writer::confirmRound()
{
    const auto isLost = [](const Stream *stream) { return stream->isLost; };
    const bool isWhole = std::none_of(m_round.touched.begin(), m_round.touched.end(), isLost);
    if (!isWhole) {
        if (std::all_of(m_round.touched.begin(), m_round.touched.end(), isLost)) {
            giveBackRound();
            interrupt(m_loss);
            return;
        }
        dropNext();
        nameLost();
    }
    for (Stream *stream : m_round.touched) {
        if (!stream->isLost)
            stream->confirm(m_settings.lookup);
        else if (m_settings.lookup > 0)
            stream->distrust();
    }
    std::vector<Held> done;
    for (; m_round.batches > 0; --m_round.batches) {
        done.push_back(std::move(m_held.front()));
        m_held.pop_front();
    }
    endRound();
    // Only now: whoever hears of it may give us the next batch within the call. That waits until all is said,
    // as sending may fail, and then nothing is in our hands any more.
    m_phase = Phase::Confirming;
    for (Held &held : done) {
        std::sort(held.refused.begin(), held.refused.end(),
                  [](const RowFailure &a, const RowFailure &b) { return a.row < b.row; });
        emit stored(held.batch, held.refused);
    }
    m_phase = Phase::Idle;
    if (isWhole)
        write();
    else if (!m_held.empty())
        interrupt(m_loss);
}

// For good is nothing of what the lost node has said of them before.
void Writer::nameLost()
{
    std::size_t at = 0;
    for (std::size_t index = 0; index < m_round.batches; ++index) {
        Held &held = m_held[index];
        const std::size_t first = at;
        held.refused.removeIf([&](const RowFailure &failure) {
            return m_round.rowStreams[first + std::size_t(failure.row)]->isLost;
        });
        for (qsizetype row = 0; row < held.batch->rowCount(); ++row) {
            if (m_round.rowStreams[at++]->isLost)
                held.refused.append({row, m_loss, false});
        }
    }
}

void Writer::endRound()
{
    ++m_roundNumber;
    m_phase = Phase::Idle;
    for (Stream *stream : m_round.touched)
        stream->isAway = std::exchange(stream->isLost, false);
    m_round.batches = 0;
    m_round.parts.clear();
    m_round.touched.clear();
    m_slow.stop();
}

void Writer::failRound(const QByteArray &serverError)
{
    const redis::ErrorKind kind = redis::errorKind(serverError);
    giveBackRound();
    if (redis::adviceFor(kind) == redis::Advice::Reconnect) {
        m_client.close();
        m_streams.distrustUnconfirmed();
    }
    interrupt(redis::describe(serverError, m_client.place()));
}

// What was carried out all the same (another part of it) is looked up before it would be sent again.
void Writer::giveBackRound()
{
    dropNext();
    for (Stream *stream : m_round.touched) {
        if (stream->unconfirmed > 0 || (stream->isLost && m_settings.lookup > 0))
            stream->distrust();
    }
    endRound();
}

// Another server may take its place that has not all it had answered: its streams are not believed, answered
// or not. What it has not answered comes next.
void Writer::nodeLost(int node, const redis::Failure &failure)
{
    m_loss = failure.error;
    for (Stream *stream : m_round.touched) {
        if (m_client.takerOf(stream->slot) == node)
            stream->isLost = true;
    }
    if (m_phase == Phase::Idle && m_held.empty())
        emit unreachable(failure.error);
}

void Writer::clientFailed(const redis::Failure &failure)
{
    m_lookup.cancel();
    dropNext();
    endRound();
    m_streams.distrustUnconfirmed();
    if (m_held.empty())
        emit unreachable(failure.error);
    else
        interrupt(failure.error);
}

void Writer::interrupt(const Error &error)
{
    m_held.clear();
    emit interrupted(error);
}

} // namespace tidemill::redis_stream
