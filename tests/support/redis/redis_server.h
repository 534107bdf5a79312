// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <QByteArray>
#include <QProcess>
#include <QString>
#include <QStringList>
#include <QTemporaryDir>

namespace tidemill::testing {

// A redis-server of the test's own, on a free port of 127.0.0.1 with its data in a temporary folder, that can
// be killed, stopped and started again on the same port and data.
class RedisServer
{
public:
    RedisServer() = default;
    ~RedisServer() { kill(); }

    static bool isInstalled();

    // `arguments` as on the command line: {"--appendonly", "yes"}. Waits until it takes connections, which it
    // also does while it loads its data.
    bool start(const QStringList &arguments = {});
    bool restart() { return start(m_arguments); }
    // With TLS on another port beside it, and a certificate that caFile() alone vouches for.
    bool startTls();
    QString tlsUrl() const { return QStringLiteral("rediss://127.0.0.1:%1").arg(m_tlsPort); }
    QString caFile() const { return m_folder.filePath(QStringLiteral("certificate.pem")); }

    void kill();   // kill -9
    void freeze(); // SIGSTOP
    void thaw();   // SIGCONT
    bool isRunning() const { return m_process.state() != QProcess::NotRunning; }
    qint64 processId() const { return m_process.processId(); }

    quint16 port() const { return m_port; }
    QString url() const { return QStringLiteral("redis://127.0.0.1:%1").arg(m_port); }
    QString folder() const { return m_folder.path(); }
    QByteArray log() const;

    // With this password and user, redis-cli goes in from now on.
    void setPassword(const QString &password) { m_password = password; }

    // What redis-cli prints, one line a value; without the line's end.
    QByteArray call(const QStringList &command) const;
    // The same until it prints `expected`, or the time is over.
    bool waitFor(const QStringList &command, const QByteArray &expected, int timeoutMs = 10000) const;

    // All entries of a stream, oldest first; each is its id, then names and values in their order.
    QList<QList<QByteArray>> entries(const QByteArray &key) const;

private:
    bool startOn(quint16 port);
    bool makeCertificate() const;

    QTemporaryDir m_folder;
    QStringList m_arguments;
    QString m_password;
    quint16 m_port = 0;
    quint16 m_tlsPort = 0;
    QProcess m_process;
};

} // namespace tidemill::testing
