// SPDX-License-Identifier: Apache-2.0
#include "feed_run.h"

#include <QCoreApplication>
#include <QFileInfo>
#include <QHostAddress>
#include <QProcess>
#include <QTcpServer>
#include <QTcpSocket>
#include <QTemporaryDir>
#include <QThread>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace tidemill::bench {

namespace {

constexpr int patienceMs = 20'000;

QString productPath()
{
    return QCoreApplication::applicationDirPath() + QStringLiteral("/tidemill");
}

QString withoutProduct()
{
    return QFileInfo::exists(productPath()) ? QString() : productPath() + QStringLiteral(" is not there");
}

quint16 freePort()
{
    QTcpServer server;
    return server.listen(QHostAddress::LocalHost) ? server.serverPort() : 0;
}

// One GET /health. Whether the answer was 200.
bool isHealthy(quint16 port)
{
    static constexpr char request[] = "GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n";
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const timeval limit{1, 0};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    char reply[32] = {};
    const bool answered = connect(fd, reinterpret_cast<sockaddr *>(&address), sizeof address) == 0 &&
                          write(fd, request, sizeof request - 1) > 0 &&
                          recv(fd, reply, sizeof reply - 1, MSG_WAITALL) > 12;
    close(fd);
    return answered && QByteArrayView(reply).startsWith("HTTP/1.1 200");
}

// From exec to the first good answer; then, once `settled`, what it keeps in memory.
template<typename Settled>
Result<Figures> measureProcess(QProcess &process, quint16 port, Settled settled)
{
    process.setProcessChannelMode(QProcess::ForwardedErrorChannel);
    process.setStandardOutputFile(QProcess::nullDevice());
    const qint64 start = wallNs();
    process.start();
    if (!process.waitForStarted(patienceMs))
        return broken(process.errorString());
    while (!isHealthy(port)) {
        QThread::usleep(200);
        if (wallNs() - start > qint64(patienceMs) * 1'000'000 || process.waitForFinished(0))
            return broken(QStringLiteral("%1: no good answer from /health").arg(process.program()));
    }
    const double milliseconds = double(wallNs() - start) / 1e6;
    if (!settled())
        return broken(QStringLiteral("the source did not subscribe"));
    QThread::msleep(300); // for what a start leaves to do
    const double megabytes = memoryMb("VmRSS", QByteArray::number(process.processId()));
    process.terminate();
    if (!process.waitForFinished(patienceMs)) {
        process.kill();
        process.waitForFinished();
        return broken(QStringLiteral("SIGTERM did not end it"));
    }
    return Figures{{"memory", megabytes}, {"start", milliseconds}};
}

Result<Figures> idleCandidate(const Extent &)
{
    const TradeFrames frames;
    const auto exchange = Blaster::start(frames, {{0}});
    if (!exchange)
        return exchange.error();
    QTemporaryDir folder;
    QFile file(folder.filePath(QStringLiteral("idle.yaml")));
    const QByteArray text = "name: idle\n"
                            "sources:\n"
                            "  feed: {type: binance, symbols: [BTCUSDT], streams: [trade], url: '" +
                            (*exchange)->url().toUtf8() + "', ca_file: '" + (*exchange)->caFile().toUtf8() +
                            "'}\n" +
                            "sinks:\n"
                            "  out: {type: blackhole, inputs: [feed]}\n";
    if (!file.open(QIODevice::WriteOnly) || file.write(text) != text.size())
        return broken(file.errorString());
    file.close();

    const quint16 port = freePort();
    QProcess process;
    process.setProgram(productPath());
    process.setArguments({QStringLiteral("run"), file.fileName(), QStringLiteral("--http"),
                          QStringLiteral("127.0.0.1:%1").arg(port), QStringLiteral("--state-dir"),
                          QStringLiteral("off"), QStringLiteral("--log-level"), QStringLiteral("warning")});
    return measureProcess(process, port, [&] { return (*exchange)->waitForSubscription(patienceMs); });
}

Result<Figures> idleFloor(const Extent &)
{
    const quint16 port = freePort();
    QProcess process;
    process.setProgram(QCoreApplication::applicationFilePath());
    process.setArguments({QStringLiteral("--serve"), QString::number(port)});
    return measureProcess(process, port, [] { return true; });
}

} // namespace

int serveHealth(quint16 port)
{
    QTcpServer server;
    QObject::connect(&server, &QTcpServer::newConnection, &server, [&server] {
        QTcpSocket *socket = server.nextPendingConnection();
        QObject::connect(socket, &QTcpSocket::readyRead, socket, [socket] {
            if (!socket->readAll().endsWith("\r\n\r\n"))
                return;
            socket->write(
                "HTTP/1.1 200 OK\r\nContent-Length: 15\r\nConnection: close\r\n\r\n{\"status\":\"OK\"}");
            socket->disconnectFromHost();
        });
        QObject::connect(socket, &QTcpSocket::disconnected, socket, &QObject::deleteLater);
    });
    return server.listen(QHostAddress::LocalHost, port) ? QCoreApplication::exec() : 1;
}

std::vector<Bench> idleBenches()
{
    return {{"idle",
             "`tidemill run` with a quiet feed and HTTP: memory, and time from exec to a good /health",
             {{"memory", "MB", false, 0, 22}, {"start", "ms", false, 0, 50}},
             idleCandidate,
             idleFloor,
             withoutProduct}};
}

} // namespace tidemill::bench
