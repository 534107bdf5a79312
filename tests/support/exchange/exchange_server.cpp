// SPDX-License-Identifier: Apache-2.0
#include "exchange_server.h"

#include <QJsonArray>

#include <algorithm>

namespace tidemill::exchange {

namespace {

using namespace std::chrono_literals;

constexpr auto relistenPause = 50ms; // when the port is not free again at once
constexpr qsizetype maxViolations = 1000;
constexpr qsizetype maxTarget =
    8000; // of a URL, as proxies have it; Qt's server reads lines of 8 KiB at most

} // namespace

ExchangeServer::ExchangeServer(const Settings &settings, Protocol &protocol)
    : m_settings(settings)
    , m_protocol(protocol)
    , m_door([this](const UpgradeRequest &request) { return considerClient(request); })
{
    m_clock.start();
    connect(&m_door, &FrontDoor::admitted, this, &ExchangeServer::admit);
    connect(&m_upgrader, &QWebSocketServer::newConnection, this, &ExchangeServer::openConnection);
    m_relisten.setSingleShot(true);
    connect(&m_relisten, &QTimer::timeout, this, &ExchangeServer::listenAgain);
}

ExchangeServer::~ExchangeServer()
{
    // While this object is whole: a socket that goes away reports to it.
    for (const auto &connection : m_connections)
        connection->disconnect(this);
    m_connections.clear();
    for (const Waiting &waiting : std::as_const(m_upgrading)) {
        if (waiting.wire) {
            waiting.wire->disconnect(this);
            delete waiting.wire;
        }
    }
}

bool ExchangeServer::start(QString *error)
{
    if (!m_settings.tlsCertificate.isEmpty() &&
        !m_door.useTls(m_settings.tlsCertificate, m_settings.tlsKey, error))
        return false;
    if (!m_door.listen(QHostAddress::LocalHost, m_settings.wsPort)) {
        *error = QStringLiteral("WebSocket port %1: %2").arg(m_settings.wsPort).arg(m_door.errorString());
        return false;
    }
    m_port = m_door.serverPort();
    return true;
}

QUrl ExchangeServer::url() const
{
    QUrl url;
    url.setScheme(m_settings.tlsCertificate.isEmpty() ? QStringLiteral("ws") : QStringLiteral("wss"));
    url.setHost(QStringLiteral("127.0.0.1"));
    url.setPort(m_port);
    return url;
}

std::optional<FrontDoor::Refusal> ExchangeServer::considerClient(const UpgradeRequest &request)
{
    std::optional<FrontDoor::Refusal> refusal;
    if (tooManyConnects())
        refusal = {429, int(m_settings.limits.connectWindow.count() / 1000), {}};
    else if (m_clock.elapsed() < m_statusFault.untilMs)
        refusal = m_statusFault.refusal;
    else if (request.target.size() > maxTarget)
        refusal = {414, -1, {}};
    else
        refusal = m_protocol.refusal(request);
    if (refusal)
        ++m_refused;
    return refusal;
}

bool ExchangeServer::tooManyConnects()
{
    const qint64 now = m_clock.elapsed();
    m_connectTimes.push_back(now);
    while (m_connectTimes.front() < now - m_settings.limits.connectWindow.count())
        m_connectTimes.pop_front();
    if (int(m_connectTimes.size()) <= m_settings.limits.connectsPerWindow)
        return false;
    recordViolation(QStringLiteral("%1 connection attempts within %2 s, %3 are allowed")
                        .arg(m_connectTimes.size())
                        .arg(m_settings.limits.connectWindow.count() / 1000)
                        .arg(m_settings.limits.connectsPerWindow));
    return true;
}

void ExchangeServer::admit(WireSocket *wire, const UpgradeRequest &request)
{
    const quint16 port = wire->peerPort();
    m_upgrading.insert(port, {wire, request});
    connect(wire, &WireSocket::disconnected, this, [this, wire, port] {
        if (m_upgrading.value(port).wire != wire)
            return; // it belongs to a connection
        m_upgrading.remove(port);
        wire->deleteLater();
    });
    m_upgrader.handleConnection(wire);
}

void ExchangeServer::openConnection()
{
    std::unique_ptr<QWebSocket> socket(m_upgrader.nextPendingConnection());
    const Waiting waiting = m_upgrading.take(socket->peerPort());
    if (!waiting.wire)
        return; // gone before it was upgraded
    socket->setParent(nullptr);
    auto connection = std::make_unique<Connection>(++m_lastId, std::move(socket), waiting.wire,
                                                   waiting.request, m_protocol, m_settings, m_data);
    Connection *const client = connection.get();
    connect(client, &Connection::streamsChanged, this, &ExchangeServer::updateRoutes);
    connect(client, &Connection::audienceChanged, this, &ExchangeServer::updateAudience);
    connect(client, &Connection::congestionChanged, this, &ExchangeServer::updateCongestion);
    connect(client, &Connection::messageReceived, this, [this] { ++m_messages; });
    connect(client, &Connection::violated, this, &ExchangeServer::recordViolation);
    connect(client, &Connection::closed, this, &ExchangeServer::updateAudience);
    // Queued: a connection must not vanish under publish(), which walks over them.
    connect(
        client, &Connection::closed, this, [this, client] { removeConnection(client); },
        Qt::QueuedConnection);
    m_connections.push_back(std::move(connection));
    client->begin();
    emit clientConnected(client->id());
    updateRoutes();
}

void ExchangeServer::removeConnection(Connection *connection)
{
    const auto found = std::find_if(m_connections.begin(), m_connections.end(),
                                    [connection](const auto &c) { return c.get() == connection; });
    if (found == m_connections.end())
        return;
    const int id = connection->id();
    found->release()->deleteLater();
    m_connections.erase(found);
    updateRoutes();
    updateCongestion();
    emit clientDisconnected(id);
}

ExchangeServer::Route &ExchangeServer::route(const QByteArray &stream)
{
    const auto found = m_routes.find(stream);
    // The key gets bytes of its own: a frame's may belong to a tape that is gone before us.
    return found != m_routes.end() ? *found : m_routes[QByteArray(stream.constData(), stream.size())];
}

void ExchangeServer::updateRoutes()
{
    for (Route &route : m_routes)
        route.subscribers.clear();
    QSet<QByteArray> demand;
    bool microseconds = false;
    for (const auto &connection : m_connections) {
        microseconds |= connection->wantsMicroseconds();
        for (const QByteArray &name : connection->streams()) {
            const QByteArray stream = m_settings.aliases.value(name, name);
            route(stream).subscribers.push_back({connection.get(), name});
            demand.insert(stream);
        }
    }
    emit microsecondsWanted(microseconds);
    emit demandChanged(demand);
    updateAudience();
}

void ExchangeServer::announceAudience()
{
    m_audience = 0;
    updateRoutes();
    emit congestionChanged(m_congested);
}

void ExchangeServer::updateAudience()
{
    const auto count = std::count_if(m_connections.begin(), m_connections.end(), [](const auto &connection) {
        return !connection->streams().isEmpty() && !connection->isSilent() && connection->isOpen();
    });
    if (m_audience == int(count))
        return;
    m_audience = int(count);
    emit audienceChanged(m_audience);
}

void ExchangeServer::updateCongestion()
{
    const bool congested = std::any_of(m_connections.begin(), m_connections.end(),
                                       [](const auto &connection) { return connection->isCongested(); });
    if (m_congested == congested)
        return;
    m_congested = congested;
    emit congestionChanged(congested);
}

void ExchangeServer::publish(const StreamFrame &frame)
{
    Route &to = route(frame.stream);
    ++to.published;
    if (isSilenced(frame.stream)) {
        to.withheld += qint64(to.subscribers.size());
        return;
    }
    StreamFrame altered;
    const bool corrupt = m_mangler.corrupts(frame.stream);
    if (corrupt) {
        altered = frame;
        altered.payload = m_protocol.corrupted(frame.payload);
    }
    const int copies = m_mangler.copies(frame.stream);
    for (const Subscriber &subscriber : to.subscribers) {
        const bool sent = subscriber.connection->deliver(corrupt ? altered : frame, subscriber.name, copies);
        to.sent += sent ? copies : 0;
        to.withheld += sent ? 0 : 1;
    }
}

void ExchangeServer::closeAll(int code, const QString &reason)
{
    for (const auto &connection : m_connections)
        connection->close(code, reason);
    updateAudience();
}

void ExchangeServer::resetAll()
{
    for (const auto &connection : m_connections)
        connection->reset();
    updateAudience();
}

void ExchangeServer::silenceAll(Milliseconds duration)
{
    for (const auto &connection : m_connections)
        connection->keepSilent(duration);
}

void ExchangeServer::silenceSymbol(const QByteArray &symbol, Milliseconds duration)
{
    m_silentUntilMs[symbol] = m_clock.elapsed() + duration.count();
}

bool ExchangeServer::isSilenced(const QByteArray &stream)
{
    return !m_silentUntilMs.isEmpty() &&
           m_clock.elapsed() < m_silentUntilMs.value(symbolOfStream(stream), -1);
}

void ExchangeServer::say(const QByteArray &text)
{
    for (const auto &connection : m_connections)
        connection->sendText(text);
}

void ExchangeServer::withholdPongs(Milliseconds duration)
{
    for (const auto &connection : m_connections)
        connection->withholdPongs(duration);
}

void ExchangeServer::announceShutdown(Milliseconds delay)
{
    for (const auto &connection : m_connections) {
        connection->announceShutdown();
        Connection *const client = connection.get();
        QTimer::singleShot(delay, client,
                           [client] { client->close(1001, QStringLiteral("Server shutdown")); });
    }
}

void ExchangeServer::refuseConnections(Milliseconds duration)
{
    m_door.close();
    m_door.resetWaiting();
    resetAll();
    m_relisten.start(duration);
}

void ExchangeServer::listenAgain()
{
    if (!m_door.listen(QHostAddress::LocalHost, m_port))
        m_relisten.start(relistenPause);
}

void ExchangeServer::refuseWithStatus(int status, int retryAfter, Milliseconds duration)
{
    m_statusFault.refusal = {status, retryAfter, {}};
    m_statusFault.untilMs = m_clock.elapsed() + duration.count();
}

void ExchangeServer::recordViolation(const QString &what)
{
    if (m_violations.size() < maxViolations)
        m_violations.append(what);
    emit violated(what);
}

qint64 ExchangeServer::queuedBytes() const
{
    qint64 bytes = 0;
    for (const auto &connection : m_connections)
        bytes += connection->queuedBytes();
    return bytes;
}

QJsonObject ExchangeServer::stats() const
{
    QJsonObject streams;
    qint64 sent = 0;
    for (auto route = m_routes.cbegin(); route != m_routes.cend(); ++route) {
        sent += route->sent;
        streams.insert(QString::fromUtf8(route.key()),
                       QJsonObject{{QStringLiteral("published"), route->published},
                                   {QStringLiteral("sent"), route->sent},
                                   {QStringLiteral("withheld"), route->withheld}});
    }
    return {{QStringLiteral("connections_ever"), m_lastId},
            {QStringLiteral("connections_now"), connectionCount()},
            {QStringLiteral("connections_refused"), m_refused},
            {QStringLiteral("messages_received"), m_messages},
            {QStringLiteral("frames_sent"), sent},
            {QStringLiteral("bytes_queued"), queuedBytes()},
            {QStringLiteral("violations"), QJsonArray::fromStringList(m_violations)},
            {QStringLiteral("streams"), streams}};
}

} // namespace tidemill::exchange
