// SPDX-License-Identifier: Apache-2.0
#include "tls.h"

#include <QFile>
#include <QSslCertificate>
#include <QSslSocket>

namespace tidemill::net {

Result<QSslConfiguration> tlsConfiguration(const QString &caFile)
{
    if (!QSslSocket::supportsSsl())
        return Error{Error::Kind::Config,
                     QStringLiteral("this Qt has no TLS backend; wss and https need one")};
    QSslConfiguration tls = QSslConfiguration::defaultConfiguration();
    tls.setPeerVerifyMode(QSslSocket::VerifyPeer);
    tls.setProtocol(QSsl::TlsV1_2OrLater);
    if (caFile.isEmpty())
        return tls;

    QFile file(caFile);
    if (!file.open(QIODevice::ReadOnly))
        return Error{Error::Kind::Config, QStringLiteral("CA file %1: %2").arg(caFile, file.errorString())};
    const QList<QSslCertificate> added = QSslCertificate::fromDevice(&file, QSsl::Pem);
    if (added.isEmpty())
        return Error{Error::Kind::Config,
                     QStringLiteral("CA file %1: expected certificates in PEM").arg(caFile)};
    // A list that was set replaces Qt's loading of system roots on demand, so they have to be in it.
    tls.setCaCertificates(QSslConfiguration::systemCaCertificates() + added);
    return tls;
}

} // namespace tidemill::net
