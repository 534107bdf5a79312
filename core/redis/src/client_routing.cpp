// SPDX-License-Identifier: Apache-2.0
#include "client_private.h"

namespace tidemill::redis {

namespace {

constexpr int maxRedirects = 5;

const QByteArray &asking()
{
    static const QByteArray bytes = Command("ASKING").bytes();
    return bytes;
}

} // namespace

void Client::Private::dispatch(Request &&request)
{
    switch (m_state) {
    case State::Closed:
        answerLater(std::move(request), {});
        return;
    case State::Opening:
        m_queued.push_back(std::move(request));
        return;
    case State::Open:
        if (m_isCluster)
            sendInCluster(std::move(request));
        else
            m_single->add(std::move(request));
    }
}

void Client::Private::answerLater(Request &&request, const QByteArray &error)
{
    QMetaObject::invokeMethod(
        q,
        [callback = std::move(request.callback), error] {
            if (callback)
                callback(error.isNull() ? Reply::lost("not connected")
                                        : Reply::ofText(Reply::Kind::Error, error));
        },
        Qt::QueuedConnection);
}

void Client::Private::sendInCluster(Request &&request)
{
    const int slot = request.slot;
    if (slot == anySlot) {
        if (Connection *connection = anyOpen())
            connection->add(std::move(request));
        else
            sendTo(m_map.nodes().front(), std::move(request));
        return;
    }
    if (const auto held = m_redirected.find(slot); held != m_redirected.end()) {
        held->second.push_back(std::move(request));
        return;
    }
    const int node = request.isForTaker ? takerOf(slot) : m_map.nodeOf(slot);
    if (node < 0) {
        answerLater(std::move(request), "CLUSTERDOWN Hash slot not served");
        return;
    }
    sendTo(m_map.nodes()[std::size_t(node)], std::move(request));
}

void Client::Private::sendTo(const ClusterMap::Node &node, Request &&request)
{
    const std::pair key(node.host, node.port);
    auto known = m_byNode.find(key);
    if (known == m_byNode.end()) {
        known = m_byNode.emplace(key, make(urlOf(node))).first;
        known->second->open();
    }
    if (request.slot != anySlot)
        ++m_slotInFlight[std::size_t(request.slot)];
    known->second->add(std::move(request));
}

void Client::Private::answered(Connection *connection, Request &&request, const Reply &reply)
{
    const int slot = m_isCluster && m_state == State::Open ? request.slot : anySlot;
    if (slot == anySlot) {
        if (request.callback)
            request.callback(reply);
        return;
    }
    --m_slotInFlight[std::size_t(slot)];
    QPointer<Client> client(q);
    if (redirect(*connection, request, reply)) {
        m_redirected[slot].push_back(std::move(request));
    } else {
        noteTaker(*connection, request);
        if (request.callback)
            request.callback(reply);
    }
    if (client && m_state == State::Open)
        resend(slot);
}

int Client::Private::takerOf(int slot) const
{
    const qint16 taker = m_takers.empty() ? qint16(-1) : m_takers[std::size_t(slot)];
    return taker >= 0 ? taker : m_map.nodeOf(slot);
}

void Client::Private::noteTaker(const Connection &connection, const Request &request)
{
    if (!request.isForNode)
        m_takers[std::size_t(request.slot)] =
            qint16(m_map.indexOf({connection.url().host, connection.url().port}));
}

// True if the request goes elsewhere instead of being answered.
bool Client::Private::redirect(const Connection &connection, Request &request, const Reply &reply)
{
    const ErrorKind kind = reply.error();
    // ASKING in front of MULTI holds for the whole transaction.
    if (kind != ErrorKind::Moved && kind != ErrorKind::Ask)
        return false;
    const auto target = Redirection::parse(reply.text());
    if (!target || ++request.redirects > maxRedirects)
        return false;
    const ClusterMap::Node node{target->host.isEmpty() ? connection.url().host : target->host, target->port};
    if (std::exchange(request.askAt, std::nullopt)) {
        request.bytes.remove(0, asking().size());
    }
    if (kind == ErrorKind::Moved)
        m_map.move(request.slot, node);
    else
        request.askAt = node;
    request.answersDue = request.isTransaction ? request.transactionAnswers : 1;
    request.firstError = {};
    return true;
}

// Only when nothing of this slot is on its way any more: then nothing can overtake.
void Client::Private::resend(int slot)
{
    if (m_slotInFlight[std::size_t(slot)] > 0)
        return;
    const auto held = m_redirected.find(slot);
    if (held == m_redirected.end())
        return;
    Requests requests = std::move(held->second);
    m_redirected.erase(held);
    for (Request &request : requests) {
        if (!request.askAt) {
            sendInCluster(std::move(request));
            continue;
        }
        request.bytes.prepend(asking());
        request.answersToSkip = 1;
        const ClusterMap::Node node = *request.askAt;
        sendTo(node, std::move(request));
    }
}

} // namespace tidemill::redis
