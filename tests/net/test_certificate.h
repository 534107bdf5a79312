// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <QFile>
#include <QProcess>
#include <QSslCertificate>
#include <QSslConfiguration>
#include <QSslKey>
#include <QTemporaryDir>

// A certificate made on the spot that nobody but the test trusts.
class TestCertificate
{
public:
    // `names` as OpenSSL writes them: "DNS:localhost,IP:127.0.0.1". False if there is no openssl to make it.
    bool create(const QString &names)
    {
        const QStringList arguments{"req",
                                    "-x509",
                                    "-newkey",
                                    "ec",
                                    "-pkeyopt",
                                    "ec_paramgen_curve:prime256v1",
                                    "-nodes",
                                    "-days",
                                    "2",
                                    "-subj",
                                    "/CN=tidemill test only",
                                    "-addext",
                                    "subjectAltName=" + names,
                                    "-keyout",
                                    keyFile(),
                                    "-out",
                                    file()};
        return QProcess::execute(QStringLiteral("openssl"), arguments) == 0 && QFile::exists(file());
    }

    QString file() const { return m_folder.filePath("certificate.pem"); }
    QString keyFile() const { return m_folder.filePath("key.pem"); }

    QSslConfiguration forServer() const
    {
        QFile keyIn(keyFile());
        QSslConfiguration tls = QSslConfiguration::defaultConfiguration();
        if (keyIn.open(QIODevice::ReadOnly))
            tls.setPrivateKey(QSslKey(&keyIn, QSsl::Ec));
        tls.setLocalCertificateChain(QSslCertificate::fromPath(file()));
        return tls;
    }

private:
    QTemporaryDir m_folder;
};
