// SPDX-License-Identifier: Apache-2.0
#include "http_endpoint.h"

#include "host/http_service.h"
#include "limited_server.h"

#include <QAbstractHttpServer>
#include <QEventLoop>
#include <QHttpServerRequest>
#include <QHttpServerResponder>
#include <QLoggingCategory>
#include <QMetaEnum>

#include <optional>
#include <utility>

Q_LOGGING_CATEGORY(lcHttp, "tidemill.host.http")

namespace tidemill::http {

static host::HttpRequest toRequest(const QHttpServerRequest &request)
{
    const auto method = QMetaEnum::fromType<QHttpServerRequest::Method>().valueToKey(int(request.method()));
    host::HttpRequest result;
    result.method = QByteArray(method).toUpper();
    result.path = request.url().path(QUrl::FullyEncoded).toLatin1();
    result.query = request.url().query(QUrl::FullyEncoded).toLatin1();
    result.accept = request.value("accept");
    result.authorization = request.value("authorization");
    result.fromLoopback = request.remoteAddress().isLoopback();
    return result;
}

#if QT_VERSION >= QT_VERSION_CHECK(6, 8, 0)

// Qt 6.8 frames answers itself.
class RequestHandler final : public QAbstractHttpServer
{
public:
    explicit RequestHandler(host::HttpService &service) : m_service(service) {}

protected:
    bool handleRequest(const QHttpServerRequest &request, QHttpServerResponder &responder) override
    {
        const host::HttpAnswer answer = m_service.answer(toRequest(request));
        QHttpHeaders headers;
        headers.append("Content-Type", answer.contentType);
        for (const auto &[name, value] : answer.headers)
            headers.append(name, value);
        responder.write(answer.body, headers, QHttpServerResponder::StatusCode(answer.status));
        return true;
    }
    void missingHandler(const QHttpServerRequest &, QHttpServerResponder &) override {}

private:
    host::HttpService &m_service;
};

#else

static QByteArray reasonPhrase(int status)
{
    switch (status) {
    case 200:
        return "OK";
    case 400:
        return "Bad Request";
    case 401:
        return "Unauthorized";
    case 403:
        return "Forbidden";
    case 404:
        return "Not Found";
    case 405:
        return "Method Not Allowed";
    case 503:
        return "Service Unavailable";
    default:
        return "Answer";
    }
}

// Writes answers to the socket itself: Qt 6.4 sends a body with HEAD, keeps connections that were to be
// closed, and crashes when an answer comes later than in handleRequest() and the client has left.
class RequestHandler final : public QAbstractHttpServer
{
public:
    explicit RequestHandler(host::HttpService &service) : m_service(service) {}

protected:
    bool handleRequest(const QHttpServerRequest &request, QTcpSocket *socket) override
    {
        // All sockets here come from LimitedServer.
        auto *limited = static_cast<LimitedSocket *>(socket);
        const host::HttpAnswer answer = m_service.answer(toRequest(request));
        // A body that came with a wrong request may not have been framed as Qt 6.4 understands it (chunked).
        const bool isLast = mustClose(request, *limited) || answer.status == 400 || answer.status == 405;
        limited->beginRequest();

        QByteArray text = "HTTP/1.1 " + QByteArray::number(answer.status) + ' ' + reasonPhrase(answer.status);
        text += "\r\nContent-Type: " + answer.contentType;
        text += "\r\nContent-Length: " + QByteArray::number(answer.contentLength);
        for (const auto &[name, value] : answer.headers)
            text += "\r\n" + name + ": " + value;
        text += isLast ? "\r\nConnection: close\r\n\r\n" : "\r\n\r\n";
        text += answer.body;
        socket->write(text);
        if (isLast)
            socket->disconnectFromHost();
        return true;
    }
    void missingHandler(const QHttpServerRequest &, QTcpSocket *) override {}

private:
    static bool mustClose(const QHttpServerRequest &request, const LimitedSocket &socket)
    {
        const QByteArray wish = request.value("connection").toLower();
        return wish.contains("close") || (socket.isHttp10() && !wish.contains("keep-alive"));
    }

    host::HttpService &m_service;
};

#endif

static std::optional<QHostAddress> toAddress(const QString &host)
{
    if (host.compare(QLatin1String("localhost"), Qt::CaseInsensitive) == 0)
        return QHostAddress(QHostAddress::LocalHost);
    const bool isBracketed = host.startsWith(u'[') && host.endsWith(u']');
    const QHostAddress address(isBracketed ? host.mid(1, host.size() - 2) : host);
    return address.isNull() ? std::nullopt : std::optional(address);
}

static QString addressText(const QHostAddress &address, quint16 port)
{
    const bool isV6 = address.protocol() == QAbstractSocket::IPv6Protocol;
    return (isV6 ? QStringLiteral("[%1]:%2") : QStringLiteral("%1:%2")).arg(address.toString()).arg(port);
}

static Result<quint16> bindTo(RequestHandler &handler, const QHostAddress &address, quint16 port,
                              const host::HttpLimits &limits)
{
    auto server = std::make_unique<LimitedServer>(limits);
    if (!server->listen(address, port)) {
        QString message = addressText(address, port) + QStringLiteral(": ") + server->errorString();
        if (server->serverError() == QAbstractSocket::AddressInUseError)
            message += QStringLiteral(": another Tidemill? choose another with --http");
        return Error{Error::Kind::Config, message};
    }
    const quint16 bound = server->serverPort();
    handler.bind(server.release()); // the handler is its parent now
    return bound;
}

HttpEndpoint::HttpEndpoint(host::HttpService &service, const host::HttpLimits &limits)
    : m_service(service)
    , m_limits(limits)
{}

HttpEndpoint::~HttpEndpoint()
{
    close();
}

// The thread's whole life: everything that belongs to it is made and deleted here.
void HttpEndpoint::serve(const QHostAddress &address, quint16 port, std::promise<Result<quint16>> bound) const
{
    RequestHandler handler(m_service);
    const Result<quint16> result = bindTo(handler, address, port, m_limits);
    bound.set_value(result);
    if (result)
        QEventLoop().exec(); // until QThread::quit(), also if that came already
}

Result<quint16> HttpEndpoint::listen(const QString &host, quint16 port)
{
    const std::optional<QHostAddress> address = toAddress(host);
    if (!address)
        return Error{Error::Kind::Config,
                     QStringLiteral("--http: expected an IP address or localhost, got '%1'").arg(host)};
    if (!address->isLoopback() && !m_service.mayServeOthers())
        return Error{Error::Kind::Config,
                     QStringLiteral("%1 can be reached from other machines: set a token, or allow it by word")
                         .arg(addressText(*address, port))};

    close();
    std::promise<Result<quint16>> bound;
    std::promise<void> ended;
    std::future<Result<quint16>> result = bound.get_future();
    m_ended = ended.get_future();
    m_thread.reset(QThread::create(
        [this, address = *address, port, bound = std::move(bound), ended = std::move(ended)]() mutable {
            serve(address, port, std::move(bound));
            ended.set_value();
        }));
    m_thread->setObjectName(QStringLiteral("http"));
    m_thread->start();

    Result<quint16> boundPort = result.get();
    if (!boundPort)
        close();
    else
        qCInfo(lcHttp).noquote() << "listening on" << addressText(*address, *boundPort);
    return boundPort;
}

void HttpEndpoint::close()
{
    if (!m_thread)
        return;
    m_thread->quit();
    m_ended.wait();
    m_thread->wait();
    m_thread.reset();
}

} // namespace tidemill::http

namespace tidemill::host {

std::unique_ptr<HttpServer> makeHttpServer(HttpService &service, const HttpLimits &limits)
{
    return std::make_unique<http::HttpEndpoint>(service, limits);
}

} // namespace tidemill::host
