// SPDX-License-Identifier: Apache-2.0
#include "raw_client.h"

#include "measurement.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <string>

namespace tidemill::bench {

Result<std::unique_ptr<RawClient>> RawClient::connect(quint16 port, const QString &caFile)
{
    std::unique_ptr<RawClient> client(new RawClient);
    client->m_socket = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    if (::connect(client->m_socket, reinterpret_cast<sockaddr *>(&address), sizeof address) != 0)
        return broken(QStringLiteral("floor: cannot connect"));
    const int on = 1;
    setsockopt(client->m_socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);

    client->m_context.reset(SSL_CTX_new(TLS_client_method()));
    SSL_CTX_set_verify(client->m_context.get(), SSL_VERIFY_PEER, nullptr);
    SSL_CTX_load_verify_locations(client->m_context.get(), caFile.toUtf8().constData(), nullptr);
    client->m_tls.reset(SSL_new(client->m_context.get()));
    SSL_set_fd(client->m_tls.get(), client->m_socket);
    if (SSL_connect(client->m_tls.get()) != 1)
        return broken(QStringLiteral("floor: no TLS connection"));

    const std::string upgrade =
        "GET /stream HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
    // A mask of zeros: this server does not mind.
    constexpr std::string_view request = "{\"method\":\"SUBSCRIBE\",\"id\":1}";
    std::string frame{'\x81', char(0x80 | int(request.size())), 0, 0, 0, 0};
    frame.append(request);
    SSL_write(client->m_tls.get(), upgrade.data(), int(upgrade.size()));
    SSL_write(client->m_tls.get(), frame.data(), int(frame.size()));
    std::string_view reply;
    if (!client->readHead())
        return broken(QStringLiteral("floor: not upgraded"));
    while (!client->nextMessage(reply)) {
        if (!client->fill())
            return broken(QStringLiteral("floor: not subscribed"));
    }
    return client;
}

RawClient::~RawClient()
{
    m_tls.reset();
    if (m_socket >= 0)
        close(m_socket);
}

bool RawClient::fill()
{
    if (capacity - m_end < recordBytes) {
        std::memmove(m_buffer.get(), m_buffer.get() + m_begin, m_end - m_begin);
        m_end -= std::exchange(m_begin, 0);
    }
    const int count = SSL_read(m_tls.get(), m_buffer.get() + m_end, int(capacity - m_end));
    m_end += std::size_t(std::max(count, 0));
    return count > 0;
}

bool RawClient::readHead()
{
    for (;;) {
        const std::string_view head(m_buffer.get(), m_end);
        if (const std::size_t end = head.find("\r\n\r\n"); end != std::string_view::npos) {
            m_begin = end + 4;
            return head.find(" 101 ") < end;
        }
        if (!fill())
            return false;
    }
}

} // namespace tidemill::bench
