// SPDX-License-Identifier: Apache-2.0
#include "proxy_address.h"

#include <QUrl>

namespace tidemill::net {

static Error configError(const QString &message)
{
    return {Error::Kind::Config, message};
}

Result<> checkProxy(const QString &address)
{
    if (const auto proxy = proxyFrom(address); !proxy)
        return proxy.error();
    return {};
}

Result<QNetworkProxy> proxyFrom(const QString &address)
{
    if (address.isEmpty())
        return QNetworkProxy(QNetworkProxy::NoProxy);
    // Nothing but the host is quoted, and only when it is certain what that is: a password with an '@' or '/'
    // that was not escaped ends up in any other part.
    const QUrl url(address, QUrl::StrictMode);
    const QString form = QStringLiteral("expected a proxy as http://[user:password@]host:port or "
                                        "socks5://[user:password@]host:port, ");
    if (!url.isValid())
        return configError(form + QStringLiteral("got what is no address (in user and password write @ as "
                                                 "%40, : as %3A, / as %2F, % as %25)"));
    const bool isSocks = url.scheme() == QLatin1String("socks5");
    if (!isSocks && url.scheme() != QLatin1String("http"))
        return configError(form + QStringLiteral("got another scheme"));
    if (url.host().isEmpty())
        return configError(form + QStringLiteral("got one without a host"));
    if (url.port() < 1)
        return configError(form + QStringLiteral("got one without a port"));
    if ((!url.path().isEmpty() && url.path() != QLatin1String("/")) || url.hasQuery() || url.hasFragment())
        return configError(form + QStringLiteral("got one with something behind the port"));
    const QString user = url.userName(QUrl::FullyDecoded);
    const QString password = url.password(QUrl::FullyDecoded);
    constexpr qsizetype longest = 255; // of SOCKS5, each
    if (isSocks && (user.toUtf8().size() > longest || password.toUtf8().size() > longest))
        return configError(form + QStringLiteral("got a user or password of more than 255 bytes"));
    return QNetworkProxy(isSocks ? QNetworkProxy::Socks5Proxy : QNetworkProxy::HttpProxy,
                         url.host(QUrl::FullyEncoded), static_cast<quint16>(url.port()), user, password);
}

QString proxyName(const QNetworkProxy &proxy)
{
    const QString kind =
        proxy.type() == QNetworkProxy::Socks5Proxy ? QStringLiteral("SOCKS5") : QStringLiteral("HTTP");
    const bool isAddress6 = proxy.hostName().contains(QLatin1Char(':'));
    const QString host =
        isAddress6 ? QLatin1Char('[') + proxy.hostName() + QLatin1Char(']') : proxy.hostName();
    return QStringLiteral("through the %1 proxy %2:%3").arg(kind, host).arg(proxy.port());
}

} // namespace tidemill::net
