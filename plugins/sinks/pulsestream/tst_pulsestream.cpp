// SPDX-License-Identifier: Apache-2.0
#include "pulsestream_test.h"

#include <QJsonDocument>
#include <QJsonObject>
#include <QRegularExpression>

using namespace tidemill;
using namespace tidemill::pulsestream;

namespace {

// What was posted, with the time of processing, which no test can know, replaced.
QByteArray withoutProcessedAt(const QByteArray &body)
{
    static const QRegularExpression time(
        QStringLiteral("\"processed_at\":\"\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{6}\""));
    return QString::fromUtf8(body).replace(time, QStringLiteral("\"processed_at\":NOW")).toUtf8();
}

const QByteArray exampleEvent =
    R"({"event_type":"custom_event","event_id":"coinbase-BTC-USD-900000124",)"
    R"("title":"Coinbase Price Update: BTC-USD",)"
    R"("message":"Real-time price update for BTC-USD: $61234.56. Volume (24h): $2345.68","severity":"info",)"
    R"("source":{"service":"coinbase-exchange","endpoint":"/ticker","method":"WEBSOCKET","version":"v1",)"
    R"("environment":"production"},)"
    R"("context":{"request_id":"coinbase-BTC-USD-900000124",)"
    R"("tags":{"product_id":"BTC-USD","source":"coinbase","channel":"ticker"}},)"
    R"("metrics":{"response_time_ms":0.0,"status_code":200,"price":61234.56,"volume_24h":2345.6789123,)"
    R"("spread":0.01},)"
    R"("payload":{"product_id":"BTC-USD","price":61234.56,"volume_24h":2345.6789123,)"
    R"("last_trade_id":900000124,"best_bid":61234.56,"best_ask":61234.57,"spread":0.01,)"
    R"("low_24h":"60500","high_24h":"61999.9","open_24h":"60900.01","last_size":"0.00012",)"
    R"("raw_ticker":{"type":"ticker","sequence":77000000513,"product_id":"BTC-USD","price":"61234.56",)"
    R"("open_24h":"60900.01","volume_24h":"2345.67891230","low_24h":"60500","high_24h":"61999.9",)"
    R"("volume_30d":"123456.78901234","best_bid":"61234.56","best_bid_size":"0.25000000",)"
    R"("best_ask":"61234.57","best_ask_size":"0.05340000","side":"buy",)"
    R"("time":"2026-03-02T09:15:17.164892Z","trade_id":900000124,"last_size":"0.00012"}},)"
    R"("metadata":{"source_system":"coinbase-websocket-bridge","bridge_version":"1.0.0",)"
    R"("processed_at":NOW,"no_coinbase_auth_required":true},)"
    R"("timestamp":"2026-03-02T09:15:17.164892"})";

const QByteArray tradeEvent =
    R"({"event_type":"custom_event","event_id":"trade-binance-BTCUSDT-9007199254740993",)"
    R"("title":"binance trade: BTCUSDT","message":"trade of BTCUSDT","severity":"info",)"
    R"("source":{"service":"binance-exchange","endpoint":"/trade","method":"WEBSOCKET",)"
    R"("version":"v1","environment":"production"},)"
    R"("context":{"request_id":"trade-binance-BTCUSDT-9007199254740993",)"
    R"("tags":{"product_id":"BTCUSDT","source":"binance","channel":"trade"}},)"
    R"("metrics":{"response_time_ms":0.0,"status_code":200},)"
    R"("payload":{"type":"trade","exchange":"binance","symbol":"BTCUSDT",)"
    R"("ts_event":"2026-03-02T09:15:17.100Z","ts_recv":"2026-03-02T09:15:17.200Z",)"
    R"("trade_id":9007199254740993,"price":"45123.50","quantity":"0.00010000","side":"sell",)"
    R"("provenance":"live"},)"
    R"("metadata":{"source_system":"tidemill","bridge_version":"1.0.0","processed_at":NOW},)"
    R"("timestamp":"2026-03-02T09:15:17.100000"})";

} // namespace

// What events say, and how they are sent when all is well.
class tst_PulseStream : public PulseStreamTest
{
    Q_OBJECT

private slots:
    void postsTheEventOfTheBridge()
    {
        begin();

        offer({tickers(900000124, 1)});

        QTRY_COMPARE(m_delivered->size(), 1);
        QCOMPARE(service().posts.size(), 1);
        const Service::Post &post = service().posts.first();
        QCOMPARE(post.path, QByteArray("/api/v1/ingestion/events"));
        QCOMPARE(post.headers.value("content-type"), QByteArray("application/json"));
        QCOMPARE(withoutProcessedAt(post.body), exampleEvent);
        QCOMPARE(service().storedIds(), idsOf(900000124, 1));
    }

    void numbers_data()
    {
        QTest::addColumn<QString>("bid");
        QTest::addColumn<QString>("ask");
        QTest::addColumn<QString>("volume");
        QTest::addColumn<QByteArray>("payload");
        QTest::addColumn<QByteArray>("message");

        const QByteArray price = R"("price":61234.56,"volume_24h":)";
        const auto row = [&price](const char *name, const char *bid, const char *ask, const char *volume,
                                  const QByteArray &volumeNumber, const QByteArray &rest,
                                  const QByteArray &volumeText) {
            QTest::newRow(name) << QString(bid) << QString(ask) << QString(volume)
                                << price + volumeNumber + R"(,"last_trade_id":5,)" + rest
                                << "Volume (24h): $" + volumeText + '"';
        };
        row("doubles would not subtract", "60000.97", "60001.06", "1.005", "1.005",
            R"("best_bid":60000.97,"best_ask":60001.06,"spread":0.09,)", "1.00");
        row("the digits of a small coin", "0.00001234", "0.00001235", "0.015", "0.015",
            R"("best_bid":0.00001234,"best_ask":0.00001235,"spread":0.00000001,)", "0.02");
        row("all digits of 64 bits", "0", "0", "9223372036854775.807", "9223372036854775.807",
            R"("best_bid":0,"best_ask":0,"spread":0.0,)", "9223372036854775.81");
        row("a half, to even", "1", "2", "0.125", "0.125", R"("best_bid":1,"best_ask":2,"spread":1,)",
            "0.12");
        row("next to nothing", "1", "1", "0.0000000000000000000000000000001",
            "0.0000000000000000000000000000001", R"("best_bid":1,"best_ask":1,"spread":0,)", "0.00");
        row("large", "9000000000000000000", "9000000000000000001", "100", "100",
            R"("best_bid":9000000000000000000,"best_ask":9000000000000000001,"spread":1,)", "100.00");
        row("crossed", "2.5", "2.25", "1.5", "1.5", R"("best_bid":2.5,"best_ask":2.25,"spread":-0.25,)",
            "1.50");
        row("absent", "", "2", "", "0.0", R"("best_bid":0.0,"best_ask":2,"spread":0.0,)", "0.00");
    }

    void numbers()
    {
        QFETCH(QString, bid);
        QFETCH(QString, ask);
        QFETCH(QString, volume);
        QFETCH(QByteArray, payload);
        QFETCH(QByteArray, message);
        begin();
        const auto decimal = [](const QString &text) {
            return text.isEmpty() ? Decimal::null() : Decimal::parse(text.toUtf8()).value_or(Decimal::null());
        };
        Ticker ticker = exampleTicker(5);
        ticker.bid_price = decimal(bid);
        ticker.ask_price = decimal(ask);
        ticker.volume_24h = decimal(volume);

        offer({testing::batch({ticker})});

        QTRY_COMPARE(m_delivered->size(), 1);
        const QByteArray body = service().posts.first().body;
        QVERIFY2(body.contains(payload), body.constData());
        QVERIFY2(body.contains(message), body.constData());
    }

    void whatTheExchangeLeftOut_data()
    {
        QTest::addColumn<QString>("absent");
        QTest::addColumn<QByteArray>("price");
        QTest::newRow("as the bridge did") << "zero" << QByteArray("0.0");
        QTest::newRow("as it is") << "null" << QByteArray("null");
    }

    void whatTheExchangeLeftOut()
    {
        QFETCH(QString, absent);
        QFETCH(QByteArray, price);
        begin({{"absent_numbers", absent}});
        const Ticker bare{.exchange = "coinbase_exchange"_sym,
                          .ts_recv = *Timestamp::parse("2026-03-02T09:15:18Z"),
                          .sequence = 7,
                          .price = "1.10"_dec};

        offer({testing::batch({bare})});

        QTRY_COMPARE(m_delivered->size(), 1);
        const QByteArray body = service().posts.first().body;
        const QByteArray expected =
            R"("payload":{"product_id":"UNKNOWN","price":1.1,"volume_24h":)" + price +
            R"(,"last_trade_id":null,"best_bid":)" + price + R"(,"best_ask":)" + price + R"(,"spread":)" +
            price +
            R"(,"low_24h":null,"high_24h":null,"open_24h":null,"last_size":null,"raw_ticker":)"
            R"({"type":"ticker","sequence":7,"product_id":"","price":"1.10"}})";
        QVERIFY2(body.contains(expected), body.constData());
        const QByteArray timestamp = R"("timestamp":"2026-03-02T09:15:18.000000"})";
        QVERIFY2(body.endsWith(timestamp), body.constData());
        static const QRegularExpression id(
            QStringLiteral("\"event_id\":\"coinbase-UNKNOWN-[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-"));
        QVERIFY(id.match(QString::fromUtf8(body)).hasMatch());
    }

    // Without a trade id too: an event that is offered again has to be the same event.
    void anEventHasTheSameIdEachTime()
    {
        begin();
        Ticker ticker = exampleTicker(0);

        offer({testing::batch({ticker})});
        QTRY_COMPARE(m_delivered->size(), 1);
        offer({testing::batch({ticker})});
        QTRY_COMPARE(m_delivered->size(), 2);
        ++ticker.sequence;
        offer({testing::batch({ticker})});
        QTRY_COMPARE(m_delivered->size(), 3);

        QCOMPARE(service().stored.size(), 2);
        QCOMPARE(service().repeated, 1);
    }

    void postsRecordsOfAnyType()
    {
        begin();
        const Trade trade{.exchange = "binance"_sym,
                          .symbol = "BTCUSDT"_sym,
                          .ts_event = *Timestamp::parse("2026-03-02T09:15:17.1Z"),
                          .ts_recv = *Timestamp::parse("2026-03-02T09:15:17.2Z"),
                          .trade_id = 9007199254740993,
                          .price = "45123.50"_dec,
                          .quantity = "0.00010000"_dec,
                          .side = Side::Sell};

        offer({testing::batch({trade})});

        QTRY_COMPARE(m_delivered->size(), 1);
        QCOMPARE(withoutProcessedAt(service().posts.first().body), tradeEvent);
    }

    // A newer state of the same candle is another event; the same state again is not.
    void everyStateIsAnEvent()
    {
        begin();
        Candle candle{.exchange = "kraken"_sym, .symbol = "BTC/USD"_sym, .interval = "1m"_sym};
        candle.ts_recv = {1};
        candle.close = "1"_dec;
        Candle again = candle;
        again.ts_recv = {2};
        Candle newer = again;
        newer.close = "2"_dec;

        offer({testing::batch({candle, again, newer})});

        QTRY_COMPARE(m_delivered->size(), 1);
        QCOMPARE(service().stored.size(), 2);
        QVERIFY(service().simultaneous.isEmpty());
    }

    void saysWhatAnOperatorWants()
    {
        begin({{"event_type", "system_event"},
               {"severity", "warning"},
               {"event_id", "%{symbol}/%{trade_id}"},
               {"title", "%{symbol} at %{price}" + QString(300, QChar(0x20ac))},
               {"message", "\"%{side}\""},
               {"service", "prices"},
               {"endpoint", "/p"},
               {"method", "FEED"},
               {"version", "2"},
               {"environment", "test"},
               {"tags", QVariantMap{{"source", "mine"}, {"size", "%{last_quantity}"}}}});

        offer({tickers(5, 1)});

        QTRY_COMPARE(m_delivered->size(), 1);
        const QJsonObject event = service().stored.first().event;
        QCOMPARE(event["event_type"].toString(), "system_event");
        QCOMPARE(event["severity"].toString(), "warning");
        QCOMPARE(event["event_id"].toString(), "BTC-USD/5");
        QCOMPARE(event["title"].toString(), QString("BTC-USD at 61234.56" + QString(181, QChar(0x20ac))));
        QCOMPARE(event["message"].toString(), "\"buy\"");
        const QJsonObject source{{"service", "prices"},
                                 {"endpoint", "/p"},
                                 {"method", "FEED"},
                                 {"version", "2"},
                                 {"environment", "test"}};
        QCOMPARE(event["source"].toObject(), source);
        const QJsonObject tags{
            {"product_id", "BTC-USD"}, {"source", "mine"}, {"channel", "ticker"}, {"size", "0.00012"}};
        QCOMPARE(event["context"]["tags"].toObject(), tags);
    }

    void rejectsRecordsWithoutTheFields()
    {
        begin({{"title", "%{trade_id}"}});

        offer({testing::batch({Quote{.update_id = 1}})});

        QCOMPARE(m_rejected->size(), 1);
        QCOMPARE(m_rejected->first().at(1).value<Error>().message, "quote has no field 'trade_id'");
    }

    // An id that is too long would be refused; cut short, two could become one.
    void longIdsBecomeShort()
    {
        begin();
        Trade one{.exchange = "binance"_sym, .symbol = Symbol(QByteArray(120, 'X')), .trade_id = 1};
        Trade two = one;
        two.trade_id = 2;

        offer({testing::batch({one, two})});

        QTRY_COMPARE(m_delivered->size(), 1);
        QCOMPARE(service().stored.size(), 2);
        QCOMPARE(service().stored.first().id.size(), 36);
    }

    void postsWhatWaitsTogether()
    {
        begin({{"events_per_request", 50}});

        offer({tickers(1, 70), tickers(71, 60)});

        QTRY_COMPARE(m_delivered->size(), 2);
        QCOMPARE(service().storedIds(), idsOf(1, 130));
        QList<int> sizes;
        for (const Service::Post &post : service().posts)
            sizes.append(post.events);
        QCOMPARE(sizes, (QList<int>{50, 50, 30}));
        QCOMPARE(service().posts.first().path, QByteArray("/api/v1/ingestion/events/batch"));
        QCOMPARE(m_double->door.connections(), 1);
    }

    void postsOneByOneOnRequest()
    {
        begin({{"events_per_request", 1}});

        offer({tickers(1, 5)});

        QTRY_COMPARE(m_delivered->size(), 1);
        QCOMPARE(service().posts.size(), 5);
        QCOMPARE(service().storedIds(), idsOf(1, 5));
    }

    // The service stores an id twice that comes to it twice at a time.
    void neverPostsAnIdTwiceAtATime()
    {
        begin({{"events_per_request", 3}, {"connections", 8}});
        service().latency = std::chrono::milliseconds(2);
        QList<BatchPtr> batches;
        for (int i = 0; i < 20; ++i)
            batches.append(tickers(1 + i % 3, 10)); // each id many times

        offer(batches);

        QTRY_COMPARE(m_delivered->size(), 20);
        QVERIFY(service().simultaneous.isEmpty());
        QCOMPARE(service().stored.size(), 12);
        QVERIFY(m_double->door.connections() > 1);
    }

    void sendsTheKey_data()
    {
        QTest::addColumn<QVariantMap>("options");
        QTest::addColumn<QByteArray>("header");
        QTest::addColumn<QByteArray>("value");

        QTest::newRow("by default") << QVariantMap{} << QByteArray("x-api-key") << QByteArray("test-key");
        QTest::newRow("from a file, with a line end")
            << QVariantMap{{"key", "test-key\n"}} << QByteArray("x-api-key") << QByteArray("test-key");
        QTest::newRow("in a header of its own")
            << QVariantMap{{"auth", QVariantMap{{"style", "custom"}, {"header", "X-Api-KEY"}}}}
            << QByteArray("x-api-key") << QByteArray("test-key");
    }

    void sendsTheKey()
    {
        QFETCH(QVariantMap, options);
        QFETCH(QByteArray, header);
        QFETCH(QByteArray, value);
        begin(options);

        offer({tickers(1, 1)});

        QTRY_COMPARE(m_delivered->size(), 1);
        QCOMPARE(service().posts.first().headers.value(header), value);
    }

    // The real service does not know it, whatever its documentation says.
    void canSendABearerToken()
    {
        begin({{"auth", QVariantMap{{"style", "bearer"}}}});

        offer({tickers(1, 1)});

        QTRY_COMPARE(m_failed->size(), 1);
        QVERIFY2(failure(0).contains("401: API key required"), qPrintable(failure(0)));
    }

    void refusesWrongOptions_data()
    {
        QTest::addColumn<QVariantMap>("options");
        QTest::addColumn<QString>("message");

        const QString url = "url: expected http(s)://HOST[:PORT]/.../events, got '%1'";
        QTest::newRow("not the endpoint") << QVariantMap{{"url", "http://h/api"}} << url.arg("http://h/api");
        QTest::newRow("another scheme") << QVariantMap{{"url", "ws://h/events"}} << url.arg("ws://h/events");
        QTest::newRow("a password in it")
            << QVariantMap{{"url", "http://u:secret@h/events"}} << url.arg("http://h/events");
        QTest::newRow("custom without a name")
            << QVariantMap{{"auth", QVariantMap{{"style", "custom"}}}}
            << "auth.header: is required with style 'custom': the header's name";
        QTest::newRow("a name without custom") << QVariantMap{{"auth", QVariantMap{{"header", "X-Key"}}}}
                                               << "auth.header: only belongs to style 'custom'";
        QTest::newRow("too long") << QVariantMap{{"method", "MORE THAN TEN"}}
                                  << "method: the service takes at most 10 characters";
        QTest::newRow("tags") << QVariantMap{{"tags", QStringList{"a"}}}
                              << "tags: expected a map from names to texts, got a list";
        QTest::newRow("many connections")
            << QVariantMap{{"connections", 9}} << "connections: must be at most 8";
    }

    void refusesWrongOptions()
    {
        QFETCH(QVariantMap, options);
        QFETCH(QString, message);

        const auto node = testing::create<Sink>("pulsestream", options);

        QVERIFY(!node);
        QVERIFY2(node.error().message.startsWith(message), qPrintable(node.error().message));
    }
};

QTEST_GUILESS_MAIN(tst_PulseStream)

#include "tst_pulsestream.moc"
