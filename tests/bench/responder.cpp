// SPDX-License-Identifier: Apache-2.0
#include "responder.h"

#include <QByteArray>
#include <QHash>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

namespace tidemill::bench {

static sockaddr_in loopback(quint16 port)
{
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

int connectTo(quint16 port)
{
    const int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const sockaddr_in address = loopback(port);
    const int on = 1;
    setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (connect(descriptor, reinterpret_cast<const sockaddr *>(&address), sizeof address) == 0)
        return descriptor;
    close(descriptor);
    return -1;
}

bool writeAll(int descriptor, const QByteArray &bytes)
{
    for (qsizetype at = 0; at < bytes.size();) {
        const ssize_t count =
            send(descriptor, bytes.constData() + at, size_t(bytes.size() - at), MSG_NOSIGNAL);
        if (count <= 0)
            return false;
        at += count;
    }
    return true;
}

QByteArray readMessage(int descriptor, QByteArray &unread)
{
    static const QByteArray name = "content-length: ";
    constexpr qsizetype step = 256 * 1024;
    for (;;) {
        const qsizetype end = unread.indexOf("\r\n\r\n");
        if (end >= 0) {
            const QByteArray head = unread.left(end).toLower();
            const qsizetype at = head.indexOf(name);
            const qsizetype size =
                at < 0 ? 0 : head.mid(at + name.size(), 12).split('\r').first().toLongLong();
            if (unread.size() >= end + 4 + size) {
                const QByteArray message = unread.left(end + 4 + size);
                unread.remove(0, message.size());
                return message;
            }
        }
        const qsizetype before = unread.size();
        unread.resize(before + step);
        const ssize_t count = recv(descriptor, unread.data() + before, size_t(step), 0);
        unread.resize(before + std::max<ssize_t>(count, 0));
        if (count <= 0)
            return {};
    }
}

static QByteArray answerTo(qsizetype events)
{
    const QByteArray result = R"({"success":true,"event_id":"coinbase-BTC-USD-900000124",)"
                              R"("ingested_at":"2026-03-02T09:15:17.200000","processing_status":"queued",)"
                              R"("message":"Event ingested successfully","errors":null})";
    QByteArray body = result;
    if (events != 1) {
        body = "{\"results\":[" + (result + ',').repeated(events);
        body.back() = ']';
        body += '}';
    }
    return "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: " +
           QByteArray::number(body.size()) + "\r\n\r\n" + body;
}

[[noreturn]] static void serve(int listener)
{
    QHash<qsizetype, QByteArray> answers;
    for (;;) {
        const int client = accept(listener, nullptr, nullptr);
        const int on = 1;
        setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        QByteArray unread;
        for (QByteArray request; !(request = readMessage(client, unread)).isEmpty();) {
            QByteArray &answer = answers[request.count("{\"event_type\":")];
            if (answer.isNull())
                answer = answerTo(request.count("{\"event_type\":"));
            if (!writeAll(client, answer))
                break;
        }
        close(client);
    }
}

Result<> Responder::start()
{
    const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address = loopback(0);
    socklen_t size = sizeof address;
    if (bind(listener, reinterpret_cast<sockaddr *>(&address), size) != 0 || listen(listener, 4) != 0 ||
        getsockname(listener, reinterpret_cast<sockaddr *>(&address), &size) != 0) {
        close(listener);
        return Error{Error::Kind::Network, QStringLiteral("no port for the responder")};
    }
    m_port = ntohs(address.sin_port);
    m_process = fork();
    if (m_process == 0)
        serve(listener);
    close(listener);
    return {};
}

Responder::~Responder()
{
    if (m_process <= 0)
        return;
    kill(m_process, SIGKILL);
    waitpid(m_process, nullptr, 0);
}

} // namespace tidemill::bench
