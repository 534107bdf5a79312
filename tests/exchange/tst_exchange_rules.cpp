// SPDX-License-Identifier: Apache-2.0
#include "exchange_test.h"

using namespace tidemill::exchange;
using namespace tidemill::exchange::testing;
using namespace std::chrono_literals;

// What a connection must keep to: pings and pongs, how much a client may send, how often it may come.
class tst_ExchangeRules : public QObject
{
    Q_OBJECT

private slots:
    void pingsComeWithAPayloadAndQtAnswersThem()
    {
        Settings settings;
        settings.limits.pingInterval = 20ms;
        settings.limits.pongDeadline = 2s;
        settings.limits.messagesPerSecond = 1000;
        FakeExchange exchange(settings);
        Client client(start(exchange, QStringLiteral("/ws")));
        QVERIFY(client.waitOpen());

        QTRY_VERIFY(exchange.stats()[u"messages_received"].toInt() >= 10); // pongs
        QVERIFY(client.socket.isValid());
        QCOMPARE(exchange.server().violations(), QStringList());
    }

    void missingPongEndsTheConnection()
    {
        Settings settings;
        settings.limits.pingInterval = 20ms;
        settings.limits.pongDeadline = 150ms;
        FakeExchange exchange(settings);
        RawClient client(start(exchange));
        QVERIFY(client.waitOpen());

        QVERIFY(client.waitGone());
        QCOMPARE(client.closeCode(), 1008);
        QVERIFY(exchange.server().violations().join(u' ').contains(QStringLiteral("no pong within 150 ms")));
    }

    void wrongPongEndsTheConnection()
    {
        Settings settings;
        settings.limits.pingInterval = 20ms;
        FakeExchange exchange(settings);
        RawClient client(start(exchange));
        QVERIFY(client.waitOpen());
        QVERIFY(client.waitFrame(FrameScanner::Ping));

        client.send(FrameScanner::Pong, "something else");

        QVERIFY(client.waitGone());
        QCOMPARE(client.closeCode(), 1008);
    }

    void emptyUnsolicitedPongIsAllowedAndAnswersNothing()
    {
        Settings settings;
        settings.limits.pingInterval = 20ms;
        settings.limits.pongDeadline = 300ms;
        FakeExchange exchange(settings);
        RawClient client(start(exchange));
        QVERIFY(client.waitOpen());

        client.send(FrameScanner::Pong);
        QVERIFY(client.waitFrame(FrameScanner::Ping));
        QCOMPARE(client.closeCode(), -1);

        QVERIFY(client.waitGone());
        QVERIFY(exchange.server().violations().join(u' ').contains(QStringLiteral("no pong")));
    }

    void lastPongAnswersTheOlderPingsToo()
    {
        Settings settings;
        settings.limits.pingInterval = 50ms;
        settings.limits.pongDeadline = 10s;
        settings.limits.messagesPerSecond = 100;
        FakeExchange exchange(settings);
        RawClient client(start(exchange));
        QVERIFY(client.waitOpen());
        QTRY_VERIFY(client.payloads(FrameScanner::Ping).size() >= 3);

        const QByteArrayList pings = client.payloads(FrameScanner::Ping);
        client.send(FrameScanner::Pong, pings.last());
        client.send(FrameScanner::Pong, pings.first()); // no longer open, so it answers nothing

        QVERIFY(client.waitGone());
        QCOMPARE(client.closeCode(), 1008);
    }

    void sixMessagesASecondAreTooMany_data()
    {
        QTest::addColumn<QList<int>>("opcodes");
        QTest::addColumn<bool>("allowed");

        QTest::newRow("five texts") << QList<int>{1, 1, 1, 1, 1} << true;
        QTest::newRow("six texts") << QList<int>{1, 1, 1, 1, 1, 1} << false;
        QTest::newRow("six pings") << QList<int>{9, 9, 9, 9, 9, 9} << false;
        QTest::newRow("six pongs") << QList<int>{10, 10, 10, 10, 10, 10} << false;
        QTest::newRow("two of each") << QList<int>{1, 9, 10, 1, 9, 10} << false;
    }

    void sixMessagesASecondAreTooMany()
    {
        QFETCH(QList<int>, opcodes);
        QFETCH(bool, allowed);
        FakeExchange exchange;
        RawClient client(start(exchange));
        QVERIFY(client.waitOpen());

        for (const int opcode : opcodes)
            client.send(opcode,
                        opcode == FrameScanner::Text ? R"({"method":"LIST_SUBSCRIPTIONS","id":1})" : "");

        if (allowed) {
            QTRY_COMPARE(client.payloads(FrameScanner::Text).size(), opcodes.size());
            QCOMPARE(exchange.server().violations(), QStringList());
        } else {
            QVERIFY(client.waitGone());
            QCOMPARE(client.closeCode(), 1008);
            QVERIFY(client.payloads(FrameScanner::Close).first().endsWith("Too many requests"));
        }
    }

    void unmaskedFramesAreNoticed()
    {
        FakeExchange exchange;
        RawClient client(start(exchange));
        QVERIFY(client.waitOpen());

        client.send(FrameScanner::Text, R"({"method":"LIST_SUBSCRIPTIONS","id":1})", false);

        QTRY_COMPARE(exchange.server().violations(),
                     QStringList{QStringLiteral("connection 1: a frame is not masked")});
    }

    void clientPingsAreAnswered()
    {
        FakeExchange exchange;
        RawClient client(start(exchange));
        QVERIFY(client.waitOpen());

        client.send(FrameScanner::Ping, "are you there");

        QVERIFY(client.waitFrame(FrameScanner::Pong));
        QCOMPARE(client.payloads(FrameScanner::Pong), QByteArrayList{"are you there"});
    }

    void connectionAttemptsAreLimited()
    {
        Settings settings;
        settings.limits.connectsPerWindow = 2;
        settings.limits.connectWindow = 300s;
        FakeExchange exchange(settings);
        start(exchange);
        RawClient first(exchange.wsUrl());
        RawClient second(exchange.wsUrl());
        QVERIFY(first.waitOpen() && second.waitOpen());

        RawClient third(exchange.wsUrl());

        QVERIFY(third.waitHead());
        QVERIFY2(third.head.startsWith("HTTP/1.1 429 "), third.head.constData());
        QVERIFY(third.head.contains("Retry-After: 300"));
        QCOMPARE(exchange.stats()[u"connections_refused"].toInt(), 1);
    }

    void otherPathsAreNotFound()
    {
        FakeExchange exchange;
        RawClient client(start(exchange), "/elsewhere");

        QVERIFY(client.waitHead());
        QVERIFY2(client.head.startsWith("HTTP/1.1 404 "), client.head.constData());
    }

    void requestWithoutAnUpgradeIsNoConnection()
    {
        FakeExchange exchange;
        start(exchange);
        QTcpSocket socket;
        socket.connectToHost(exchange.wsUrl().host(), quint16(exchange.wsUrl().port()));
        QVERIFY(QTest::qWaitFor([&socket] { return socket.state() == QAbstractSocket::ConnectedState; }));

        socket.write("GET /ws HTTP/1.1\r\nHost: x\r\n\r\n");

        QTRY_COMPARE(socket.state(), QAbstractSocket::UnconnectedState);
        QVERIFY(socket.readAll().startsWith("HTTP/1.1 400 Bad Request"));
        QCOMPARE(exchange.server().connectionsEver(), 0);
    }

    void oldConnectionsAreEnded()
    {
        Settings settings;
        settings.limits.maxAge = 100ms;
        FakeExchange exchange(settings);
        Client client(start(exchange, QStringLiteral("/ws")));
        QVERIFY(client.waitOpen());

        QVERIFY(client.waitClosed());
        QCOMPARE(int(client.socket.closeCode()), 1001);
    }

    void longUrlsAreRefused_data()
    {
        QTest::addColumn<int>("streams");
        QTest::addColumn<QByteArray>("status");

        QTest::newRow("a hundred") << 100 << QByteArray("HTTP/1.1 101");
        QTest::newRow("six hundred") << 600 << QByteArray("HTTP/1.1 414");
    }

    void longUrlsAreRefused()
    {
        QFETCH(int, streams);
        QFETCH(QByteArray, status);
        QByteArrayList names;
        for (int index = 0; index < streams; ++index)
            names.append("symbol" + QByteArray::number(index) + "@trade");
        FakeExchange exchange;
        RawClient client(start(exchange), "/stream?streams=" + names.join('/'));

        QVERIFY(client.waitHead());
        QVERIFY2(client.head.startsWith(status), client.head.constData());
    }

private:
    static QUrl start(FakeExchange &exchange, const QString &target = {})
    {
        QString error;
        if (!exchange.start(&error))
            qWarning("%s", qPrintable(error));
        return at(exchange, target);
    }
};

QTEST_GUILESS_MAIN(tst_ExchangeRules)

#include "tst_exchange_rules.moc"
