// SPDX-License-Identifier: Apache-2.0
#include "blaster_server.h"

#include "usage.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>

namespace tidemill::bench {

namespace {

constexpr std::size_t recordBytes = 16'384; // the most that one TLS record holds

// The value of a header; empty if there is none.
std::string headerValue(const std::string &head, const std::string &name)
{
    const std::size_t at = head.find("\r\n" + name + ": ");
    if (at == std::string::npos)
        return {};
    const std::size_t from = at + name.size() + 4;
    return head.substr(from, head.find("\r\n", from) - from);
}

std::string acceptKey(const std::string &key)
{
    const std::string text = key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    unsigned char hash[SHA_DIGEST_LENGTH];
    SHA1(reinterpret_cast<const unsigned char *>(text.data()), text.size(), hash);
    unsigned char base64[64];
    const int size = EVP_EncodeBlock(base64, hash, sizeof hash);
    return {reinterpret_cast<char *>(base64), std::size_t(size)};
}

// The payload of the client's first frame, which is masked; empty until all of it is there.
std::string unmasked(const std::string &bytes)
{
    if (bytes.size() < 2)
        return {};
    const auto byte = [&bytes](std::size_t at) { return static_cast<unsigned char>(bytes[at]); };
    std::size_t size = byte(1) & 0x7f;
    std::size_t at = 2;
    if (size >= 126) {
        if (bytes.size() < 4)
            return {};
        size = std::size_t(byte(2)) << 8 | byte(3);
        at = 4;
    }
    if (bytes.size() < at + 4 + size)
        return {};
    std::string payload = bytes.substr(at + 4, size);
    for (std::size_t i = 0; i < size; ++i)
        payload[i] = char(payload[i] ^ bytes[at + i % 4]);
    return payload;
}

} // namespace

BlasterServer::BlasterServer(const MarketFrames &frames, const BlasterPlan &plan, SSL_CTX *context,
                             int listener, int restListener, int control)
    : m_frames(frames)
    , m_plan(plan)
    , m_context(context)
    , m_listener(listener)
    , m_restListener(restListener)
    , m_control(control)
{
    signal(SIGPIPE, SIG_IGN);
    prctl(PR_SET_TIMERSLACK, 1UL); // or a sleep of 100 us would take 150
}

void BlasterServer::run()
{
    if (!acceptClient() || !answerSubscription())
        return;
    if (::write(m_control, "s", 1) != 1)
        return;
    bool isFirst = true;
    for (const qint64 frames : m_plan.phases) {
        if (!std::exchange(isFirst, false) && !waitForGo())
            return;
        if (!(m_plan.rate > 0 ? pace(frames) : blast(frames)))
            return;
    }
    waitForGo(); // never comes; the end of the other process does
}

bool BlasterServer::acceptClient()
{
    m_socket = accept4(m_listener, nullptr, nullptr, SOCK_CLOEXEC);
    if (m_socket < 0)
        return false;
    const int on = 1;
    setsockopt(m_socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    m_tls.reset(SSL_new(m_context));
    SSL_set_fd(m_tls.get(), m_socket);
    if (SSL_accept(m_tls.get()) != 1)
        return false;
    while (m_received.find("\r\n\r\n") == std::string::npos) {
        if (!readClient())
            return false;
    }
    const std::string key = headerValue(m_received, "Sec-WebSocket-Key");
    m_received.erase(0, m_received.find("\r\n\r\n") + 4);
    return write("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: "
                 "Upgrade\r\nSec-WebSocket-Accept: " +
                 acceptKey(key) + "\r\n\r\n");
}

bool BlasterServer::readClient()
{
    char buffer[4096];
    const int count = SSL_read(m_tls.get(), buffer, sizeof buffer);
    if (count <= 0)
        return false;
    m_received.append(buffer, std::size_t(count));
    return true;
}

bool BlasterServer::answerSubscription()
{
    std::string request;
    while (request = unmasked(m_received), request.empty()) {
        if (!readClient())
            return false;
    }
    const std::size_t id = request.find("\"id\":");
    if (id == std::string::npos)
        return false;
    const std::string reply =
        "{\"result\":null,\"id\":" + std::to_string(std::atoll(request.c_str() + id + 5)) + "}";
    return write(std::string{'\x81', char(reply.size())} + reply);
}

bool BlasterServer::write(std::string_view bytes)
{
    return SSL_write(m_tls.get(), bytes.data(), int(bytes.size())) == int(bytes.size());
}

bool BlasterServer::waitForGo()
{
    for (;;) {
        pollfd waiting[]{{m_control, POLLIN, 0}, {m_restListener, POLLIN, 0}, {m_socket, POLLIN, 0}};
        if (poll(waiting, std::size(waiting), -1) < 0)
            return false;
        if (waiting[1].revents != 0) {
            const int connection = accept4(m_restListener, nullptr, nullptr, SOCK_CLOEXEC);
            serveRest(connection);
            close(connection);
        }
        if (waiting[2].revents != 0 && !readClient()) // a ping or a goodbye; neither needs an answer here
            return false;
        if (waiting[0].revents != 0) {
            char byte = 0;
            return read(m_control, &byte, 1) == 1;
        }
    }
}

// One request, then the connection is closed: so few come that it does not matter.
void BlasterServer::serveRest(int connection)
{
    std::string request;
    char buffer[4096];
    while (request.find("\r\n\r\n") == std::string::npos) {
        const ssize_t count = read(connection, buffer, sizeof buffer);
        if (count <= 0)
            return;
        request.append(buffer, std::size_t(count));
    }
    const std::size_t from = request.find("symbol=") + 7;
    const std::string body =
        m_frames.snapshot(request.substr(from, request.find_first_of("& ", from) - from));
    const std::string reply =
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: " +
        std::to_string(body.size()) + "\r\n\r\n" + body;
    for (std::size_t sent = 0; sent < reply.size();) {
        const ssize_t count = ::write(connection, reply.data() + sent, reply.size() - sent);
        if (count <= 0)
            return;
        sent += std::size_t(count);
    }
}

bool BlasterServer::blast(qint64 frames)
{
    std::string buffer;
    buffer.reserve(16 * recordBytes);
    for (const qint64 end = m_next + frames; m_next < end;) {
        while (m_next < end && buffer.size() < 8 * recordBytes)
            m_frames.append(buffer, m_next++);
        std::size_t sent = 0;
        while (buffer.size() - sent >= recordBytes || (m_next == end && sent < buffer.size())) {
            const std::string_view record = std::string_view(buffer).substr(sent, recordBytes);
            if (!write(record))
                return false;
            sent += record.size();
        }
        buffer.erase(0, sent);
    }
    return true;
}

bool BlasterServer::pace(qint64 frames)
{
    const qint64 interval = 1'000'000'000 / m_plan.rate;
    qint64 due = clockNs(CLOCK_MONOTONIC);
    std::string buffer;
    for (const qint64 end = m_next + frames; m_next < end; due += interval) {
        const timespec at{due / 1'000'000'000, due % 1'000'000'000};
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, nullptr);
        buffer.clear();
        m_frames.append(buffer, m_next++);
        if (!write(buffer))
            return false;
    }
    return true;
}

} // namespace tidemill::bench
