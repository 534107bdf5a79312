// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tidemill/result.h>

#include <QByteArray>
#include <QIODevice>
#include <QNetworkProxy>
#include <QString>

namespace tidemill::net {

// What is said to a proxy until it has opened a tunnel: CONNECT of HTTP with Basic authentication, or SOCKS5
// (RFC 1928, 1929).
//
// For WebSockets, instead of QTcpSocket's own: Qt's SOCKS5 reads whatever comes into memory, also from a
// socket that is paused, and its errors do not say what a proxy answered.
class ProxyTunnel
{
public:
    ProxyTunnel(const QNetworkProxy &proxy, const QString &host, quint16 port);

    QByteArray firstBytes() const;

    // Reads what the proxy has said and answers it. True: the tunnel is there, and what is said on it from
    // here on is between us and the peer. An error's message says what the proxy answered.
    Result<bool> advance(QIODevice &proxy);

private:
    enum class Phase { Http, Method, Login, Connect };

    Result<bool> understand(QByteArray &received, QByteArray &answer);
    Result<bool> readHttp(QByteArray &received);
    Result<bool> readMethod(QByteArray &received, QByteArray &answer);
    Result<bool> readLogin(QByteArray &received, QByteArray &answer);
    Result<bool> readConnect(QByteArray &received);
    QByteArray connectRequest() const;

    Phase m_phase;
    QByteArray m_received; // and not yet understood
    QByteArray m_host;     // without brackets
    quint16 m_port;
    QByteArray m_user;
    QByteArray m_password;
};

} // namespace tidemill::net
