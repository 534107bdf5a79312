// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <QSet>
#include <QStringList>
#include <QUrl>
#include <QWebSocket>
#include <QWebSocketServer>

#include <memory>
#include <vector>

// An exchange in plain words: "sub a b" is answered with "ack a" and "ack b" (or "no b"), "unsub a" with
// nothing; "data a" is data of a. What it does wrong, its test says.
class TextExchange
{
public:
    struct Peer
    {
        QWebSocket *socket;
        QSet<QString> streams;
        QStringList received; // every message, in order
        bool isGone = false;
    };

    explicit TextExchange() : m_server("exchange", QWebSocketServer::NonSecureMode)
    {
        m_server.listen(QHostAddress::LocalHost);
        QObject::connect(&m_server, &QWebSocketServer::newConnection, &m_server, [this] {
            while (QWebSocket *socket = m_server.nextPendingConnection())
                accept(socket);
        });
    }

    QUrl url() const { return m_server.serverUrl(); }
    void stopListening() { m_server.close(); }
    void listenAgain(quint16 port) { m_server.listen(QHostAddress::LocalHost, port); }

    // All that ever came, in order.
    size_t count() const { return m_peers.size(); }
    Peer &peer(size_t index) { return *m_peers[index]; }
    size_t present() const
    {
        size_t there = 0;
        for (const auto &peer : m_peers)
            there += !peer->isGone;
        return there;
    }
    // Who is there and has subscribed to it.
    QList<Peer *> subscribers(const QString &stream) const
    {
        QList<Peer *> found;
        for (const auto &peer : m_peers) {
            if (!peer->isGone && peer->streams.contains(stream))
                found.append(peer.get());
        }
        return found;
    }
    void publish(const QString &stream)
    {
        for (Peer *peer : subscribers(stream))
            peer->socket->sendTextMessage("data " + stream);
    }
    void send(size_t peer, const QString &text) { m_peers[peer]->socket->sendTextMessage(text); }

    bool acknowledges = true;
    QSet<QString> mute;    // not acknowledged
    QSet<QString> refuses; // answered with "no"
    int closesWith = 0;    // at once; -1: without a close frame
    QString greeting;      // sent to each new peer once it has subscribed

private:
    void accept(QWebSocket *socket)
    {
        socket->setParent(&m_server);
        m_peers.push_back(std::make_unique<Peer>(Peer{socket, {}, {}}));
        Peer *peer = m_peers.back().get();
        QObject::connect(socket, &QWebSocket::disconnected, socket, [peer] { peer->isGone = true; });
        QObject::connect(socket, &QWebSocket::textMessageReceived, socket,
                         [this, peer](const QString &text) { answer(*peer, text); });
        if (closesWith < 0)
            socket->abort();
        else if (closesWith > 0)
            socket->close(static_cast<QWebSocketProtocol::CloseCode>(closesWith));
    }

    void answer(Peer &peer, const QString &text)
    {
        peer.received.append(text);
        QStringList names = text.split(' ');
        const bool subscribes = names.takeFirst() == "sub";
        for (const QString &name : std::as_const(names)) {
            if (!subscribes) {
                peer.streams.remove(name);
            } else if (refuses.contains(name)) {
                peer.socket->sendTextMessage("no " + name);
            } else {
                peer.streams.insert(name);
                if (acknowledges && !mute.contains(name))
                    peer.socket->sendTextMessage("ack " + name);
            }
        }
        if (!greeting.isEmpty())
            peer.socket->sendTextMessage(greeting);
    }

    std::vector<std::unique_ptr<Peer>> m_peers;
    QWebSocketServer m_server; // goes first, as its sockets still speak of their peers
};
