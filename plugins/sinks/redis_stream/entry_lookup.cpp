// SPDX-License-Identifier: Apache-2.0
#include "entry_lookup.h"

#include <QLoggingCategory>

Q_DECLARE_LOGGING_CATEGORY(lcRedisStream)

namespace tidemill::redis_stream {

namespace {

constexpr qsizetype pageEntries = 250;

} // namespace

EntryLookup::EntryLookup(redis::Client *client, qsizetype limit, QObject *parent)
    : QObject(parent)
    , m_client(client)
    , m_limit(limit)
{}

void EntryLookup::start(const std::vector<Question> &questions)
{
    cancel();
    for (const Question &question : questions)
        m_searches.push_back({.stream = question.stream,
                              .oldest = question.oldest,
                              .limit = m_limit + question.records,
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
        if (run == m_run && !reply.isLost())
            take(index, reply);
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
            if (const auto identity = form->identityOf(entry[1])) {
                search.found.push_back(*identity);
                search.foundOldest = search.foundOldest || *identity == search.oldest;
            }
        }
    }
    const bool isAll = reply.size() < pageEntries || (!search.isForward && search.foundOldest);
    if (!isAll && search.read < search.limit) {
        ask(index);
        return;
    }
    if (!isAll && search.isForward)
        qCWarning(lcRedisStream).noquote()
            << QStringLiteral(
                   "%1: somebody else has added more than %2 entries since the connection was lost; "
                   "what of ours lies behind them is not seen and may be written again")
                   .arg(QString::fromUtf8(search.stream->key))
                   .arg(search.limit);
    end(search);
    endOne();
}

void EntryLookup::end(Search &search)
{
    Stream &stream = *search.stream;
    const auto add = [&stream](quint64 identity) {
        if (stream.known.add(identity))
            ++stream.unconfirmed;
    };
    if (search.isForward) {
        for (const quint64 identity : search.found)
            add(identity);
    } else {
        for (auto identity = search.found.rbegin(); identity != search.found.rend(); ++identity)
            add(*identity);
    }
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
