// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "wire_socket.h"

#include <QHash>
#include <QSslConfiguration>
#include <QTcpServer>

#include <functional>
#include <optional>

namespace tidemill::exchange {

// What a client says when it comes.
struct UpgradeRequest
{
    QByteArray target;
    QHash<QByteArray, QByteArray> headers; // names in lower case

    QByteArray path() const
    {
        return target.first(target.contains('?') ? target.indexOf('?') : target.size());
    }
};

// Accepts TCP connections, reads the HTTP request of each and lets it in or sends it away with a status.
// Stands before QWebSocketServer because that one can only accept.
class FrontDoor final : public QTcpServer
{
    Q_OBJECT

public:
    struct Refusal
    {
        int status = 429;
        int retryAfter = -1; // seconds; no header when negative
        QByteArray body;
    };
    using Doorkeeper = std::function<std::optional<Refusal>(const UpgradeRequest &request)>;

    // Asked once for each connection that has sent its request.
    explicit FrontDoor(Doorkeeper doorkeeper) : m_doorkeeper(std::move(doorkeeper)) {}

    // From now on everybody has to speak TLS. False when a file cannot be read or used.
    bool useTls(const QString &certificateFile, const QString &keyFile, QString *error);

    // Resets connections that have not been let in yet.
    void resetWaiting();

Q_SIGNALS:
    // The receiver owns the socket. Its request is still unread.
    void admitted(tidemill::exchange::WireSocket *socket, const tidemill::exchange::UpgradeRequest &request);

protected:
    void incomingConnection(qintptr descriptor) override;

private:
    void readRequest(QTcpSocket *socket);
    static void refuse(QTcpSocket *socket, const Refusal &refusal);

    Doorkeeper m_doorkeeper;
    std::optional<QSslConfiguration> m_tls;
};

// "Too Many Requests" and so on, for a status line.
QByteArray reasonPhrase(int status);

} // namespace tidemill::exchange
