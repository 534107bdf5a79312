// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cluster_map.h"
#include "connection.h"

#include <QPointer>

#include <map>
#include <unordered_map>

namespace tidemill::redis {

// Which connection a command goes to, and what follows when that one says it is the wrong one.
class Client::Private
{
public:
    Private(Client *client, Settings settings) : q(client), m_settings(std::move(settings)) {}

    enum class State { Closed, Opening, Open };

    void open();
    void close();
    void dispatch(Request &&request);

    State state() const { return m_state; }
    const Settings &settings() const { return m_settings; }
    const ClusterMap &map() const { return m_map; }
    bool isCluster() const { return m_isCluster; }
    qsizetype unanswered() const;
    int takerOf(int slot) const;

private:
    Url urlOf(const ClusterMap::Node &node) const;
    void openNext();
    void ask(Connection *connection);
    void learn(Connection *connection, const Reply &reply);
    void finishOpening();
    Connection *make(const Url &url);
    void noteOpened(const Connection &connection);
    Connection *connectionOf(int node);

    void sendInCluster(Request &&request);
    void sendTo(const ClusterMap::Node &node, Request &&request);
    void answered(Connection *connection, Request &&request, const Reply &reply);
    void noteTaker(const Connection &connection, const Request &request);
    bool redirect(const Connection &connection, Request &request, const Reply &reply);
    void resend(int slot);
    void answerLater(Request &&request, const QByteArray &error);

    void connectionFailed(Connection *connection, const Failure &failure);
    bool loseNode(Connection *connection, const Failure &failure);
    Requests takeFrom(Connection *connection);
    Connection *anyOpen() const;
    void askForMap();
    void updateMap(const ClusterMap &newer);
    bool answerLost(const Requests &lost, const Failure &failure);
    void fail(const Failure &failure);
    Requests takeAll();

    Client *q;
    Settings m_settings;
    State m_state = State::Closed;
    bool m_isCluster = false;
    ClusterMap m_map;
    std::vector<Url> m_candidates;     // still to be tried while opening
    std::optional<Url> m_lastAnswered; // the first to be tried
    Connection *m_single = nullptr;    // without a cluster, and while opening
    std::map<std::pair<QString, quint16>, Connection *> m_byNode;
    Requests m_queued;              // while opening
    std::vector<ServerSide> m_lost; // connections that had unanswered commands, until they are ended
    bool m_hasWarned = false;
    // Of each slot: how many requests are on their way, and those that were sent to the wrong node. The
    // latter go out again, in order, once the former have all come back; what is new queues up behind them.
    std::vector<quint32> m_slotInFlight;
    std::unordered_map<int, Requests> m_redirected;
    // The node, by its index in the map, that took the last command for a key of a slot; -1: none yet. It may
    // be another than the one that has the slot, if that has sent us there (ASK) or has lost the slot since.
    std::vector<qint16> m_takers;
};

} // namespace tidemill::redis
