// SPDX-License-Identifier: Apache-2.0
#include "lane.h"

#include "gzip.h"
#include "poster.h"

#include <QSet>

#include <iterator>
#include <utility>

namespace tidemill::pulsestream {

static constexpr qsizetype maxBodyBytes = 4LL * 1024 * 1024;

Lane::Lane(Poster &poster, QObject *parent) : QObject(parent), m_poster(poster)
{
    connect(&m_connection, &net::HttpConnection::finished, this, &Lane::take);
}

Result<> Lane::configure()
{
    return m_connection.configure(m_poster.settings().url, m_poster.settings().http);
}

void Lane::clear()
{
    m_queue.clear();
    m_suspects.clear();
    m_pieces.clear();
    m_sent.clear();
    m_failuresAlone = 0;
}

void Lane::close()
{
    clear();
    m_connection.close();
}

void Lane::ask(Errand errand)
{
    m_errand = errand;
    m_connection.send("GET", m_poster.settings().limitTarget, m_poster.settings().headers);
}

void Lane::proceed()
{
    if (isBusy() || !m_poster.mayPost())
        return;
    Items items = takeNext();
    if (!items.empty())
        send(std::move(items));
}

Lane::Items Lane::takeNext()
{
    Items items;
    if (!m_pieces.empty()) {
        items = std::move(m_pieces.back());
        m_pieces.pop_back();
        return items;
    }
    // Behind everything else, but in the end in a stream without end, too.
    constexpr int longestWait = 16;
    const bool isTurn = !m_suspects.empty() && ++m_requestsUnsuspected > longestWait;
    QSet<QByteArray> ids;
    while (!isTurn && !m_queue.empty() && int(items.size()) < m_poster.settings().eventsPerRequest) {
        const Account::Item item = m_queue.front();
        const QByteArray id = m_poster.form().id(item.batch(), item.row);
        if (m_poster.isSuspect(id)) {
            m_suspects.push_back(item);
        } else {
            if (ids.contains(id))
                break; // the service must have stored the first one before it sees the second
            ids.insert(id);
            items.push_back(item);
        }
        m_queue.pop_front();
    }
    if (items.empty() && !m_suspects.empty()) {
        items.push_back(m_suspects.front());
        m_suspects.pop_front();
        m_requestsUnsuspected = 0;
    }
    return items;
}

void Lane::send(Items items)
{
    const PosterSettings &settings = m_poster.settings();
    EventForm &form = m_poster.form();
    const bool isOne = items.size() == 1;
    m_body.truncate(0); // keeps its memory
    m_body.append(isOne ? "" : R"({"events":[)");
    std::size_t count = 0;
    for (; count < items.size(); ++count) {
        if (m_body.size() > maxBodyBytes)
            break;
        const Account::Item &item = items[count];
        form.append(m_body, item.batch(), item.row, form.id(item.batch(), item.row));
        if (!isOne)
            m_body.append(',');
    }
    if (!isOne) {
        m_body.back() = ']';
        m_body.append('}');
    }
    if (count < items.size()) {
        m_pieces.emplace_back(items.begin() + std::ptrdiff_t(count), items.end());
        items.resize(count);
    }
    m_sent = std::move(items);
    m_isBatch = !isOne;
    m_errand = Errand::Post;
    m_packing = m_poster.packing();
    net::HeaderList headers = settings.headers;
    headers.emplaceBack("Content-Type", "application/json");
    QByteArray packed;
    if (m_packing != Packing::Plain) {
        packed = gzipped(m_body);
        headers.emplaceBack("Content-Encoding", "gzip");
    }
    m_since.start();
    m_connection.send("POST", m_isBatch ? settings.batchTarget : settings.target, headers,
                      m_packing == Packing::Plain ? m_body : packed);
}

void Lane::take(const net::HttpReply &reply)
{
    switch (m_errand) {
    case Errand::Post:
        m_poster.noteRequest(reply, std::chrono::nanoseconds(m_since.nsecsElapsed()));
        if (reply.error && m_connection.mayHaveArrived())
            m_poster.doubt();
        takeAnswer(readAnswer(reply, m_isBatch, m_sent.size(), m_packing));
        break;
    case Errand::Limit:
        m_poster.waitForWindow(timeToNextWindow(reply, QDateTime::currentDateTimeUtc()));
        break;
    case Errand::Probe:
        m_poster.takeProbe(reply);
        break;
    }
    m_sent.clear();
    proceed();
    m_poster.concludeIfIdle();
}

void Lane::takeAnswer(const Answer &answer)
{
    switch (answer.kind) {
    case Answer::Kind::Fates:
        takeFates(answer);
        break;
    case Answer::Kind::Broken:
        takeBroken(answer.message);
        break;
    case Answer::Kind::TooMuch:
        split();
        break;
    case Answer::Kind::Unpacked:
        m_poster.stopPacking(answer.message);
        m_pieces.push_back(m_sent);
        break;
    case Answer::Kind::Later:
        putBack();
        if (answer.wait)
            m_poster.stop(Error{Error::Kind::Network, answer.message}, answer.wait);
        else
            m_poster.stopForLimit(*this, answer.message);
        break;
    case Answer::Kind::Unavailable:
        putBack();
        m_poster.stop(Error{Error::Kind::Network, answer.message});
        break;
    }
}

void Lane::takeFates(const Answer &answer)
{
    Items again;
    QString limited;
    QString unavailable;
    for (std::size_t i = 0; i < m_sent.size(); ++i) {
        const Account::Item &item = m_sent[i];
        const Fate &fate = answer.fates[i];
        switch (fate.kind) {
        case Fate::Kind::Stored:
        case Fate::Kind::Known:
            m_failuresAlone = 0;
            m_poster.store(item, fate.kind == Fate::Kind::Known);
            break;
        case Fate::Kind::Limited:
            limited = fate.message;
            again.push_back(item);
            break;
        case Fate::Kind::Unavailable:
            unavailable = fate.message;
            again.push_back(item);
            break;
        case Fate::Kind::Raced:
            m_poster.takeRaced(item, fate.message);
            break;
        case Fate::Kind::Refused:
            m_poster.refuse(item, fate.message);
            break;
        }
    }
    if (m_packing == Packing::Untried)
        m_poster.provePacking();
    m_queue.insert(m_queue.begin(), again.begin(), again.end());
    if (!limited.isEmpty())
        m_poster.stopForLimit(*this, limited);
    else if (!unavailable.isEmpty())
        m_poster.stop(Error{Error::Kind::Network, unavailable});
}

// One event can be the reason why none of its request was stored, and a service that is ill says the same.
// Halves of halves find that event. It is to blame if it keeps failing alone while others are being stored;
// up to then it comes again, when the host offers it.
void Lane::takeBroken(const QString &message)
{
    if (m_sent.size() > 1) {
        split();
        return;
    }
    const Account::Item item = m_sent.front();
    const Poster::Guilt guilt = m_poster.accuse(m_poster.form().id(item.batch(), item.row));
    if (guilt == Poster::Guilt::Proven)
        m_poster.refuse(item, message + QStringLiteral(", while other events are being stored"));
    else if (guilt == Poster::Guilt::Unknown && ++m_failuresAlone > 1)
        m_poster.stop(Error{Error::Kind::Network, message});
    else
        m_poster.postpone(item, message);
}

void Lane::split()
{
    const auto middle = m_sent.begin() + std::ptrdiff_t(m_sent.size() / 2);
    m_pieces.emplace_back(middle, m_sent.end());
    m_pieces.emplace_back(m_sent.begin(), middle);
}

void Lane::putBack()
{
    m_queue.insert(m_queue.begin(), m_sent.begin(), m_sent.end());
}

} // namespace tidemill::pulsestream
