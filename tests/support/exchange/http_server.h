// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <QByteArray>
#include <QHash>
#include <QList>
#include <QTcpServer>
#include <QUrlQuery>

#include <chrono>
#include <functional>

class QTcpSocket;

namespace tidemill::exchange {

struct HttpRequest
{
    QByteArray method;
    QByteArray path;
    QUrlQuery query;
    QHash<QByteArray, QByteArray> headers; // names in lower case
    QByteArray body;

    QByteArray parameter(const char *name) const;
};

struct HttpResponse
{
    int status = 200;
    QByteArray body;
    QByteArray type = "application/json;charset=UTF-8";
    QList<std::pair<QByteArray, QByteArray>> headers;
    std::chrono::milliseconds delay{0}; // before it is sent
    bool truncated = false;             // half of the body, then the end of the connection
    std::function<QByteArray()> chunks; // instead of a body: pieces until an empty one
};

// As much of HTTP/1.1 as a REST client needs: GET and POST, keep-alive, pipelining, chunked answers. Qt's own
// server cannot answer late without crashing when the client has left by then (6.4), and late answers are the
// point here.
class HttpServer final : public QTcpServer
{
    Q_OBJECT

public:
    using Handler = std::function<HttpResponse(const HttpRequest &)>;

    explicit HttpServer(Handler handler) : m_handler(std::move(handler)) {}

protected:
    void incomingConnection(qintptr descriptor) override;

private:
    Handler m_handler;
};

} // namespace tidemill::exchange
