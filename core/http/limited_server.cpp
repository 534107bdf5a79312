// SPDX-License-Identifier: Apache-2.0
#include "limited_server.h"

namespace tidemill::http {

LimitedSocket::LimitedSocket(const host::HttpLimits &limits, std::shared_ptr<int> count, QObject *parent)
    : QTcpSocket(parent)
    , m_limits(limits)
    , m_count(std::move(count))
{
    // Counted here and not by destroyed(): on a request it cannot parse, Qt 6.4 disconnects every signal of
    // the socket and leaves it alone.
    ++*m_count;
    // Qt HttpServer keeps a request in the socket's buffer until it is complete, so that is what bounds it.
    setReadBufferSize(m_limits.requestBytes);
    connect(this, &QIODevice::readyRead, this, &LimitedSocket::noteArrival);
    // Once more when it has.
    connect(this, &QIODevice::readyRead, this, &LimitedSocket::checkArrival, Qt::QueuedConnection);
    connect(this, &QIODevice::bytesWritten, this, &LimitedSocket::noteWritten);
    connect(&m_patience, &QTimer::timeout, this, &LimitedSocket::drop);
    m_patience.setSingleShot(true);
    m_patience.start(m_limits.patience);
}

LimitedSocket::~LimitedSocket()
{
    --*m_count;
}

// "GET /path HTTP/1.1": Qt 6.4 hangs up without a word on what is none, and takes any version.
static bool isRequestLine(const QByteArray &line)
{
    const QList<QByteArray> words = line.trimmed().split(' ');
    return words.size() == 3 && words.last().startsWith("HTTP/1.");
}

// Called before Qt HttpServer, connected later, takes what has arrived.
void LimitedSocket::noteArrival()
{
    m_unanswered += bytesAvailable();
    if (m_requestLine.contains('\n'))
        return;
    const QByteArray start = peek(m_limits.requestBytes);
    const qsizetype end = start.indexOf('\n');
    m_requestLine += end < 0 ? start : start.left(end + 1);
    if (end >= 0 && !isRequestLine(m_requestLine))
        refuse("HTTP/1.1 400 Bad Request");
}

void LimitedSocket::checkArrival()
{
    if (state() != ConnectedState)
        return;
    if (bytesToWrite() > m_limits.unreadBytes) {
        drop();
        return;
    }
    if (bytesToWrite() > 0)
        m_unanswered = 0;
    else if (m_unanswered >= m_limits.requestBytes)
        refuse("HTTP/1.1 431 Request Header Fields Too Large");
}

void LimitedSocket::noteWritten()
{
    m_unanswered = 0;
    // Only when all of it is gone: a client must not stay for ever by taking a byte now and then.
    if (bytesToWrite() == 0)
        m_patience.start(m_limits.patience);
}

void LimitedSocket::refuse(const QByteArray &statusLine)
{
    // Nobody reads on, Qt HttpServer neither, not even what it has been told of already.
    disconnect(this, &QIODevice::readyRead, nullptr, nullptr);
    connect(this, &QAbstractSocket::disconnected, this, &QObject::deleteLater);
    write(statusLine + "\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    disconnectFromHost();
}

void LimitedSocket::drop()
{
    disconnect(this, &QIODevice::readyRead, nullptr, nullptr);
    abort();
    deleteLater();
}

LimitedServer::LimitedServer(const host::HttpLimits &limits) : m_limits(limits)
{
    // A burst of clients waits here for us; one that finds no room tries again only a second later.
    setListenBacklogSize(2 * m_limits.connections);
}

void LimitedServer::incomingConnection(qintptr handle)
{
    if (*m_count >= m_limits.connections) {
        QTcpSocket refused;
        refused.setSocketDescriptor(handle);
        refused.abort();
        return;
    }
    auto *socket = new LimitedSocket(m_limits, m_count, this);
    if (!socket->setSocketDescriptor(handle)) {
        delete socket;
        return;
    }
    // Header and body of an answer are one write, but a long one is several packets.
    socket->setSocketOption(QAbstractSocket::LowDelayOption, 1);
    addPendingConnection(socket);
}

} // namespace tidemill::http
