// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tidemill/net/export.h>
#include <tidemill/result.h>

#include <QString>

namespace tidemill::net {

// Whether a text can be the `proxy` of WebSocketSettings, FeedSettings or HttpSettings:
//
//     http://[user:password@]host:port      HTTP, asked for a tunnel with CONNECT; Basic login
//     socks5://[user:password@]host:port    SOCKS 5, which looks up the names of hosts too
//
// Empty is no proxy. The environment (http_proxy, https_proxy, all_proxy) and the system's settings never
// count. The text may hold a password: no message of ours repeats it; from an address that could be read they
// name host and port.
TIDEMILL_NET_EXPORT Result<> checkProxy(const QString &address);

} // namespace tidemill::net
