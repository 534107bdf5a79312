// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <tidemill/result.h>

#include <QSslConfiguration>
#include <QString>

class QTcpSocket;

namespace tidemill::net {

// TLS 1.2 or later, peer and host name verified against the system's roots, or against those in `caFile`
// alone if that is not empty. There is no setting that verifies less.
Result<QSslConfiguration> tlsConfiguration(const QString &caFile);

// Begins TLS with that host behind a proxy's tunnel. False if the socket is one without TLS.
bool beginTls(QTcpSocket *socket, const QString &host);

} // namespace tidemill::net
