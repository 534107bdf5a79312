// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <QByteArray>
#include <QHash>
#include <QList>
#include <QPointer>
#include <QTcpServer>

#include <chrono>
#include <functional>

class QTcpSocket;

namespace tidemill::pulsestream {

struct Request
{
    QByteArray method;
    QByteArray path; // without the query
    QByteArray query;
    QHash<QByteArray, QByteArray> headers; // names in lower case
    QByteArray body;
};

struct Response
{
    int status = 200;
    QByteArray body;
    QList<std::pair<QByteArray, QByteArray>> headers;
    std::chrono::milliseconds delay{0}; // before it is sent
};

// HTTP/1.1 as uvicorn speaks it: keep-alive, one request of a connection at a time, chunked bodies. It can
// freeze as a stopped process does: clients can connect and send, and all that they have sent is dealt with
// when it goes on, also what came from clients that have left meanwhile.
class HttpDoor final : public QTcpServer
{
    Q_OBJECT

public:
    using Handler = std::function<Response(const Request &)>;

    explicit HttpDoor(Handler handler) : m_handler(std::move(handler)) {}
    ~HttpDoor() override { abortAll(); } // while its clients can still ask it

    void setFrozen(bool frozen);
    bool isFrozen() const { return m_isFrozen; }
    // Cuts everybody off.
    void abortAll();

    const Handler &handler() const { return m_handler; }
    int connections() const { return m_connections; } // ever made

Q_SIGNALS:
    void thawed();

protected:
    void incomingConnection(qintptr descriptor) override;

private:
    Handler m_handler;
    QList<QPointer<QTcpSocket>> m_sockets;
    int m_connections = 0;
    bool m_isFrozen = false;
};

} // namespace tidemill::pulsestream
