// SPDX-License-Identifier: Apache-2.0
#include "../session_test.h"
#include "session.h"

#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>

using namespace tidemill;
using namespace tidemill::kraken;

namespace {

QByteArray book(const char *type, const QByteArray &bids, const QByteArray &asks, quint32 checksum)
{
    return QByteArray(R"({"channel":"book","type":")") + type + R"(","data":[{"symbol":"BTC/USD","bids":[)" +
           bids + R"(],"asks":[)" + asks + R"(],"checksum":)" + QByteArray::number(checksum) +
           R"(,"timestamp":"2026-03-02T09:15:17.5Z"}]})";
}

quint32 checksumOf(const QByteArray &bids, const QByteArray &asks)
{
    const auto side = [](const QByteArray &json) {
        std::vector<Level> levels;
        for (const QByteArray &text : json.split('}')) {
            const qsizetype price = text.indexOf("price\":");
            const qsizetype quantity = text.indexOf(",\"qty\":");
            if (price >= 0)
                levels.push_back({*Decimal::parse(text.mid(price + 7, quantity - price - 7)),
                                  *Decimal::parse(text.mid(quantity + 7))});
        }
        return levels;
    };
    Book book(10);
    book.replace(side(bids), side(asks));
    return book.checksum();
}

QByteArray trade(qint64 id, const char *side = "buy")
{
    return R"({"symbol":"BTC/USD","side":")" + QByteArray(side) +
           R"(","price":63501.60,"qty":0.00005100,"ord_type":"limit","trade_id":)" + QByteArray::number(id) +
           R"(,"timestamp":"2026-03-02T09:15:17.501510Z"})";
}

QByteArray trades(const char *type, const QByteArray &rows)
{
    return QByteArray(R"({"channel":"trade","type":")") + type + R"(","data":[)" + rows + "]}";
}

QByteArray candle(const char *begin, const char *close)
{
    return R"({"symbol":"BTC/USD","open":1.10,"high":2.0,"low":1.0,"close":)" + QByteArray(close) +
           R"(,"trades":3,"volume":7.50000000,"vwap":1.5,"interval_begin":"2026-03-02T)" + begin +
           R"(:00.000000000Z","interval":5,"timestamp":"2026-03-02T23:59:00Z"})";
}

QByteArray candles(const char *type, const QByteArray &rows)
{
    return trades(type, rows).replace("trade\",\"type", "ohlc\",\"type");
}

const QByteArray bid = R"({"price":63500.0,"qty":1.00000000})";
const QByteArray ask = R"({"price":63501.0,"qty":0.00005100})";

} // namespace

class tst_KrakenSession : public testing::SessionTest<Session, Streams>
{
    Q_OBJECT

private slots:
    void init()
    {
        begin("kraken");
        for (const char *name : {"trade", "book_10", "ticker", "ohlc_5"}) {
            const auto spec = parseStreamName(QLatin1String(name));
            TIDEMILL_VERIFY(spec);
            m_source->addStream("BTC/USD"_sym, Symbol(name), name,
                                spec->channel == Channel::Trade ? net::FeedSource::Numbers::Trades
                                                                : net::FeedSource::Numbers::None);
            m_streams.add("BTC/USD"_sym, *spec);
        }
        connectAnew();
    }

    void subscribesByChannelAndParameter()
    {
        m_session->subscribe({{0, {}}, {1, {}}, {2, {}}, {3, {}}});

        QCOMPARE(m_link->sent.size(), 4);
        QList<QJsonObject> params;
        for (const QByteArray &text : std::as_const(m_link->sent)) {
            const QJsonObject message = QJsonDocument::fromJson(text).object();
            QCOMPARE(message["method"].toString(), "subscribe");
            QVERIFY(message["req_id"].toInt() > 0);
            params.append(message["params"].toObject());
            QCOMPARE(params.last()["symbol"].toArray(), QJsonArray{"BTC/USD"});
            QCOMPARE(params.last()["snapshot"].toBool(), true);
        }
        QCOMPARE(params[1]["channel"].toString(), "book");
        QCOMPARE(params[1]["depth"].toInt(), 10);
        QCOMPARE(params[3]["channel"].toString(), "ohlc");
        QCOMPARE(params[3]["interval"].toInt(), 5);
    }

    // One answer for each symbol, in any order, after data and heartbeats, too.
    void confirmsEachSymbolByItself()
    {
        m_session->subscribe({{0, {}}, {3, {}}});
        deliver({R"({"channel":"heartbeat"})",
                 R"({"method":"subscribe","result":{"channel":"ohlc","interval":5,"symbol":"BTC/USD",)"
                 R"("snapshot":true},"success":true,"time_in":"x","time_out":"x","req_id":2})",
                 R"({"method":"subscribe","result":{"channel":"trade","symbol":"BTC/USD",)"
                 R"("warnings":["w"]},"success":true,"req_id":1})"});

        QCOMPARE(m_link->confirmed, (QList<int>{3, 0}));
        QVERIFY(m_link->signsOfLife > 0);
        QCOMPARE(rejected(), 0);
    }

    void namesWhatIsRefused()
    {
        m_session->subscribe({{1, {}}});
        deliver({R"({"error":"Currency pair not supported BTC/USD","method":"subscribe","success":false,)"
                 R"("symbol":"BTC/USD","req_id":1})"});

        QCOMPARE(m_link->refused.value(1), "Currency pair not supported BTC/USD");
        QVERIFY(m_link->confirmed.isEmpty());
    }

    void startsOverAfterAnErrorThatNamesNoRequest_data()
    {
        QTest::addColumn<QByteArray>("frame");
        QTest::newRow("too fast") << QByteArray(R"({"Error":"Exceeded msg rate"})");
        QTest::newRow("malformed") << QByteArray(R"({"error":"Exceeded msg rate","success":false})");
    }

    void startsOverAfterAnErrorThatNamesNoRequest()
    {
        QFETCH(QByteArray, frame);

        deliver({frame});

        QCOMPARE(m_link->recycled, QStringList{"the exchange reports 'Exceeded msg rate'"});
    }

    void emitsTrades()
    {
        deliver({trades("update", trade(64000815, "buy") + ',' + trade(64000816, "sell"))});

        const auto all = testing::rows<Trade>(*m_emitted);
        QCOMPARE(all.size(), 2);
        QCOMPARE(all[0].exchange, "kraken"_sym);
        QCOMPARE(all[0].symbol, "BTC/USD"_sym);
        QCOMPARE(all[0].trade_id, 64000815);
        QCOMPARE(all[0].price.toString(), "63501.60");
        QCOMPARE(all[0].quantity.toString(), "0.00005100");
        QCOMPARE(all[0].side, Side::Buy);
        QCOMPARE(all[1].side, Side::Sell);
        QCOMPARE(all[0].ts_recv, received);
        QCOMPARE(all[0].ts_event, *Timestamp::parse("2026-03-02T09:15:17.50151Z"));
        QCOMPARE(all[0].provenance, Provenance::Live);
    }

    // The snapshot of a new connection repeats what was there.
    void emitsEachTradeOnceAndInOrder()
    {
        deliver(
            {trades("snapshot", trade(12) + ',' + trade(11) + ',' + trade(10)), trades("update", trade(13))});
        connectAnew();
        deliver({trades("snapshot", trade(11) + ',' + trade(12) + ',' + trade(13) + ',' + trade(14))});

        QList<qint64> ids;
        for (const Trade &one : testing::rows<Trade>(*m_emitted))
            ids.append(one.trade_id);
        QCOMPARE(ids, (QList<qint64>{10, 11, 12, 13, 14}));
        QCOMPARE(m_source->metrics["tidemill_dropped_total repeat"], 3U);
        QVERIFY(testing::rows<Gap>(*m_emitted).isEmpty());
    }

    void keepsABook()
    {
        const QByteArray changed = R"({"price":63500.0,"qty":2.50000000})";
        deliver({book("snapshot", bid, ask, checksumOf(bid, ask)),
                 book("update", changed, "", checksumOf(changed, ask)),
                 book("update", R"({"price":63500.0,"qty":0.00000000})", "", checksumOf({}, ask))});

        const auto snapshots = testing::rows<BookSnapshot>(*m_emitted);
        const auto updates = testing::rows<BookUpdate>(*m_emitted);
        QCOMPARE(snapshots.size(), 1);
        QCOMPARE(snapshots[0].depth, 10);
        QCOMPARE(updates.size(), 2);
        QCOMPARE(updates[0].first_update_id, snapshots[0].last_update_id + 1);
        QCOMPARE(updates[1].first_update_id, updates[0].last_update_id + 1);
        QVERIFY(m_link->sent.isEmpty());
    }

    void asksForANewBookWhenTheChecksumIsWrong()
    {
        deliver({book("snapshot", bid, ask, checksumOf(bid, ask)),
                 book("update", R"({"price":63499.0,"qty":1.00000000})", "", 42),
                 book("update", R"({"price":63498.0,"qty":1.00000000})", "", 43)});

        QCOMPARE(m_link->sent.size(), 2);
        QVERIFY(m_link->sent[0].contains("\"unsubscribe\""));
        QVERIFY(m_link->sent[1].contains("\"subscribe\""));
        QCOMPARE(testing::rows<BookUpdate>(*m_emitted).size(), 0);
        const auto gaps = testing::rows<Gap>(*m_emitted);
        QCOMPARE(gaps.size(), 1);
        QCOMPARE(gaps[0].cause, GapCause::Sequence);
        QCOMPARE(gaps[0].stream, "book_10"_sym);
        QCOMPARE(m_failures.load(), 1U);
        QCOMPARE(m_source->metrics["tidemill_dropped_total no_snapshot"], 1U);

        deliver({book("snapshot", bid, ask, checksumOf(bid, ask))});

        QCOMPARE(testing::rows<BookSnapshot>(*m_emitted).size(), 2);
    }

    void tellsTheWholeBookWhenItBecomesTheLeader()
    {
        m_link->leader = false;
        deliver({book("snapshot", bid, ask, checksumOf(bid, ask))});
        QVERIFY(testing::rows<BookSnapshot>(*m_emitted).isEmpty());

        m_link->leader = true;
        m_session->lead();

        QCOMPARE(testing::rows<BookSnapshot>(*m_emitted).size(), 1);
    }

    void emitsTickers()
    {
        deliver({R"({"channel":"ticker","type":"snapshot","data":[{"symbol":"BTC/USD","bid":63500.0,)"
                 R"("bid_qty":1.00000000,"ask":63501.0,"ask_qty":0.00005100,"last":63500.5,"volume":12.5,)"
                 R"("vwap":63000.1,"low":60000.0,"high":64000.0,"change":1.5,"change_pct":0.01}]})"});

        const auto all = testing::rows<Ticker>(*m_emitted);
        QCOMPARE(all.size(), 1);
        QCOMPARE(all[0].price.toString(), "63500.5");
        QCOMPARE(all[0].ask_quantity.toString(), "0.00005100");
        QCOMPARE(all[0].volume_24h.toString(), "12.5");
        QVERIFY(all[0].ts_event.isNull());
        QVERIFY(all[0].open_24h.isNull());
    }

    void closesACandleWhenTheNextBegins()
    {
        deliver({candles("snapshot", candle("09:05", "1.30") + ',' + candle("09:10", "1.40")),
                 candles("update", candle("09:10", "1.50")), candles("update", candle("09:15", "1.60"))});

        QStringList seen;
        for (const Candle &one : testing::rows<Candle>(*m_emitted))
            seen.append(one.ts_open.toString().mid(11, 5) + ' ' + one.close.toString() +
                        (one.closed ? " closed" : ""));
        QCOMPARE(seen, (QStringList{"09:05 1.30 closed", "09:10 1.40", "09:10 1.50", "09:10 1.50 closed",
                                    "09:15 1.60"}));
        const Candle last = testing::rows<Candle>(*m_emitted).last();
        QCOMPARE(last.interval, "5"_sym);
        QCOMPARE(last.trades, 3);
        QCOMPARE(last.volume.toString(), "7.50000000");
        QCOMPARE((last.ts_close - last.ts_open).count(), 299999999999);
    }

    void countsWhatItDoesNotKnow()
    {
        deliver({R"({"channel":"novelty","data":[1e99]})",
                 R"({"channel":"status","type":"update","data":[{"connection_id":4421894013101914413,)"
                 R"("system":"online"}]})",
                 R"({"method":"pong","req_id":1})"});

        QCOMPARE(m_source->metrics["tidemill_unknown_messages_total"], 2U);
        QCOMPARE(rejected(), 0);
        QVERIFY(m_link->recycled.isEmpty());
    }

    void rejectsWhatItCannotRead_data()
    {
        QTest::addColumn<QByteArray>("frame");

        QTest::newRow("no JSON") << QByteArray("hello");
        QTest::newRow("nothing") << QByteArray("");
        QTest::newRow("an array") << QByteArray("[1]");
        QTest::newRow("an empty object") << QByteArray("{}");
        QTest::newRow("cut off") << trades("update", trade(1)).chopped(20);
        QTest::newRow("no data") << QByteArray(R"({"channel":"trade","type":"update"})");
        QTest::newRow("a trade without id")
            << trades("update", R"({"symbol":"BTC/USD","side":"buy","price":1.0,"qty":1.0,)"
                                R"("timestamp":"2026-03-02T09:15:17Z"})");
        QTest::newRow("an unknown side") << trades("update", trade(1, "none"));
        QTest::newRow("a checksum that is none")
            << QByteArray(R"({"channel":"book","type":"snapshot","data":[{"symbol":"BTC/USD","bids":[],)"
                          R"("asks":[],"checksum":-1}]})");
        QTest::newRow("an answer to nothing")
            << QByteArray(R"({"method":"subscribe","success":true,"req_id":99,"result":{"symbol":"X"}})");
    }

    void rejectsWhatItCannotRead()
    {
        QFETCH(QByteArray, frame);

        deliver({frame, trades("update", trade(7))});

        QCOMPARE(rejected(), 1);
        QCOMPARE(testing::rows<Trade>(*m_emitted).size(), 1); // the next one is read again
    }

private:
    void connectAnew()
    {
        m_session = std::make_unique<Session>(*m_link, *m_source, m_streams, Counter(&m_failures));
        m_failures = 0;
    }

    std::atomic<quint64> m_failures{0};
};

QTEST_GUILESS_MAIN(tst_KrakenSession)

#include "tst_kraken_session.moc"
