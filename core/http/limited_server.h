// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "host/http_server.h"

#include <QTcpServer>
#include <QTcpSocket>
#include <QTimer>

#include <memory>

namespace tidemill::http {

// A connection that cannot take more than its limits, whatever reads it. Qt HttpServer sets none itself: a
// header or a body may grow, and a connection stay, for ever.
class LimitedSocket final : public QTcpSocket
{
public:
    LimitedSocket(const host::HttpLimits &limits, std::shared_ptr<int> count, QObject *parent);
    ~LimitedSocket() override;

    // The request that is being answered came from a client that waits for the connection to end (HTTP/1.0).
    bool isHttp10() const { return m_requestLine.contains("HTTP/1.0"); }
    // An answer has been given; what comes now is another request.
    void beginRequest() { m_requestLine.clear(); }

private:
    void noteArrival();
    void checkArrival();
    void noteWritten();
    void refuse(const QByteArray &statusLine);
    void drop();

    host::HttpLimits m_limits;
    std::shared_ptr<int> m_count;
    QTimer m_patience{this};
    qint64 m_unanswered = 0;
    QByteArray m_requestLine;
};

// Accepts so many connections at once; more are reset.
class LimitedServer final : public QTcpServer
{
public:
    explicit LimitedServer(const host::HttpLimits &limits);

protected:
    void incomingConnection(qintptr handle) override;

private:
    host::HttpLimits m_limits;
    std::shared_ptr<int> m_count =
        std::make_shared<int>(0); // the sockets', too: they go after this class's members
};

} // namespace tidemill::http
