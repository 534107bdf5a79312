// SPDX-License-Identifier: Apache-2.0
// What becomes of a cluster's client when it loses one of its connections.
#include "client_private.h"

#include <algorithm>

namespace tidemill::redis {

Connection *Client::Private::anyOpen() const
{
    const auto found = std::find_if(m_byNode.begin(), m_byNode.end(),
                                    [](const auto &known) { return known.second->isOpen(); });
    return found == m_byNode.end() ? nullptr : found->second;
}

// False if there is more to it than that.
bool Client::Private::loseNode(Connection *connection, const Failure &failure)
{
    const auto known = std::find_if(m_byNode.begin(), m_byNode.end(),
                                    [connection](const auto &node) { return node.second == connection; });
    if (!m_settings.outlivesNodes || m_state != State::Open || known == m_byNode.end())
        return false;
    // One that lets us in no further is a matter of settings, and these are the same for all. With nobody
    // left to ask, it is open() that knows whom to try.
    if (adviceFor(failure.kind) == Advice::Configure || !anyOpen())
        return false;
    const int node = m_map.indexOf({known->first.first, known->first.second});
    m_byNode.erase(known);
    Requests lost;
    for (Request &request : takeFrom(connection)) {
        const int slot = request.slot;
        lost.push_back(std::move(request));
        if (slot == anySlot)
            continue;
        --m_slotInFlight[std::size_t(slot)];
        // Those behind it were given on the assumption that it is carried out first.
        if (const auto held = m_redirected.find(slot); held != m_redirected.end()) {
            for (Request &behind : held->second)
                lost.push_back(std::move(behind));
            m_redirected.erase(held);
        }
    }
    askForMap();
    QPointer<Client> client(q);
    emit q->nodeLost(node, failure);
    if (client && m_state == State::Open)
        (void)answerLost(lost, failure);
    return true;
}

void Client::Private::askForMap()
{
    Connection *connection = anyOpen();
    if (!connection)
        return;
    Request request;
    request.bytes = Command("CLUSTER").add("SLOTS").bytes();
    const ClusterMap::Node asked{connection->url().host, connection->url().port};
    request.callback = [this, asked](const Reply &reply) {
        if (reply.isLost() || reply.isError() || m_state != State::Open)
            return; // the next loss asks again, and a wrong node says MOVED
        if (const auto map = ClusterMap::parse(reply, asked); map && !map->isEmpty())
            updateMap(*map);
    };
    connection->add(std::move(request));
}

// But for slots of which something is on its way: what comes behind it must not overtake it. Their old node
// will say MOVED.
void Client::Private::updateMap(const ClusterMap &newer)
{
    for (int slot = 0; slot < slotCount; ++slot) {
        const int node = newer.nodeOf(slot);
        if (node >= 0 && m_slotInFlight[std::size_t(slot)] == 0 && !m_redirected.contains(slot))
            m_map.move(slot, newer.nodes()[std::size_t(node)]);
    }
}

} // namespace tidemill::redis
