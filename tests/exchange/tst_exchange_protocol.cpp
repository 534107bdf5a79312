// SPDX-License-Identifier: Apache-2.0
#include "exchange_test.h"

#include <QProcess>
#include <QTemporaryDir>

using namespace tidemill::exchange;
using namespace tidemill::exchange::testing;
using namespace std::chrono_literals;

// The rules of Binance's streams, asked by Qt's WebSocket client and, where that one is too well behaved, by
// bytes.
class tst_ExchangeProtocol : public QObject
{
    Q_OBJECT

private slots:
    void rawStreamComesBare()
    {
        FakeExchange exchange;
        Client client(start(exchange, QStringLiteral("/ws/btcusdt@trade")));
        QVERIFY(client.waitOpen());

        exchange.publish("btcusdt@trade", trade(1));

        QVERIFY(client.waitFrames(1));
        QCOMPARE(client.frames, QByteArrayList{trade(1)});
    }

    void combinedStreamsComeWrapped()
    {
        FakeExchange exchange;
        Client client(start(exchange, QStringLiteral("/stream?streams=btcusdt@trade/ethusdt@trade")));
        QVERIFY(client.waitOpen());

        exchange.publish("ethusdt@trade", trade(7, "ETHUSDT"));
        exchange.publish("bnbusdt@trade", trade(8, "BNBUSDT"));
        exchange.publish("btcusdt@trade", trade(9));

        QVERIFY(client.waitFrames(2));
        QCOMPARE(client.frames,
                 (QByteArrayList{"{\"stream\":\"ethusdt@trade\",\"data\":" + trade(7, "ETHUSDT") + '}',
                                 "{\"stream\":\"btcusdt@trade\",\"data\":" + trade(9) + '}'}));
    }

    void textSurvivesByteForByte()
    {
        FakeExchange exchange;
        Client client(start(exchange, QStringLiteral("/ws/btcusdt@trade")));
        QVERIFY(client.waitOpen());
        const QByteArrayList payloads{"{\"p\":\"0.00010000\",  \"s\":\"\xe5\xb8\x81\xe5\xae\x89USDT\"}",
                                      QByteArray(125, 'a'), QByteArray(126, 'b'), QByteArray(65535, 'c'),
                                      QByteArray(65536, 'd')};

        for (const QByteArray &payload : payloads)
            exchange.publish("btcusdt@trade", payload);

        QVERIFY(client.waitFrames(payloads.size()));
        QCOMPARE(client.frames, payloads);
    }

    void subscribesListsAndUnsubscribes()
    {
        FakeExchange exchange;
        Client client(start(exchange, QStringLiteral("/ws")));
        QVERIFY(client.waitOpen());

        QCOMPARE(client.ask(R"({"method":"SUBSCRIBE","params":["btcusdt@trade","btcusdt@depth"],"id":1})"),
                 R"({"result":null,"id":1})");
        QCOMPARE(client.ask(R"({"method":"UNSUBSCRIBE","params":["btcusdt@trade"],"id":"abc-1"})"),
                 R"({"result":null,"id":"abc-1"})");
        QCOMPARE(client.ask(R"({"method":"LIST_SUBSCRIPTIONS","id":9007199254740993})"),
                 R"({"result":["btcusdt@depth"],"id":9007199254740993})");
        exchange.publish("btcusdt@trade", trade(1));
        exchange.publish("btcusdt@depth", "{\"e\":\"depthUpdate\"}");

        QVERIFY(client.waitFrames(4));
        QCOMPARE(client.frames.last(), "{\"e\":\"depthUpdate\"}");
    }

    void propertyCombinedSwitchesWrapping()
    {
        FakeExchange exchange;
        Client client(start(exchange, QStringLiteral("/ws/btcusdt@trade")));
        QVERIFY(client.waitOpen());

        QCOMPARE(client.ask(R"({"method":"GET_PROPERTY","params":["combined"],"id":1})"),
                 R"({"result":false,"id":1})");
        QCOMPARE(client.ask(R"({"method":"SET_PROPERTY","params":["combined",true],"id":2})"),
                 R"({"result":null,"id":2})");
        QCOMPARE(client.ask(R"({"method":"GET_PROPERTY","params":["combined"],"id":3})"),
                 R"({"result":true,"id":3})");
        exchange.publish("btcusdt@trade", trade(1));

        QVERIFY(client.waitFrames(4));
        QVERIFY(client.frames.last().startsWith("{\"stream\":\"btcusdt@trade\",\"data\":"));
    }

    void errorsAreAnswered_data()
    {
        QTest::addColumn<QString>("message");
        QTest::addColumn<int>("code");
        QTest::addColumn<QString>("text");

        QTest::newRow("no JSON") << "SUBSCRIBE" << 3 << "Invalid JSON";
        QTest::newRow("no method") << R"({"id":3})" << 2 << "missing field `method`";
        QTest::newRow("unknown method") << R"({"method":"FOO","id":3})" << 2 << "unknown variant `FOO`";
        QTest::newRow("fraction as id") << R"({"method":"LIST_SUBSCRIPTIONS","id":1.5})" << 2 << "request ID";
        QTest::newRow("object as id") << R"({"method":"LIST_SUBSCRIPTIONS","id":{}})" << 2 << "request ID";
        QTest::newRow("no stream name")
            << R"({"method":"SUBSCRIBE","params":["btcusdt"],"id":3})" << 2 << "invalid stream";
        QTest::newRow("number as stream")
            << R"({"method":"SUBSCRIBE","params":[5],"id":3})" << 2 << "invalid stream";
        QTest::newRow("no params") << R"({"method":"SUBSCRIBE","id":3})" << 2 << "missing field `params`";
        QTest::newRow("unknown property")
            << R"({"method":"GET_PROPERTY","params":["x"],"id":3})" << 0 << "Unknown property";
        QTest::newRow("number as property")
            << R"({"method":"GET_PROPERTY","params":[1],"id":3})" << 2 << "must be a string";
        QTest::newRow("text as flag")
            << R"({"method":"SET_PROPERTY","params":["combined","yes"],"id":3})" << 1 << "Boolean";
        QTest::newRow("too many parameters")
            << R"({"method":"GET_PROPERTY","params":["combined",1],"id":3})" << 2 << "too many";
    }

    void errorsAreAnswered()
    {
        QFETCH(QString, message);
        QFETCH(int, code);
        QFETCH(QString, text);
        Settings wrapped;
        wrapped.wrappedErrors = true;
        FakeExchange flatExchange;
        FakeExchange wrappingExchange(wrapped);
        Client flat(start(flatExchange, QStringLiteral("/ws")));
        Client wrapping(start(wrappingExchange, QStringLiteral("/ws")));
        QVERIFY(flat.waitOpen() && wrapping.waitOpen());

        const QJsonObject plain = json(flat.ask(message));
        const QJsonObject inner = json(wrapping.ask(message))[u"error"].toObject();

        QCOMPARE(plain[u"code"].toInt(-1), code);
        QVERIFY2(plain[u"msg"].toString().contains(text), qPrintable(plain[u"msg"].toString()));
        QCOMPARE(inner[u"code"].toInt(-1), code);
        QCOMPARE(inner[u"msg"], plain[u"msg"]);
        QVERIFY(!flatExchange.server().violations().isEmpty());
    }

    void streamsAreLimited()
    {
        Settings settings;
        settings.limits.maxStreams = 2;
        FakeExchange exchange(settings);
        Client client(start(exchange, QStringLiteral("/ws/a@trade")));
        QVERIFY(client.waitOpen());

        QCOMPARE(json(client.ask(R"({"method":"SUBSCRIBE","params":["b@trade","c@trade"],"id":1})"))[u"code"]
                     .toInt(),
                 4);
        QCOMPARE(client.ask(R"({"method":"LIST_SUBSCRIPTIONS","id":2})"), R"({"result":["a@trade"],"id":2})");
    }

    void upperCaseIsAcceptedAndStaysSilent()
    {
        FakeExchange exchange;
        Client client(start(exchange, QStringLiteral("/ws")));
        QVERIFY(client.waitOpen());

        QCOMPARE(client.ask(R"({"method":"SUBSCRIBE","params":["BTCUSDT@trade"],"id":1})"),
                 R"({"result":null,"id":1})");
        exchange.publish("btcusdt@trade", trade(1));

        QCOMPARE(client.ask(R"({"method":"LIST_SUBSCRIPTIONS","id":2})"),
                 R"({"result":["BTCUSDT@trade"],"id":2})");
        QCOMPARE(client.frames.size(), 2); // the replies alone
        QVERIFY(exchange.server().violations().join(u' ').contains(QStringLiteral("'BTCUSDT@trade'")));
    }

    void aliasDeliversUnderTheNameAskedFor()
    {
        Settings settings;
        settings.aliases.insert("btcusdt@depth", "btcusdt@depth@100ms");
        FakeExchange exchange(settings);
        Client client(start(exchange, QStringLiteral("/stream?streams=btcusdt@depth")));
        QVERIFY(client.waitOpen());

        exchange.publish("btcusdt@depth@100ms", "{}");

        QVERIFY(client.waitFrames(1));
        QCOMPARE(client.frames.first(), R"({"stream":"btcusdt@depth","data":{}})");
    }

    void slowClientMakesTheDataWaitAndGetsEverything()
    {
        Settings settings;
        settings.limits.maxQueuedBytes = 64 * 1024;
        FakeExchange exchange(settings);
        RawClient client(start(exchange), "/ws/btcusdt@trade");
        QVERIFY(client.waitOpen());
        QSignalSpy congestion(&exchange.server(), &ExchangeServer::congestionChanged);
        client.socket.setReadBufferSize(4096);
        client.socket.blockSignals(true); // reads nothing any more

        qint64 published = 0;
        while (congestion.isEmpty() && published < 1'000'000) {
            exchange.publish("btcusdt@trade", trade(published++));
            if (published % 100 == 0)
                QCoreApplication::processEvents(); // the kernel's buffers fill up first
        }
        QCOMPARE(congestion.takeFirst().first().toBool(), true);
        QVERIFY(exchange.server().queuedBytes() < 80 * 1024);

        client.socket.blockSignals(false);
        client.socket.setReadBufferSize(0);
        emit client.socket.readyRead();

        QTRY_COMPARE_WITH_TIMEOUT(client.payloads(FrameScanner::Text).size(), published, 20'000);
        QCOMPARE(client.payloads(FrameScanner::Text).last(), trade(published - 1));
        QCOMPARE(congestion.takeFirst().first().toBool(), false);
        const QJsonObject stream = exchange.stats()[u"streams"].toObject()[u"btcusdt@trade"].toObject();
        QCOMPARE(stream[u"sent"].toInteger(), published);
        QCOMPARE(stream[u"withheld"].toInteger(), 0);
    }

    void speaksTls()
    {
        QTemporaryDir folder;
        Settings settings;
        settings.tlsCertificate = folder.filePath(QStringLiteral("cert.pem"));
        settings.tlsKey = folder.filePath(QStringLiteral("key.pem"));
        QProcess openssl;
        openssl.start(
            QStringLiteral("openssl"),
            QStringLiteral(
                "req -x509 -newkey rsa:2048 -nodes -batch -days 2 -subj /CN=127.0.0.1 -keyout %1 -out %2")
                .arg(settings.tlsKey, settings.tlsCertificate)
                .split(u' '));
        if (!openssl.waitForFinished() || openssl.exitCode() != 0)
            QSKIP("no openssl command to make a certificate with");
        FakeExchange exchange(settings);
        const QUrl url = start(exchange, QStringLiteral("/ws/btcusdt@trade"));
        QCOMPARE(url.scheme(), QStringLiteral("wss"));
        QWebSocket socket;
        QSignalSpy received(&socket, &QWebSocket::textMessageReceived);
        connect(&socket, &QWebSocket::sslErrors, &socket, [&socket] { socket.ignoreSslErrors(); });

        socket.open(url);
        QTRY_VERIFY(socket.isValid());
        exchange.publish("btcusdt@trade", trade(1));

        QVERIFY(received.wait());
        QCOMPARE(received.first().first().toString().toUtf8(), trade(1));
    }

    void badTlsFilesAreReported()
    {
        Settings settings;
        settings.tlsCertificate = QStringLiteral("/nowhere/cert.pem");
        settings.tlsKey = QStringLiteral("/nowhere/key.pem");
        FakeExchange exchange(settings);
        QString error;

        QVERIFY(!exchange.start(&error));
        QCOMPARE(error, QStringLiteral("/nowhere/cert.pem: cannot be read as PEM"));
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

QTEST_GUILESS_MAIN(tst_ExchangeProtocol)

#include "tst_exchange_protocol.moc"
