// SPDX-License-Identifier: Apache-2.0
#include "poster.h"

#include "lane.h"

#include <QLoggingCategory>

#include <algorithm>
#include <utility>

Q_LOGGING_CATEGORY(lcPulseStream, TIDEMILL_LOG_CATEGORY)

namespace tidemill::pulsestream {

// Of how many events is known what became of them in earlier offers.
static constexpr qsizetype mostRemembered = 10'000;

using std::chrono::milliseconds;

Poster::Poster(PosterSettings settings, EventForm &form, PosterFigures figures, QObject *parent)
    : QObject(parent)
    , m_settings(std::move(settings))
    , m_form(form)
    , m_figures(std::move(figures))
    , m_packing(m_settings.packs ? Packing::Untried : Packing::Plain)
{
    for (int i = 0; i < m_settings.lanes; ++i)
        m_lanes.push_back(new Lane(*this, this));
}

Result<> Poster::configure()
{
    for (Lane *lane : m_lanes) {
        if (const auto configured = lane->configure(); !configured)
            return configured.error();
    }
    return {};
}

void Poster::close()
{
    for (Lane *lane : m_lanes)
        lane->close();
    (void)m_account.closeAll({});
    m_stop.reset();
}

// By its id, which goes the same way each time.
Lane &Poster::laneOf(const Batch &batch, qsizetype row)
{
    if (m_lanes.size() == 1)
        return *m_lanes.front();
    return *m_lanes[qHash(m_form.id(batch, row)) % m_lanes.size()];
}

void Poster::add(const BatchPtr &batch)
{
    Account::Entry &entry = m_account.open(batch);
    for (qsizetype row = 0; row < batch->rowCount(); ++row)
        laneOf(*batch, row).add({&entry, row});
    closeIfDone(entry); // an empty one
}

void Poster::flush()
{
    if (m_stop || m_account.isEmpty())
        return; // what is under way ends first
    if (m_isInDoubt) {
        if (!m_lanes.front()->isBusy())
            m_lanes.front()->probe();
        return;
    }
    for (Lane *lane : m_lanes)
        lane->proceed();
}

void Poster::store(const Account::Item &item, bool wasKnown)
{
    ++m_stored;
    if (wasKnown)
        m_figures.known.add();
    if (!m_suspects.isEmpty() || !m_raced.isEmpty())
        forget(m_form.id(item.batch(), item.row));
    m_account.store(item);
    closeIfDone(*item.entry);
}

void Poster::refuse(const Account::Item &item, const QString &message)
{
    const QByteArray id = m_form.id(item.batch(), item.row);
    forget(id);
    m_account.refuse(
        item, {Error::Kind::Protocol, QStringLiteral("event %1: %2").arg(QString::fromUtf8(id), message)});
    closeIfDone(*item.entry);
}

void Poster::postpone(const Account::Item &item, const QString &message)
{
    const QString id = QString::fromUtf8(m_form.id(item.batch(), item.row));
    m_account.postpone(item, {Error::Kind::Network, QStringLiteral("event %1: %2").arg(id, message)});
    closeIfDone(*item.entry);
}

void Poster::takeRaced(const Account::Item &item, const QString &message)
{
    const QByteArray id = m_form.id(item.batch(), item.row);
    if (m_raced.contains(id)) {
        refuse(item, message);
        return;
    }
    if (m_raced.size() >= mostRemembered)
        m_raced.clear();
    m_raced.insert(id);
    postpone(item, message);
}

void Poster::forget(const QByteArray &id)
{
    m_suspects.remove(id);
    m_raced.remove(id);
}

void Poster::closeIfDone(Account::Entry &entry)
{
    if (const auto verdict = m_account.closeIfDone(entry))
        emit answered(verdict->batch, verdict->rows);
}

void Poster::stop(const Error &error, std::optional<milliseconds> wait)
{
    if (!m_stop)
        m_stop = Stop{error, wait};
}

void Poster::stopForLimit(Lane &lane, const QString &message)
{
    if (m_stop)
        return;
    stop({Error::Kind::Network, message});
    lane.askForLimit();
}

void Poster::waitForWindow(milliseconds wait)
{
    if (m_stop)
        m_stop->wait = wait;
}

void Poster::takeProbe(const net::HttpReply &reply)
{
    if (reply.error) {
        stop(*reply.error);
        return;
    }
    m_isInDoubt = false;
    stop({Error::Kind::Network,
          QStringLiteral("it answers again; requests that it had not answered may still be at work")},
         m_settings.settle);
}

void Poster::concludeIfIdle()
{
    if (!m_stop ||
        std::any_of(m_lanes.begin(), m_lanes.end(), [](const Lane *lane) { return lane->isBusy(); }))
        return;
    const Stop stop = *std::exchange(m_stop, std::nullopt);
    for (Lane *lane : m_lanes)
        lane->clear();
    for (const Account::Verdict &verdict : m_account.closeAll(stop.error))
        emit answered(verdict.batch, verdict.rows);
    emit stopped(stop.error, stop.wait.value_or(milliseconds(-1)));
}

void Poster::stopPacking(const QString &reason)
{
    if (std::exchange(m_packing, Packing::Plain) != Packing::Plain)
        qCWarning(lcPulseStream).noquote()
            << QStringLiteral("the service takes no gzip (%1): sending plain from now on").arg(reason);
}

// How sure it is that this event, which has just failed alone, is the reason. That others could be stored
// since it failed first shows that the service is well; one failure behind that may still be chance.
Poster::Guilt Poster::accuse(const QByteArray &id)
{
    constexpr int proof = 3;
    if (m_suspects.size() >= mostRemembered && !m_suspects.contains(id))
        m_suspects.clear();
    Suspicion &suspicion = m_suspects[id];
    if (suspicion.failures == 0)
        suspicion.storedBefore = m_stored;
    const bool isWitnessed = m_stored > suspicion.storedBefore;
    if (suspicion.failures == 0 || isWitnessed)
        ++suspicion.failures;
    if (suspicion.failures >= proof)
        return Guilt::Proven;
    return isWitnessed ? Guilt::Likely : Guilt::Unknown;
}

void Poster::noteRequest(const net::HttpReply &reply, std::chrono::nanoseconds time)
{
    m_figures.requests.add();
    if (!reply.isSuccess())
        m_figures.failures.add();
    m_figures.seconds.observe(time);
}

} // namespace tidemill::pulsestream
