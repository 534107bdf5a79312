// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tidemill/net/headers.h>
#include <tidemill/result.h>

#include <QByteArray>

#include <utility>

namespace tidemill::net {

// Puts one reply of HTTP/1.1 together from whatever pieces come (RFC 9112); no I/O. The peer is not trusted:
// head, body, chunks and interim replies are bounded, and lengths that contradict each other are an error.
class HttpReplyReader
{
public:
    explicit HttpReplyReader(qint64 maxBodyBytes) : m_maxBodyBytes(maxBodyBytes) {}

    // Takes what came. After an error nothing more may be given to it.
    Result<> take(QByteArrayView bytes);
    // The peer has said its last. An error if the reply was not whole.
    Result<> end();

    bool hasBegun() const { return m_hasBegun; }
    bool isWhole() const { return m_phase == Phase::Whole; }
    // Of a whole reply: the connection can carry another one.
    bool canGoOn() const { return m_keepAlive && m_unread.isEmpty(); }

    int status() const { return m_status; }
    const HeaderList &headers() const { return m_headers; }
    QByteArray takeBody() { return std::exchange(m_body, {}); }

private:
    enum class Phase { Head, Sized, UntilEnd, ChunkSize, ChunkData, ChunkEnd, Trailers, Whole };

    Result<bool> step();
    Result<bool> readHead();
    Result<> findLength();
    Result<bool> readSized(Phase next);
    Result<bool> readChunkSize();
    Result<bool> readTrailers();
    Result<> checkSize(qint64 more) const;

    qint64 m_maxBodyBytes;
    Phase m_phase = Phase::Head;
    QByteArray m_unread;
    qint64 m_missing = 0; // of the body or the chunk
    qsizetype m_trailerBytes = 0;
    int m_interims = 0;
    int m_status = 0;
    HeaderList m_headers;
    QByteArray m_body;
    bool m_keepAlive = true;
    bool m_hasBegun = false;
};

} // namespace tidemill::net
