// SPDX-License-Identifier: Apache-2.0
#include "proxy_tunnel.h"

#include "handshake.h"

#include <QHostAddress>
#include <QtEndian>

namespace tidemill::net {

static constexpr char socksVersion = 5;
static constexpr char noLogin = 0;
static constexpr char passwordLogin = 2;

static Error refused(const QString &message)
{
    return {Error::Kind::Network, message};
}

static Error notSocks(QByteArrayView received)
{
    return {Error::Kind::Protocol, QStringLiteral("expected an answer of SOCKS5, got the bytes %1")
                                       .arg(QString::fromLatin1(received.first(2).toByteArray().toHex(' ')))};
}

ProxyTunnel::ProxyTunnel(const QNetworkProxy &proxy, const QString &host, quint16 port)
    : m_phase(proxy.type() == QNetworkProxy::Socks5Proxy ? Phase::Method : Phase::Http)
    , m_host(host.toLatin1())
    , m_port(port)
    , m_user(proxy.user().toUtf8())
    , m_password(proxy.password().toUtf8())
{}

QByteArray ProxyTunnel::firstBytes() const
{
    if (m_phase == Phase::Method) {
        if (m_user.isEmpty())
            return QByteArray{}.append(socksVersion).append('\1').append(noLogin);
        return QByteArray{}.append(socksVersion).append('\2').append(noLogin).append(passwordLogin);
    }
    const QByteArray host = m_host.contains(':') ? '[' + m_host + ']' : m_host;
    const QByteArray target = host + ':' + QByteArray::number(m_port);
    QByteArray request = "CONNECT " + target + " HTTP/1.1\r\nHost: " + target +
                         "\r\nUser-Agent: tidemill/" TIDEMILL_VERSION "\r\n";
    if (!m_user.isEmpty())
        request += "Proxy-Authorization: Basic " + (m_user + ':' + m_password).toBase64() + "\r\n";
    return request + "\r\n";
}

Result<bool> ProxyTunnel::advance(QIODevice &proxy)
{
    m_received += proxy.read(maxReplyHeaderBytes + 1 - m_received.size());
    QByteArray answer;
    auto opened = understand(m_received, answer);
    if (opened && !answer.isEmpty())
        proxy.write(answer);
    if (opened && *opened && (!m_received.isEmpty() || proxy.bytesAvailable() > 0))
        return Error{Error::Kind::Protocol, QStringLiteral("it sent more than its answer")};
    return opened;
}

// Takes what it understands from the front of `received` and sets what to answer.
Result<bool> ProxyTunnel::understand(QByteArray &received, QByteArray &answer)
{
    for (;;) {
        const Phase phase = m_phase;
        Result<bool> result = false;
        switch (phase) {
        case Phase::Http:
            return readHttp(received);
        case Phase::Method:
            result = readMethod(received, answer);
            break;
        case Phase::Login:
            result = readLogin(received, answer);
            break;
        case Phase::Connect:
            return readConnect(received);
        }
        if (!result || m_phase == phase)
            return result;
    }
}

Result<bool> ProxyTunnel::readHttp(QByteArray &received)
{
    const qsizetype end = findReplyEnd(received);
    if (end < 0 && received.size() > maxReplyHeaderBytes)
        return Error{Error::Kind::Protocol,
                     QStringLiteral("its answer has more than %1 bytes of headers").arg(maxReplyHeaderBytes)};
    if (end < 0)
        return false;
    const auto reply = parseUpgradeReply(QByteArrayView(received).first(end));
    if (!reply)
        return Error{Error::Kind::Protocol, QStringLiteral("its answer is no HTTP")};
    if (reply->status < 200 || reply->status > 299) {
        const QString phrase = QString::fromLatin1(reply->phrase.left(80));
        QString what = QStringLiteral("it answered %1 %2").arg(reply->status).arg(phrase).trimmed();
        if (reply->status == 407)
            what += m_user.isEmpty() ? QStringLiteral(" (it wants a user and password)")
                                     : QStringLiteral(" (it does not take this user and password)");
        return refused(what);
    }
    received.remove(0, end);
    return true;
}

Result<bool> ProxyTunnel::readMethod(QByteArray &received, QByteArray &answer)
{
    if (received.size() < 2)
        return false;
    const char method = received[1];
    if (received[0] != socksVersion)
        return notSocks(received);
    if (method == passwordLogin && !m_user.isEmpty()) {
        m_phase = Phase::Login;
        answer += QByteArray{}.append('\1').append(static_cast<char>(m_user.size())) + m_user +
                  static_cast<char>(m_password.size()) + m_password;
    } else if (method == noLogin) {
        m_phase = Phase::Connect;
        answer += connectRequest();
    } else {
        return refused(m_user.isEmpty() ? QStringLiteral("it wants a user and password")
                                        : QStringLiteral("it offers no way to log in that we know"));
    }
    received.remove(0, 2);
    return false;
}

Result<bool> ProxyTunnel::readLogin(QByteArray &received, QByteArray &answer)
{
    if (received.size() < 2)
        return false;
    if (received[1] != '\0')
        return refused(QStringLiteral("it does not take this user and password"));
    received.remove(0, 2);
    m_phase = Phase::Connect;
    answer += connectRequest();
    return false;
}

QByteArray ProxyTunnel::connectRequest() const
{
    QByteArray request("\5\1\0", 3);
    const QHostAddress address(QString::fromLatin1(m_host));
    if (address.protocol() == QAbstractSocket::IPv4Protocol) {
        char bytes[4];
        qToBigEndian(address.toIPv4Address(), bytes);
        request.append('\1').append(bytes, sizeof bytes);
    } else if (address.protocol() == QAbstractSocket::IPv6Protocol) {
        const Q_IPV6ADDR bytes = address.toIPv6Address();
        request.append('\4').append(reinterpret_cast<const char *>(bytes.c), sizeof bytes.c);
    } else {
        const QByteArray name = m_host.left(255);
        request.append('\3').append(static_cast<char>(name.size())).append(name);
    }
    char port[2];
    qToBigEndian(m_port, port);
    return request.append(port, sizeof port);
}

static QString socksRefusal(uchar code)
{
    static const char *const words[] = {"general failure",       "not allowed by its rules",
                                        "network unreachable",   "host unreachable",
                                        "connection refused",    "time ran out",
                                        "command not supported", "kind of address not supported"};
    const QString text = QStringLiteral("it answered code %1").arg(code);
    return code <= std::size(words) ? text + QStringLiteral(" (%1)").arg(QLatin1String(words[code - 1]))
                                    : text;
}

Result<bool> ProxyTunnel::readConnect(QByteArray &received)
{
    if (received.size() < 2)
        return false;
    if (received[0] != socksVersion)
        return notSocks(received);
    if (received[1] != '\0')
        return refused(socksRefusal(static_cast<uchar>(received[1])));
    if (received.size() < 5)
        return false;
    qsizetype size = 0;
    switch (received[3]) {
    case 1:
        size = 4 + 4 + 2;
        break;
    case 3:
        size = 4 + 1 + static_cast<uchar>(received[4]) + 2;
        break;
    case 4:
        size = 4 + 16 + 2;
        break;
    default:
        return notSocks(received);
    }
    if (received.size() < size)
        return false;
    received.remove(0, size);
    return true;
}

} // namespace tidemill::net
