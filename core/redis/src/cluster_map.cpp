// SPDX-License-Identifier: Apache-2.0
#include "cluster_map.h"

#include <algorithm>

namespace tidemill::redis {

namespace {

constexpr std::size_t maxNodes = 2000; // twice what a cluster can have masters

Error strange()
{
    return {Error::Kind::Protocol,
            QStringLiteral("Redis: expected ranges of slots and their nodes in the answer to CLUSTER SLOTS")};
}

} // namespace

// [[first, last, [host, port, id], [replica's host, port, id] ...] ...]
Result<ClusterMap> ClusterMap::parse(const Reply &answer, const Node &asked)
{
    if (!answer.isArray())
        return strange();
    ClusterMap map;
    map.m_bySlot.assign(slotCount, -1);
    std::vector<Node> replicas;
    for (const Reply &range : answer.elements()) {
        const qint64 first = range[0].integer();
        const qint64 last = range[1].integer();
        if (range.size() < 3 || first < 0 || last < first || last >= slotCount)
            return strange();
        for (qsizetype at = 2; at < range.size(); ++at) {
            const qint64 port = range[at][1].integer();
            if (port <= 0 || port > 65535)
                return strange();
            const QString host = QString::fromUtf8(range[at][0].text());
            const Node node{host.isEmpty() || host == QLatin1String("?") ? asked.host : host, quint16(port)};
            if (at > 2) {
                replicas.push_back(node);
                continue;
            }
            const int index = map.indexOf(node);
            if (index < 0)
                return strange();
            std::fill(map.m_bySlot.begin() + first, map.m_bySlot.begin() + last + 1, qint16(index));
        }
    }
    for (const Node &node : replicas)
        map.indexOf(node);
    return map;
}

int ClusterMap::indexOf(const Node &node)
{
    const auto found = std::find(m_nodes.begin(), m_nodes.end(), node);
    if (found != m_nodes.end())
        return int(found - m_nodes.begin());
    if (m_nodes.size() >= maxNodes)
        return -1;
    m_nodes.push_back(node);
    return int(m_nodes.size()) - 1;
}

int ClusterMap::nodeOf(int slot) const
{
    return slot >= 0 && std::size_t(slot) < m_bySlot.size() ? m_bySlot[std::size_t(slot)] : -1;
}

void ClusterMap::move(int slot, const Node &node)
{
    if (m_bySlot.empty())
        m_bySlot.assign(slotCount, -1);
    const int index = indexOf(node);
    if (index >= 0 && slot >= 0 && slot < slotCount)
        m_bySlot[std::size_t(slot)] = qint16(index);
}

QList<int> ClusterMap::slotOfEachNode() const
{
    QList<int> found;
    std::vector<bool> seen(m_nodes.size(), false);
    for (int slot = 0; slot < int(m_bySlot.size()); ++slot) {
        const int node = m_bySlot[std::size_t(slot)];
        if (node >= 0 && !seen[std::size_t(node)]) {
            seen[std::size_t(node)] = true;
            found.append(slot);
        }
    }
    return found;
}

} // namespace tidemill::redis
