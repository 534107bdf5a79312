// SPDX-License-Identifier: Apache-2.0
#include "connector.h"
#include "deflater.h"
#include "frame_reader.h"
#include "frame_writer.h"
#include "handshake.h"
#include "proxy_address.h"
#include "tls.h"
#include "utf8.h"

#include <tidemill/net/websocket_client.h>

#include <QRandomGenerator>
#include <QtEndian>

#include <algorithm>
#include <cstring>
#include <utility>

namespace tidemill::net {

// After so many reads in a row the event loop gets a turn, so that timers and other connections live.
static constexpr int readsPerTurn = 16;
// A peer that lets more than this lie unread is not listening.
static constexpr qint64 maxUnsentBytes = 1024LL * 1024;

WebSocketClient::WebSocketClient(QObject *parent)
    : QObject(parent)
    , m_connector(new Connector(this))
    , m_reader(std::make_unique<FrameReader>())
{
    connect(m_connector, &Connector::handshaking, this, [this] { m_state = State::Handshaking; });
    connect(m_connector, &Connector::ready, this, &WebSocketClient::takeOver);
    connect(m_connector, &Connector::failed, this, &WebSocketClient::finish);
    m_closeDeadline.setSingleShot(true);
    m_pongDeadline.setSingleShot(true);
    connect(&m_closeDeadline, &QTimer::timeout, this, [this] { finish(m_closing); });
    connect(&m_pingTimer, &QTimer::timeout, this, &WebSocketClient::sendPing);
    connect(&m_pongDeadline, &QTimer::timeout, this, [this] {
        if (m_heard || m_paused)
            return;
        m_closing.message =
            QStringLiteral("no answer to a ping in %1 ms").arg(m_settings.pongTimeout.count());
        finish(m_closing);
    });
}

WebSocketClient::~WebSocketClient() = default;

Result<> WebSocketClient::check(const QUrl &url, const WebSocketSettings &settings)
{
    if (const auto checked = checkUpgradeRequest(url, settings.headers); !checked)
        return checked.error();
    if (const auto tls = tlsConfiguration(settings.caFile); url.scheme() == QLatin1String("wss") && !tls)
        return tls.error();
    if (const auto checked = checkCompression(settings.compression); !checked)
        return checked.error();
    return checkProxy(settings.proxy);
}

Result<> WebSocketClient::open(const QUrl &url, const WebSocketSettings &settings)
{
    if (m_state != State::Closed)
        return Error{Error::Kind::Internal, QStringLiteral("this WebSocket is in use")};
    if (const auto started = m_connector->start(url, settings); !started)
        return started.error();
    m_settings = settings;
    m_state = State::Connecting;
    return {};
}

void WebSocketClient::takeOver()
{
    m_socket = m_connector->takeSocket();
    m_leftover = m_connector->takeLeftover();
    // Only here: a slot that opens again from within framesReceived still looks at the old frames.
    m_deflater.reset();
    std::unique_ptr<Inflater> inflater;
    m_compressed = m_connector->agreement().has_value();
    if (m_compressed) {
        const DeflateAgreement &agreed = *m_connector->agreement();
        inflater = std::make_unique<Inflater>(agreed.peerWindowBits, agreed.peerKeepsContext);
        m_deflater = std::make_unique<Deflater>(agreed.ourWindowBits, agreed.weKeepContext);
    }
    m_reader->reset(m_settings.maxMessageBytes, std::move(inflater));
    m_closing = {};
    m_closing.message = QStringLiteral("the peer closed the connection without saying goodbye");
    m_ended = m_discarding = false;
    m_state = State::Open;
    // Not at once: QSslSocket says readyRead for every 4 KiB that it has decrypted, and one read of all of
    // them costs a tenth less than so many small ones.
    connect(m_socket, &QTcpSocket::readyRead, this, &WebSocketClient::scheduleRead);
    connect(m_socket, &QTcpSocket::disconnected, this, &WebSocketClient::endOfStream);
    connect(m_socket, &QTcpSocket::errorOccurred, this, [this](QAbstractSocket::SocketError error) {
        if (error == QAbstractSocket::RemoteHostClosedError)
            return; // disconnected() follows
        if (m_state == State::Open)
            m_closing.message = m_socket->errorString();
        endOfStream();
    });
    if (m_settings.pingInterval.count() > 0)
        m_pingTimer.start(m_settings.pingInterval);
    scheduleRead(); // for what came with the handshake
    emit opened();
}

void WebSocketClient::scheduleRead()
{
    if (std::exchange(m_readScheduled, true))
        return;
    const auto read = [this] {
        m_readScheduled = false;
        readFrames();
    };
    QMetaObject::invokeMethod(this, read, Qt::QueuedConnection);
}

void WebSocketClient::readFrames()
{
    // Delivering: from an event loop inside a slot; the loop below goes on when the slot is done.
    if (!m_socket || m_delivering)
        return;
    for (int reads = 0; reads < readsPerTurn; ++reads) {
        if (m_paused && m_state == State::Open)
            return;
        // What is there already goes first: see FrameReader::hasMore().
        if (!m_reader->hasMore() && !receiveMore()) {
            if (m_ended)
                finish(m_closing);
            return;
        }
        if (!m_discarding && !handleArrived())
            return;
    }
    scheduleRead();
}

// False if nothing has come.
bool WebSocketClient::receiveMore()
{
    const std::span<char> space = m_reader->space();
    const qsizetype size = readSome(space.data(), static_cast<qsizetype>(space.size()));
    if (size <= 0)
        return false;
    m_readAt = Timestamp::now();
    m_receivedBytes += static_cast<quint64>(size);
    m_heard = true;
    if (!m_discarding)
        m_reader->commit(size);
    return true;
}

qsizetype WebSocketClient::readSome(char *to, qsizetype size)
{
    if (m_leftover.isEmpty())
        return m_socket->read(to, size);
    const qsizetype count = std::min(size, m_leftover.size());
    std::memcpy(to, m_leftover.constData(), static_cast<size_t>(count));
    m_leftover.remove(0, count);
    return count;
}

// False if there is nothing more to read on this connection.
bool WebSocketClient::handleArrived()
{
    QTcpSocket *const socket = m_socket;
    m_reader->parse();
    if (m_reader->lastPing() && m_state == State::Open && m_socket->bytesToWrite() < maxUnsentBytes) {
        sendFrame(Opcode::Pong, *m_reader->lastPing());
        emit pongSent();
    }
    if (m_reader->sawPong())
        emit pongReceived();
    if (m_socket != socket)
        return false;
    // Paused while open does not get here; paused and closing, the receiver wants no more.
    if (!m_reader->messages().empty() && !m_paused) {
        m_receivedFrames += m_reader->messages().size();
        m_delivering = true;
        emit framesReceived(Frames(m_reader->messages(), m_readAt));
        m_delivering = false;
    }
    if (m_socket != socket)
        return false;
    if (m_reader->close())
        handleCloseFrame();
    else if (m_reader->failure())
        fail(m_reader->failure()->code, m_reader->failure()->what);
    return m_socket == socket;
}

void WebSocketClient::handleCloseFrame()
{
    const FrameReader::CloseFrame &frame = *m_reader->close();
    m_closing.code = frame.code.value_or(1005);
    m_closing.reason = frame.reason;
    m_closing.clean = true;
    m_closing.message = m_state == State::Closing ? QStringLiteral("closed")
                                                  : QStringLiteral("the peer closed the connection");
    m_closing.message += QStringLiteral(" (%1%2%3)")
                             .arg(m_closing.code)
                             .arg(frame.reason.isEmpty() ? QString() : QStringLiteral(" "), frame.reason);
    m_discarding = true;
    if (m_state == State::Open) {
        sendClose(frame.code.value_or(0), {});
        beginClosing();
    }
}

// The peer broke a rule: say so, and take nothing more from it.
void WebSocketClient::fail(quint16 code, const QString &what)
{
    m_closing.code = code;
    m_closing.reason.clear();
    m_closing.kind = Error::Kind::Protocol;
    m_closing.message = what;
    m_discarding = true;
    if (m_state == State::Closing)
        return; // our close frame is out already
    sendClose(code, what);
    beginClosing();
}

void WebSocketClient::endOfStream()
{
    m_ended = true;
    readFrames(); // what had come before the end; finishes when that is used up
}

void WebSocketClient::close(quint16 code, const QString &reason)
{
    if (m_state == State::Connecting || m_state == State::Handshaking) {
        abort();
        return;
    }
    if (m_state != State::Open)
        return;
    m_closing.message = QStringLiteral("closed; the peer did not answer in time");
    sendClose(code, reason);
    beginClosing();
    scheduleRead(); // after a pause there may be bytes for which no signal comes any more
}

void WebSocketClient::abort()
{
    if (m_state == State::Closed)
        return;
    CloseInfo info;
    info.message = QStringLiteral("dropped by us");
    finish(info);
}

void WebSocketClient::beginClosing()
{
    m_state = State::Closing;
    m_pingTimer.stop();
    m_pongDeadline.stop();
    m_closeDeadline.start(std::max(m_settings.closeTimeout, std::chrono::milliseconds(1)));
}

void WebSocketClient::finish(const CloseInfo &info)
{
    // It may be our own member, which a slot that opens again will change.
    const CloseInfo last = info; // NOLINT(performance-unnecessary-copy-initialization): see above
    m_closeDeadline.stop();
    m_pingTimer.stop();
    m_pongDeadline.stop();
    m_connector->stop();
    discard(std::exchange(m_socket, nullptr));
    m_leftover.clear();
    m_compressed = false;
    m_state = State::Closed;
    emit closed(last);
}

void WebSocketClient::pause()
{
    m_paused = true;
}

void WebSocketClient::resume()
{
    if (!m_paused)
        return;
    m_paused = false;
    scheduleRead();
}

Result<> WebSocketClient::sendText(QByteArrayView utf8)
{
    if (!isValidUtf8(utf8))
        return Error{Error::Kind::Internal, QStringLiteral("a text message to be sent is not valid UTF-8")};
    return sendMessage(Opcode::Text, utf8);
}

Result<> WebSocketClient::sendBinary(QByteArrayView payload)
{
    return sendMessage(Opcode::Binary, payload);
}

Result<> WebSocketClient::ping(QByteArrayView payload)
{
    if (payload.size() > maxControlPayload)
        return Error{Error::Kind::Internal,
                     QStringLiteral("a ping carries at most %1 bytes").arg(maxControlPayload)};
    return sendMessage(Opcode::Ping, payload);
}

void WebSocketClient::sendPing()
{
    if (m_paused || m_pongDeadline.isActive() || !ping())
        return;
    m_heard = false;
    if (m_settings.pongTimeout.count() > 0)
        m_pongDeadline.start(m_settings.pongTimeout);
}

Result<> WebSocketClient::sendMessage(Opcode opcode, QByteArrayView payload)
{
    if (m_state != State::Open)
        return Error{Error::Kind::Network, QStringLiteral("the WebSocket is not open")};
    if (m_socket->bytesToWrite() >= maxUnsentBytes)
        return Error{Error::Kind::Network, QStringLiteral("the peer does not read what we send")};
    QByteArray packed;
    if (m_deflater && payload.size() >= m_settings.compression.minimumBytes)
        packed = m_deflater->pack(payload);
    if (packed.isEmpty())
        sendFrame(opcode, payload);
    else
        sendFrame(opcode, packed, true);
    return {};
}

void WebSocketClient::sendFrame(Opcode opcode, QByteArrayView payload, bool packed)
{
    // A mask nobody can foretell, so that no text of ours can pass for HTTP to a box in between.
    m_socket->write(encodeFrame(opcode, payload, QRandomGenerator::system()->generate(), packed));
}

void WebSocketClient::sendClose(quint16 code, const QString &reason)
{
    QByteArray payload;
    if (code != 0) {
        char bytes[2];
        qToBigEndian(code, bytes);
        payload.append(bytes, sizeof bytes);
        // Whole characters only: what does not fit is cut from the end.
        QString text = reason.left(maxControlPayload);
        while (text.toUtf8().size() > maxControlPayload - payload.size())
            text.chop(1);
        payload += text.toUtf8();
    }
    sendFrame(Opcode::Close, payload);
}

} // namespace tidemill::net
