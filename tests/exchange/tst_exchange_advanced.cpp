// SPDX-License-Identifier: Apache-2.0
#include "coinbase_advanced/jwt.h"
#include "exchange_test.h"
#include "recordings.h"

#include <openssl/bio.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

using namespace tidemill::exchange;
using namespace tidemill::exchange::testing;
using namespace std::chrono_literals;

// Coinbase Advanced Trade.
class tst_ExchangeAdvanced : public QObject
{
    Q_OBJECT

private slots:
    void init()
    {
        m_settings = {};
        m_settings.protocol = ProtocolName::CoinbaseAdvanced;
        m_settings.limits.messagesPerSecond = 100;
    }

    void silentClientIsCutOff()
    {
        m_settings.limits.subscribeDeadline = 50ms;
        FakeExchange exchange(m_settings);
        start(exchange);
        Client client(exchange.wsUrl());

        QVERIFY(client.waitOpen());
        QVERIFY(client.waitClosed());
    }

    void malformedRequestsGetTheOneError_data()
    {
        QTest::addColumn<QString>("request");

        QTest::newRow("channels")
            << "{\"type\":\"subscribe\",\"channels\":[\"ticker\"],\"product_ids\":[\"BTC-USD\"]}";
        QTest::newRow("unknown channel")
            << "{\"type\":\"subscribe\",\"channel\":\"l2_data\",\"product_ids\":[\"BTC-USD\"]}";
        QTest::newRow("user channel")
            << "{\"type\":\"subscribe\",\"channel\":\"user\",\"product_ids\":[\"BTC-USD\"]}";
        QTest::newRow("no products") << "{\"type\":\"subscribe\",\"channel\":\"ticker\"}";
        QTest::newRow("no JSON") << "subscribe";
    }

    void malformedRequestsGetTheOneError()
    {
        QFETCH(QString, request);
        FakeExchange exchange(m_settings);
        start(exchange);
        Client client(exchange.wsUrl());
        QVERIFY(client.waitOpen());

        client.socket.sendTextMessage(request);

        QVERIFY(client.waitFrames(1));
        QCOMPARE(client.frames[0], "{\"type\":\"error\",\"message\":\"authentication failure\"}");
        QVERIFY(client.socket.isValid());
    }

    void oneSequenceCountsEverything()
    {
        FakeExchange exchange(m_settings);
        start(exchange);
        Client client(exchange.wsUrl());
        QVERIFY(client.waitOpen());
        for (const char *channel : {"market_trades", "ticker", "level2", "candles", "ticker_batch"})
            client.socket.sendTextMessage(subscribe(channel));
        client.socket.sendTextMessage(QStringLiteral("{\"type\":\"subscribe\",\"channel\":\"heartbeats\"}"));
        QVERIFY(client.waitFrames(200));

        QSet<QString> channels;
        for (qsizetype index = 0; index < client.frames.size(); ++index) {
            QCOMPARE(json(client.frames[index])[u"sequence_num"].toInteger(), index);
            channels.insert(json(client.frames[index])[u"channel"].toString());
            QVERIFY(!client.frames[index].contains("client_id"));
        }
        QVERIFY(channels.contains(QStringLiteral("l2_data")));
        QVERIFY(!channels.contains(QStringLiteral("level2")));
        QVERIFY(channels.contains(QStringLiteral("subscriptions")));
    }

    void snapshotsComeBeforeTheAcknowledgement()
    {
        m_settings.clientId = true;
        FakeExchange exchange(m_settings);
        start(exchange);
        Client client(exchange.wsUrl());
        QVERIFY(client.waitOpen());

        client.socket.sendTextMessage(subscribe("candles"));

        QVERIFY(client.waitFrames(2));
        const QJsonObject snapshot = json(client.frames[0]);
        QCOMPARE(snapshot[u"client_id"].toString(QStringLiteral("absent")), QString());
        QCOMPARE(snapshot[u"events"][0][u"type"].toString(), QStringLiteral("snapshot"));
        const QJsonArray candles = snapshot[u"events"][0][u"candles"].toArray();
        QCOMPARE(candles.size(), 100);
        bool hole = false;
        for (qsizetype index = 1; index < candles.size(); ++index) {
            const qint64 step = candles[index][u"start"].toString().toLongLong() -
                                candles[index - 1][u"start"].toString().toLongLong();
            QVERIFY(step >= 300 && step % 300 == 0);
            hole = hole || step > 300;
        }
        QVERIFY(hole);
        QCOMPARE(json(client.frames[1])[u"events"][0][u"subscriptions"][u"candles"].toArray(),
                 QJsonArray{QStringLiteral("BTC-USD")});
    }

    void tradesAreNewestFirstWithoutHole()
    {
        FakeExchange exchange(m_settings);
        start(exchange);
        Client client(exchange.wsUrl());
        QVERIFY(client.waitOpen());
        client.socket.sendTextMessage(subscribe("market_trades"));
        QTRY_VERIFY(client.frames.size() >= 5);

        QList<qint64> ids;
        for (const QByteArray &frame : std::as_const(client.frames)) {
            QList<qint64> batch;
            for (const QJsonValue &trade : json(frame)[u"events"][0][u"trades"].toArray()) {
                QVERIFY(trade[u"trade_id"].isString());
                QVERIFY(trade[u"side"].toString() == u"BUY" || trade[u"side"].toString() == u"SELL");
                batch.prepend(trade[u"trade_id"].toString().toLongLong());
            }
            ids += batch;
        }
        QVERIFY(ids.size() > 100);
        for (qsizetype index = 1; index < ids.size(); ++index)
            QCOMPARE(ids[index], ids[index - 1] + 1);
    }

    void usdcProductsAreServedAsUsd()
    {
        FakeExchange exchange(m_settings);
        start(exchange);
        Client client(exchange.wsUrl());
        QVERIFY(client.waitOpen());

        client.socket.sendTextMessage(
            QStringLiteral("{\"type\":\"subscribe\",\"channel\":\"ticker\",\"product_ids\":[\"BTC-USDC\"]}"));

        QVERIFY(client.waitFrames(3));
        QVERIFY(client.frames[0].contains("\"product_id\":\"BTC-USD\""));
    }

    void bookSaysOffer()
    {
        FakeExchange exchange(m_settings);
        start(exchange);
        Client client(exchange.wsUrl());
        QVERIFY(client.waitOpen());
        client.socket.sendTextMessage(subscribe("level2"));
        QTRY_VERIFY(client.frames.size() >= 10);

        QSet<QString> sides;
        bool removed = false;
        for (const QByteArray &frame : std::as_const(client.frames)) {
            for (const QJsonValue &update : json(frame)[u"events"][0][u"updates"].toArray()) {
                sides.insert(update[u"side"].toString());
                removed = removed || update[u"new_quantity"].toString() == u"0";
            }
        }
        QCOMPARE(sides, (QSet<QString>{QStringLiteral("bid"), QStringLiteral("offer")}));
        QVERIFY(removed);
    }

    void gapsConsumeSequenceNumbers()
    {
        FakeExchange exchange(m_settings);
        start(exchange);
        Client client(exchange.wsUrl());
        QVERIFY(client.waitOpen());
        client.socket.sendTextMessage(subscribe("level2"));
        QTRY_VERIFY(client.frames.size() >= 5);
        QString error;
        QVERIFY2(exchange.inject(QStringLiteral("gap:2"), &error), qPrintable(error));
        const qsizetype before = client.frames.size();
        QTRY_VERIFY(client.frames.size() >= before + 5);

        QCOMPARE(json(client.frames.last())[u"sequence_num"].toInteger(), client.frames.size() - 1 + 2);
    }

    void idleConnectionsAreClosedWithoutHeartbeats()
    {
        m_settings.limits.idleClose = 100ms;
        FakeExchange exchange(m_settings);
        QString error;
        QVERIFY(exchange.start(&error));
        exchange.generate({.symbols = {"BTC-USD"}, .startClients = 3}); // nothing happens
        Client idle(exchange.wsUrl());
        Client beating(exchange.wsUrl());
        QVERIFY(idle.waitOpen() && beating.waitOpen());

        beating.socket.sendTextMessage(QStringLiteral("{\"type\":\"subscribe\",\"channel\":\"heartbeats\"}"));
        idle.socket.sendTextMessage(subscribe("candles"));

        QVERIFY(idle.waitClosed());
        QVERIFY(beating.socket.isValid());
    }

    void heartbeatsCount_data()
    {
        QTest::addColumn<bool>("text");

        QTest::newRow("as a number") << false;
        QTest::newRow("as a string") << true;
    }

    void heartbeatsCount()
    {
        QFETCH(bool, text);
        m_settings.heartbeatText = text;
        FakeExchange exchange(m_settings);
        start(exchange, true);
        Client client(exchange.wsUrl());
        QVERIFY(client.waitOpen());
        client.socket.sendTextMessage(QStringLiteral("{\"type\":\"subscribe\",\"channel\":\"heartbeats\"}"));
        QVERIFY(client.waitFrames(4));

        const auto counter = [&](qsizetype index) {
            const QJsonValue value = json(client.frames[index])[u"events"][0][u"heartbeat_counter"];
            return value.isString() ? value.toString().toLongLong() : value.toInteger();
        };
        QCOMPARE(json(client.frames[1])[u"events"][0][u"heartbeat_counter"].isString(), text);
        QVERIFY(counter(1) > 0);
        QCOMPARE(counter(2), counter(1) + 1);
    }

    void candlesByRest()
    {
        FakeExchange exchange(m_settings);
        start(exchange);
        const qint64 end = exchange.data()->nowUs() / 1000000;
        const QString base = QStringLiteral("/api/v3/brokerage/market/products/BTC-USD/candles?");

        const QJsonArray rows =
            get(exchange,
                base +
                    QStringLiteral("granularity=FIVE_MINUTE&start=%1&end=%2").arg(end - 340 * 300).arg(end))
                .object()[u"candles"]
                .toArray();

        QVERIFY(rows.size() > 50);
        for (qsizetype index = 1; index < rows.size(); ++index)
            QVERIFY(rows[index - 1][u"start"].toString() > rows[index][u"start"].toString());
        QCOMPARE(get(exchange, base + QStringLiteral("granularity=ONE_MINUTE&start=1&end=99999")).status,
                 400);
        QCOMPARE(get(exchange, base + QStringLiteral("granularity=ONE_MINUTE")).status, 400);
    }

    void playsATape()
    {
        const QString file = recording("ws/coinbase-advanced/dev_btc-eth_2026-08-09_head450.tape");
        if (!QFile::exists(file))
            QSKIP("the recording is not here");
        FakeExchange exchange(m_settings);
        QString error;
        QVERIFY(exchange.start(&error));
        QVERIFY2(exchange.playTape(file, {.asFastAsTaken = true, .startStreams = 9}, &error),
                 qPrintable(error));
        QSignalSpy ended(&exchange, &FakeExchange::dataEnded);
        Client client(exchange.wsUrl());
        QVERIFY(client.waitOpen());
        for (const char *channel : {"market_trades", "candles", "ticker", "level2"})
            client.socket.sendTextMessage(
                QStringLiteral(
                    "{\"type\":\"subscribe\",\"channel\":\"%1\",\"product_ids\":[\"BTC-USD\",\"ETH-USD\"]}")
                    .arg(QLatin1String(channel)));
        client.socket.sendTextMessage(QStringLiteral("{\"type\":\"subscribe\",\"channel\":\"heartbeats\"}"));

        QTRY_COMPARE(ended.size(), 1);
        QVERIFY(client.waitFrames(448));
        QCOMPARE(client.frames.size(), 448);
        for (qsizetype index = 0; index < client.frames.size(); ++index)
            QCOMPARE(json(client.frames[index])[u"sequence_num"].toInteger(), index);
    }

private:
    static QString subscribe(const char *channel, const QByteArray &more = {})
    {
        return QStringLiteral("{\"type\":\"subscribe\",\"channel\":\"%1\",\"product_ids\":[\"BTC-USD\"]%2}")
            .arg(QLatin1String(channel), QString::fromLatin1(more));
    }

    static void start(FakeExchange &exchange, bool flood = false)
    {
        QString error;
        QVERIFY2(exchange.start(&error), qPrintable(error));
        exchange.generate({.symbols = {"BTC-USD"}, .warmupUs = 10000000, .flood = flood});
    }

    Settings m_settings;
};

QTEST_GUILESS_MAIN(tst_ExchangeAdvanced)

#include "tst_exchange_advanced.moc"
