// SPDX-License-Identifier: Apache-2.0
#include "exchange/crc32.h"
#include "exchange_test.h"
#include "recordings.h"

#include <QRegularExpression>

using namespace tidemill::exchange;
using namespace tidemill::exchange::testing;
using namespace std::chrono_literals;

namespace {

// A client's book of one symbol, by the numbers' own text.
class Book
{
public:
    explicit Book(int depth) : m_depth(depth) {}

    // Whether the checksum that came with `frame` is that of the book after it.
    bool apply(const QByteArray &frame)
    {
        if (frame.contains("\"type\":\"snapshot\"")) {
            m_bids.clear();
            m_asks.clear();
        }
        const qsizetype bids = frame.indexOf("\"bids\":");
        const qsizetype asks = frame.indexOf("\"asks\":");
        takeLevels(frame.mid(bids, asks - bids), m_bids);
        takeLevels(frame.mid(asks), m_asks);
        while (m_bids.size() > m_depth)
            m_bids.erase(m_bids.begin());
        while (m_asks.size() > m_depth)
            m_asks.erase(std::prev(m_asks.end()));
        static const QRegularExpression checksum(QStringLiteral("\"checksum\":(\\d+)"));
        return checksum.match(QString::fromLatin1(frame)).captured(1).toUInt() == sum();
    }

private:
    struct Level
    {
        QByteArray price;
        QByteArray quantity;
    };
    using Side = QMap<QByteArray, Level>;

    static void takeLevels(const QByteArray &text, Side &side)
    {
        static const QRegularExpression level(QStringLiteral("\\{\"price\":([0-9.]+),\"qty\":([0-9.]+)\\}"));
        for (auto match = level.globalMatch(QString::fromLatin1(text)); match.hasNext();) {
            const auto found = match.next();
            const Level taken{found.captured(1).toLatin1(), found.captured(2).toLatin1()};
            if (isZero(taken.quantity))
                side.remove(sortKey(taken.price));
            else
                side[sortKey(taken.price)] = taken;
        }
    }

    static QByteArray digits(QByteArray text)
    {
        text.replace(".", "");
        while (text.startsWith('0'))
            text.remove(0, 1);
        return text;
    }

    quint32 sum() const
    {
        QByteArray text;
        int count = 0;
        for (const Level &level : m_asks) {
            if (count++ < 10)
                text += digits(level.price) + digits(level.quantity);
        }
        const QList<Level> bids = m_bids.values();
        for (qsizetype back = 1; back <= std::min<qsizetype>(10, bids.size()); ++back)
            text += digits(bids[bids.size() - back].price) + digits(bids[bids.size() - back].quantity);
        return crc32(text);
    }

    int m_depth;
    Side m_bids;
    Side m_asks;
};

} // namespace

// Kraken's WebSocket v2 and REST.
class tst_ExchangeKraken : public QObject
{
    Q_OBJECT

private slots:
    void init()
    {
        m_settings = {};
        m_settings.protocol = ProtocolName::Kraken;
        m_settings.limits.requestBurst = 1000;
    }

    void checksumIsTheDocumentedOne()
    {
        const QByteArray frame =
            "{\"type\":\"snapshot\",\"data\":[{\"bids\":[{\"price\":45283.5,\"qty\":0.10000000},{\"price\":"
            "45283.4,"
            "\"qty\":1.54582015},{\"price\":45282.1,\"qty\":0.10000000},{\"price\":45281.0,\"qty\":0."
            "10000000},{"
            "\"price\":45280.3,\"qty\":1.54592586},{\"price\":45279.0,\"qty\":0.07990000},{\"price\":45277.6,"
            "\"qty\":0.03310103},{\"price\":45277.5,\"qty\":0.30000000},{\"price\":45277.3,\"qty\":1."
            "54602737},{"
            "\"price\":45276.6,\"qty\":0.15445238}],\"asks\":[{\"price\":45285.2,\"qty\":0.00100000},{"
            "\"price\":"
            "45286.4,\"qty\":1.54571953},{\"price\":45286.6,\"qty\":1.54571109},{\"price\":45289.6,\"qty\":"
            "1.54560911},{\"price\":45290.2,\"qty\":0.15890660},{\"price\":45291.8,\"qty\":1.54553491},{"
            "\"price\":"
            "45294.7,\"qty\":0.04454749},{\"price\":45296.1,\"qty\":0.35380000},{\"price\":45297.5,\"qty\":"
            "0.09945542},{\"price\":45299.5,\"qty\":0.18772827}],\"checksum\":3310070434}]}";

        QVERIFY(Book(10).apply(frame));
    }

    void otherPathsAreRefused()
    {
        FakeExchange exchange(m_settings);
        start(exchange);
        RawClient client(exchange.wsUrl(), "/");

        QVERIFY(client.waitHead());
        QVERIFY(client.head.startsWith("HTTP/1.1 404"));
    }

    void statusComesUnasked()
    {
        FakeExchange exchange(m_settings);
        start(exchange);
        Client client(at(exchange, QStringLiteral("/v2")));

        QVERIFY(client.waitFrames(1));
        QCOMPARE(json(client.frames[0])[u"channel"].toString(), QStringLiteral("status"));
        QVERIFY(client.frames[0].contains("\"connection_id\":4421894013101914413"));
    }

    void eachSymbolIsAcknowledged()
    {
        FakeExchange exchange(m_settings);
        start(exchange);
        Client client(at(exchange, QStringLiteral("/v2")));
        QVERIFY(client.waitOpen());

        client.socket.sendTextMessage(QStringLiteral("{\"method\":\"subscribe\",\"params\":{\"channel\":"
                                                     "\"trade\",\"symbol\":[\"BTC/USD\",\"FOO/USD\",\"ETH/"
                                                     "USD\"]},\"req_id\":7}"));

        QTRY_COMPARE(acks(client).size(), 3);
        const QList<QJsonObject> answers = acks(client);
        QCOMPARE(answers[0][u"result"][u"symbol"].toString(), QStringLiteral("BTC/USD"));
        QCOMPARE(answers[0][u"success"].toBool(), true);
        QCOMPARE(answers[1][u"success"].toBool(), false);
        QCOMPARE(answers[1][u"error"].toString(), QStringLiteral("Currency pair not supported FOO/USD"));
        QCOMPARE(answers[1][u"symbol"].toString(), QStringLiteral("FOO/USD"));
        for (const QJsonObject &answer : answers)
            QCOMPARE(answer[u"req_id"].toInt(), 7);
        client.socket.sendTextMessage(subscribe("trade", "BTC/USD"));
        QTRY_COMPARE(acks(client).size(), 4);
        QCOMPARE(acks(client)[3][u"error"].toString(), QStringLiteral("Already subscribed"));
        client.socket.sendTextMessage(subscribe("book", "BTC/USD", "\"depth\":11"));
        QTRY_COMPARE(acks(client).size(), 5);
        QCOMPARE(acks(client)[4][u"success"].toBool(), false);
    }

    void pingsAreAnswered()
    {
        FakeExchange exchange(m_settings);
        start(exchange);
        Client client(at(exchange, QStringLiteral("/v2")));
        QVERIFY(client.waitOpen());

        client.socket.sendTextMessage(QStringLiteral("{\"method\":\"ping\",\"req_id\":101}"));

        QTRY_VERIFY(client.frames.last().startsWith("{\"method\":\"pong\""));
        QCOMPARE(json(client.frames.last())[u"req_id"].toInt(), 101);
    }

    void heartbeatsFillTheSilence()
    {
        FakeExchange exchange(m_settings);
        QString error;
        QVERIFY(exchange.start(&error));
        exchange.generate({.symbols = {"BTC/USD"}, .startClients = 2}); // nothing happens yet
        Client client(at(exchange, QStringLiteral("/v2")));
        QVERIFY(client.waitOpen());
        client.socket.sendTextMessage(subscribe("trade", "BTC/USD"));

        QTRY_VERIFY(client.frames.count("{\"channel\":\"heartbeat\"}") >= 2);
    }

    void booksKeepTheirChecksum_data()
    {
        QTest::addColumn<int>("depth");

        QTest::newRow("10") << 10;
        QTest::newRow("25") << 25;
        QTest::newRow("1000") << 1000;
    }

    void booksKeepTheirChecksum()
    {
        QFETCH(int, depth);
        FakeExchange exchange(m_settings);
        start(exchange);
        Client client(at(exchange, QStringLiteral("/v2")));
        QVERIFY(client.waitOpen());
        client.socket.sendTextMessage(
            subscribe("book", "BTC/USD", QStringLiteral("\"depth\":%1").arg(depth).toLatin1()));
        QTRY_VERIFY(client.frames.size() > 100);

        Book book(depth);
        int checked = 0;
        for (const QByteArray &frame : std::as_const(client.frames)) {
            if (!frame.startsWith("{\"channel\":\"book\""))
                continue;
            QVERIFY2(book.apply(frame), frame.constData());
            ++checked;
        }
        QVERIFY(checked > 90);
    }

    void aChecksumCanBeWrong()
    {
        FakeExchange exchange(m_settings);
        start(exchange);
        Client client(at(exchange, QStringLiteral("/v2")));
        QVERIFY(client.waitOpen());
        client.socket.sendTextMessage(subscribe("book", "BTC/USD"));
        QTRY_VERIFY(client.frames.size() > 10);
        const qsizetype before = client.frames.size();
        QString error;
        QVERIFY2(exchange.inject(QStringLiteral("corrupt:1"), &error), qPrintable(error));
        QTRY_VERIFY(client.frames.size() > before + 10);

        Book book(10);
        int wrong = 0;
        for (const QByteArray &frame : std::as_const(client.frames))
            wrong += frame.startsWith("{\"channel\":\"book\"") && !book.apply(frame) ? 1 : 0;
        QCOMPARE(wrong, 1);
    }

    void secondClientJoinsTheSameBook()
    {
        FakeExchange exchange(m_settings);
        start(exchange);
        Client first(at(exchange, QStringLiteral("/v2")));
        QVERIFY(first.waitOpen());
        first.socket.sendTextMessage(subscribe("book", "BTC/USD"));
        QTRY_VERIFY(first.frames.size() > 20);
        Client second(at(exchange, QStringLiteral("/v2")));
        QVERIFY(second.waitOpen());
        second.socket.sendTextMessage(subscribe("book", "BTC/USD"));
        QTRY_VERIFY(second.frames.size() > 50);

        Book book(10);
        for (const QByteArray &frame : std::as_const(second.frames))
            QVERIFY2(!frame.startsWith("{\"channel\":\"book\"") || book.apply(frame), frame.constData());
    }

    void tradesTickersAndCandles()
    {
        FakeExchange exchange(m_settings);
        start(exchange);
        Client client(at(exchange, QStringLiteral("/v2")));
        QVERIFY(client.waitOpen());
        client.socket.sendTextMessage(subscribe("trade", "BTC/USD", "\"snapshot\":true"));
        client.socket.sendTextMessage(subscribe("ticker", "BTC/USD"));
        client.socket.sendTextMessage(subscribe("ohlc", "BTC/USD", "\"interval\":5"));
        QTRY_VERIFY(frames(client, "trade").size() > 20 && frames(client, "ohlc").size() > 1);

        const QList<QJsonObject> trades = frames(client, "trade");
        QCOMPARE(trades[0][u"type"].toString(), QStringLiteral("snapshot"));
        QCOMPARE(trades[0][u"data"].toArray().size(), 50);
        qint64 id = trades[0][u"data"].toArray().first()[u"trade_id"].toInteger() - 1;
        for (const QJsonObject &frame : trades) {
            for (const QJsonValue &trade : frame[u"data"].toArray())
                QCOMPARE(trade[u"trade_id"].toInteger(), ++id);
        }
        QVERIFY(!frames(client, "ticker").isEmpty());
        for (const QByteArray &frame : std::as_const(client.frames))
            QVERIFY2(!QJsonDocument::fromJson(frame).isNull(), frame.constData());
        const QJsonObject candle = frames(client, "ohlc")[1][u"data"].toArray().first().toObject();
        QCOMPARE(candle[u"interval"].toInt(), 5);
        QCOMPARE(QDateTime::fromString(candle[u"interval_begin"].toString(), Qt::ISODateWithMs)
                     .secsTo(QDateTime::fromString(candle[u"timestamp"].toString(), Qt::ISODateWithMs)),
                 300);
    }

    void tradesArePagedByTime()
    {
        FakeExchange exchange(m_settings);
        start(exchange);
        QString since = QStringLiteral("0");
        qint64 id = 0;
        int pages = 0;
        for (;; ++pages) {
            const QJsonObject result =
                get(exchange, QStringLiteral("/0/public/Trades?pair=XBTUSD&count=100&since=") + since)
                    .object()[u"result"]
                    .toObject();
            const QJsonArray rows = result[u"XXBTZUSD"].toArray();
            if (rows.isEmpty() || pages > 100)
                break;
            for (const QJsonValue &row : rows) {
                if (id > 0)
                    QCOMPARE(row[6].toInteger(), id + 1);
                id = row[6].toInteger();
            }
            since = result[u"last"].toString();
        }
        QVERIFY(pages > 2 && pages < 100);
    }

    void candlesHaveNoHoles()
    {
        FakeExchange exchange(m_settings);
        start(exchange);

        const QJsonArray rows = get(exchange, QStringLiteral("/0/public/OHLC?pair=XBTUSD&interval=1"))
                                    .object()[u"result"][u"XXBTZUSD"]
                                    .toArray();

        QVERIFY(rows.size() > 100 && rows.size() <= 720);
        int empty = 0;
        for (qsizetype index = 1; index < rows.size(); ++index) {
            QCOMPARE(rows[index][0].toInteger(), rows[index - 1][0].toInteger() + 60);
            empty += rows[index][7].toInt() == 0 ? 1 : 0;
        }
        QVERIFY(empty > 0);
    }

    void restErrorsComeWithStatus200()
    {
        m_settings.limits.requestBurst = 1;
        m_settings.limits.requestsPerSecond = 1;
        FakeExchange exchange(m_settings);
        start(exchange);

        const Answer unknown = get(exchange, QStringLiteral("/0/public/Trades?pair=FOOUSD"));
        const Answer tooMany = get(exchange, QStringLiteral("/0/public/Trades?pair=XBTUSD"));

        QCOMPARE(unknown.status, 200);
        QCOMPARE(unknown.object()[u"error"][0].toString(), QStringLiteral("EQuery:Unknown asset pair"));
        QCOMPARE(tooMany.object()[u"error"][0].toString(), QStringLiteral("EGeneral:Too many requests"));
    }

    void playsATape()
    {
        const QString file = recording("ws/kraken/dev_v2_btc-eth_book10-trade_2026-07-07_head1000.tape");
        if (!QFile::exists(file))
            QSKIP("the recording is not here");
        FakeExchange exchange(m_settings);
        QString error;
        QVERIFY(exchange.start(&error));
        QVERIFY2(exchange.playTape(file, {.asFastAsTaken = true, .startStreams = 4}, &error),
                 qPrintable(error));
        QSignalSpy ended(&exchange, &FakeExchange::dataEnded);
        Client client(at(exchange, QStringLiteral("/v2")));
        QVERIFY(client.waitOpen());
        for (const char *symbol : {"BTC/USD", "ETH/USD"}) {
            client.socket.sendTextMessage(subscribe("book", symbol));
            client.socket.sendTextMessage(subscribe("trade", symbol));
        }

        QTRY_COMPARE(ended.size(), 1);
        QVERIFY(client.waitFrames(1 + 4 + 982 + 5));
        QHash<QString, Book> books{{QStringLiteral("BTC/USD"), Book(10)},
                                   {QStringLiteral("ETH/USD"), Book(10)}};
        int checked = 0;
        for (const QByteArray &frame : std::as_const(client.frames)) {
            if (!frame.startsWith("{\"channel\":\"book\""))
                continue;
            const QString symbol = json(frame)[u"data"].toArray().first()[u"symbol"].toString();
            QVERIFY2(books.find(symbol)->apply(frame), frame.constData());
            ++checked;
        }
        QCOMPARE(checked, 982);
    }

private:
    static QString subscribe(const char *channel, const char *symbol, const QByteArray &more = {})
    {
        return QStringLiteral(
                   "{\"method\":\"subscribe\",\"params\":{\"channel\":\"%1\",\"symbol\":[\"%2\"]%3}}")
            .arg(QLatin1String(channel), QLatin1String(symbol),
                 QString::fromLatin1(more.isEmpty() ? more : ',' + more));
    }

    static QList<QJsonObject> acks(const Client &client)
    {
        QList<QJsonObject> list;
        for (const QByteArray &frame : client.frames) {
            if (json(frame)[u"method"].toString() == u"subscribe")
                list.append(json(frame));
        }
        return list;
    }

    static QList<QJsonObject> frames(const Client &client, const char *channel)
    {
        QList<QJsonObject> list;
        for (const QByteArray &frame : client.frames) {
            if (frame.startsWith(QByteArray("{\"channel\":\"") + channel + '"'))
                list.append(json(frame));
        }
        return list;
    }

    static void start(FakeExchange &exchange)
    {
        QString error;
        QVERIFY2(exchange.start(&error), qPrintable(error));
        exchange.generate({.symbols = {"BTC/USD", "ETH/USD"}, .warmupUs = 10000000});
    }

    Settings m_settings;
};

QTEST_GUILESS_MAIN(tst_ExchangeKraken)

#include "tst_exchange_kraken.moc"
