// SPDX-License-Identifier: Apache-2.0
#include "claimer.h"

#include "pending_sweep.h"

#include <algorithm>

namespace tidemill::redis_stream {

namespace {

constexpr std::size_t idsPerCommand = 1000;

} // namespace

Claimer::Claimer(redis::Client &client, Acknowledger &acknowledger, const ClaimSettings &settings,
                 Events events, QObject *parent)
    : QObject(parent)
    , m_client(client)
    , m_acknowledger(acknowledger)
    , m_settings(settings)
    , m_events(std::move(events))
{
    using std::chrono::milliseconds;
    m_timer.setInterval(std::max(settings.minIdle / 3, milliseconds(20)));
    connect(&m_timer, &QTimer::timeout, this, &Claimer::tick);
}

void Claimer::start()
{
    if (m_settings.minIdle.count() > 0 && !m_timer.isActive())
        m_timer.start();
}

void Claimer::stop()
{
    m_timer.stop();
}

void Claimer::tick()
{
    if (!m_client.isOpen())
        return;
    touch();
    if (m_due > 0 || m_isPaused)
        return;
    for (const QByteArray &stream : m_events.streams()) {
        ++m_due;
        if (m_settings.maxDeliveries > 0)
            sweep(stream);
        else
            claim(stream, "0-0");
    }
}

void Claimer::touch()
{
    const auto now = std::chrono::steady_clock::now();
    for (const auto &set : m_acknowledger.untouchedSince(now - m_settings.minIdle / 3)) {
        set->touched = now;
        for (const auto &[stream, ids] : set->byStream) {
            for (std::size_t from = 0; from < ids.size(); from += idsPerCommand) {
                redis::Command command("XCLAIM");
                command.key(stream).add(m_settings.group).add(m_settings.consumer).add("0");
                for (std::size_t at = from; at < std::min(ids.size(), from + idsPerCommand); ++at)
                    command.add(ids[at].toText());
                // JUSTID: it is no delivery, so it must not count as one.
                m_client.send(command.add("JUSTID"),
                              [this](const redis::Reply &reply) { (void)isGood(reply); });
            }
        }
    }
}

// Entries that no worker gets done, before they take down this one as well. An acknowledged one is not
// claimed.
void Claimer::sweep(const QByteArray &stream)
{
    const auto each = [this, stream](EntryId id, qint64 deliveries) {
        if (deliveries >= m_settings.maxDeliveries)
            m_events.letGo(stream, id, "max_deliveries", givenOutText(deliveries));
    };
    sweepPending(m_client, {stream, m_settings.group, {}, m_settings.minIdle}, each,
                 [this, stream](const redis::Reply &reply) {
                     if (isGood(reply))
                         claim(stream, "0-0");
                     else
                         --m_due;
                 });
}

void Claimer::claim(const QByteArray &stream, const QByteArray &cursor)
{
    const auto limit = m_limits.find(stream);
    const qsizetype count = limit == m_limits.end() ? m_settings.count : limit->second;
    redis::Command command("XAUTOCLAIM");
    command.key(stream).add(m_settings.group).add(m_settings.consumer);
    command.add(qint64(m_settings.minIdle.count())).add(cursor).add("COUNT").add(qint64(count));
    // One that may be too long even alone: who it is must be known before it is asked for.
    const bool isAlone = count == 1;
    if (isAlone)
        command.add("JUSTID");
    m_client.send(command, [this, stream, count, isAlone](const redis::Reply &reply) {
        if (reply.isTooLong())
            m_limits[stream] = std::max<qsizetype>(1, count / 2);
        handleClaimed(stream, isAlone, reply);
    });
}

void Claimer::claimAlone(const QByteArray &stream, EntryId id, const QByteArray &next)
{
    redis::Command command("XCLAIM");
    command.key(stream).add(m_settings.group).add(m_settings.consumer).add("0").add(id.toText());
    m_client.send(command, [this, stream, id, next](const redis::Reply &reply) {
        if (reply.isTooLong())
            m_events.letGo(stream, id, "too_long", QStringLiteral("longer than an answer may be (64 MiB)"));
        if (!isGood(reply)) {
            --m_due;
            return;
        }
        if (reply.size() > 0) {
            m_events.claimed(stream, reply);
            emit answered();
        }
        goOn(stream, next);
    });
}

void Claimer::handleClaimed(const QByteArray &stream, bool isAlone, const redis::Reply &reply)
{
    if (!isGood(reply)) {
        --m_due;
        return;
    }
    if (!isAlone && reply[1].size() > 0) {
        m_events.claimed(stream, reply[1]);
        emit answered();
    }
    QList<EntryId> gone;
    for (const redis::Reply &id : reply[2].elements()) {
        if (const auto parsed = EntryId::parse(id.text()))
            gone.append(*parsed);
    }
    if (!gone.isEmpty())
        m_events.trimmed(stream, gone);
    const QByteArray next = reply[0].text().toByteArray();
    const auto id = isAlone ? EntryId::parse(reply[1][0].text()) : std::nullopt;
    if (id)
        claimAlone(stream, *id, next);
    else
        goOn(stream, next);
}

// No entries in one answer do not mean that there are none behind them.
void Claimer::goOn(const QByteArray &stream, const QByteArray &next)
{
    if (next.isEmpty() || next == "0-0" || m_isPaused || !m_timer.isActive())
        --m_due;
    else
        claim(stream, next);
}

// A group that is gone is the reader's business.
bool Claimer::isGood(const redis::Reply &reply)
{
    if (reply.isError() && reply.error() != redis::ErrorKind::NoGroup)
        emit troubled(redis::describe(reply.text(), m_client.place()));
    return !reply.isLost() && !reply.isError();
}

} // namespace tidemill::redis_stream
