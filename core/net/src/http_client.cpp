// SPDX-License-Identifier: Apache-2.0
#include "http_request.h"
#include "http_text.h"
#include "proxy_address.h"
#include "tls.h"

#include <tidemill/net/http_client.h>

#include <QNetworkProxy>
#include <QNetworkRequest>

namespace tidemill::net {

HttpClient::HttpClient(QObject *parent) : QObject(parent)
{
    m_manager.setProxy(QNetworkProxy::NoProxy); // without this, Debian's Qt follows http_proxy
    m_manager.setRedirectPolicy(QNetworkRequest::ManualRedirectPolicy);
    if (auto tls = tlsConfiguration({}))
        m_tls = *std::move(tls);
    else
        m_tlsError = tls.error();
}

Result<> HttpClient::configure(const HttpSettings &settings)
{
    const auto proxy = proxyFrom(settings.proxy);
    if (!proxy)
        return proxy.error();
    if (auto tls = tlsConfiguration(settings.caFile)) {
        m_tls = *std::move(tls);
        m_tlsError.reset();
    } else if (!settings.caFile.isEmpty()) {
        return tls.error();
    }
    m_manager.setProxy(*proxy);
    m_settings = settings;
    return {};
}

// What makes a request impossible, whatever the network does.
static std::optional<Error> refusal(const QUrl &url, const HeaderList &headers,
                                    const std::optional<Error> &tlsError)
{
    const bool secure = url.scheme() == QLatin1String("https");
    if ((!secure && url.scheme() != QLatin1String("http")) || !url.isValid() || url.host().isEmpty()) {
        const QString text = QStringLiteral("expected an address such as https://host/path, got '%1'");
        return Error{Error::Kind::Config,
                     text.arg(url.toDisplayString(QUrl::RemoveQuery | QUrl::RemoveUserInfo))};
    }
    for (const auto &[name, value] : headers) {
        if (!isHttpToken(name) || !isHttpValue(value))
            return Error{Error::Kind::Config,
                         QStringLiteral("header '%1' cannot be sent").arg(QString::fromLatin1(name))};
    }
    return secure ? tlsError : std::nullopt;
}

void HttpClient::get(const QUrl &url, const HeaderList &headers, QObject *context, Callback callback)
{
    if (auto error = refusal(url, headers, m_tlsError)) {
        QMetaObject::invokeMethod(
            context,
            [error = *std::move(error), callback = std::move(callback)] {
                HttpReply reply;
                reply.error = error;
                callback(reply);
            },
            Qt::QueuedConnection);
        return;
    }
    QNetworkRequest request(url);
    request.setSslConfiguration(m_tls);
    request.setHeader(QNetworkRequest::UserAgentHeader, QStringLiteral("tidemill/" TIDEMILL_VERSION));
    // Qt 6.4 unpacks a whole chunk before it gives out a byte: a small reply could hold this thread for
    // seconds.
    request.setRawHeader("Accept-Encoding", "identity");
    for (const auto &[name, value] : headers)
        request.setRawHeader(name, value);
    request.setAttribute(QNetworkRequest::CookieLoadControlAttribute, QNetworkRequest::Manual);
    request.setAttribute(QNetworkRequest::CookieSaveControlAttribute, QNetworkRequest::Manual);
    request.setAttribute(QNetworkRequest::AuthenticationReuseAttribute, QNetworkRequest::Manual);
    request.setAttribute(QNetworkRequest::CacheLoadControlAttribute, QNetworkRequest::AlwaysNetwork);
    request.setAttribute(QNetworkRequest::Http2AllowedAttribute, false);
    auto *const running = new HttpRequest(m_manager.get(request), m_settings, m_manager.proxy());
    connect(running, &HttpRequest::finished, context, callback);
    connect(context, &QObject::destroyed, running, &HttpRequest::drop);
}

} // namespace tidemill::net
