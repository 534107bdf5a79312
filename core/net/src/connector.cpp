// SPDX-License-Identifier: Apache-2.0
#include "connector.h"

#include "handshake.h"
#include "http_text.h"
#include "proxy_address.h"
#include "tls.h"

#include <QDateTime>
#include <QRandomGenerator>
#include <QSslSocket>

namespace tidemill::net {

static bool isSecure(const QUrl &url)
{
    return url.scheme() == QLatin1String("wss");
}

static quint16 portOf(const QUrl &url)
{
    return static_cast<quint16>(url.port(isSecure(url) ? 443 : 80));
}

void discard(QTcpSocket *socket)
{
    if (!socket)
        return;
    QObject::disconnect(socket, nullptr, nullptr, nullptr);
    socket->abort();
    socket->deleteLater();
}

Connector::Connector(QObject *parent) : QObject(parent)
{
    m_deadline.setSingleShot(true);
    connect(&m_deadline, &QTimer::timeout, this, &Connector::timeOut);
}

Result<> Connector::start(const QUrl &url, const WebSocketSettings &settings)
{
    if (const auto checked = checkUpgradeRequest(url, settings.headers); !checked)
        return checked.error();
    if (const auto checked = checkCompression(settings.compression); !checked)
        return checked.error();
    const auto proxy = proxyFrom(settings.proxy);
    if (!proxy)
        return proxy.error();
    stop();
    if (isSecure(url)) {
        const auto tls = tlsConfiguration(settings.caFile);
        if (!tls)
            return tls.error();
        auto *const socket = new QSslSocket(parent());
        socket->setSslConfiguration(*tls);
        connect(socket, &QSslSocket::encrypted, this, &Connector::sendRequest);
        m_socket = socket;
    } else {
        m_socket = new QTcpSocket(parent());
    }
    // Without this, Debian's Qt follows http_proxy. Our own proxy is ProxyTunnel's.
    m_socket->setProxy(QNetworkProxy::NoProxy);
    m_tunnel.reset();
    if (isProxied(*proxy)) {
        m_tunnel.emplace(*proxy, url.host(QUrl::FullyEncoded), portOf(url));
        connect(m_socket, &QTcpSocket::connected, this, &Connector::openTunnel);
    } else if (!isSecure(url)) {
        connect(m_socket, &QTcpSocket::connected, this, &Connector::sendRequest);
    }
    m_socket->setReadBufferSize(socketBufferBytes);
    connect(m_socket, &QTcpSocket::readyRead, this, &Connector::readReply);
    connect(m_socket, &QTcpSocket::errorOccurred, this, [this] { fail(way() + m_socket->errorString()); });

    quint32 random[4];
    QRandomGenerator::system()->fillRange(random);
    m_key = QByteArray(reinterpret_cast<const char *>(random), sizeof random).toBase64();
    m_request = upgradeRequest(url, settings.headers, m_key, settings.compression);
    m_url = url;
    m_compression = settings.compression;
    m_agreement.reset();
    m_proxy = *proxy;
    m_handshakeTimeout = settings.handshakeTimeout;
    m_requested = false;
    if (settings.connectTimeout.count() > 0)
        m_deadline.start(settings.connectTimeout);
    // Later, because a socket may report an impossible address from within the call.
    QMetaObject::invokeMethod(
        this, [this, socket = m_socket] { connectSocket(socket); }, Qt::QueuedConnection);
    return {};
}

void Connector::stop()
{
    m_deadline.stop();
    discard(std::exchange(m_socket, nullptr));
    m_received.clear();
}

void Connector::connectSocket(const QTcpSocket *socket)
{
    if (socket != m_socket)
        return; // stopped meanwhile
    const QString host = m_url.host(QUrl::FullyEncoded);
    if (m_tunnel)
        m_socket->connectToHost(m_proxy.hostName(), m_proxy.port());
    else if (auto *const tls = qobject_cast<QSslSocket *>(m_socket))
        tls->connectToHostEncrypted(host, portOf(m_url));
    else
        m_socket->connectToHost(host, portOf(m_url));
}

void Connector::openTunnel()
{
    m_socket->write(m_tunnel->firstBytes());
}

void Connector::readTunnel()
{
    const auto opened = m_tunnel->advance(*m_socket);
    if (!opened)
        fail(way() + opened.error().message, opened.error().kind);
    if (!opened || !*opened)
        return;
    m_tunnel.reset();
    if (!beginTls(m_socket, m_url.host(QUrl::FullyEncoded)))
        sendRequest();
}

void Connector::sendRequest()
{
    m_socket->setSocketOption(QAbstractSocket::LowDelayOption, 1);
    m_socket->setSocketOption(QAbstractSocket::KeepAliveOption, 1);
    m_deadline.stop();
    if (m_handshakeTimeout.count() > 0)
        m_deadline.start(m_handshakeTimeout);
    m_requested = true;
    m_socket->write(m_request);
    emit handshaking();
}

void Connector::readReply()
{
    if (m_tunnel) {
        readTunnel();
        return;
    }
    m_received += m_socket->read(maxReplyHeaderBytes + 1 - m_received.size());
    const qsizetype end = findReplyEnd(m_received);
    if (end < 0) {
        if (m_received.size() > maxReplyHeaderBytes) {
            const QString text =
                QStringLiteral("the reply to the handshake has more than %1 bytes of headers");
            fail(text.arg(maxReplyHeaderBytes), Error::Kind::Protocol);
        }
        return;
    }
    const auto reply = parseUpgradeReply(QByteArrayView(m_received).first(end));
    if (!reply) {
        fail(reply.error().message, reply.error().kind);
        return;
    }
    const auto agreement = checkUpgradeReply(*reply, m_key, m_compression);
    if (!agreement) {
        CloseInfo info;
        info.handshakeStatus = reply->status;
        if (const auto value = findHeader(reply->headers, "Retry-After"))
            info.retryAfter = parseRetryAfter(*value, QDateTime::currentDateTimeUtc());
        fail(agreement.error().message, agreement.error().kind, info);
        return;
    }
    m_agreement = *agreement;
    m_deadline.stop();
    m_received.remove(0, end);
    disconnect(m_socket, nullptr, this, nullptr);
    emit ready();
}

void Connector::timeOut()
{
    fail(m_requested
             ? QStringLiteral("no answer to the WebSocket handshake in %1 ms").arg(m_handshakeTimeout.count())
             : way() + QStringLiteral("no connection in %1 ms").arg(m_deadline.interval()));
}

// What goes wrong until there is a tunnel is the proxy's word, or about the proxy.
QString Connector::way() const
{
    return m_tunnel ? proxyName(m_proxy) + QStringLiteral(": ") : QString();
}

void Connector::fail(const QString &what, Error::Kind kind, CloseInfo info)
{
    stop();
    info.kind = kind;
    info.message = QStringLiteral("%1:%2: %3").arg(m_url.host()).arg(portOf(m_url)).arg(what);
    emit failed(info);
}

} // namespace tidemill::net
