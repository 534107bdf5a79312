// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <QHostAddress>
#include <QObject>
#include <QTcpServer>
#include <QTcpSocket>
#include <QUrl>
#include <QtEndian>

#include <functional>

// A small proxy: HTTP CONNECT (RFC 9110) or SOCKS5 (RFC 1928, 1929), with a password or without. It connects
// every name to the loopback, so that a client proves by a name that does not exist whom it asked.
class TestProxy : public QObject
{
public:
    enum class Kind { Http, Socks5 };

    explicit TestProxy(Kind kind) : m_kind(kind)
    {
        m_server.listen(QHostAddress::LocalHost);
        connect(&m_server, &QTcpServer::newConnection, this, [this] {
            while (QTcpSocket *const client = m_server.nextPendingConnection())
                serve(client);
        });
    }

    QByteArray user; // empty: lets everybody in
    QByteArray password;
    QByteArray refusal; // sent instead of a tunnel: a reply of HTTP or of SOCKS5
    bool isMute = false;
    QList<QByteArray> asked; // "host:port" of each tunnel
    qint64 relayed = 0;      // bytes from the target to the client

    quint16 port() const { return m_server.serverPort(); }
    void stop() { m_server.close(); }

    QString address(const QString &credentials = {}) const
    {
        const QString scheme = m_kind == Kind::Http ? QStringLiteral("http") : QStringLiteral("socks5");
        const QString at = credentials.isEmpty() ? QString() : credentials + QLatin1Char('@');
        return scheme + QStringLiteral("://") + at + QStringLiteral("127.0.0.1:%1").arg(port());
    }

private:
    void serve(QTcpSocket *client)
    {
        connect(client, &QTcpSocket::disconnected, client, &QObject::deleteLater);
        if (isMute)
            return;
        // What is read in the state that the client is in; gives the connection up by closing it.
        client->setProperty("state", 0);
        const auto read = [this, client] {
            if (m_kind == Kind::Http)
                readHttp(client);
            else
                readSocks(client);
        };
        connect(client, &QTcpSocket::readyRead, client, read);
    }

    void readHttp(QTcpSocket *client)
    {
        const QByteArray head = client->peek(8192);
        if (!head.contains("\r\n\r\n"))
            return;
        client->read(head.indexOf("\r\n\r\n") + 4);
        const QByteArray login = "Basic " + (user + ':' + password).toBase64();
        if (!user.isEmpty() && !head.contains("Proxy-Authorization: " + login)) {
            client->write("HTTP/1.1 407 Authenticate\r\nProxy-Authenticate: Basic realm=\"test\"\r\n"
                          "Content-Length: 0\r\n\r\n");
            return;
        }
        if (!refusal.isEmpty()) {
            client->write(refusal);
            return;
        }
        const QByteArray target = head.split(' ').value(1);
        asked.append(target);
        const quint16 port = target.mid(target.lastIndexOf(':') + 1).toUShort();
        relay(client, port, "HTTP/1.1 200 Connected\r\n\r\n");
    }

    void readSocks(QTcpSocket *client)
    {
        const int state = client->property("state").toInt();
        if (state == 0) {
            if (client->bytesAvailable() < 3)
                return;
            const QByteArray methods = client->readAll().mid(2);
            const char method = user.isEmpty() ? '\0' : '\2';
            const bool offered = methods.contains(method);
            client->setProperty("state", user.isEmpty() ? 2 : 1);
            client->write(QByteArray("\5", 1) + (offered ? method : '\xff'));
        } else if (state == 1) {
            const QByteArray login = client->readAll();
            const QByteArray good = QByteArray("\1", 1) + static_cast<char>(user.size()) + user +
                                    static_cast<char>(password.size()) + password;
            client->setProperty("state", 2);
            client->write(QByteArray("\1", 1) + (login == good ? '\0' : '\1'));
        } else {
            const QByteArray request = client->readAll();
            const bool isName = request.size() > 4 && request[3] == '\3';
            const QByteArray name =
                isName
                    ? request.mid(5, request[4])
                    : QHostAddress(qFromBigEndian<quint32>(request.mid(4, 4).data())).toString().toLatin1();
            const quint16 port = qFromBigEndian<quint16>(request.right(2).data());
            const QByteArray rest("\0\1\0\0\0\0\0\0", 8);
            if (!refusal.isEmpty()) {
                client->write(refusal);
                return;
            }
            asked.append(name + ':' + QByteArray::number(port));
            relay(client, port, QByteArray("\5\0", 2) + rest);
        }
    }

    void relay(QTcpSocket *client, quint16 port, const QByteArray &welcome)
    {
        client->disconnect(SIGNAL(readyRead()));
        auto *const target = new QTcpSocket(client);
        target->setReadBufferSize(65'536);
        client->setReadBufferSize(65'536);
        connect(target, &QTcpSocket::connected, client, [client, welcome] { client->write(welcome); });
        connect(target, &QTcpSocket::disconnected, client, &QTcpSocket::disconnectFromHost);
        connect(client, &QTcpSocket::readyRead, target,
                [client, target] { target->write(client->readAll()); });
        // As slowly as the client takes it: what a pause has to be felt through.
        const auto pass = [this, client, target] {
            if (client->bytesToWrite() > 65'536)
                return;
            const QByteArray bytes = target->readAll();
            relayed += bytes.size();
            client->write(bytes);
        };
        connect(target, &QTcpSocket::readyRead, client, pass);
        connect(client, &QTcpSocket::bytesWritten, target, pass);
        target->connectToHost(QHostAddress::LocalHost, port);
    }

    Kind m_kind;
    QTcpServer m_server;
};
