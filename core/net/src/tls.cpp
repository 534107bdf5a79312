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
    // Instead of the system's, as curl's --cacert: who names the authority of a private peer wants no other
    // to be able to vouch for it. (It also spares the 5 MB that all system roots take once they are loaded as
    // a list.)
    tls.setCaCertificates(added);
    return tls;
}

bool beginTls(QTcpSocket *socket, const QString &host)
{
    auto *const tls = qobject_cast<QSslSocket *>(socket);
    if (!tls)
        return false;
    tls->setPeerVerifyName(host); // not the proxy's
    tls->startClientEncryption();
    return true;
}

} // namespace tidemill::net
