// SPDX-License-Identifier: Apache-2.0
#include "host/http_server.h"
#include "host/http_service.h"
#include "host/status.h"
#include "raw_client.h"

#include <QElapsedTimer>
#include <QLoggingCategory>
#include <QProcess>
#include <QStandardPaths>
#include <QTcpServer>
#include <QTest>

using namespace tidemill;
using namespace tidemill::host;
using namespace std::chrono_literals;

static const QByteArray getLive = "GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n";

// A server of its own for each test, with limits small enough to reach.
class tst_HttpEndpoint : public QObject
{
    Q_OBJECT

private slots:
    void initTestCase() { QLoggingCategory::setFilterRules(QStringLiteral("tidemill.*.info=false")); }

    void init()
    {
        m_status = std::make_unique<HostStatus>();
        m_metrics = std::make_unique<MetricsRegistry>();
        makeServer({}, {});
        m_port = listen();
        QVERIFY(m_port != 0);
    }

    void cleanup()
    {
        m_server.reset();
        m_service.reset();
    }

    void keepsConnections()
    {
        RawClient client(m_port);
        for (int i = 1; i <= 5; ++i) {
            client.send(getLive);
            const QByteArray received = client.receive(i);
            QCOMPARE(received.count("HTTP/1.1 200 OK\r\n"), i);
        }
        QCOMPARE(client.socket().state(), QAbstractSocket::ConnectedState);
    }

    void answersPipelinedRequestsInOrder()
    {
        RawClient client(m_port);

        client.send(getLive + "GET /nope HTTP/1.1\r\n\r\n" +
                    "GET /pairs HTTP/1.1\r\nConnection: close\r\n\r\n");

        QVERIFY(client.waitForEnd());
        const QByteArray received = client.receive(3);
        QCOMPARE(received.count("HTTP/1.1 "), 3);
        QVERIFY(received.indexOf("beat_age_seconds") < received.indexOf("404 Not Found"));
        QVERIFY(received.indexOf("404 Not Found") < received.indexOf("\"pairs\""));
    }

    void answersARequestInPieces()
    {
        RawClient client(m_port);
        for (const char c : getLive) {
            client.send(QByteArray(1, c));
            QVERIFY(client.socket().waitForBytesWritten(5'000));
        }

        QVERIFY(client.receive().startsWith("HTTP/1.1 200 OK\r\n"));
    }

    void headHasNoBody()
    {
        RawClient client(m_port);

        client.send("HEAD /health/live HTTP/1.1\r\nConnection: close\r\n\r\n");

        QVERIFY(client.waitForEnd());
        const QByteArray received = client.receive();
        QVERIFY(received.startsWith("HTTP/1.1 200 OK\r\n"));
        QVERIFY(received.endsWith("\r\n\r\n"));
        QVERIFY(received.contains("\r\nContent-Length: "));
        QVERIFY(!received.contains("\r\nContent-Length: 0\r\n"));
    }

    void closesWhenAsked_data()
    {
        QTest::addColumn<QByteArray>("request");
        QTest::addColumn<bool>("closes");

        QTest::newRow("1.1") << getLive << false;
        QTest::newRow("1.1 close") << QByteArray("GET / HTTP/1.1\r\nConnection: Close\r\n\r\n") << true;
        QTest::newRow("1.0") << QByteArray("GET / HTTP/1.0\r\n\r\n") << true;
        QTest::newRow("1.0 keep-alive")
            << QByteArray("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n") << false;
        QTest::newRow("1.0 after 1.1") << getLive + "GET /health/live HTTP/1.0\r\n\r\n" << true;
    }

    void closesWhenAsked()
    {
        QFETCH(QByteArray, request);
        QFETCH(bool, closes);
        RawClient client(m_port);

        client.send(request);

        QVERIFY(client.receive().startsWith("HTTP/1.1 200 OK\r\n"));
        QCOMPARE(client.waitForEnd(closes ? 5'000 : 100), closes);
    }

    void refusesWhatItCannotServe_data()
    {
        QTest::addColumn<QByteArray>("request");
        QTest::addColumn<QByteArray>("status");

        QTest::newRow("post") << QByteArray("POST /health HTTP/1.1\r\nContent-Length: 2\r\n\r\nab")
                              << QByteArray("405 Method Not Allowed");
        QTest::newRow("delete") << QByteArray("DELETE /health HTTP/1.1\r\n\r\n")
                                << QByteArray("405 Method Not Allowed");
        QTest::newRow("unknown method")
            << QByteArray("BREW /health HTTP/1.1\r\n\r\n") << QByteArray("405 Method Not Allowed");
        QTest::newRow("chunked body")
            << QByteArray("POST /health HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n")
            << QByteArray("405 Method Not Allowed");
        QTest::newRow("no HTTP") << QByteArray("hello\r\n\r\n") << QByteArray("400 Bad Request");
        QTest::newRow("TLS") << QByteArray("\x16\x03\x01\x02\x05hello\n") << QByteArray("400 Bad Request");
        QTest::newRow("HTTP/2") << QByteArray("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
                                << QByteArray("400 Bad Request");
        QTest::newRow("bad path") << QByteArray("GET /%ff HTTP/1.1\r\n\r\n") << QByteArray("400 Bad Request");
        QTest::newRow("huge header") << "GET / HTTP/1.1\r\nX: " + QByteArray(20'000, 'a')
                                     << QByteArray("431 Request Header Fields Too Large");
        QTest::newRow("huge path") << "GET /" + QByteArray(20'000, 'a')
                                   << QByteArray("431 Request Header Fields Too Large");
        QTest::newRow("huge body") << "POST / HTTP/1.1\r\nContent-Length: 20000\r\n\r\n" +
                                          QByteArray(20'000, 'a')
                                   << QByteArray("431 Request Header Fields Too Large");
    }

    void refusesWhatItCannotServe()
    {
        QFETCH(QByteArray, request);
        QFETCH(QByteArray, status);
        RawClient client(m_port);

        client.send(request);

        const QByteArray received = client.receive();
        QVERIFY2(received.startsWith("HTTP/1.1 " + status + "\r\n"), received.constData());
        QVERIFY(received.contains("\r\nConnection: close\r\n"));
        QVERIFY(client.waitForEnd());
        QVERIFY(isAlive());
    }

    void anEndlessHeaderCostsNoMemory()
    {
        const quint64 before = processStats().residentBytes;
        RawClient client(m_port);
        const QByteArray chunk(1 << 20, 'a');

        client.send("GET / HTTP/1.1\r\nX: ");
        qint64 sent = 0;
        while (client.socket().state() == QAbstractSocket::ConnectedState && sent < 200) {
            client.send(chunk);
            client.socket().waitForBytesWritten(1'000);
            ++sent;
        }

        QVERIFY2(sent < 100, "the server went on reading");
        QVERIFY(processStats().residentBytes < before + (64 << 20));
        QVERIFY(isAlive());
    }

    void aClientThatDoesNotReadCostsNoMemory()
    {
        m_metrics->gauge("large", QByteArray(100'000, 'x')); // makes an answer of 100 kB
        const quint64 before = processStats().residentBytes;
        RawClient client(m_port);
        client.socket().setReadBufferSize(1);
        const QByteArray requests = QByteArray("GET /prometheus HTTP/1.1\r\n\r\n").repeated(500);

        int sent = 0;
        while (client.socket().state() == QAbstractSocket::ConnectedState && sent < 1'000) {
            client.send(requests);
            client.socket().waitForBytesWritten(1'000);
            ++sent;
        }

        QVERIFY2(sent < 1'000, "the server went on answering");
        QVERIFY(processStats().residentBytes < before + (64 << 20));
        QVERIFY(isAlive());
    }

    void halfOpenConnectionsEnd_data()
    {
        QTest::addColumn<QByteArray>("sent");

        QTest::newRow("nothing") << QByteArray();
        QTest::newRow("half a line") << QByteArray("GET /hea");
        QTest::newRow("half a header") << QByteArray("GET /health HTTP/1.1\r\nHost: ");
        QTest::newRow("half a body") << QByteArray("POST /health HTTP/1.1\r\nContent-Length: 10\r\n\r\nabc");
        QTest::newRow("idle after an answer") << getLive;
    }

    void halfOpenConnectionsEnd()
    {
        QFETCH(QByteArray, sent);
        makeServer({}, {.patience = 300ms});
        m_port = listen();
        RawClient client(m_port);
        QVERIFY(client.isConnected());
        QElapsedTimer clock;
        clock.start();

        client.send(sent);

        QVERIFY(client.waitForEnd());
        QVERIFY(clock.elapsed() >= 250);
        QVERIFY(isAlive());
    }

    void drippingDoesNotHelp()
    {
        makeServer({}, {.patience = 300ms});
        m_port = listen();
        RawClient client(m_port);

        client.send("GET / HTTP/1.1\r\nX: ");
        int drops = 0;
        while (client.socket().state() == QAbstractSocket::ConnectedState && drops < 500) {
            client.send("a");
            client.socket().waitForReadyRead(20); // nothing comes; lets time pass
            ++drops;
        }

        QVERIFY(drops < 500);
    }

    void connectionsAreBounded()
    {
        makeServer({}, {.connections = 4});
        m_port = listen();
        std::vector<std::unique_ptr<RawClient>> clients;
        for (int i = 0; i < 4; ++i) {
            clients.push_back(std::make_unique<RawClient>(m_port));
            clients.back()->send(getLive);
            QVERIFY(clients.back()->receive().startsWith("HTTP/1.1 200 OK\r\n"));
        }

        RawClient fifth(m_port);
        fifth.send(getLive);
        QVERIFY(fifth.waitForEnd());
        QCOMPARE(fifth.receive(), QByteArray());

        clients.clear();
        QTRY_VERIFY(isAlive());
    }

    void clientsThatLeaveDoNoHarm_data()
    {
        QTest::addColumn<QByteArray>("sent");
        QTest::addColumn<bool>("reset");

        QTest::newRow("at once") << QByteArray() << false;
        QTest::newRow("in the request") << QByteArray("GET /metr") << false;
        QTest::newRow("before the answer") << getLive << false;
        QTest::newRow("before many answers") << getLive.repeated(200) << false;
        QTest::newRow("before many answers, by reset") << getLive.repeated(200) << true;
        QTest::newRow("with half a request behind") << getLive + "GET /" << true;
        QTest::newRow("after no HTTP") << QByteArray("hello\r\n\r\n") << true;
    }

    void clientsThatLeaveDoNoHarm()
    {
        QFETCH(QByteArray, sent);
        QFETCH(bool, reset);
        for (int i = 0; i < 100; ++i) { // more than there may be at once: none is forgotten
            RawClient client(m_port);
            client.send(sent);
            client.socket().flush();
            if (reset)
                client.socket().abort();
            else
                client.socket().disconnectFromHost();
        }

        QTRY_VERIFY(isAlive());
    }

    void aTakenPortIsSaidPlainly()
    {
        QTcpServer other;
        QVERIFY(other.listen(QHostAddress::LocalHost));
        makeServer({}, {});

        const auto port = m_server->listen(QStringLiteral("127.0.0.1"), other.serverPort());

        QVERIFY(!port);
        QCOMPARE(port.error().kind, Error::Kind::Config);
        QCOMPARE(port.error().message,
                 QStringLiteral(
                     "127.0.0.1:%1: The bound address is already in use: another Tidemill? choose another "
                     "with --http")
                     .arg(other.serverPort()));
    }

    void listensWhereItMay_data()
    {
        QTest::addColumn<QString>("host");
        QTest::addColumn<QByteArray>("token");
        QTest::addColumn<bool>("openWithoutToken");
        QTest::addColumn<QString>("error"); // the beginning; empty: it listens

        QTest::newRow("localhost") << "localhost" << QByteArray() << false << "";
        QTest::newRow("loopback") << "127.0.0.1" << QByteArray() << false << "";
        QTest::newRow("everywhere, no token")
            << "0.0.0.0" << QByteArray() << false << "0.0.0.0:0 can be reached from other machines";
        QTest::newRow("everywhere, IPv6, no token")
            << "[::]" << QByteArray() << false << "[::]:0 can be reached from other machines";
        QTest::newRow("everywhere, token") << "0.0.0.0" << QByteArray("t") << false << "";
        QTest::newRow("everywhere, by word") << "0.0.0.0" << QByteArray() << true << "";
        QTest::newRow("no address") << "example.invalid" << QByteArray() << false
                                    << "--http: expected an IP address or localhost, got 'example.invalid'";
        QTest::newRow("empty") << "" << QByteArray() << false << "--http: expected an IP address";
        QTest::newRow("not here") << "192.0.2.1" << QByteArray("t") << false << "192.0.2.1:0: ";
    }

    void listensWhereItMay()
    {
        QFETCH(QString, host);
        QFETCH(QByteArray, token);
        QFETCH(bool, openWithoutToken);
        QFETCH(QString, error);
        makeServer({.version = {}, .token = token, .openWithoutToken = openWithoutToken}, {});

        const auto port = m_server->listen(host, 0);

        QCOMPARE(port.has_value(), error.isEmpty());
        if (!port) {
            QVERIFY2(port.error().message.startsWith(error), qPrintable(port.error().message));
            return;
        }
        m_port = *port;
        QVERIFY(isAlive());
    }

    void headersReachTheService()
    {
        makeServer({.version = {}, .token = "s3cret"}, {});
        m_port = listen();
        RawClient client(m_port);

        client.send("GET /metrics HTTP/1.1\r\n\r\n");
        QVERIFY(client.receive().startsWith("HTTP/1.1 401 Unauthorized\r\n"));
        client.send(
            "GET /metrics?x=y HTTP/1.1\r\nAUTHORIZATION: Bearer s3cret\r\naccept: application/json\r\n\r\n");
        const QByteArray received = client.receive(2);
        QVERIFY(received.contains("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"));
        QVERIFY(received.contains("message_count"));
    }

    void answersWhileTheMainThreadIsBusy()
    {
        RawClient client(m_port);
        client.send(getLive);
        QVERIFY(client.socket().waitForBytesWritten(5'000));

        // No event loop turns here: waitFor...() of a blocking socket needs none.
        QVERIFY(client.receive().startsWith("HTTP/1.1 200 OK\r\n"));
    }

    void closesAndListensAgain()
    {
        RawClient client(m_port);
        client.send(getLive);
        QVERIFY(client.receive().startsWith("HTTP/1.1 200 OK\r\n"));

        m_server->close();
        QVERIFY(client.waitForEnd());
        QVERIFY(!RawClient(m_port).isConnected());

        const auto port = m_server->listen(QStringLiteral("127.0.0.1"), m_port);
        QVERIFY(port);
        QCOMPARE(*port, m_port);
        QVERIFY(isAlive());
    }

    void promtoolAcceptsThePage()
    {
        const QString promtool = QStandardPaths::findExecutable(QStringLiteral("promtool"));
        if (promtool.isEmpty())
            QSKIP("promtool is not installed");
        m_metrics->counter("tidemill_records_total", "Records.", {{"node", "a\"b"}}).add(3);
        RawClient client(m_port);
        client.send("GET /metrics HTTP/1.1\r\nConnection: close\r\n\r\n");
        QVERIFY(client.waitForEnd());
        const QByteArray received = client.receive();

        QProcess process;
        process.start(promtool, {QStringLiteral("check"), QStringLiteral("metrics")});
        QVERIFY(process.waitForStarted());
        process.write(received.mid(received.indexOf("\r\n\r\n") + 4));
        process.closeWriteChannel();
        QVERIFY(process.waitForFinished());

        QVERIFY(received.contains("tidemill_records_total"));
        QCOMPARE(process.readAllStandardError() + process.readAllStandardOutput(), QByteArray());
        QCOMPARE(process.exitCode(), 0);
    }

private:
    void makeServer(const HttpService::Settings &settings, const HttpLimits &limits)
    {
        m_server.reset();
        m_service = std::make_unique<HttpService>(*m_status, *m_metrics, settings);
        m_server = makeHttpServer(*m_service, limits);
    }

    quint16 listen()
    {
        const auto port = m_server->listen(QStringLiteral("127.0.0.1"), 0);
        return port ? *port : quint16(0);
    }

    bool isAlive() const
    {
        RawClient client(m_port);
        client.send(getLive);
        return client.receive().startsWith("HTTP/1.1 200 OK\r\n");
    }

    std::unique_ptr<HostStatus> m_status;
    std::unique_ptr<MetricsRegistry> m_metrics;
    std::unique_ptr<HttpService> m_service;
    std::unique_ptr<HttpServer> m_server;
    quint16 m_port = 0;
};

QTEST_GUILESS_MAIN(tst_HttpEndpoint)

#include "tst_http_endpoint.moc"
