// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <QCryptographicHash>
#include <QSignalSpy>
#include <QSslConfiguration>
#include <QSslServer>
#include <QTcpServer>
#include <QTcpSocket>
#include <QTest>
#include <QUrl>

#include <memory>

// A server that does, byte by byte, what its test says; the worst peers are written with it.
class RawPeer
{
public:
    using Socket = std::unique_ptr<QTcpSocket>;

    RawPeer() : m_server(std::make_unique<QTcpServer>()) { m_server->listen(QHostAddress::LocalHost); }

    explicit RawPeer(const QSslConfiguration &tls)
    {
        auto server = std::make_unique<QSslServer>();
        server->setSslConfiguration(tls);
        m_server = std::move(server);
        m_server->listen(QHostAddress::LocalHost);
    }

    QUrl url(const char *scheme, const char *path = "/") const
    {
        return QUrl(QStringLiteral("%1://127.0.0.1:%2%3").arg(scheme).arg(m_server->serverPort()).arg(path));
    }

    // The next client; null if none comes.
    Socket accept()
    {
        if (!m_server->hasPendingConnections())
            QSignalSpy(m_server.get(), &QTcpServer::pendingConnectionAvailable).wait();
        return Socket(m_server->nextPendingConnection());
    }

    bool hasClient() const { return m_server->hasPendingConnections(); }

    // The head of the client's request, with its blank line; empty if none comes.
    static QByteArray readRequest(QTcpSocket &socket)
    {
        QByteArray request;
        while (!request.endsWith("\r\n\r\n")) {
            if (socket.bytesAvailable() == 0 && !QSignalSpy(&socket, &QTcpSocket::readyRead).wait())
                return {};
            request += socket.readAll();
        }
        return request;
    }

    static QByteArray headerOf(const QByteArray &request, const QByteArray &name)
    {
        const qsizetype at = request.indexOf("\r\n" + name + ": ");
        const qsizetype begin = at + name.size() + 4;
        return at < 0 ? QByteArray() : request.mid(begin, request.indexOf("\r\n", begin) - begin);
    }

    static QByteArray upgradeReply(const QByteArray &request)
    {
        const QByteArray proof =
            headerOf(request, "Sec-WebSocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
        return "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n"
               "Sec-WebSocket-Accept: " +
               QCryptographicHash::hash(proof, QCryptographicHash::Sha1).toBase64() + "\r\n\r\n";
    }

    // A client whose handshake has been answered well, with `behind` in the same segment.
    Socket acceptWebSocket(const QByteArray &behind = {})
    {
        Socket socket = accept();
        const QByteArray request = socket ? readRequest(*socket) : QByteArray();
        if (request.isEmpty())
            return {};
        socket->write(upgradeReply(request) + behind);
        return socket;
    }

private:
    std::unique_ptr<QTcpServer> m_server;
};

// The frames a client has sent, unmasked, as "opcode:payload"; an empty list if it broke a rule.
inline QList<QByteArray> clientFrames(QByteArray bytes)
{
    QList<QByteArray> frames;
    while (bytes.size() >= 6) {
        const qsizetype length = bytes[1] & 0x7f;
        const bool isMasked = (bytes[1] & 0x80) != 0;
        if (!isMasked || length > 125 || bytes.size() < 6 + length)
            return {};
        QByteArray payload = bytes.mid(6, length);
        for (qsizetype i = 0; i < length; ++i)
            payload[i] = static_cast<char>(payload[i] ^ bytes[2 + (i & 3)]);
        frames.append(QByteArray::number(bytes[0] & 0x0f) + ':' + payload);
        bytes.remove(0, 6 + length);
    }
    return frames;
}
