// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <QByteArray>
#include <QByteArrayView>

#include <memory>

namespace tidemill::net {

// Packs our messages on one connection with permessage-deflate (RFC 7692), in their order. No I/O.
class Deflater
{
public:
    static constexpr qsizetype maxMessage = 1LL << 30;

    // As agreed on.
    explicit Deflater(int windowBits = 15, bool keepsContext = true);
    ~Deflater();
    Deflater(const Deflater &) = delete;
    Deflater &operator=(const Deflater &) = delete;

    // The message as it goes out. Empty if it has to go unpacked: it is empty or too long, there is no
    // memory, or 8 window bits were agreed on, which zlib cannot do; each message may be packed or not.
    QByteArray pack(QByteArrayView message);

private:
    struct Stream;
    bool begin();

    std::unique_ptr<Stream> m_stream; // from the first message on
    int m_windowBits;
    bool m_keepsContext;
};

} // namespace tidemill::net
