// SPDX-License-Identifier: Apache-2.0
#include "exchange_server.h"

#include <QDateTime>
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

ExchangeServer::ExchangeServer(const Settings &settings)
    : m_settings(settings)
    , m_door([this](const QByteArray &target) { return considerClient(target); })
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

std::optional<FrontDoor::Refusal> ExchangeServer::considerClient(const QByteArray &target)
{
    std::optional<FrontDoor::Refusal> refusal;
    const auto parsed = Target::parse(target);
    if (tooManyConnects())
        refusal = {429, int(m_settings.limits.connectWindow.count() / 1000), {}};
    else if (m_clock.elapsed() < m_statusFault.untilMs)
        refusal = m_statusFault.refusal;
    else if (target.size() > maxTarget)
        refusal = {414, -1, {}};
    else if (!parsed)
        refusal = {404, -1, {}};
    else if (parsed->streams.size() > m_settings.limits.maxStreams)
        refusal = {400, -1, "{\"code\":4,\"msg\":\"Too many subscriptions\"}"};
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

void ExchangeServer::admit(WireSocket *wire, const QByteArray &target)
{
    const auto parsed = Target::parse(target);
    const quint16 port = wire->peerPort();
    m_upgrading.insert(port, {wire, *parsed});
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
    auto connection =
        std::make_unique<Connection>(++m_lastId, std::move(socket), waiting.wire, waiting.target, m_settings);
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
    for (const QByteArray &stream : client->streams()) {
        if (const QString remark = remarkOnStream(stream); !remark.isEmpty())
            recordViolation(QStringLiteral("connection %1: %2").arg(client->id()).arg(remark));
    }
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
    const int copies = m_mangler.copies(frame.stream);
    for (const Subscriber &subscriber : to.subscribers) {
        bool sent = false;
        for (int copy = 0; copy < copies; ++copy)
            sent = subscriber.connection->deliver(frame, subscriber.name) || sent;
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

void ExchangeServer::withholdPongs(Milliseconds duration)
{
    for (const auto &connection : m_connections)
        connection->withholdPongs(duration);
}

void ExchangeServer::announceShutdown(Milliseconds delay)
{
    const QByteArray event =
        "{\"e\":\"serverShutdown\",\"E\":" + QByteArray::number(QDateTime::currentMSecsSinceEpoch()) + '}';
    for (const auto &connection : m_connections) {
        connection->deliver({"!serverShutdown", event, {}, {}}, "!serverShutdown");
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
