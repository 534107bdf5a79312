// SPDX-License-Identifier: Apache-2.0
#include "entry_lookup.h"

#include <QLoggingCategory>

#include <algorithm>
#include <limits>

Q_DECLARE_LOGGING_CATEGORY(lcRedisStream)

namespace tidemill::redis_stream {

namespace {

constexpr qsizetype pageEntries = 250;
// What is read at most, of one stream and of all of them: 40 bytes of each entry are kept.
constexpr qsizetype maxEntries = 100'000;
constexpr qsizetype maxOfAll = 4'000'000;
// By how much clocks may differ, and what the host had written down may be behind what it had done.
constexpr qint64 marginMs = 60'000;

// When Redis took an entry, by its id.
qint64 msOf(QByteArrayView id)
{
    const qsizetype dash = id.indexOf('-');
    return id.first(dash < 0 ? id.size() : dash).toByteArray().toLongLong();
}

} // namespace

EntryLookup::EntryLookup(redis::Client *client, qsizetype limit, QObject *parent)
    : QObject(parent)
    , m_client(client)
    , m_limit(limit)
{}

void EntryLookup::start(const std::vector<Question> &questions)
{
    cancel();
    const qsizetype most =
        std::min(maxEntries, maxOfAll / std::max<qsizetype>(1, qsizetype(questions.size())));
    for (const Question &question : questions)
        m_searches.push_back({.stream = question.stream,
                              .oldest = question.oldest,
                              // An entry is not added before the event.
                              .sinceMs = question.oldestTime.isNull()
                                             ? std::numeric_limits<qint64>::max()
                                             : question.oldestTime.ns / 1'000'000 - marginMs,
                              .enough = m_limit + question.records,
                              .limit = std::max(most, m_limit) + question.records,
                              .isForward = !question.stream->confirmedId.isEmpty(),
                              .cursor = question.stream->confirmedId});
    m_due = m_searches.size();
    for (std::size_t index = 0; index < m_searches.size(); ++index)
        ask(index);
}

void EntryLookup::cancel()
{
    ++m_run;
    m_searches.clear();
    m_due = 0;
    m_error.clear();
}

void EntryLookup::ask(std::size_t index)
{
    const Search &search = m_searches[index];
    const QByteArray behind = search.cursor.isEmpty() ? QByteArray("+") : '(' + search.cursor;
    redis::Command command(search.isForward ? "XRANGE" : "XREVRANGE");
    command.key(search.stream->key).add(behind).add(search.isForward ? "+" : "-");
    command.add("COUNT").add(qint64(pageEntries));
    m_client->send(command, [this, index, run = m_run](const redis::Reply &reply) {
        if (run != m_run)
            return;
        if (!reply.isLost()) {
            take(index, reply);
        } else if (m_client->isOpen()) {
            m_searches[index].stream->isLost = true;
            endOne();
        }
    });
}

void EntryLookup::take(std::size_t index, const redis::Reply &reply)
{
    Search &search = m_searches[index];
    if (reply.isError()) {
        // A key that is no stream: what is written to it says so for each record.
        if (reply.error() != redis::ErrorKind::WrongType && m_error.isEmpty())
            m_error = reply.text().toByteArray();
        else
            search.stream->needsLookup = false;
        endOne();
        return;
    }
    for (const redis::Reply &entry : reply.elements()) {
        search.cursor = entry[0].text().toByteArray();
        if (search.isForward || search.read == 0)
            search.stream->lastId = search.cursor;
        ++search.read;
        for (const EntryForm *form : search.stream->forms) {
            const auto identity = form->identityOf(entry[1]);
            if (!identity)
                continue;
            search.found.push_back(*identity);
            // Others that are older may follow, but none that was added long before it.
            if (*identity == search.oldest)
                search.sinceMs = std::max(search.sinceMs, msOf(search.cursor) - marginMs);
        }
    }
    const bool isAll = isOver(search, reply.size());
    if (!isAll && search.read < search.limit) {
        ask(index);
        return;
    }
    if (!isAll)
        warn(search);
    end(search);
    endOne();
}

bool EntryLookup::isOver(const Search &search, qsizetype pageSize)
{
    if (pageSize < pageEntries)
        return true;
    return !search.isForward && search.read >= search.enough && msOf(search.cursor) < search.sinceMs;
}

void EntryLookup::warn(const Search &search)
{
    const QString what =
        search.isForward
            ? QStringLiteral(
                  "%1: somebody else has added more than %2 entries since the connection was lost; "
                  "what of ours lies behind them is not seen and may be written again")
            : QStringLiteral("%1: what is to be written may be there already, further back than the last %2 "
                             "entries; that is not seen, and it may be written again");
    qCWarning(lcRedisStream).noquote() << what.arg(QString::fromUtf8(search.stream->key)).arg(search.limit);
}

void EntryLookup::end(Search &search)
{
    Stream &stream = *search.stream;
    const auto add = [&stream](const Identity &identity) {
        if (stream.known.add(identity))
            ++stream.unconfirmed;
    };
    if (search.isForward) {
        for (const Identity &identity : search.found)
            add(identity);
    } else {
        for (auto identity = search.found.rbegin(); identity != search.found.rend(); ++identity)
            add(*identity);
    }
    stream.foundAhead += qsizetype(search.found.size());
    stream.needsLookup = false;
}

void EntryLookup::endOne()
{
    if (--m_due > 0)
        return;
    const QByteArray error = m_error;
    cancel();
    emit finished(error);
}

} // namespace tidemill::redis_stream
