// SPDX-License-Identifier: Apache-2.0
#include "client_private.h"

#include <utility>

namespace tidemill::redis {

namespace {

constexpr std::size_t maxLost = 100;

} // namespace

Client::Client(const Settings &settings, QObject *parent)
    : QObject(parent)
    , d(std::make_unique<Private>(this, settings))
{}

Client::~Client()
{
    d->close();
}

void Client::open()
{
    if (d->state() == Private::State::Closed)
        d->open();
}

void Client::close()
{
    d->close();
}

bool Client::isOpen() const
{
    return d->state() == Private::State::Open;
}

bool Client::isCluster() const
{
    return d->isCluster();
}

QString Client::place() const
{
    return d->settings().url.place();
}

void Client::send(const Command &command, Callback callback)
{
    Request request;
    request.bytes = command.bytes();
    request.slot = command.slot();
    request.isForNode = command.isForNode();
    request.isForTaker = command.isForTaker();
    request.blockTime = command.blockTime();
    request.callback = std::move(callback);
    d->dispatch(std::move(request));
}

void Client::send(Transaction &&transaction, Callback callback)
{
    Request request;
    request.slot = transaction.slot();
    request.answersDue = transaction.count() + 2; // of MULTI and EXEC too
    request.transactionAnswers = request.answersDue;
    request.isTransaction = true;
    request.bytes = std::move(transaction).take();
    request.callback = std::move(callback);
    d->dispatch(std::move(request));
}

int Client::takerOf(int slot) const
{
    return d->isCluster() ? d->takerOf(slot) : 0;
}

QList<int> Client::slotOfEachNode() const
{
    return d->isCluster() ? d->map().slotOfEachNode() : QList<int>{anySlot};
}

qsizetype Client::unanswered() const
{
    return d->unanswered();
}

void Client::Private::close()
{
    m_state = State::Closed;
    takeAll();
}

// Takes down all connections; what they had not answered.
Requests Client::Private::takeAll()
{
    Requests all;
    const auto take = [&all](Requests requests) {
        for (Request &request : requests)
            all.push_back(std::move(request));
    };
    for (const auto &[node, connection] : std::exchange(m_byNode, {}))
        take(takeFrom(connection));
    if (m_single)
        take(takeFrom(std::exchange(m_single, nullptr)));
    for (auto &[slot, requests] : std::exchange(m_redirected, {}))
        take(std::move(requests));
    take(std::exchange(m_queued, {}));
    m_slotInFlight.clear();
    m_takers.clear();
    return all;
}

// Takes it down; what it had not answered.
Requests Client::Private::takeFrom(Connection *connection)
{
    connection->disconnect();
    connection->close();
    if (connection->hasSent() && !connection->serverSide().id.isEmpty())
        m_lost.push_back(connection->serverSide());
    // Of servers that did not come back.
    if (m_lost.size() > maxLost)
        m_lost.erase(m_lost.begin());
    // Not with us: we may be deleted from within one of its answers.
    connection->setParent(nullptr);
    connection->deleteLater();
    return connection->takeUnanswered();
}

qsizetype Client::Private::unanswered() const
{
    qsizetype count = qsizetype(m_queued.size());
    for (const auto &[node, connection] : m_byNode)
        count += connection->unanswered();
    for (const auto &[slot, requests] : m_redirected)
        count += qsizetype(requests.size());
    return m_single ? count + m_single->unanswered() : count;
}

void Client::Private::connectionFailed(Connection *connection, const Failure &failure)
{
    if (loseNode(connection, failure))
        return;
    // A server that lets us in no further will not be followed by one that does.
    const bool isLast = m_state != State::Opening || failure.kind != ErrorKind::None || m_candidates.empty();
    if (isLast) {
        fail(failure);
        return;
    }
    connection->disconnect();
    connection->deleteLater();
    m_single = nullptr;
    openNext();
}

// One connection of a cluster takes the others with it, unless the owner can deal with less: it then has one
// kind of uncertainty, and the next open() learns who has which slot now.
void Client::Private::fail(const Failure &failure)
{
    m_state = State::Closed;
    if (answerLost(takeAll(), failure))
        emit q->failed(failure);
}

// False if we were deleted meanwhile.
bool Client::Private::answerLost(const Requests &lost, const Failure &failure)
{
    const QByteArray why = failure.error.message.toUtf8();
    QPointer<Client> client(q);
    for (const Request &request : lost) {
        if (request.callback)
            request.callback(Reply::lost(why, request.isTooLong));
        if (!client)
            return false;
    }
    return true;
}

} // namespace tidemill::redis
