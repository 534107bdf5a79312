// SPDX-License-Identifier: Apache-2.0
#include "client_private.h"

#include <QLoggingCategory>

#include <algorithm>
#include <iterator>

Q_LOGGING_CATEGORY(lcRedis, "tidemill.redis")

namespace tidemill::redis {

Url Client::Private::urlOf(const ClusterMap::Node &node) const
{
    Url url = m_settings.url;
    url.host = node.host;
    url.port = node.port;
    return url;
}

void Client::Private::open()
{
    m_state = State::Opening;
    m_candidates.clear();
    // From the last to the first: they are taken from the end.
    if (m_isCluster) {
        const auto &nodes = m_map.nodes();
        for (auto node = nodes.rbegin(); node != nodes.rend(); ++node)
            m_candidates.push_back(urlOf(*node));
    }
    m_candidates.push_back(m_settings.url);
    if (m_lastAnswered)
        m_candidates.push_back(*m_lastAnswered);
    openNext();
}

void Client::Private::openNext()
{
    const Url url = m_candidates.back();
    m_candidates.pop_back();
    // The same place under several names in the list need not be tried twice in a row.
    std::erase_if(m_candidates, [&url](const Url &other) { return other.place() == url.place(); });
    m_single = make(url);
    QObject::connect(m_single, &Connection::opened, q, [this, connection = m_single] { ask(connection); });
    m_single->open();
}

Connection *Client::Private::make(const Url &url)
{
    // The connection is not known yet where its answers are taken.
    auto self = std::make_shared<Connection *>(nullptr);
    auto *const connection = new Connection(
        m_settings, url,
        [this, self](Request &&request, const Reply &reply) { answered(*self, std::move(request), reply); },
        q);
    *self = connection;
    std::vector<ServerSide> lost;
    std::copy_if(m_lost.begin(), m_lost.end(), std::back_inserter(lost),
                 [&url](const ServerSide &side) { return side.place == url.place(); });
    connection->endFirst(std::move(lost));
    QObject::connect(connection, &Connection::opened, q, [this, connection] { noteOpened(*connection); });
    QObject::connect(connection, &Connection::failed, q,
                     [this, connection](const Failure &failure) { connectionFailed(connection, failure); });
    return connection;
}

void Client::Private::noteOpened(const Connection &connection)
{
    std::erase_if(m_lost, [&](const ServerSide &side) { return side.place == connection.url().place(); });
    if (connection.endingError().isEmpty() || std::exchange(m_hasWarned, true))
        return;
    qCWarning(lcRedis).noquote()
        << describe(connection.endingError(), connection.url().place()).message +
               QStringLiteral(
                   "; without CLIENT INFO and CLIENT KILL, a command that it had been sent before a "
                   "connection was lost may be carried out a second time");
}

// Is it a cluster, and who is in it?
void Client::Private::ask(Connection *connection)
{
    if (m_settings.cluster == Settings::Cluster::Off || !m_settings.url.socketPath.isEmpty()) {
        m_isCluster = false;
        finishOpening();
        return;
    }
    // SLOTS and not SHARDS: it says the same for our purpose, and older servers know it too.
    Request request;
    request.bytes = Command("CLUSTER").add("SLOTS").bytes();
    request.callback = [this, connection](const Reply &reply) {
        if (!reply.isLost())
            learn(connection, reply);
    };
    connection->add(std::move(request));
}

void Client::Private::learn(Connection *connection, const Reply &reply)
{
    const QString place = connection->url().place();
    if (reply.isError()) {
        const ErrorKind kind = reply.error();
        // "This instance has cluster support disabled", a server too old to know of clusters, or one that
        // does not tell us.
        const bool isNone = kind == ErrorKind::Err || kind == ErrorKind::NoPerm;
        if (isNone && m_settings.cluster == Settings::Cluster::Auto) {
            m_isCluster = false;
            finishOpening();
        } else {
            fail({describe(reply.text(), place), isNone ? ErrorKind::None : kind});
        }
        return;
    }
    auto map = ClusterMap::parse(reply, {connection->url().host, connection->url().port});
    if (!map) {
        fail({map.error(), ErrorKind::None});
        return;
    }
    if (map->isEmpty()) {
        fail({{Error::Kind::Network,
               QStringLiteral("Redis at %1: it is a cluster in which nobody has any slots yet").arg(place)},
              ErrorKind::ClusterDown});
        return;
    }
    m_map = *std::move(map);
    m_isCluster = true;
    m_lastAnswered = connection->url();
    m_slotInFlight.assign(slotCount, 0);
    m_takers.assign(slotCount, -1);
    // It stays if it is one of the nodes under the very name that the others call it.
    m_single = nullptr;
    const std::pair key(connection->url().host, connection->url().port);
    const auto &nodes = m_map.nodes();
    const bool isNode =
        std::find(nodes.begin(), nodes.end(), ClusterMap::Node{key.first, key.second}) != nodes.end();
    if (isNode) {
        m_byNode.emplace(key, connection);
    } else {
        connection->disconnect();
        connection->close();
        connection->deleteLater();
    }
    finishOpening();
}

void Client::Private::finishOpening()
{
    m_state = State::Open;
    m_candidates.clear();
    Requests queued = std::exchange(m_queued, {});
    for (Request &request : queued)
        dispatch(std::move(request));
    emit q->connected();
}

} // namespace tidemill::redis
