// SPDX-License-Identifier: Apache-2.0
#include "redis_server.h"

#include <QElapsedTimer>
#include <QFile>
#include <QHostAddress>
#include <QJsonArray>
#include <QJsonDocument>
#include <QStandardPaths>
#include <QTcpServer>
#include <QTcpSocket>
#include <QTest>

#include <csignal>

namespace tidemill::testing {

namespace {

quint16 freePort()
{
    QTcpServer server;
    // A cluster's second port is 10000 above the first.
    do {
        server.close();
        server.listen(QHostAddress::LocalHost);
    } while (server.serverPort() > 55000);
    return server.serverPort();
}

} // namespace

bool RedisServer::isInstalled()
{
    return !QStandardPaths::findExecutable(QStringLiteral("redis-server")).isEmpty() &&
           !QStandardPaths::findExecutable(QStringLiteral("redis-cli")).isEmpty();
}

bool RedisServer::start(const QStringList &arguments)
{
    m_arguments = arguments;
    if (m_port != 0)
        return startOn(m_port);
    // Somebody else may take the port between here and the server's bind.
    for (int attempt = 0; attempt < 5; ++attempt) {
        if (startOn(freePort()))
            return true;
    }
    return false;
}

bool RedisServer::makeCertificate() const
{
    QProcess openssl;
    openssl.start(QStringLiteral("openssl"),
                  {"req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout",
                   m_folder.filePath(QStringLiteral("key.pem")), "-out", caFile(), "-days", "2", "-subj",
                   "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"});
    return openssl.waitForFinished() && openssl.exitCode() == 0;
}

bool RedisServer::startTls()
{
    if (!makeCertificate())
        return false;
    // Again, if somebody else takes the port meanwhile.
    for (int attempt = 0; attempt < 5; ++attempt) {
        m_port = 0;
        m_tlsPort = freePort();
        if (start({"--tls-port", QString::number(m_tlsPort), "--tls-cert-file", caFile(), "--tls-key-file",
                   m_folder.filePath(QStringLiteral("key.pem")), "--tls-auth-clients", "no"}))
            return true;
    }
    return false;
}

bool RedisServer::startOn(quint16 port)
{
    kill();
    m_process.setProcessChannelMode(QProcess::MergedChannels);
    m_process.setStandardOutputFile(m_folder.filePath(QStringLiteral("redis.log")), QIODevice::Append);
    m_process.start(QStringLiteral("redis-server"),
                    QStringList{"--port", QString::number(port), "--bind", "127.0.0.1", "--dir",
                                m_folder.path(), "--save", "", "--daemonize", "no"} +
                        m_arguments);
    if (!m_process.waitForStarted())
        return false;
    m_port = port;
    return QTest::qWaitFor(
               [this] {
                   QTcpSocket socket;
                   socket.connectToHost(QHostAddress(QHostAddress::LocalHost), m_port);
                   return !isRunning() || socket.waitForConnected(200);
               },
               10000) &&
           isRunning();
}

void RedisServer::kill()
{
    if (!isRunning())
        return;
    m_process.kill();
    m_process.waitForFinished();
}

void RedisServer::freeze()
{
    ::kill(pid_t(m_process.processId()), SIGSTOP);
}

void RedisServer::thaw()
{
    ::kill(pid_t(m_process.processId()), SIGCONT);
}

QByteArray RedisServer::log() const
{
    QFile file(m_folder.filePath(QStringLiteral("redis.log")));
    return file.open(QIODevice::ReadOnly) ? file.readAll() : QByteArray();
}

QByteArray RedisServer::call(const QStringList &command) const
{
    QProcess cli;
    QStringList arguments{"-c", "-p", QString::number(m_port)}; // -c: follows a cluster to where the key is
    if (!m_password.isEmpty())
        arguments << "--no-auth-warning"
                  << "-a" << m_password;
    cli.start(QStringLiteral("redis-cli"), arguments + command);
    if (!cli.waitForFinished(20000))
        return "redis-cli did not end";
    return (cli.readAllStandardOutput() + cli.readAllStandardError()).trimmed();
}

bool RedisServer::waitFor(const QStringList &command, const QByteArray &expected, int timeoutMs) const
{
    return QTest::qWaitFor([&] { return call(command) == expected; }, timeoutMs);
}

QList<QList<QByteArray>> RedisServer::entries(const QByteArray &key) const
{
    QList<QList<QByteArray>> result;
    const QByteArray json = call({"--json", "XRANGE", QString::fromUtf8(key), "-", "+"});
    for (const QJsonValue &entry : QJsonDocument::fromJson(json).array()) {
        QList<QByteArray> words{entry[0].toString().toUtf8()};
        for (const QJsonValue &word : entry[1].toArray())
            words.append(word.toString().toUtf8());
        result.append(words);
    }
    return result;
}

} // namespace tidemill::testing
