// SPDX-License-Identifier: Apache-2.0
#include "connection.h"

#include <QRandomGenerator>

#include <algorithm>

namespace tidemill::exchange {

namespace {

using namespace std::chrono_literals;

constexpr quint64 maxClientMessage = 1024 * 1024;
constexpr auto closingDeadline = 3s; // a client that does not read must not keep its connection open for ever

// A second less what arrival times may be off: a client that keeps exactly to the limit must not fail by
// jitter.
constexpr qint64 rateWindowMs = 950;

} // namespace

Connection::Connection(int id, std::unique_ptr<QWebSocket> socket, WireSocket *wire,
                       const UpgradeRequest &request, Protocol &protocol, const Settings &settings,
                       const QPointer<MarketData> &data)
    : m_id(id)
    , m_settings(settings)
    , m_socket(std::move(socket))
    , m_wire(wire)
    , m_data(data)
    , m_messagesPerSecond(settings.limits.messagesPerSecond > 0 ? settings.limits.messagesPerSecond
                                                                : protocol.messagesPerSecond())
    , m_session(protocol.openSession(request, *this))
{
    m_socket->setMaxAllowedIncomingMessageSize(maxClientMessage);
    m_socket->setMaxAllowedIncomingFrameSize(maxClientMessage);
    connect(m_wire, &WireSocket::frameSeen, this, &Connection::countFrame);
    connect(m_wire, &WireSocket::drained, this, &Connection::relieve);
    connect(m_socket.get(), &QWebSocket::textMessageReceived, this,
            [this](const QString &message) { m_session->receive(message.toUtf8()); });
    connect(m_socket.get(), &QWebSocket::pong, this,
            [this](quint64, const QByteArray &payload) { checkPong(payload); });
    connect(m_socket.get(), &QWebSocket::disconnected, this, &Connection::closed);

    m_age.start();
    connect(&m_pingTimer, &QTimer::timeout, this, &Connection::sendPing);
    m_pingTimer.start(m_settings.limits.pingInterval);
    m_pongTimer.setSingleShot(true);
    connect(&m_pongTimer, &QTimer::timeout, this, &Connection::enforcePongs);
    m_ageTimer.setSingleShot(true);
    connect(&m_ageTimer, &QTimer::timeout, this,
            [this] { close(1001, QStringLiteral("24 hours are over")); });
    m_ageTimer.start(m_settings.limits.maxAge);
    m_silence.setSingleShot(true);
    connect(&m_silence, &QTimer::timeout, this, &Connection::audienceChanged);
    m_noPongs.setSingleShot(true);
    connect(&m_noPongs, &QTimer::timeout, this, [this] {
        if (m_wire)
            m_wire->setDropPings(false);
    });
}

Connection::~Connection()
{
    m_session.reset(); // first: it may speak to the rest
    m_socket.reset();
    delete m_wire; // a socket handed to QWebSocketServer is never deleted by it
}

bool Connection::deliver(const StreamFrame &frame, const QByteArray &name, int copies)
{
    if (copies == 0 || isSilent()) {
        m_session->skipped(frame);
        return false;
    }
    if (!isOpen() || !m_wire)
        return false;
    const QByteArray payload = m_session->render(frame, name);
    if (payload.isEmpty())
        return false;
    for (int copy = 0; copy < copies; ++copy)
        m_wire->writeFrame(frame.binary ? FrameScanner::Binary : FrameScanner::Text, payload);
    m_session->sent();
    watchQueue();
    return true;
}

void Connection::sendText(const QByteArray &payload)
{
    if (!isOpen() || !m_wire || payload.isEmpty())
        return;
    m_wire->writeFrame(FrameScanner::Text, payload);
    m_session->sent();
    watchQueue();
}

void Connection::announceShutdown()
{
    if (!isSilent())
        sendText(m_session->shutdownNotice());
}

void Connection::watchQueue()
{
    if (!m_congested && queuedBytes() > m_settings.limits.maxQueuedBytes) {
        m_congested = true;
        emit congestionChanged();
    }
}

// Half of the limit, so that playback goes on in pieces worth a system call.
void Connection::relieve()
{
    if (m_congested && queuedBytes() <= m_settings.limits.maxQueuedBytes / 2) {
        m_congested = false;
        emit congestionChanged();
    }
}

void Connection::close(int code, const QString &reason)
{
    if (!isOpen())
        return;
    m_pingTimer.stop();
    m_pongTimer.stop();
    QTimer::singleShot(closingDeadline, this, &Connection::reset);
    m_socket->close(QWebSocketProtocol::CloseCode(code), reason);
}

void Connection::reset()
{
    if (m_wire)
        m_wire->breakOff();
}

void Connection::keepSilent(Milliseconds duration)
{
    m_silence.start(duration);
    emit audienceChanged();
}

void Connection::withholdPongs(Milliseconds duration)
{
    m_noPongs.start(duration);
    if (m_wire)
        m_wire->setDropPings(true);
}

void Connection::countFrame(int opcode, bool masked)
{
    if (!masked)
        violate(QStringLiteral("a frame is not masked"));
    if (opcode == FrameScanner::Close || !isOpen())
        return;
    const bool control = opcode == FrameScanner::Ping || opcode == FrameScanner::Pong;
    if (control && !m_session->countsControlFrames())
        return;
    const qint64 now = m_age.elapsed();
    m_messageTimes.push_back(now);
    while (m_messageTimes.front() <= now - rateWindowMs)
        m_messageTimes.pop_front();
    emit messageReceived();
    if (int(m_messageTimes.size()) > m_messagesPerSecond) {
        violate(QStringLiteral("%1 messages within a second, %2 are allowed")
                    .arg(m_messageTimes.size())
                    .arg(m_messagesPerSecond));
        // Not from here: the socket is in the middle of reading.
        QMetaObject::invokeMethod(
            this, [this] { m_session->handleFlood(); }, Qt::QueuedConnection);
    }
}

void Connection::sendPing()
{
    if (isSilent() || !isOpen())
        return;
    const QByteArray payload = QByteArray::number(QRandomGenerator::global()->generate64(), 16);
    m_pings.push_back({payload, m_age.elapsed()});
    m_socket->ping(payload);
    if (!m_pongTimer.isActive())
        m_pongTimer.start(m_settings.limits.pongDeadline);
}

// An empty pong nobody asked for is allowed and counts for nothing; one that answers a ping answers the older
// too.
void Connection::checkPong(const QByteArray &payload)
{
    if (payload.isEmpty())
        return;
    const auto ping =
        std::find_if(m_pings.begin(), m_pings.end(), [&](const Ping &p) { return p.payload == payload; });
    if (ping == m_pings.end()) {
        violate(QStringLiteral("a pong does not carry the payload of a ping"));
        close(1008, QStringLiteral("Pong payload differs"));
        return;
    }
    m_pings.erase(m_pings.begin(), std::next(ping));
    m_pongTimer.stop();
    if (!m_pings.empty()) {
        const qint64 age = m_age.elapsed() - m_pings.front().sentMs;
        m_pongTimer.start(std::max(0ms, m_settings.limits.pongDeadline - Milliseconds(age)));
    }
}

void Connection::enforcePongs()
{
    violate(QStringLiteral("no pong within %1 ms").arg(m_settings.limits.pongDeadline.count()));
    close(1008, QStringLiteral("Pong timeout"));
}

void Connection::violate(const QString &what)
{
    emit violated(QStringLiteral("connection %1: %2").arg(m_id).arg(what));
}

} // namespace tidemill::exchange
