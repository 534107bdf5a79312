// SPDX-License-Identifier: Apache-2.0
#include "http_door.h"

#include <QTcpSocket>
#include <QTimer>

#include <optional>
#include <utility>

namespace tidemill::pulsestream {

namespace {

constexpr qsizetype maxRequestBytes = 64LL * 1024 * 1024;

// One client; belongs to its socket.
class Client final : public QObject
{
public:
    Client(QTcpSocket *socket, HttpDoor *door) : QObject(socket), m_socket(socket), m_door(door)
    {
        connect(socket, &QTcpSocket::readyRead, this, &Client::read);
        connect(socket, &QTcpSocket::disconnected, this, &Client::leave);
        connect(door, &HttpDoor::thawed, this, [this] {
            read();
            leave();
        });
    }

private:
    void read();
    bool takeRequest(Request &request);
    bool takeChunks(qsizetype begin, QByteArray &body, qsizetype &end) const;
    void send(const Response &response);

    void leave()
    {
        if (m_socket->state() == QAbstractSocket::UnconnectedState && !m_door->isFrozen())
            m_socket->deleteLater();
    }

    QTcpSocket *m_socket;
    HttpDoor *m_door;
    QByteArray m_buffer;
    bool m_isBusy = false;
    bool m_keepAlive = true;
};

std::optional<Request> parseHead(const QByteArray &head)
{
    const QList<QByteArray> lines = head.split('\n');
    const QList<QByteArray> words = lines.first().trimmed().split(' ');
    if (words.size() != 3 || !words[2].startsWith("HTTP/1."))
        return std::nullopt;
    Request request;
    request.method = words[0];
    const qsizetype mark = words[1].indexOf('?');
    request.path = mark < 0 ? words[1] : words[1].left(mark);
    request.query = mark < 0 ? QByteArray() : words[1].mid(mark + 1);
    for (qsizetype index = 1; index < lines.size(); ++index) {
        const qsizetype colon = lines[index].indexOf(':');
        if (colon > 0)
            request.headers.insert(lines[index].left(colon).toLower(), lines[index].mid(colon + 1).trimmed());
    }
    return request;
}

void Client::read()
{
    if (m_door->isFrozen())
        return;
    m_buffer += m_socket->readAll();
    if (m_buffer.size() > maxRequestBytes)
        m_socket->abort();
    Request request;
    while (!m_isBusy && takeRequest(request)) {
        m_isBusy = true;
        const Response response = m_door->handler()(request);
        if (response.delay.count() == 0)
            send(response);
        else
            QTimer::singleShot(response.delay, this, [this, response] { send(response); });
    }
}

bool Client::takeRequest(Request &request)
{
    const qsizetype headEnd = m_buffer.indexOf("\r\n\r\n");
    if (headEnd < 0)
        return false;
    const auto head = parseHead(m_buffer.left(headEnd));
    if (!head) {
        m_socket->abort();
        return false;
    }
    request = *head;
    qsizetype end = headEnd + 4;
    if (request.headers.value("transfer-encoding").toLower() == "chunked") {
        if (!takeChunks(end, request.body, end))
            return false;
    } else {
        const qsizetype size = request.headers.value("content-length").toLongLong();
        if (size < 0 || m_buffer.size() < end + size)
            return false;
        request.body = m_buffer.mid(end, size);
        end += size;
    }
    m_buffer.remove(0, end);
    m_keepAlive = request.headers.value("connection").toLower() != "close";
    return true;
}

bool Client::takeChunks(qsizetype begin, QByteArray &body, qsizetype &end) const
{
    for (qsizetype at = begin;;) {
        const qsizetype lineEnd = m_buffer.indexOf("\r\n", at);
        if (lineEnd < 0)
            return false;
        const qsizetype size = m_buffer.mid(at, lineEnd - at).toLongLong(nullptr, 16);
        at = lineEnd + 2;
        if (size < 0 || m_buffer.size() < at + size + 2)
            return false;
        body += m_buffer.mid(at, size);
        at += size + 2;
        if (size == 0) {
            end = at;
            return true;
        }
    }
}

void Client::send(const Response &response)
{
    if (m_door->isFrozen()) { // it was on its way when everything stood still
        connect(
            m_door, &HttpDoor::thawed, this, [this, response] { send(response); },
            static_cast<Qt::ConnectionType>(Qt::QueuedConnection | Qt::SingleShotConnection));
        return;
    }
    QByteArray head = "HTTP/1.1 " + QByteArray::number(response.status) +
                      " -\r\nserver: uvicorn\r\ncontent-type: application/json\r\nx-process-time: 0.0\r\n";
    for (const auto &[name, value] : response.headers)
        head += name + ": " + value + "\r\n";
    m_socket->write(head + "content-length: " + QByteArray::number(response.body.size()) + "\r\n\r\n" +
                    response.body);
    m_isBusy = false;
    if (!m_keepAlive)
        m_socket->disconnectFromHost();
    else if (!m_buffer.isEmpty())
        QMetaObject::invokeMethod(this, &Client::read, Qt::QueuedConnection);
}

} // namespace

void HttpDoor::setFrozen(bool frozen)
{
    if (std::exchange(m_isFrozen, frozen) && !frozen)
        emit thawed();
}

void HttpDoor::abortAll()
{
    for (const QPointer<QTcpSocket> &socket : std::exchange(m_sockets, {})) {
        if (socket)
            socket->abort();
    }
}

void HttpDoor::incomingConnection(qintptr descriptor)
{
    auto *socket = new QTcpSocket(this);
    if (!socket->setSocketDescriptor(descriptor)) {
        delete socket;
        return;
    }
    ++m_connections;
    socket->setSocketOption(QAbstractSocket::LowDelayOption, 1);
    m_sockets.removeIf([](const QPointer<QTcpSocket> &other) { return other.isNull(); });
    m_sockets.append(socket);
    new Client(socket, this);
}

} // namespace tidemill::pulsestream
