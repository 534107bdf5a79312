// SPDX-License-Identifier: Apache-2.0
#include "http_request.h"

#include "http_text.h"
#include "proxy_address.h"

#include <QDateTime>

namespace tidemill::net {

// How much a reply may hold before we take it.
static constexpr qint64 replyBufferBytes = 256LL * 1024;

// QNetworkReply reports a status of 400 and above as an error; for us it is an answer like any other.
static bool isStatusError(QNetworkReply::NetworkError error)
{
    return (error >= QNetworkReply::ContentAccessDenied && error <= QNetworkReply::UnknownContentError) ||
           (error >= QNetworkReply::InternalServerError && error <= QNetworkReply::UnknownServerError) ||
           error == QNetworkReply::ProtocolInvalidOperationError;
}

// Of a reply with status 400 or above, Qt reports the status and not that its body is incomplete.
static bool isCutShort(const QNetworkReply &reply, qint64 size)
{
    const QVariant announced = reply.header(QNetworkRequest::ContentLengthHeader);
    return announced.isValid() && size < announced.toLongLong();
}

HttpRequest::HttpRequest(QNetworkReply *reply, const HttpSettings &settings, const QNetworkProxy &proxy)
    : QObject(reply)
    , m_reply(reply)
    , m_maxBodyBytes(settings.maxBodyBytes)
    , m_proxy(proxy)
{
    reply->setReadBufferSize(replyBufferBytes);
    connect(reply, &QNetworkReply::readyRead, this, &HttpRequest::takeBody);
    connect(reply, &QNetworkReply::finished, this, &HttpRequest::finish);
    if (settings.timeout.count() <= 0)
        return;
    m_deadline.setSingleShot(true);
    connect(&m_deadline, &QTimer::timeout, this,
            [this] { fail(QStringLiteral("no whole reply in %1 ms").arg(m_deadline.interval())); });
    m_deadline.start(settings.timeout);
}

void HttpRequest::takeBody()
{
    m_result.body += m_reply->read(m_maxBodyBytes + 1 - m_result.body.size());
    if (m_result.body.size() > m_maxBodyBytes)
        fail(QStringLiteral("the reply is longer than the limit of %1 bytes").arg(m_maxBodyBytes),
             Error::Kind::Protocol);
}

void HttpRequest::fail(const QString &what, Error::Kind kind)
{
    if (m_result.error)
        return;
    // Without an answer it may be the proxy that did not let us through, so that is named.
    const QNetworkReply::NetworkError error = m_reply->error();
    const bool isProxyError =
        error >= QNetworkReply::ProxyConnectionRefusedError && error <= QNetworkReply::UnknownProxyError;
    const bool isAnswered = m_reply->attribute(QNetworkRequest::HttpStatusCodeAttribute).isValid();
    const bool mayBeProxy = isProxied(m_proxy) && (isProxyError || !isAnswered);
    const QString way = mayBeProxy ? proxyName(m_proxy) + QStringLiteral(": ") : QString();
    m_result.error = Error{kind, QStringLiteral("%1: %2").arg(m_reply->url().host(), way + what)};
    m_reply->abort(); // finishes
}

void HttpRequest::finish()
{
    if (m_isFinished)
        return;
    m_isFinished = true;
    m_deadline.stop();
    if (!m_result.error)
        takeBody();
    m_result.status = m_reply->attribute(QNetworkRequest::HttpStatusCodeAttribute).toInt();
    m_result.headers = m_reply->rawHeaderPairs();
    if (const auto value = findHeader(m_result.headers, "Retry-After"))
        m_result.retryAfter = parseRetryAfter(*value, QDateTime::currentDateTimeUtc());
    const QNetworkReply::NetworkError error = m_reply->error();
    if (error != QNetworkReply::NoError && !(isStatusError(error) && m_result.status >= 400))
        fail(m_reply->errorString());
    else if (isCutShort(*m_reply, m_result.body.size()))
        fail(QStringLiteral("the connection ended within the reply"));
    else if (findHeader(m_result.headers, "Content-Encoding").value_or("identity").toLower() != "identity")
        fail(QStringLiteral("the reply is packed, though we did not ask for that"), Error::Kind::Protocol);
    else if (m_result.status >= 300 && m_result.status < 400)
        fail(QStringLiteral("redirects are not followed (status %1)").arg(m_result.status),
             Error::Kind::Protocol);
    emit finished(m_result);
    m_reply->deleteLater();
}

void HttpRequest::drop()
{
    disconnect(m_reply, nullptr, this, nullptr);
    m_deadline.stop();
    m_reply->abort();
    m_reply->deleteLater();
}

} // namespace tidemill::net
