// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "certificate.h"

#include <tidemill/result.h>
#include <tidemill/timestamp.h>

#include <memory>
#include <string_view>

namespace tidemill::bench {

// The floor of every feed: a blocking TLS socket, one buffer, and a look at the two to four bytes in front of
// each message. Checks nothing that the blaster does not get wrong.
class RawClient
{
public:
    // Connects, upgrades, subscribes, and reads until that is confirmed.
    static Result<std::unique_ptr<RawClient>> connect(quint16 port, const QString &caFile);
    ~RawClient();
    Q_DISABLE_COPY_MOVE(RawClient)

    // One read of the socket; calls `take` for each message it completed. At least 64 bytes behind each can
    // be read. False at the end of the stream.
    template<typename Take>
    bool readMessages(Take take)
    {
        if (!fill())
            return false;
        const Timestamp received = Timestamp::now();
        std::string_view message;
        while (nextMessage(message))
            take(message, received);
        return true;
    }

private:
    RawClient() = default;
    bool fill();
    bool nextMessage(std::string_view &message);
    bool readHead();

    static constexpr std::size_t capacity = 262'144;
    static constexpr std::size_t recordBytes = 16'384; // at most, of TLS
    static constexpr std::size_t padding = 64;

    int m_socket = -1;
    TlsContext m_context;
    TlsStream m_tls;
    std::unique_ptr<char[]> m_buffer = std::make_unique<char[]>(capacity + padding);
    std::size_t m_begin = 0;
    std::size_t m_end = 0;
};

inline bool RawClient::nextMessage(std::string_view &message)
{
    const std::size_t available = m_end - m_begin;
    if (available < 4)
        return false;
    const auto *const bytes = reinterpret_cast<const unsigned char *>(m_buffer.get() + m_begin);
    std::size_t header = 2;
    std::size_t length = bytes[1];
    if (length == 126) {
        header = 4;
        length = std::size_t(bytes[2]) << 8 | bytes[3];
    }
    if (available < header + length)
        return false;
    message = {m_buffer.get() + m_begin + header, length};
    m_begin += header + length;
    return true;
}

} // namespace tidemill::bench
