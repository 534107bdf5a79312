// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tidemill/net/proxy.h>

#include <QNetworkProxy>

namespace tidemill::net {

// As checkProxy() reads it. Empty: QNetworkProxy::NoProxy, which has to be set too, as Debian's Qt follows
// http_proxy without.
Result<QNetworkProxy> proxyFrom(const QString &address);

inline bool isProxied(const QNetworkProxy &proxy)
{
    return proxy.type() != QNetworkProxy::NoProxy;
}

// "through the HTTP proxy host:port", with nothing secret in it.
QString proxyName(const QNetworkProxy &proxy);

} // namespace tidemill::net
