// SPDX-License-Identifier: Apache-2.0
#include "exchange_test.h"

using namespace tidemill::exchange;
using namespace tidemill::exchange::testing;
using namespace std::chrono_literals;

class tst_ExchangeFaults : public QObject
{
    Q_OBJECT

private slots:
    void init()
    {
        m_exchange = std::make_unique<FakeExchange>();
        QString error;
        QVERIFY2(m_exchange->start(&error), qPrintable(error));
    }

    void cleanup() { m_exchange.reset(); }

    void closesWithAnyCode_data()
    {
        QTest::addColumn<int>("code");

        QTest::newRow("normal") << 1000;
        QTest::newRow("going away") << 1001;
        QTest::newRow("policy") << 1008;
        QTest::newRow("try again later") << 1013;
        QTest::newRow("private") << 4999;
    }

    void closesWithAnyCode()
    {
        QFETCH(int, code);
        RawClient client(m_exchange->wsUrl());
        QVERIFY(client.waitOpen());

        fault(QStringLiteral("close:%1").arg(code));

        QVERIFY(client.waitGone());
        QCOMPARE(client.closeCode(), code);
        QTRY_COMPARE(m_exchange->server().connectionCount(), 0);
    }

    void abortResetsWithoutACloseFrame()
    {
        RawClient client(m_exchange->wsUrl());
        QVERIFY(client.waitOpen());

        fault(QStringLiteral("abort"));

        QVERIFY(client.waitGone());
        QCOMPARE(client.closeCode(), -1);
        QCOMPARE(client.lastError, QAbstractSocket::RemoteHostClosedError);
        QTRY_COMPARE(m_exchange->server().connectionCount(), 0);
    }

    void refusesForAWhileThenListensOnTheSamePort()
    {
        RawClient before(m_exchange->wsUrl());
        QVERIFY(before.waitOpen());

        fault(QStringLiteral("refuse:300ms"));

        QVERIFY(before.waitGone());
        RawClient during(m_exchange->wsUrl());
        QTRY_COMPARE(during.lastError, QAbstractSocket::ConnectionRefusedError);
        const auto letIn = [this] {
            RawClient after(m_exchange->wsUrl());
            return after.waitHead() && after.head.startsWith("HTTP/1.1 101");
        };
        QTRY_VERIFY(letIn());
    }

    void answersConnectsWithAStatusForAWhile()
    {
        fault(QStringLiteral("status:429:7:300ms"));

        RawClient refused(m_exchange->wsUrl());
        QVERIFY(refused.waitHead());
        QVERIFY2(refused.head.startsWith("HTTP/1.1 429 Too Many Requests"), refused.head.constData());
        QVERIFY(refused.head.contains("Retry-After: 7"));
        const auto letIn = [this] {
            RawClient after(m_exchange->wsUrl());
            return after.waitHead() && after.head.startsWith("HTTP/1.1 101");
        };
        QTRY_VERIFY(letIn());
    }

    void silenceSendsNothingAndKeepsTheConnection()
    {
        Settings settings;
        settings.limits.pingInterval = 20ms;
        settings.limits.messagesPerSecond = 1000;
        FakeExchange exchange(settings);
        QString error;
        QVERIFY2(exchange.start(&error), qPrintable(error));
        RawClient client(exchange.wsUrl(), "/ws/btcusdt@trade");
        QVERIFY(client.waitFrame(FrameScanner::Ping));

        exchange.inject({.kind = Fault::Silence, .duration = 300ms});
        exchange.publish("btcusdt@trade", trade(1));
        client.send(FrameScanner::Ping, "1"); // its pong marks the end of what was under way
        QVERIFY(client.waitFrame(FrameScanner::Pong));
        const auto pings = client.payloads(FrameScanner::Ping).size();
        client.send(FrameScanner::Ping, "2");
        QTRY_COMPARE(client.payloads(FrameScanner::Pong).size(), 2);
        QCOMPARE(client.payloads(FrameScanner::Ping).size(), pings);

        QTRY_VERIFY(client.payloads(FrameScanner::Ping).size() > pings); // it is over
        exchange.publish("btcusdt@trade", trade(2));
        QVERIFY(client.waitFrame(FrameScanner::Text));
        QCOMPARE(client.payloads(FrameScanner::Text), QByteArrayList{trade(2)});
        QCOMPARE(exchange.stats()[u"streams"][u"btcusdt@trade"][u"withheld"].toInt(), 1);
    }

    void withholdsPongsAndNothingElse()
    {
        RawClient client(m_exchange->wsUrl(), "/ws/btcusdt@trade");
        QVERIFY(client.waitOpen());

        fault(QStringLiteral("nopong:300ms"));
        client.send(FrameScanner::Ping, "unheard");
        client.send(FrameScanner::Text, R"({"method":"LIST_SUBSCRIPTIONS","id":1})");
        QVERIFY(client.waitFrame(FrameScanner::Text));
        QCOMPARE(client.payloads(FrameScanner::Pong), QByteArrayList());

        const auto answered = [&client] {
            if (client.payloads(FrameScanner::Pong).isEmpty() && m_sent.hasExpired(260)) {
                client.send(FrameScanner::Ping, "heard");
                m_sent.start();
            }
            return !client.payloads(FrameScanner::Pong).isEmpty();
        };
        m_sent.start();
        QTRY_VERIFY(answered());
        QCOMPARE(client.payloads(FrameScanner::Pong).first(), "heard");
    }

    void gapSkipsNumberedFramesOfEachStream()
    {
        Client client(at(*m_exchange,
                         QStringLiteral("/stream?streams=btcusdt@trade/ethusdt@trade/btcusdt@bookTicker")));
        QVERIFY(client.waitOpen());

        fault(QStringLiteral("gap:2"));
        for (qint64 id = 1; id <= 4; ++id) {
            m_exchange->publish("btcusdt@trade", trade(id));
            m_exchange->publish("ethusdt@trade", trade(id, "ETHUSDT"));
            m_exchange->publish("btcusdt@bookTicker", "{}");
        }

        QVERIFY(client.waitFrames(8));
        QCOMPARE(ids(client, u"btcusdt@trade"), (QList<qint64>{3, 4}));
        QCOMPARE(ids(client, u"ethusdt@trade"), (QList<qint64>{3, 4}));
        QCOMPARE(ids(client, u"btcusdt@bookTicker").size(), 4);
        const QJsonObject stream = m_exchange->stats()[u"streams"][u"btcusdt@trade"].toObject();
        QCOMPARE(stream[u"published"].toInt(), 4);
        QCOMPARE(stream[u"sent"].toInt(), 2);
        QCOMPARE(stream[u"withheld"].toInt(), 2);
    }

    void gapCanBeOfOneStream()
    {
        Client client(at(*m_exchange, QStringLiteral("/stream?streams=btcusdt@trade/ethusdt@trade")));
        QVERIFY(client.waitOpen());

        fault(QStringLiteral("gap:1:ethusdt@trade"));
        m_exchange->publish("ethusdt@trade", trade(1, "ETHUSDT"));
        m_exchange->publish("btcusdt@trade", trade(1));
        m_exchange->publish("ethusdt@trade", trade(2, "ETHUSDT"));

        QVERIFY(client.waitFrames(2));
        QCOMPARE(ids(client, u"btcusdt@trade"), QList<qint64>{1});
        QCOMPARE(ids(client, u"ethusdt@trade"), QList<qint64>{2});
    }

    void repeatSendsFramesTwice()
    {
        Client client(at(*m_exchange, QStringLiteral("/stream?streams=btcusdt@trade")));
        QVERIFY(client.waitOpen());

        fault(QStringLiteral("repeat:2"));
        for (qint64 id = 1; id <= 3; ++id)
            m_exchange->publish("btcusdt@trade", trade(id));

        QVERIFY(client.waitFrames(5));
        QCOMPARE(ids(client, u"btcusdt@trade"), (QList<qint64>{1, 1, 2, 2, 3}));
    }

    void announcesItsShutdownThenCloses()
    {
        Client raw(at(*m_exchange, QStringLiteral("/ws")));
        Client combined(at(*m_exchange, QStringLiteral("/stream")));
        QVERIFY(raw.waitOpen() && combined.waitOpen());
        QTRY_COMPARE(m_exchange->server().connectionCount(), 2);

        fault(QStringLiteral("serverShutdown:100ms"));

        QVERIFY(raw.waitFrames(1) && combined.waitFrames(1));
        QCOMPARE(json(raw.frames.first())[u"e"].toString(), QStringLiteral("serverShutdown"));
        QVERIFY(combined.frames.first().startsWith(
            R"({"stream":"!serverShutdown","data":{"e":"serverShutdown","E":)"));
        QVERIFY(raw.socket.isValid());
        QVERIFY(raw.waitClosed() && combined.waitClosed());
        QCOMPARE(int(raw.socket.closeCode()), 1001);
    }

    void restAnswersWithAStatusAndHtml()
    {
        fault(QStringLiteral("rest:403:9:10s"));
        m_exchange->generate({});

        const Answer answer = get(*m_exchange, QStringLiteral("/api/v3/ping"));

        QCOMPARE(answer.status, 403);
        QCOMPARE(answer.retryAfter, "9");
        QVERIFY(answer.body.startsWith("<html>"));
    }

    void restAnswersLate()
    {
        m_exchange->generate({});
        fault(QStringLiteral("slow:200ms:10s"));
        QElapsedTimer clock;
        clock.start();

        QCOMPARE(get(*m_exchange, QStringLiteral("/api/v3/ping")).status, 200);

        QVERIFY(clock.elapsed() >= 190);
    }

    void restAnswersAreCutShort()
    {
        m_exchange->generate({});
        fault(QStringLiteral("truncate:1"));

        QVERIFY(get(*m_exchange, QStringLiteral("/api/v3/exchangeInfo")).error != QNetworkReply::NoError);
        QCOMPARE(get(*m_exchange, QStringLiteral("/api/v3/exchangeInfo")).error, QNetworkReply::NoError);
    }

    void booksAreStale()
    {
        m_exchange->generate({});
        const QString target = QStringLiteral("/api/v3/depth?symbol=BTCUSDT&limit=5");
        fault(QStringLiteral("stale:1"));

        const QJsonObject stale = get(*m_exchange, target).object();
        const QJsonObject fresh = get(*m_exchange, target).object();

        QVERIFY(stale[u"lastUpdateId"].toInteger() < fresh[u"lastUpdateId"].toInteger() - 1000);
        QCOMPARE(stale[u"bids"].toArray().size(), 5);
    }

    void plannedFaultsComeAtTheirTime()
    {
        QString error;
        m_exchange->plan(*PlannedFault::parse(QStringLiteral("close:1012@data+100ms"), &error));
        GeneratorOptions options;
        m_exchange->generate(options);
        RawClient idle(m_exchange->wsUrl());
        QVERIFY(idle.waitOpen());
        QSignalSpy began(m_exchange.get(), &FakeExchange::dataBegan);

        RawClient client(m_exchange->wsUrl(), "/ws/btcusdt@trade");

        QVERIFY(began.wait());
        QCOMPARE(idle.closeCode(), -1);
        QVERIFY(client.waitGone() && idle.waitGone());
        QCOMPARE(client.closeCode(), 1012);
    }

    void badFaultsAreRefused()
    {
        const Answer answer = post(*m_exchange, QStringLiteral("/__fault?spec=explode"));

        QCOMPARE(answer.status, 400);
        QVERIFY(answer.object()[u"msg"].toString().startsWith(
            QStringLiteral("fault 'explode': expected one of")));
        QCOMPARE(get(*m_exchange, QStringLiteral("/__fault?spec=abort")).status, 405);
    }

private:
    // By HTTP, as a test of a whole program would.
    void fault(const QString &spec)
    {
        const Answer answer = post(*m_exchange, QStringLiteral("/__fault?spec=") + spec);
        QVERIFY2(answer.status == 200, answer.body.constData());
    }

    static QList<qint64> ids(const Client &client, QStringView stream)
    {
        QList<qint64> list;
        for (const QByteArray &frame : client.frames) {
            if (json(frame)[u"stream"].toString() == stream)
                list.append(json(frame)[u"data"][u"t"].toInteger());
        }
        return list;
    }

    std::unique_ptr<FakeExchange> m_exchange;
    static inline QElapsedTimer m_sent;
};

QTEST_GUILESS_MAIN(tst_ExchangeFaults)

#include "tst_exchange_faults.moc"
