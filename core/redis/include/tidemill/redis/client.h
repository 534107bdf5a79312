// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tidemill/redis/command.h>
#include <tidemill/redis/errors.h>
#include <tidemill/redis/reply.h>
#include <tidemill/redis/url.h>

#include <QObject>

#include <chrono>
#include <functional>
#include <memory>

namespace tidemill::redis {

struct Settings
{
    enum class Cluster { Auto, On, Off }; // Auto: asks the server

    Url url;
    QString caFile; // PEM file of the only CAs to trust, for rediss; empty: the system's
    Cluster cluster = Cluster::Auto;
    QByteArray name = "tidemill";                   // CLIENT SETNAME; letters, digits, - _ .
    std::chrono::milliseconds connectTimeout{5000}; // to an open, authenticated connection
    std::chrono::milliseconds replyTimeout{10'000}; // of silence while an answer is due
    qsizetype maxInFlight = 1024;                   // commands (or transactions) of a connection
    qint64 maxInFlightBytes = 8LL * 1024 * 1024;    // beyond either, they wait here
    qint64 maxReplyBytes = 64LL * 1024 * 1024;      // of one answer; a longer one ends the connection
    // What a lost connection was sent and had not answered may still lie in a buffer on the way, and a server
    // that stood still would carry it out when nobody expects it any more. With this, the next connection to
    // that server ends the old one (CLIENT KILL) before it is of any use: then what it has not done by then
    // it never does. Its user needs the rights for CLIENT INFO and CLIENT KILL.
    bool endsLostConnections = false;
    // When the connection to one node of a cluster breaks, only what it was sent fails, and the others go on;
    // see nodeLost(). Without this, it takes the others with it.
    bool outlivesNodes = false;
};

// A Redis, or a Redis Cluster: commands go out in the order they are given, pipelined, without waiting for
// answers; answers come to the callbacks in that order (in a cluster: in that order for each slot, also when
// the slot moves meanwhile).
//
// It never reconnects by itself, as only the owner knows what is to be done about commands whose fate is
// unknown: after failed(), call open() again when it is time. AUTH, SELECT and CLIENT SETNAME go out first on
// every connection. One thread; everything is called from the event loop.
class Client : public QObject
{
    Q_OBJECT

public:
    using Callback = std::function<void(const Reply &)>;

    explicit Client(const Settings &settings, QObject *parent = nullptr);
    ~Client() override;

    // Ends in connected() or failed(), never within the call. Nothing if it is open or opening.
    void open();
    // At once and silently: callbacks still due are dropped. Also from within a callback or a signal of ours.
    void close();

    bool isOpen() const;
    bool isCluster() const; // known once connected
    QString place() const;  // for messages; no password in it

    // The callback is called exactly once: with the answer, which may be an error, or with a reply that
    // isLost() when the connection ended before it came; then failed() follows, or nodeLost() went before.
    // May be called while opening; when closed, the callback gets a lost reply from the event loop. May be
    // called from within a callback.
    void send(const Command &command, Callback callback);
    // The answer is the array of EXEC: one reply for each command. Or an error: then nothing was carried out,
    // and it is the first error that came (OOM), not the EXECABORT that follows from it.
    void send(Transaction &&transaction, Callback callback);

    // Which node has taken the last command for a key of the slot, or has the slot: equal for slots of the
    // same node. 0 without a cluster.
    int takerOf(int slot) const;
    // One slot of each master, to send a command to each (SCAN); {anySlot} without a cluster.
    QList<int> slotOfEachNode() const;

    // Given and not answered yet.
    qsizetype unanswered() const;

Q_SIGNALS:
    void connected();
    // It is closed now. Callbacks due have been called before.
    void failed(const tidemill::redis::Failure &failure);
    // Only with Settings::outlivesNodes: the connection to that node (see takerOf()) is gone, and the
    // callbacks of what it was sent come next. It is open still: who has the lost node's slots is asked of
    // another one, and the next command for it makes a new connection.
    void nodeLost(int node, const tidemill::redis::Failure &failure);

private:
    class Private;
    std::unique_ptr<Private> d;
};

} // namespace tidemill::redis
