// SPDX-License-Identifier: Apache-2.0
#include "http_reply_reader.h"

#include "handshake.h"

#include <algorithm>
#include <optional>

namespace tidemill::net {

static constexpr qsizetype maxChunkLineBytes = 1024; // with extensions, which nobody uses
static constexpr int maxInterims = 10;

static Error protocolError(const QString &message)
{
    return {Error::Kind::Protocol, message};
}

// The digits of a length; -1 for anything else and for what no body can be.
static qint64 parseLength(QByteArrayView text, int base)
{
    constexpr qsizetype longest = 15; // digits that fit in 63 bits in either base
    const bool areDigits = std::all_of(text.begin(), text.end(), [base](char c) {
        return (c >= '0' && c <= '9') || (base == 16 && ((c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F')));
    });
    if (text.isEmpty() || text.size() > longest || !areDigits)
        return -1;
    return text.toByteArray().toLongLong(nullptr, base);
}

Result<> HttpReplyReader::take(QByteArrayView bytes)
{
    m_hasBegun = m_hasBegun || !bytes.isEmpty();
    m_unread.append(bytes);
    for (;;) {
        const auto stepped = step();
        if (!stepped)
            return stepped.error();
        if (!*stepped)
            return {};
    }
}

Result<> HttpReplyReader::end()
{
    m_keepAlive = false;
    if (m_phase == Phase::UntilEnd)
        m_phase = Phase::Whole;
    if (m_phase == Phase::Whole)
        return {};
    return Error{Error::Kind::Network, m_hasBegun ? QStringLiteral("the connection ended within the reply")
                                                  : QStringLiteral("the connection ended without a reply")};
}

// True if it got further.
Result<bool> HttpReplyReader::step()
{
    switch (m_phase) {
    case Phase::Head:
        return readHead();
    case Phase::Sized:
        return readSized(Phase::Whole);
    case Phase::UntilEnd:
        if (const auto fits = checkSize(m_unread.size()); !fits)
            return fits.error();
        m_body += std::exchange(m_unread, {});
        return false;
    case Phase::ChunkSize:
        return readChunkSize();
    case Phase::ChunkData:
        return readSized(Phase::ChunkEnd);
    case Phase::ChunkEnd:
        if (m_unread.size() < 2)
            return false;
        if (!m_unread.startsWith("\r\n"))
            return protocolError(QStringLiteral("a chunk of the reply is longer than it says"));
        m_unread.remove(0, 2);
        m_phase = Phase::ChunkSize;
        return true;
    case Phase::Trailers:
        return readTrailers();
    case Phase::Whole:
        return false;
    }
    return false;
}

Result<bool> HttpReplyReader::readHead()
{
    const qsizetype end = findReplyEnd(m_unread);
    if (end > maxReplyHeaderBytes || (end < 0 && m_unread.size() > maxReplyHeaderBytes))
        return protocolError(
            QStringLiteral("the reply has more than %1 bytes of headers").arg(maxReplyHeaderBytes));
    if (end < 0)
        return false;
    const auto head = parseUpgradeReply(QByteArrayView(m_unread).first(end));
    if (!head)
        return protocolError(QStringLiteral("expected a reply of HTTP/1.1, got something else"));
    m_keepAlive = m_unread.startsWith("HTTP/1.1");
    m_unread.remove(0, end);
    m_status = head->status;
    m_headers = head->headers;
    if (m_status == 101)
        return protocolError(QStringLiteral("the peer changes to another protocol, unasked"));
    if (m_status < 200) { // 100 Continue and its like: the reply proper follows
        if (++m_interims > maxInterims)
            return protocolError(QStringLiteral("more than %1 interim replies").arg(maxInterims));
        return true;
    }
    if (const auto found = findLength(); !found)
        return found.error();
    return true;
}

Result<> HttpReplyReader::findLength()
{
    std::optional<QByteArray> length;
    QByteArray encoding;
    for (const auto &[name, value] : m_headers) {
        if (name.compare("Connection", Qt::CaseInsensitive) == 0) {
            m_keepAlive = m_keepAlive && !value.toLower().contains("close");
        } else if (name.compare("Transfer-Encoding", Qt::CaseInsensitive) == 0) {
            encoding += value.toLower() + ' ';
        } else if (name.compare("Content-Length", Qt::CaseInsensitive) == 0) {
            if (length && *length != value)
                return protocolError(QStringLiteral("the reply has two lengths"));
            length = value;
        }
    }
    if (m_status == 204 || m_status == 304) {
        m_phase = Phase::Whole;
        return {};
    }
    if (!encoding.isEmpty()) {
        // Two lengths are how one reply is made to look like two to somebody in between.
        if (encoding != "chunked " || length)
            return protocolError(QStringLiteral("the reply's Transfer-Encoding is not 'chunked' alone"));
        m_phase = Phase::ChunkSize;
        return {};
    }
    if (!length) {
        m_keepAlive = false;
        m_phase = Phase::UntilEnd;
        return {};
    }
    m_missing = parseLength(*length, 10);
    if (m_missing < 0)
        return protocolError(QStringLiteral("the reply's Content-Length is no length"));
    m_phase = Phase::Sized;
    return checkSize(m_missing);
}

Result<bool> HttpReplyReader::readSized(Phase next)
{
    const qsizetype size = qsizetype(std::min<qint64>(m_missing, m_unread.size()));
    m_body += QByteArrayView(m_unread).first(size);
    m_unread.remove(0, size);
    m_missing -= size;
    if (m_missing > 0)
        return false;
    m_phase = next;
    return true;
}

Result<bool> HttpReplyReader::readChunkSize()
{
    const qsizetype end = m_unread.indexOf("\r\n");
    if (end > maxChunkLineBytes || (end < 0 && m_unread.size() > maxChunkLineBytes))
        return protocolError(QStringLiteral("a chunk of the reply has no end of its first line"));
    if (end < 0)
        return false;
    const QByteArray line = m_unread.left(end);
    const qsizetype semicolon = line.indexOf(';');
    m_missing = parseLength((semicolon < 0 ? line : line.left(semicolon)).trimmed(), 16);
    if (m_missing < 0)
        return protocolError(QStringLiteral("a chunk of the reply has no size"));
    if (const auto fits = checkSize(m_missing); !fits)
        return fits.error();
    m_unread.remove(0, end + 2);
    m_phase = m_missing == 0 ? Phase::Trailers : Phase::ChunkData;
    return true;
}

Result<bool> HttpReplyReader::readTrailers()
{
    const qsizetype end = m_unread.indexOf("\r\n");
    m_trailerBytes += end < 0 ? 0 : end + 2;
    if ((end < 0 ? m_unread.size() : m_trailerBytes) > maxReplyHeaderBytes)
        return protocolError(
            QStringLiteral("the reply has more than %1 bytes of trailers").arg(maxReplyHeaderBytes));
    if (end < 0)
        return false;
    m_unread.remove(0, end + 2);
    if (end == 0)
        m_phase = Phase::Whole;
    return true;
}

Result<> HttpReplyReader::checkSize(qint64 more) const
{
    if (m_body.size() + more > m_maxBodyBytes)
        return protocolError(
            QStringLiteral("the reply is longer than the limit of %1 bytes").arg(m_maxBodyBytes));
    return {};
}

} // namespace tidemill::net
