// SPDX-License-Identifier: Apache-2.0
#include "http_server.h"

#include "front_door.h"

#include <QTcpSocket>
#include <QTimer>

#include <optional>

namespace tidemill::exchange {

namespace {

constexpr qsizetype maxHeadBytes = 64 * 1024;
constexpr qsizetype maxBodyBytes = 4 * 1024 * 1024;

// One client; belongs to its socket.
class HttpPeer final : public QObject
{
public:
    HttpPeer(QTcpSocket *socket, const HttpServer::Handler &handler)
        : QObject(socket)
        , m_socket(socket)
        , m_handler(handler)
    {
        connect(socket, &QTcpSocket::readyRead, this, &HttpPeer::read);
        connect(socket, &QTcpSocket::bytesWritten, this, &HttpPeer::writeChunk);
        connect(socket, &QTcpSocket::disconnected, socket, &QObject::deleteLater);
    }

private:
    void read();
    void send(const HttpResponse &response);
    void writeChunk();
    void finish();

    QTcpSocket *m_socket;
    const HttpServer::Handler &m_handler;
    QByteArray m_buffer;
    bool m_busy = false; // with an answer; the next request waits
    bool m_keepAlive = true;
    std::function<QByteArray()> m_chunks;
};

std::optional<HttpRequest> parseHead(const QByteArray &head)
{
    const QList<QByteArray> lines = head.split('\n');
    const QList<QByteArray> words = lines.first().trimmed().split(' ');
    if (words.size() != 3 || !words[2].startsWith("HTTP/1."))
        return std::nullopt;
    HttpRequest request;
    request.method = words[0];
    const qsizetype mark = words[1].indexOf('?');
    request.path = mark < 0 ? words[1] : words[1].left(mark);
    if (mark >= 0)
        request.query = QUrlQuery(QString::fromUtf8(words[1].mid(mark + 1)));
    for (qsizetype index = 1; index < lines.size(); ++index) {
        const qsizetype colon = lines[index].indexOf(':');
        if (colon > 0)
            request.headers.insert(lines[index].left(colon).toLower(), lines[index].mid(colon + 1).trimmed());
    }
    return request;
}

void HttpPeer::read()
{
    m_buffer += m_socket->readAll();
    while (!m_busy) {
        const qsizetype end = m_buffer.indexOf("\r\n\r\n");
        if (end < 0) {
            if (m_buffer.size() > maxHeadBytes)
                m_socket->abort();
            return;
        }
        auto request = parseHead(m_buffer.left(end));
        const qsizetype bodySize = request ? request->headers.value("content-length").toLongLong() : -1;
        if (bodySize < 0 || bodySize > maxBodyBytes) {
            m_socket->abort();
            return;
        }
        if (m_buffer.size() < end + 4 + bodySize)
            return;
        request->body = m_buffer.mid(end + 4, bodySize);
        m_buffer.remove(0, end + 4 + bodySize);
        m_keepAlive = request->headers.value("connection").toLower() != "close";
        m_busy = true;
        const HttpResponse response = m_handler(*request);
        if (response.delay.count() == 0)
            send(response);
        else
            QTimer::singleShot(response.delay, this, [this, response] { send(response); });
    }
}

void HttpPeer::send(const HttpResponse &response)
{
    QByteArray head = "HTTP/1.1 " + QByteArray::number(response.status) + ' ' +
                      reasonPhrase(response.status) + "\r\nContent-Type: " + response.type +
                      "\r\nConnection: " + (m_keepAlive ? "keep-alive" : "close");
    for (const auto &[name, value] : response.headers)
        head += "\r\n" + name + ": " + value;
    if (response.chunks)
        head += "\r\nTransfer-Encoding: chunked\r\n\r\n";
    else
        head += "\r\nContent-Length: " + QByteArray::number(response.body.size()) + "\r\n\r\n";
    m_socket->write(head +
                    (response.truncated ? response.body.left(response.body.size() / 2) : response.body));
    m_chunks = response.chunks;
    if (response.truncated)
        m_socket->disconnectFromHost();
    else if (!m_chunks)
        finish();
}

void HttpPeer::writeChunk()
{
    if (!m_chunks || m_socket->bytesToWrite() > 0)
        return;
    const QByteArray chunk = m_chunks();
    m_socket->write(QByteArray::number(chunk.size(), 16) + "\r\n" + chunk + "\r\n");
    if (chunk.isEmpty()) {
        m_chunks = nullptr;
        finish();
    }
}

void HttpPeer::finish()
{
    m_busy = false;
    if (!m_keepAlive)
        m_socket->disconnectFromHost();
    else if (!m_buffer.isEmpty())
        QMetaObject::invokeMethod(this, &HttpPeer::read, Qt::QueuedConnection);
}

} // namespace

QByteArray HttpRequest::parameter(const char *name) const
{
    return query.queryItemValue(QString::fromLatin1(name), QUrl::FullyDecoded).toUtf8();
}

void HttpServer::incomingConnection(qintptr descriptor)
{
    auto *socket = new QTcpSocket(this);
    if (!socket->setSocketDescriptor(descriptor)) {
        delete socket;
        return;
    }
    socket->setSocketOption(QAbstractSocket::LowDelayOption, 1);
    new HttpPeer(socket, m_handler);
}

} // namespace tidemill::exchange
