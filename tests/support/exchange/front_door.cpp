// SPDX-License-Identifier: Apache-2.0
#include "front_door.h"

#include <QFile>
#include <QSslCertificate>
#include <QSslKey>
#include <QSslSocket>
#include <QTimer>

namespace tidemill::exchange {

namespace {

using namespace std::chrono_literals;

constexpr qsizetype maxRequestBytes = 64 * 1024; // a URL of 1024 streams fits
constexpr auto requestDeadline = 10s;
const QString deadlineName = QStringLiteral("request deadline");

} // namespace

bool FrontDoor::useTls(const QString &certificateFile, const QString &keyFile, QString *error)
{
    const auto certificates = QSslCertificate::fromPath(certificateFile, QSsl::Pem);
    QFile file(keyFile);
    if (certificates.isEmpty() || !file.open(QIODevice::ReadOnly)) {
        *error = QStringLiteral("%1: cannot be read as PEM")
                     .arg(certificates.isEmpty() ? certificateFile : keyFile);
        return false;
    }
    const QByteArray pem = file.readAll();
    QSslKey key(pem, QSsl::Rsa);
    if (key.isNull())
        key = QSslKey(pem, QSsl::Ec);
    if (key.isNull()) {
        *error = QStringLiteral("%1: expected an RSA or EC private key in PEM").arg(keyFile);
        return false;
    }
    QSslConfiguration tls = QSslConfiguration::defaultConfiguration();
    tls.setLocalCertificateChain(certificates);
    tls.setPrivateKey(key);
    tls.setPeerVerifyMode(QSslSocket::VerifyNone);
    m_tls = tls;
    return true;
}

void FrontDoor::incomingConnection(qintptr descriptor)
{
    QTcpSocket *socket = nullptr;
    if (m_tls) {
        auto *secure = new QSslSocket(this);
        secure->setSslConfiguration(*m_tls);
        socket = secure;
    } else {
        socket = new QTcpSocket(this);
    }
    if (!socket->setSocketDescriptor(descriptor)) {
        delete socket;
        return;
    }
    socket->setSocketOption(QAbstractSocket::LowDelayOption, 1);
    connect(socket, &QTcpSocket::readyRead, this, [this, socket] { readRequest(socket); });
    connect(socket, &QTcpSocket::disconnected, socket, &QObject::deleteLater);
    auto *deadline = new QTimer(socket);
    deadline->setObjectName(deadlineName);
    deadline->setSingleShot(true);
    connect(deadline, &QTimer::timeout, socket, &QTcpSocket::abort);
    deadline->start(requestDeadline);
    if (auto *secure = qobject_cast<QSslSocket *>(socket))
        secure->startServerEncryption();
}

void FrontDoor::readRequest(QTcpSocket *socket)
{
    const QByteArray head = socket->peek(maxRequestBytes);
    const qsizetype end = head.indexOf("\r\n\r\n");
    if (end < 0) {
        if (head.size() >= maxRequestBytes)
            refuse(socket, {431, -1, {}});
        return;
    }
    const QList<QByteArray> lines = head.left(end).split('\n');
    const QList<QByteArray> line = lines.first().trimmed().split(' ');
    UpgradeRequest request;
    for (const QByteArray &text : lines.mid(1)) {
        const qsizetype colon = text.indexOf(':');
        if (colon > 0)
            request.headers.insert(text.left(colon).toLower(), text.mid(colon + 1).trimmed());
    }
    // Qt's server would leave such a client without an answer until its time-out.
    const bool upgrades = request.headers.value("upgrade").toLower() == "websocket" &&
                          request.headers.contains("sec-websocket-key");
    if (line.size() != 3 || line[0] != "GET" || !upgrades) {
        refuse(socket, {400, -1, {}});
        return;
    }
    request.target = line[1];
    if (const auto refusal = m_doorkeeper(request)) {
        refuse(socket, *refusal);
        return;
    }
    delete socket->findChild<QTimer *>(deadlineName, Qt::FindDirectChildrenOnly);
    socket->disconnect(this);
    disconnect(socket, &QTcpSocket::disconnected, socket, &QObject::deleteLater);
    emit admitted(new WireSocket(socket, end + 4), request);
}

void FrontDoor::refuse(QTcpSocket *socket, const Refusal &refusal)
{
    socket->disconnect(SIGNAL(readyRead()));
    socket->readAll(); // unread bytes would turn the close into a reset, and the answer would be lost
    QByteArray answer = "HTTP/1.1 " + QByteArray::number(refusal.status) + ' ' +
                        reasonPhrase(refusal.status) +
                        "\r\nConnection: close\r\nContent-Length: " + QByteArray::number(refusal.body.size());
    if (refusal.retryAfter >= 0)
        answer += "\r\nRetry-After: " + QByteArray::number(refusal.retryAfter);
    socket->write(answer + "\r\n\r\n" + refusal.body);
    socket->disconnectFromHost();
}

void FrontDoor::resetWaiting()
{
    const auto sockets = findChildren<QTcpSocket *>(Qt::FindDirectChildrenOnly);
    for (QTcpSocket *socket : sockets)
        socket->abort();
}

QByteArray reasonPhrase(int status)
{
    switch (status) {
    case 200:
        return "OK";
    case 400:
        return "Bad Request";
    case 401:
        return "Unauthorized";
    case 403:
        return "Forbidden";
    case 404:
        return "Not Found";
    case 405:
        return "Method Not Allowed";
    case 414:
        return "URI Too Long";
    case 418:
        return "I'm a teapot";
    case 429:
        return "Too Many Requests";
    case 431:
        return "Request Header Fields Too Large";
    case 500:
        return "Internal Server Error";
    case 502:
        return "Bad Gateway";
    case 503:
        return "Service Unavailable";
    default:
        return "Status";
    }
}

} // namespace tidemill::exchange
