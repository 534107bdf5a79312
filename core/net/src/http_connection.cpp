// SPDX-License-Identifier: Apache-2.0
#include "connector.h"
#include "http_reply_reader.h"
#include "http_text.h"
#include "proxy_address.h"
#include "proxy_tunnel.h"
#include "tls.h"

#include <tidemill/net/http_connection.h>

#include <QDateTime>
#include <QSslSocket>

namespace tidemill::net {

static bool isSecure(const QUrl &url)
{
    return url.scheme() == QLatin1String("https");
}

static quint16 portOf(const QUrl &url)
{
    return static_cast<quint16>(url.port(isSecure(url) ? 443 : 80));
}

static QByteArray hostHeader(const QUrl &url)
{
    QByteArray host = url.host(QUrl::FullyEncoded).toLatin1();
    if (host.contains(':'))
        host = '[' + host + ']';
    if (url.port() > 0 && url.port() != (isSecure(url) ? 443 : 80))
        host += ':' + QByteArray::number(url.port());
    return host;
}

HttpConnection::HttpConnection(QObject *parent) : QObject(parent)
{
    m_deadline.setSingleShot(true);
    connect(&m_deadline, &QTimer::timeout, this,
            [this] { fail(way() + QStringLiteral("no whole reply in %1 ms").arg(m_deadline.interval())); });
}

HttpConnection::~HttpConnection()
{
    discard(m_socket);
}

Result<> HttpConnection::configure(const QUrl &address, const HttpSettings &settings)
{
    if ((!isSecure(address) && address.scheme() != QLatin1String("http")) || !address.isValid() ||
        address.host().isEmpty())
        return Error{Error::Kind::Config,
                     QStringLiteral("expected an address such as https://host/path, got '%1'")
                         .arg(address.toDisplayString(QUrl::RemoveQuery | QUrl::RemoveUserInfo))};
    if (!address.userInfo().isEmpty())
        return Error{
            Error::Kind::Config,
            QStringLiteral("%1: user and password do not belong in the address").arg(address.host())};
    const auto proxy = proxyFrom(settings.proxy);
    if (!proxy)
        return proxy.error();
    if (isSecure(address)) {
        const auto tls = tlsConfiguration(settings.caFile);
        if (!tls)
            return tls.error();
        m_tls = *tls;
    }
    m_address = address;
    m_settings = settings;
    m_proxy = *proxy;
    return {};
}

void HttpConnection::send(const QByteArray &method, const QByteArray &target, const HeaderList &headers,
                          const QByteArray &body)
{
    Q_ASSERT(!m_isBusy);
    m_isBusy = true;
    m_isSent = false;
    m_refusal.clear();
    QByteArray head = method + ' ' + target + " HTTP/1.1\r\nHost: " + hostHeader(m_address) +
                      "\r\nUser-Agent: tidemill/" TIDEMILL_VERSION "\r\nAccept-Encoding: identity\r\n";
    for (const auto &[name, value] : headers) {
        if (!isHttpToken(name) || !isHttpValue(value))
            m_refusal = QStringLiteral("header '%1' cannot be sent").arg(QString::fromLatin1(name));
        head += name + ": " + value + "\r\n";
    }
    if (!isHttpToken(method) || !target.startsWith('/') || target.contains(' ') || !isHttpValue(target))
        m_refusal = QStringLiteral("expected a path to ask for, got something else");
    if (!body.isEmpty() || method != "GET")
        head += "Content-Length: " + QByteArray::number(body.size()) + "\r\n";
    m_request = head + "\r\n" + body;
    m_reader = std::make_unique<HttpReplyReader>(m_settings.maxBodyBytes);
    if (m_settings.timeout.count() > 0)
        m_deadline.start(m_settings.timeout);
    // Later, because a socket may report an impossible address from within the call.
    QMetaObject::invokeMethod(this, &HttpConnection::start, Qt::QueuedConnection);
}

void HttpConnection::start()
{
    if (!m_isBusy || m_isSent)
        return; // closed meanwhile
    if (!m_refusal.isEmpty()) {
        fail(m_refusal, Error::Kind::Config);
        return;
    }
    if (m_isOpen && m_idle.hasExpired(longestIdle.count())) {
        discard(std::exchange(m_socket, nullptr));
        m_isOpen = false;
    }
    m_isReused = m_isOpen;
    if (m_isOpen)
        writeRequest();
    else
        connectSocket();
}

void HttpConnection::connectSocket()
{
    discard(std::exchange(m_socket, nullptr));
    const QString host = m_address.host(QUrl::FullyEncoded);
    QSslSocket *tls = nullptr;
    if (isSecure(m_address)) {
        m_socket = tls = new QSslSocket(this);
        tls->setSslConfiguration(m_tls);
        connect(tls, &QSslSocket::encrypted, this, &HttpConnection::writeRequest);
    } else {
        m_socket = new QTcpSocket(this);
    }
    // Without this, Debian's Qt follows http_proxy. Our own proxy is ProxyTunnel's.
    m_socket->setProxy(QNetworkProxy::NoProxy);
    m_socket->setReadBufferSize(Connector::socketBufferBytes);
    connect(m_socket, &QTcpSocket::readyRead, this, &HttpConnection::read);
    connect(m_socket, &QTcpSocket::errorOccurred, this, &HttpConnection::lose);
    m_tunnel.reset();
    if (isProxied(m_proxy)) {
        m_tunnel = std::make_unique<ProxyTunnel>(m_proxy, host, portOf(m_address));
        connect(m_socket, &QTcpSocket::connected, this, &HttpConnection::openTunnel);
        m_socket->connectToHost(m_proxy.hostName(), m_proxy.port());
    } else if (tls) {
        tls->connectToHostEncrypted(host, portOf(m_address));
    } else {
        connect(m_socket, &QTcpSocket::connected, this, &HttpConnection::writeRequest);
        m_socket->connectToHost(host, portOf(m_address));
    }
}

void HttpConnection::openTunnel()
{
    m_socket->write(m_tunnel->firstBytes());
}

void HttpConnection::readTunnel()
{
    const auto opened = m_tunnel->advance(*m_socket);
    if (!opened)
        fail(way() + opened.error().message, opened.error().kind);
    if (!opened || !*opened)
        return;
    m_tunnel.reset();
    if (!beginTls(m_socket, m_address.host(QUrl::FullyEncoded)))
        writeRequest();
}

void HttpConnection::writeRequest()
{
    m_socket->setSocketOption(QAbstractSocket::LowDelayOption, 1);
    m_socket->setSocketOption(QAbstractSocket::KeepAliveOption, 1);
    m_isOpen = true;
    m_isSent = true;
    m_socket->write(std::exchange(m_request, {}));
}

void HttpConnection::read()
{
    if (m_tunnel) {
        readTunnel();
        return;
    }
    if (!m_isBusy || !m_isSent) {
        // Nobody asked for anything: whatever this is, it must not become the answer to the next request.
        discard(std::exchange(m_socket, nullptr));
        m_isOpen = false;
        if (m_isBusy)
            fail(QStringLiteral("it spoke before it was asked"), Error::Kind::Protocol);
        return;
    }
    while (m_socket && m_socket->bytesAvailable() > 0 && !m_reader->isWhole()) {
        const auto taken = m_reader->take(m_socket->read(Connector::socketBufferBytes));
        if (!taken) {
            fail(taken.error().message, taken.error().kind);
            return;
        }
    }
    if (m_reader->isWhole())
        finish();
}

// The connection has ended, or never came to be.
void HttpConnection::lose()
{
    const QString reason = m_socket->errorString();
    const bool isEnd = m_socket->error() == QAbstractSocket::RemoteHostClosedError;
    if (!m_isBusy || !m_isSent) {
        const QString what = way() + reason;
        discard(std::exchange(m_socket, nullptr));
        m_isOpen = false;
        if (m_isBusy)
            fail(what);
        return;
    }
    read(); // what came before the end
    if (!m_isBusy || !m_socket)
        return;
    const auto ended = m_reader->end();
    if (isEnd && ended)
        finish();
    else if (isEnd && m_isReused && !m_reader->hasBegun())
        fail(QStringLiteral("the connection, which was kept open, ended without a reply"));
    else
        fail(isEnd ? ended.error().message : reason);
}

// What goes wrong until there is a tunnel is the proxy's word, or about the proxy.
QString HttpConnection::way() const
{
    return m_tunnel ? proxyName(m_proxy) + QStringLiteral(": ") : QString();
}

void HttpConnection::fail(const QString &what, Error::Kind kind)
{
    HttpReply reply;
    reply.status = m_reader->status();
    reply.error =
        Error{kind, QStringLiteral("%1:%2: %3").arg(m_address.host()).arg(portOf(m_address)).arg(what)};
    close();
    emit finished(reply);
}

void HttpConnection::finish()
{
    HttpReply reply;
    reply.status = m_reader->status();
    reply.headers = m_reader->headers();
    reply.body = m_reader->takeBody();
    if (const auto value = findHeader(reply.headers, "Retry-After"))
        reply.retryAfter = parseRetryAfter(*value, QDateTime::currentDateTimeUtc());
    if (findHeader(reply.headers, "Content-Encoding").value_or("identity").toLower() != "identity") {
        fail(QStringLiteral("the reply is packed, though we did not ask for that"), Error::Kind::Protocol);
        return;
    }
    // A peer that answers before it has read the whole request does not want the rest of it.
    const bool canGoOn = m_reader->canGoOn() && m_socket->bytesToWrite() == 0 &&
                         m_socket->bytesAvailable() == 0 &&
                         m_socket->state() == QAbstractSocket::ConnectedState;
    m_deadline.stop();
    m_isBusy = false;
    m_idle.start();
    if (!canGoOn)
        close();
    emit finished(reply);
}

void HttpConnection::close()
{
    m_deadline.stop();
    discard(std::exchange(m_socket, nullptr));
    m_tunnel.reset();
    m_request.clear();
    m_isOpen = false;
    m_isBusy = false;
}

} // namespace tidemill::net
