// SPDX-License-Identifier: Apache-2.0
#include "exchange_test.h"
#include "recordings.h"

using namespace tidemill::exchange;
using namespace tidemill::exchange::testing;
using namespace std::chrono_literals;

// The feed of Coinbase Exchange.
class tst_ExchangeCoinbase : public QObject
{
    Q_OBJECT

private slots:
    void init()
    {
        m_settings = {};
        m_settings.protocol = ProtocolName::CoinbaseExchange;
    }

    void silentClientIsCutOff()
    {
        m_settings.limits.subscribeDeadline = 50ms;
        FakeExchange exchange(m_settings);
        QString error;
        QVERIFY(exchange.start(&error));

        Client client(exchange.wsUrl());

        QVERIFY(client.waitOpen());
        QVERIFY(client.waitClosed());
        QCOMPARE(exchange.stats()[u"violations"].toArray().size(), 1);
    }

    void productsOfRequestAndChannelAreMerged()
    {
        FakeExchange exchange(m_settings);
        start(exchange);
        Client client(exchange.wsUrl());
        QVERIFY(client.waitOpen());

        client.socket.sendTextMessage(
            QStringLiteral("{\"type\":\"subscribe\",\"product_ids\":[\"BTC-USD\"],\"channels\":["
                           "\"heartbeat\",{\"name\":\"ticker_"
                           "batch\",\"product_ids\":[\"ETH-USD\",\"BTC-USD\"]},\"level2_batch\"]}"));

        const QHash<QString, QSet<QString>> channels = acknowledged(client, 1);
        QCOMPARE(channels.value(QStringLiteral("heartbeat")), QSet<QString>{QStringLiteral("BTC-USD")});
        QCOMPARE(channels.value(QStringLiteral("ticker_1000")),
                 (QSet<QString>{QStringLiteral("BTC-USD"), QStringLiteral("ETH-USD")}));
        QCOMPARE(channels.value(QStringLiteral("level2_50")), QSet<QString>{QStringLiteral("BTC-USD")});
        QVERIFY(ofType(client, "subscriptions").first().contains("\"account_ids\":null"));
    }

    void acknowledgementsAccumulateAndShrink()
    {
        FakeExchange exchange(m_settings);
        start(exchange);
        Client client(exchange.wsUrl());
        QVERIFY(client.waitOpen());

        client.socket.sendTextMessage(subscribe("matches", "BTC-USD"));
        client.socket.sendTextMessage(subscribe("ticker", "ETH-USD"));
        QCOMPARE(acknowledged(client, 2).size(), 2);
        client.socket.sendTextMessage(
            QStringLiteral("{\"type\":\"unsubscribe\",\"channels\":[\"matches\"]}"));
        QCOMPARE(acknowledged(client, 3).keys(), QStringList{QStringLiteral("ticker")});
        client.socket.sendTextMessage(QStringLiteral(
            "{\"type\":\"unsubscribe\",\"channels\":[\"ticker\"],\"product_ids\":[\"ETH-USD\"]}"));

        QVERIFY(acknowledged(client, 4).isEmpty());
        QCOMPARE(ofType(client, "subscriptions").last(), "{\"type\":\"subscriptions\",\"channels\":[]}");
    }

    void oneBadProductDoesNotSpoilTheOthers()
    {
        FakeExchange exchange(m_settings);
        start(exchange);
        Client client(exchange.wsUrl());
        QVERIFY(client.waitOpen());

        client.socket.sendTextMessage(QStringLiteral(
            "{\"type\":\"subscribe\",\"product_ids\":[\"FOO-USD\",\"BTC-USD\"],\"channels\":[\"matches\"]}"));

        QCOMPARE(acknowledged(client, 1).value(QStringLiteral("matches")),
                 QSet<QString>{QStringLiteral("BTC-USD")});
        const QJsonObject refused = json(ofType(client, "error").value(0));
        QCOMPARE(refused[u"message"].toString(), QStringLiteral("Failed to subscribe"));
        QCOMPARE(refused[u"reason"].toString(), QStringLiteral("FOO-USD is not a valid product"));
    }

    void privateChannelsNeedASignature()
    {
        FakeExchange exchange(m_settings);
        start(exchange);
        Client client(exchange.wsUrl());
        QVERIFY(client.waitOpen());

        client.socket.sendTextMessage(subscribe("level2", "BTC-USD"));

        QTRY_COMPARE(ofType(client, "error").size(), 1);
        QVERIFY(json(ofType(client, "error")[0])[u"reason"].toString().contains(u"require authentication"));
        QVERIFY(ofType(client, "subscriptions").isEmpty());
    }

    void matchesBeginWithTheLastOneAndShowTheMaker()
    {
        FakeExchange exchange(m_settings);
        start(exchange);
        Client client(exchange.wsUrl());
        QVERIFY(client.waitOpen());
        client.socket.sendTextMessage(QStringLiteral(
            "{\"type\":\"subscribe\",\"product_ids\":[\"BTC-USD\"],\"channels\":[\"matches\",\"ticker\"]}"));
        QTRY_VERIFY(ofType(client, "match").size() > 20 && ofType(client, "ticker").size() > 10);

        QCOMPARE(ofType(client, "last_match").size(), 1);
        const QByteArrayList matches = ofType(client, "match");
        qint64 id = json(ofType(client, "last_match")[0])[u"trade_id"].toInteger();
        qint64 sequence = 0;
        bool jumped = false;
        QHash<qint64, QString> makers;
        for (const QByteArray &text : matches) {
            const QJsonObject match = json(text);
            QCOMPARE(match[u"trade_id"].toInteger(), ++id);
            jumped = jumped || match[u"sequence"].toInteger() > sequence + 1;
            QVERIFY(match[u"sequence"].toInteger() > sequence);
            sequence = match[u"sequence"].toInteger();
            QVERIFY(!match[u"size"].toString().endsWith(u'0') || !match[u"size"].toString().contains(u'.'));
            makers.insert(id, match[u"side"].toString());
        }
        QVERIFY(jumped);
        int compared = 0;
        for (const QByteArray &text : ofType(client, "ticker")) {
            const QJsonObject ticker = json(text);
            const QString maker = makers.value(ticker[u"trade_id"].toInteger());
            if (maker.isEmpty())
                continue;
            QVERIFY(ticker[u"side"].toString() != maker);
            ++compared;
        }
        QVERIFY(compared > 5);
    }

    void bookFollowsFromItsSnapshot()
    {
        FakeExchange exchange(m_settings);
        start(exchange);
        Client client(exchange.wsUrl());
        QVERIFY(client.waitOpen());
        client.socket.sendTextMessage(subscribe("level2_batch", "BTC-USD"));
        QTRY_VERIFY(ofType(client, "l2update").size() > 30);

        QMap<QByteArray, QByteArray> bids;
        QMap<QByteArray, QByteArray> asks;
        const QJsonObject snapshot = json(ofType(client, "snapshot").value(0));
        for (const QJsonValue &level : snapshot[u"bids"].toArray())
            bids[sortKey(level[0].toString().toLatin1())] = level[1].toString().toLatin1();
        for (const QJsonValue &level : snapshot[u"asks"].toArray())
            asks[sortKey(level[0].toString().toLatin1())] = level[1].toString().toLatin1();
        int absent = 0;
        for (const QByteArray &text : ofType(client, "l2update")) {
            QVERIFY(!json(text).contains(u"sequence"));
            for (const QJsonValue &change : json(text)[u"changes"].toArray()) {
                auto &side = change[0].toString() == u"buy" ? bids : asks;
                const QByteArray key = sortKey(change[1].toString().toLatin1());
                const QByteArray size = change[2].toString().toLatin1();
                absent += isZero(size) && side.remove(key) == 0 ? 1 : 0;
                if (!isZero(size))
                    side[key] = size;
            }
            QVERIFY(bids.lastKey() < asks.firstKey());
        }
        QVERIFY(absent > 0);
    }

    void snapshotsCanBeHuge()
    {
        FakeExchange exchange(m_settings);
        start(exchange, {.symbols = {"BTC-USD"}, .snapshotLevels = 30000});
        Client client(exchange.wsUrl());
        QVERIFY(client.waitOpen());

        client.socket.sendTextMessage(subscribe("level2_50", "BTC-USD"));

        QTRY_VERIFY(!ofType(client, "snapshot").isEmpty());
        const QJsonObject snapshot = json(ofType(client, "snapshot")[0]);
        QCOMPARE(snapshot[u"asks"].toArray().size(), 30000);
    }

    void heartbeatsComeEverySecond()
    {
        FakeExchange exchange(m_settings);
        start(exchange, {.symbols = {"BTC-USD"}, .flood = true});
        Client client(exchange.wsUrl());
        QVERIFY(client.waitOpen());
        client.socket.sendTextMessage(QStringLiteral("{\"type\":\"subscribe\",\"product_ids\":[\"BTC-USD\"],"
                                                     "\"channels\":[\"heartbeat\",\"ticker_1000\"]}"));
        QTRY_VERIFY(ofType(client, "heartbeat").size() >= 12);

        const QByteArrayList beats = ofType(client, "heartbeat");
        for (qsizetype index = 1; index < beats.size(); ++index) {
            const auto time = [&](qsizetype i) {
                return QDateTime::fromString(json(beats[i])[u"time"].toString(), Qt::ISODateWithMs);
            };
            QCOMPARE(time(index - 1).msecsTo(time(index)), 1000);
        }
        QVERIFY(ofType(client, "ticker").size() >= 2);
    }

    void dataMayComeBeforeTheAcknowledgement()
    {
        m_settings.dataBeforeAck = true;
        FakeExchange exchange(m_settings);
        start(exchange);
        Client client(exchange.wsUrl());
        QVERIFY(client.waitOpen());

        client.socket.sendTextMessage(subscribe("matches", "BTC-USD"));

        QVERIFY(client.waitFrames(2));
        QCOMPARE(json(client.frames[0])[u"type"].toString(), QStringLiteral("last_match"));
        QCOMPARE(json(client.frames[1])[u"type"].toString(), QStringLiteral("subscriptions"));
    }

    void tooManyMessagesEndTheConnection()
    {
        m_settings.limits.messagesPerSecond = 3;
        FakeExchange exchange(m_settings);
        start(exchange);
        Client client(exchange.wsUrl());
        QVERIFY(client.waitOpen());

        for (int count = 0; count < 4; ++count)
            client.socket.sendTextMessage(subscribe("heartbeat", "BTC-USD"));

        QVERIFY(client.waitClosed());
        QCOMPARE(json(ofType(client, "error").value(0))[u"message"].toString(),
                 QStringLiteral("ErrSlowRead"));
    }

    void oneProductCanFallSilent()
    {
        FakeExchange exchange(m_settings);
        start(exchange);
        Client client(exchange.wsUrl());
        QVERIFY(client.waitOpen());
        client.socket.sendTextMessage(QStringLiteral(
            "{\"type\":\"subscribe\",\"product_ids\":[\"BTC-USD\",\"ETH-USD\"],\"channels\":[\"matches\"]}"));
        QTRY_VERIFY(ofType(client, "match").size() > 10);
        QString error;
        QVERIFY2(exchange.inject(QStringLiteral("silence:1m:BTC-USD"), &error), qPrintable(error));
        const qsizetype before = ofType(client, "match").size();
        QVERIFY(QTest::qWaitFor([&] {
            const QByteArrayList all = ofType(client, "match");
            int eth = 0;
            for (qsizetype index = all.size() - 1; index >= before && all[index].contains("ETH-USD"); --index)
                ++eth;
            return eth >= 20; // BTC would be among so many
        }));
    }

    void aTestCanPublishByHand()
    {
        FakeExchange exchange(m_settings);
        QString error;
        QVERIFY(exchange.start(&error));
        Client client(exchange.wsUrl());
        QVERIFY(client.waitOpen());
        client.socket.sendTextMessage(subscribe("matches", "XYZ-USD"));
        QCOMPARE(acknowledged(client, 1).size(), 1);

        exchange.publish("XYZ-USD@matches", "{\"type\":\"match\",\"trade_id\":1}");

        QTRY_COMPARE(ofType(client, "match"), QByteArrayList{"{\"type\":\"match\",\"trade_id\":1}"});
    }

    void anythingCanBeSaid()
    {
        FakeExchange exchange(m_settings);
        start(exchange);
        Client client(exchange.wsUrl());
        QVERIFY(client.waitOpen());
        client.socket.sendTextMessage(subscribe("heartbeat", "BTC-USD"));
        QVERIFY(client.waitFrames(1));

        exchange.say("{\"type\":\"novelty\",\"x\":1}");

        QTRY_COMPARE(ofType(client, "novelty").size(), 1);
    }

    void truthHasWhatWasSent()
    {
        FakeExchange exchange(m_settings);
        start(exchange);
        Client client(exchange.wsUrl());
        QVERIFY(client.waitOpen());
        client.socket.sendTextMessage(subscribe("matches", "BTC-USD"));
        QTRY_VERIFY(ofType(client, "match").size() > 10);

        const QByteArray truth = get(exchange, QStringLiteral("/__truth/trades?symbol=BTC-USD")).body;

        for (const QByteArray &match : ofType(client, "match").mid(0, 10))
            QVERIFY(truth.contains(match + '\n'));
    }

    void playsATape()
    {
        const QString file =
            recording("ws/coinbase-exchange/dev_10products_level2-ticker-matches_2021-04-17_head10s.tape");
        if (!QFile::exists(file))
            QSKIP("the recording is not here");
        FakeExchange exchange(m_settings);
        QString error;
        QVERIFY(exchange.start(&error));
        QVERIFY2(exchange.playTape(file, {.asFastAsTaken = true}, &error), qPrintable(error));
        QSignalSpy ended(&exchange, &FakeExchange::dataEnded);
        Client client(exchange.wsUrl());
        QVERIFY(client.waitOpen());
        QByteArrayList ids;
        for (const QByteArray &id : exchange.data()->symbols())
            ids.append('"' + id + '"');
        QCOMPARE(ids.size(), 10);

        client.socket.sendTextMessage(
            QString::fromUtf8("{\"type\":\"subscribe\",\"product_ids\":[" + ids.join(',') +
                              "],\"channels\":[\"level2\",\"ticker\",\"matches\"]}"));

        QTRY_COMPARE(ended.size(), 1);
        QVERIFY(client.waitFrames(1 + 2915 + 10 + 10 + 21 + 31));
        QCOMPARE(ofType(client, "l2update").size(), 2915);
        QCOMPARE(ofType(client, "snapshot").size(), 10);
        QCOMPARE(ofType(client, "last_match").size(), 10);
        QCOMPARE(ofType(client, "match").size(), 21);
    }

private:
    static QString subscribe(const char *channel, const char *product)
    {
        return QStringLiteral("{\"type\":\"subscribe\",\"product_ids\":[\"%1\"],\"channels\":[\"%2\"]}")
            .arg(QLatin1String(product), QLatin1String(channel));
    }

    static QByteArrayList ofType(const Client &client, const char *type)
    {
        QByteArrayList list;
        for (const QByteArray &frame : client.frames) {
            if (frame.startsWith(QByteArray("{\"type\":\"") + type + '"'))
                list.append(frame);
        }
        return list;
    }

    // What the `count`th acknowledgement lists.
    static QHash<QString, QSet<QString>> acknowledged(const Client &client, int count)
    {
        if (!QTest::qWaitFor([&] { return ofType(client, "subscriptions").size() >= count; }))
            return {{QStringLiteral("no acknowledgement"), {}}};
        QHash<QString, QSet<QString>> channels;
        for (const QJsonValue &channel :
             json(ofType(client, "subscriptions")[count - 1])[u"channels"].toArray()) {
            QSet<QString> &products = channels[channel[u"name"].toString()];
            for (const QJsonValue &product : channel[u"product_ids"].toArray())
                products.insert(product.toString());
        }
        return channels;
    }

    static void start(FakeExchange &exchange, GeneratorOptions options = {.symbols = {"BTC-USD", "ETH-USD"}})
    {
        options.warmupUs = 10000000;
        QString error;
        QVERIFY2(exchange.start(&error), qPrintable(error));
        exchange.generate(options);
    }

    Settings m_settings;
};

QTEST_GUILESS_MAIN(tst_ExchangeCoinbase)

#include "tst_exchange_coinbase.moc"
