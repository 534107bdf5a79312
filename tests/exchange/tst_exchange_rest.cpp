// SPDX-License-Identifier: Apache-2.0
#include "exchange_test.h"

using namespace tidemill::exchange;
using namespace tidemill::exchange::testing;
using namespace std::chrono_literals;

// /api/v3 over a market that has traded for ten seconds before anybody came.
class tst_ExchangeRest : public QObject
{
    Q_OBJECT

private slots:
    void init()
    {
        m_settings = {};
        m_settings.limits.weightPerMinute = 100'000;
    }

    void answersPingAndTime()
    {
        FakeExchange exchange(m_settings);
        start(exchange);

        QCOMPARE(get(exchange, QStringLiteral("/api/v3/ping")).body, "{}");
        const qint64 ms = get(exchange, QStringLiteral("/api/v3/time")).object()[u"serverTime"].toInteger();
        const qint64 us =
            get(exchange, QStringLiteral("/api/v3/time"), "MICROSECOND").object()[u"serverTime"].toInteger();
        QVERIFY(ms > opened + 9'000 && ms <= opened + 10'000);
        QCOMPARE(us / 1000, ms);
    }

    void exchangeInfoListsTheSymbols()
    {
        FakeExchange exchange(m_settings);
        start(exchange);

        const QJsonObject all = get(exchange, QStringLiteral("/api/v3/exchangeInfo")).object();
        const QJsonObject one =
            get(exchange, QStringLiteral("/api/v3/exchangeInfo?symbols=%5B%22ETHUSDT%22%5D")).object();

        QCOMPARE(all[u"symbols"].toArray().size(), 2);
        QCOMPARE(all[u"rateLimits"].toArray().first()[u"limit"].toInt(), 100'000);
        const QJsonObject eth = one[u"symbols"].toArray().first().toObject();
        QCOMPARE(one[u"symbols"].toArray().size(), 1);
        QCOMPARE(eth[u"baseAsset"].toString(), QStringLiteral("ETH"));
        QCOMPARE(eth[u"quoteAsset"].toString(), QStringLiteral("USDT"));
        QCOMPARE(eth[u"status"].toString(), QStringLiteral("TRADING"));
    }

    void errorsHaveTheirCodes_data()
    {
        QTest::addColumn<QString>("target");
        QTest::addColumn<int>("status");
        QTest::addColumn<int>("code");

        QTest::newRow("no symbol") << "trades" << 400 << -1102;
        QTest::newRow("unknown symbol") << "trades?symbol=NOSUCH" << 400 << -1121;
        QTest::newRow("lower-case symbol") << "depth?symbol=btcusdt" << 400 << -1121;
        QTest::newRow("illegal characters") << "depth?symbol=BTC%20USDT" << 400 << -1100;
        QTest::newRow("letters as limit") << "depth?symbol=BTCUSDT&limit=all" << 400 << -1100;
        QTest::newRow("limit of zero") << "trades?symbol=BTCUSDT&limit=0" << 400 << -1130;
        QTest::newRow("parameter of another endpoint") << "trades?symbol=BTCUSDT&fromId=1" << 400 << -1104;
        QTest::newRow("no interval") << "klines?symbol=BTCUSDT" << 400 << -1102;
        QTest::newRow("unknown interval") << "klines?symbol=BTCUSDT&interval=1S" << 400 << -1120;
        QTest::newRow("id and time") << "aggTrades?symbol=BTCUSDT&fromId=1&startTime=1" << 400 << -1128;
        QTest::newRow("unknown symbol in a list") << "exchangeInfo?symbols=[\"NOSUCH\"]" << 400 << -1121;
        QTest::newRow("unknown path") << "nothing" << 404 << -1000;
    }

    void errorsHaveTheirCodes()
    {
        QFETCH(QString, target);
        FakeExchange exchange(m_settings);
        start(exchange);

        const Answer answer = get(exchange, QStringLiteral("/api/v3/") + target);

        QTEST(answer.status, "status");
        QTEST(answer.code(), "code");
        QVERIFY(!answer.object()[u"msg"].toString().isEmpty());
    }

    void tradesArePagedByIdWithoutHoleOrRepeat()
    {
        FakeExchange exchange(m_settings);
        start(exchange);
        const QJsonArray latest =
            get(exchange, QStringLiteral("/api/v3/trades?symbol=BTCUSDT&limit=3")).array();
        QCOMPARE(latest.size(), 3);
        const qint64 end = latest.last()[u"id"].toInteger();

        qint64 next =
            get(exchange, QStringLiteral("/api/v3/historicalTrades?symbol=BTCUSDT&fromId=0&limit=1"))
                .array()
                .first()[u"id"]
                .toInteger();
        const qint64 begin = next;
        while (next <= end) {
            const QString target =
                QStringLiteral("/api/v3/historicalTrades?symbol=BTCUSDT&limit=100&fromId=%1").arg(next);
            const QJsonArray page = get(exchange, target).array();
            QVERIFY(!page.isEmpty());
            for (const QJsonValue &row : page)
                QCOMPARE(row[u"id"].toInteger(), next++);
        }
        QVERIFY(end - begin > 300);
    }

    void aggTradesGoByTimeThenById()
    {
        FakeExchange exchange(m_settings);
        start(exchange);
        const QString base = QStringLiteral("/api/v3/aggTrades?symbol=BTCUSDT");

        const qint64 from = opened + 3000;
        const qint64 to = opened + 4000;
        const QJsonArray second =
            get(exchange, base + QStringLiteral("&startTime=%1&endTime=%2").arg(from).arg(to)).array();
        QVERIFY(second.size() > 5);
        for (const QJsonValue &row : second)
            QVERIFY(row[u"T"].toInteger() >= from && row[u"T"].toInteger() <= to);
        const QJsonArray page =
            get(exchange, base + QStringLiteral("&startTime=%1&limit=3").arg(from)).array();
        QCOMPARE(page.size(), 3);
        QCOMPARE(page.first(), second.first());
        const qint64 last = page.last()[u"a"].toInteger();
        const QJsonArray following =
            get(exchange, base + QStringLiteral("&fromId=%1&limit=2").arg(last + 1)).array();
        QCOMPARE(following.first()[u"a"].toInteger(), last + 1);
        QCOMPARE(following.first()[u"f"].toInteger(), page.last()[u"l"].toInteger() + 1);
        QCOMPARE(get(exchange, base + QStringLiteral("&startTime=%1").arg(opened + 3'600'000)).array().size(),
                 0);
    }

    void microsecondsComeOnRequest()
    {
        FakeExchange exchange(m_settings);
        start(exchange);
        const QString target = QStringLiteral("/api/v3/trades?symbol=ETHUSDT&limit=1");

        const qint64 ms = get(exchange, target).array().first()[u"time"].toInteger();
        const qint64 us = get(exchange, target, "MICROSECOND").array().first()[u"time"].toInteger();

        QCOMPARE(us / 1000, ms);
        QVERIFY(us > 1'000'000'000'000'000);
    }

    void candlesAddUpToTheTrades()
    {
        FakeExchange exchange(m_settings);
        start(exchange);

        const QJsonArray candles =
            get(exchange, QStringLiteral("/api/v3/klines?symbol=BTCUSDT&interval=1s&limit=1000")).array();
        const QJsonArray trades =
            get(exchange, QStringLiteral("/api/v3/historicalTrades?symbol=BTCUSDT&fromId=0&limit=1000"))
                .array();

        QCOMPARE(candles.size(), 11); // ten full seconds and the one that runs
        const qint64 openMs = candles[4][0].toInteger();
        QCOMPARE(candles[4][6].toInteger(), openMs + 999);
        int count = 0;
        qint64 volume = 0;
        for (const QJsonValue &trade : trades) {
            if (trade[u"time"].toInteger() < openMs || trade[u"time"].toInteger() > openMs + 999)
                continue;
            if (count++ == 0)
                QCOMPARE(candles[4][1], trade[u"price"]);
            volume += Number::parse(trade[u"qty"].toString().toLatin1())->digits;
        }
        QVERIFY(count > 10);
        QCOMPARE(candles[4][8].toInt(), count);
        QCOMPARE(candles[4][5].toString().toLatin1(), (Number{volume, 8}.text()));
    }

    void depthIsCutToItsLimit_data()
    {
        QTest::addColumn<QString>("limit");
        QTest::addColumn<int>("levels");
        QTest::addColumn<int>("weight");

        QTest::newRow("default") << "" << 100 << 5;
        QTest::newRow("five") << "&limit=5" << 5 << 5;
        QTest::newRow("beyond a hundred") << "&limit=110" << 110 << 25;
        QTest::newRow("a thousand") << "&limit=1000" << -1 << 50;
        QTest::newRow("everything") << "&limit=5000" << -1 << 250;
    }

    void depthIsCutToItsLimit()
    {
        QFETCH(QString, limit);
        QFETCH(int, levels);
        FakeExchange exchange(m_settings);
        start(exchange);

        const Answer answer = get(exchange, QStringLiteral("/api/v3/depth?symbol=BTCUSDT") + limit);

        const QJsonArray bids = answer.object()[u"bids"].toArray();
        QCOMPARE(bids.size(), levels < 0 ? bids.size() : levels);
        QVERIFY(bids.size() <= 1000 && bids.size() >= 5);
        QVERIFY(answer.object()[u"lastUpdateId"].toInteger() > 0);
        const QByteArray best = sortKey(bids.first()[0].toString().toLatin1());
        const QByteArray ask = sortKey(answer.object()[u"asks"].toArray().first()[0].toString().toLatin1());
        QVERIFY(best < ask);
        QTEST(answer.usedWeight.toInt(), "weight");
    }

    void weightBeyondTheLimitIsRefusedThenBanned()
    {
        m_settings.limits.weightPerMinute = 30;
        // The window is the wall clock's minute; it must not turn in the middle.
        QTRY_VERIFY_WITH_TIMEOUT(QDateTime::currentMSecsSinceEpoch() % 60'000 < 55'000, 6000);
        FakeExchange exchange(m_settings);
        start(exchange);
        const QString target = QStringLiteral("/api/v3/trades?symbol=BTCUSDT");

        QCOMPARE(get(exchange, target).usedWeight, "25");
        const Answer refused = get(exchange, target);
        QCOMPARE(refused.status, 429);
        QCOMPARE(refused.code(), -1003);
        QVERIFY(refused.retryAfter.toInt() >= 1 && refused.retryAfter.toInt() <= 60);
        int status = 429;
        for (int tries = 0; status == 429 && tries < 20; ++tries)
            status = get(exchange, target).status;
        QCOMPARE(status, 418);
        QCOMPARE(get(exchange, QStringLiteral("/api/v3/ping")).status, 418);
        QVERIFY(!exchange.stats()[u"violations"].toArray().isEmpty());
    }

    void answersAsSlowlyAsTold()
    {
        m_settings.restDelay = 200ms;
        FakeExchange exchange(m_settings);
        start(exchange);
        QElapsedTimer clock;
        clock.start();

        QCOMPARE(get(exchange, QStringLiteral("/api/v3/ping")).body, "{}");

        QVERIFY(clock.elapsed() >= 190);
    }

    void clientMayLeaveBeforeASlowAnswer()
    {
        m_settings.restDelay = 100ms;
        FakeExchange exchange(m_settings);
        start(exchange);
        QTcpSocket socket;
        socket.connectToHost(exchange.restUrl().host(), quint16(exchange.restUrl().port()));
        socket.write("GET /api/v3/ping HTTP/1.1\r\n\r\n");
        QTRY_COMPARE(exchange.stats()[u"rest_requests"].toInt(), 1);

        socket.abort();

        QCOMPARE(get(exchange, QStringLiteral("/api/v3/ping")).body,
                 "{}"); // later than the other would have been
    }

    void pipelinedRequestsAreAnsweredInOrder()
    {
        FakeExchange exchange(m_settings);
        start(exchange);
        QTcpSocket socket;
        socket.connectToHost(exchange.restUrl().host(), quint16(exchange.restUrl().port()));

        socket.write(
            "GET /api/v3/ping HTTP/1.1\r\n\r\nGET /api/v3/nothing HTTP/1.1\r\nConnection: close\r\n\r\n");

        QTRY_COMPARE(socket.state(), QAbstractSocket::UnconnectedState);
        const QByteArray all = socket.readAll();
        QVERIFY(all.startsWith("HTTP/1.1 200 OK"));
        QVERIFY(all.indexOf("HTTP/1.1 404 Not Found") > 0);
    }

    void dataHostHasNoHistoricalTrades()
    {
        m_settings.dataHost = true;
        FakeExchange exchange(m_settings);
        start(exchange);

        const Answer answer = get(exchange, QStringLiteral("/api/v3/historicalTrades?symbol=BTCUSDT"));

        QCOMPARE(answer.status, 404);
        QVERIFY(answer.body.startsWith("<html>"));
        QCOMPARE(get(exchange, QStringLiteral("/api/v3/trades?symbol=BTCUSDT")).status, 200);
    }

private:
    static constexpr qint64 opened = 1'700'000'000'000; // ms

    static void start(FakeExchange &exchange)
    {
        QString error;
        QVERIFY2(exchange.start(&error), qPrintable(error));
        GeneratorOptions options;
        options.symbols = {"BTCUSDT", "ETHUSDT"};
        options.warmupUs = 10'000'000;
        exchange.generate(options);
    }

    Settings m_settings;
};

QTEST_GUILESS_MAIN(tst_ExchangeRest)

#include "tst_exchange_rest.moc"
