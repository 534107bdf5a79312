// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <QByteArray>
#include <QElapsedTimer>
#include <QHostAddress>
#include <QTcpSocket>

// A client that sends exactly the bytes given and reads whatever comes.
class RawClient
{
public:
    explicit RawClient(quint16 port)
    {
        m_socket.connectToHost(QHostAddress::LocalHost, port);
        m_isConnected = m_socket.waitForConnected(5'000);
    }

    bool isConnected() const { return m_isConnected; }
    QTcpSocket &socket() { return m_socket; }
    void send(const QByteArray &bytes) { m_socket.write(bytes); }

    // All that has come so far, once `count` headers of answers and the last one's whole body are there, or
    // the end.
    QByteArray receive(int count = 1)
    {
        QElapsedTimer clock;
        clock.start();
        while (!isComplete(count) && clock.elapsed() < 5'000) {
            if (!m_socket.waitForReadyRead(100) && m_socket.state() != QAbstractSocket::ConnectedState)
                break;
            m_received += m_socket.readAll();
        }
        m_received += m_socket.readAll();
        return m_received;
    }

    bool waitForEnd(int ms = 5'000)
    {
        return m_socket.state() == QAbstractSocket::UnconnectedState || m_socket.waitForDisconnected(ms);
    }

private:
    bool isComplete(int count) const
    {
        if (m_received.count("HTTP/1.1 ") < count)
            return false;
        const qsizetype last = m_received.lastIndexOf("HTTP/1.1 ");
        const qsizetype bodyAt = m_received.indexOf("\r\n\r\n", last);
        const qsizetype lengthAt = m_received.indexOf("Content-Length: ", last) + 16;
        const qsizetype length =
            m_received.mid(lengthAt, m_received.indexOf("\r\n", lengthAt) - lengthAt).toLongLong();
        return bodyAt >= 0 && m_received.size() >= bodyAt + 4 + length;
    }

    QTcpSocket m_socket;
    bool m_isConnected = false;
    QByteArray m_received;
};
