// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tidemill/redis/client.h>

#include <vector>

namespace tidemill::redis {

// Which node of a cluster has which slot, as far as we were told.
class ClusterMap
{
public:
    struct Node
    {
        QString host;
        quint16 port = 0;
        friend bool operator==(const Node &, const Node &) = default;
    };

    // From the answer of CLUSTER SLOTS; `asked` stands where the answer names no host.
    static Result<ClusterMap> parse(const Reply &answer, const Node &asked);

    bool isEmpty() const { return m_nodes.empty(); }
    // Masters, then others that were named: whom to ask when the one asked last is gone.
    const std::vector<Node> &nodes() const { return m_nodes; }
    // Index in nodes(); -1 for a slot that nobody has.
    int nodeOf(int slot) const;
    // A node has a slot from now on.
    void move(int slot, const Node &node);
    // One slot of each node that has any.
    QList<int> slotOfEachNode() const;

    // Of one that may be new; -1 if there are too many.
    int indexOf(const Node &node);

private:
    std::vector<Node> m_nodes;
    std::vector<qint16> m_bySlot; // empty or slotCount
};

} // namespace tidemill::redis
