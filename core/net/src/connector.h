// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "extensions.h"
#include "proxy_tunnel.h"

#include <tidemill/net/websocket_client.h>

#include <QByteArray>
#include <QNetworkProxy>
#include <QObject>
#include <QTcpSocket>
#include <QTimer>

#include <optional>
#include <utility>

namespace tidemill::net {

// Ends a socket at once, also from within its own signals; nobody hears of it any more. Nothing for a null
// pointer.
void discard(QTcpSocket *socket);

// The way to an open WebSocket: name, proxy if any, TCP, TLS, upgrade, with a deadline for each half. It ends
// in ready() or failed(), once, and in neither after stop().
class Connector : public QObject
{
    Q_OBJECT

public:
    // How much the socket itself buffers: what a pause leaves unread in this process.
    static constexpr qint64 socketBufferBytes = 256LL * 1024;

    explicit Connector(QObject *parent);

    // Emits nothing before it returns.
    Result<> start(const QUrl &url, const WebSocketSettings &settings);
    void stop();

    // After ready(): the socket, a child of our parent that nobody listens to, and what came behind the
    // reply.
    QTcpSocket *takeSocket() { return std::exchange(m_socket, nullptr); }
    QByteArray takeLeftover() { return std::exchange(m_received, {}); }
    const std::optional<DeflateAgreement> &agreement() const { return m_agreement; }

Q_SIGNALS:
    void handshaking();
    void ready();
    void failed(const tidemill::net::CloseInfo &info);

private:
    void connectSocket(const QTcpSocket *socket);
    void openTunnel();
    void readTunnel();
    void sendRequest();
    void readReply();
    void timeOut();
    QString way() const;
    void fail(const QString &what, Error::Kind kind = Error::Kind::Network, CloseInfo info = {});

    QUrl m_url;
    std::chrono::milliseconds m_handshakeTimeout{0};
    QByteArray m_key;
    QByteArray m_request;
    QByteArray m_received;
    Compression m_compression;
    std::optional<DeflateAgreement> m_agreement;
    QNetworkProxy m_proxy;
    std::optional<ProxyTunnel> m_tunnel; // until the proxy has opened it
    QTcpSocket *m_socket = nullptr;      // a child of our parent
    QTimer m_deadline{this};
    bool m_requested = false;
};

} // namespace tidemill::net
