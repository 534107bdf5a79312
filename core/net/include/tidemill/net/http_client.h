// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tidemill/net/export.h>
#include <tidemill/net/headers.h>
#include <tidemill/result.h>

#include <QByteArray>
#include <QNetworkAccessManager>
#include <QObject>
#include <QSslConfiguration>
#include <QString>
#include <QUrl>

#include <chrono>
#include <functional>
#include <optional>

namespace tidemill::net {

struct HttpSettings
{
    std::chrono::milliseconds timeout{15'000}; // from the request to the last byte of the reply
    qint64 maxBodyBytes = 32LL * 1024 * 1024;  // a longer reply is an error
    QString proxy;                             // see proxy.h; may hold a password
    QString caFile;                            // PEM file of CAs to trust instead of the system's
};

struct HttpReply
{
    // Set if there is no whole reply. A status such as 404 or 429 is a reply: it sets no error.
    std::optional<Error> error;
    int status = 0; // also with an error, if it was known by then
    HeaderList headers;
    QByteArray body;
    std::optional<std::chrono::milliseconds> retryAfter;

    bool isSuccess() const { return !error && status >= 200 && status < 300; }
};

// HTTP GET for REST APIs: TLS verified, a proxy only if set, no cookies, no cache, no compression, redirects
// refused, sizes and times limited. It does not retry, as the caller knows what a repetition costs there and
// has Backoff; only a request whose connection ended before the first byte of a reply may be sent again, by
// Qt.
class TIDEMILL_NET_EXPORT HttpClient : public QObject
{
    Q_OBJECT

public:
    using Callback = std::function<void(const HttpReply &)>;

    explicit HttpClient(QObject *parent = nullptr);

    // For requests from now on. An error, and nothing changed, if the CA file or proxy cannot be used.
    Result<> configure(const HttpSettings &settings);

    // Calls back exactly once, from the event loop, never within the call; not at all if `context` (of this
    // thread) or this client is deleted before: the request is dropped then.
    void get(const QUrl &url, const HeaderList &headers, QObject *context, Callback callback);

private:
    HttpSettings m_settings;
    std::optional<Error> m_tlsError; // why https cannot be used
    QNetworkAccessManager m_manager{this};
    QSslConfiguration m_tls;
};

} // namespace tidemill::net
