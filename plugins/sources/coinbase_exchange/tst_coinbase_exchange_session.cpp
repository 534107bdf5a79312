// SPDX-License-Identifier: Apache-2.0
#include "../session_test.h"
#include "session.h"

#include <QElapsedTimer>
#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>

using namespace tidemill;
using namespace tidemill::coinbase_exchange;

namespace {

// Ids of the streams below.
enum Id { Tickers, Matches, Heartbeats, Books, Statuses };

QByteArray match(const char *type, qint64 id, const char *side, const char *product = "BTC-USD")
{
    return QByteArray(R"({"type":")") + type + R"(","trade_id":)" + QByteArray::number(id) +
           R"(,"maker_order_id":"1","taker_order_id":"2","side":")" + side +
           R"(","size":"0.2","price":"61234.50","product_id":")" + product +
           R"(","sequence":77000000498,"time":"2026-03-02T09:15:17.50436Z"})";
}

QByteArray ticker(qint64 sequence, const QByteArray &more)
{
    return R"({"type":"ticker","sequence":)" + QByteArray::number(sequence) +
           R"(,"product_id":"BTC-USD","price":"61234.56")" + more + '}';
}

QByteArray snapshot(const char *bids, const char *asks)
{
    return QByteArray(R"({"type":"snapshot","product_id":"BTC-USD","asks":)") + asks + R"(,"bids":)" + bids +
           '}';
}

QByteArray changes(const char *list)
{
    return QByteArray(R"({"type":"l2update","product_id":"BTC-USD","changes":)") + list +
           R"(,"time":"2026-03-02T09:15:17.100248Z"})";
}

QByteArray heartbeat(qint64 lastTrade)
{
    return R"({"type":"heartbeat","last_trade_id":)" + QByteArray::number(lastTrade) +
           R"(,"product_id":"BTC-USD","sequence":77000000512,"time":"2026-03-02T09:15:18.000000Z"})";
}

} // namespace

class tst_CoinbaseExchangeSession : public testing::SessionTest<Session, Streams>
{
    Q_OBJECT

private slots:
    void init()
    {
        begin("coinbase_exchange");
        add("BTC-USD", Channel::Ticker, Numbers::None);
        add("BTC-USD", Channel::Matches, Numbers::Trades);
        add("BTC-USD", Channel::Heartbeat, Numbers::Pulse);
        add("BTC-USD", Channel::Level2Batch, Numbers::None);
        add("", Channel::Status, Numbers::None);
        m_session = std::make_unique<Session>(*m_link, *m_source, m_streams);
    }

    void subscribesChannelByChannel()
    {
        m_session->subscribe({{Tickers, {}}, {Books, {}}, {Statuses, {}}});

        QStringList names;
        for (const QByteArray &text : std::as_const(m_link->sent)) {
            const QJsonObject message = QJsonDocument::fromJson(text).object();
            QCOMPARE(message["type"].toString(), "subscribe");
            const QJsonObject channel = message["channels"].toArray().first().toObject();
            names.append(channel["name"].toString());
            QCOMPARE(channel.contains("product_ids"), names.last() != "status");
        }
        QCOMPARE(names, (QStringList{"ticker", "level2_batch", "status"}));
    }

    // The server's names differ from those asked for, and the order of the members means nothing.
    void understandsAcknowledgements()
    {
        deliver({R"({"type":"subscriptions","channels":[)"
                 R"({"name":"level2_50","product_ids":["ETH-USD","BTC-USD"],"account_ids":null},)"
                 R"({"product_ids":["BTC-USD"],"name":"heartbeat"},)"
                 R"({"name":"status","product_ids":null},{"name":"novelty","product_ids":["BTC-USD"]}]})"});

        QCOMPARE(m_link->confirmed, (QList<int>{Books, Heartbeats, Statuses}));
        QCOMPARE(rejected(), 0);
    }

    void understandsRefusals_data()
    {
        QTest::addColumn<QByteArray>("reason");
        QTest::addColumn<QList<int>>("refused");

        QTest::newRow("unknown") << QByteArray("BTC-USD is not a valid product")
                                 << QList<int>{Tickers, Matches, Heartbeats, Books};
        QTest::newRow("delisted") << QByteArray("BTC-USD is delisted")
                                  << QList<int>{Tickers, Matches, Heartbeats, Books};
        QTest::newRow("for members only")
            << QByteArray("level2, level3, and full channels now require authentication. https://docs")
            << QList<int>{Books};
    }

    void understandsRefusals()
    {
        QFETCH(QByteArray, reason);
        QFETCH(QList<int>, refused);

        deliver({R"({"type":"error","message":"Failed to subscribe","reason":")" + reason + R"("})"});

        QCOMPARE(m_link->refused.keys(), refused);
        QCOMPARE(m_link->refused.first(), QString::fromLatin1(reason));
        QVERIFY(m_link->recycled.isEmpty());
        QCOMPARE(rejected(), 0);
    }

    void startsOverAfterOtherErrors()
    {
        deliver({R"({"type":"error","message":"ErrSlowConsume"})"});

        QCOMPARE(m_link->recycled, QStringList{"the exchange reports ErrSlowConsume"});
    }

    // Trades carry the maker's side, and the last trade from before the subscription is one as well.
    void emitsTradesWithTheTakersSide()
    {
        deliver({match("last_match", 10, "sell"), match("match", 11, "buy"), match("match", 11, "buy"),
                 match("last_match", 11, "buy"), match("match", 12, "sell", "ETH-USD")});

        const auto trades = testing::rows<Trade>(*m_emitted);
        QCOMPARE(trades.size(), 2);
        QCOMPARE(trades[0].trade_id, 10);
        QCOMPARE(trades[0].side, Side::Buy);
        QCOMPARE(trades[1].side, Side::Sell);
        QCOMPARE(trades[0].price.toString(), "61234.50");
        QCOMPARE(trades[0].quantity.toString(), "0.2");
        QCOMPARE(trades[0].ts_event, *Timestamp::parse("2026-03-02T09:15:17.504360Z"));
        QCOMPARE(m_source->metrics["tidemill_dropped_total repeat"], 2U);
        QCOMPARE(m_source->metrics["tidemill_dropped_total not_subscribed"], 1U);
    }

    void emitsTickersWithTheSideAsItIs()
    {
        deliver(
            {ticker(77000000513, R"(,"open_24h":"60900.01","volume_24h":"2345.67891230","low_24h":"60500",)"
                                 R"("high_24h":"61999.9","volume_30d":"123456.78901234",)"
                                 R"("best_bid":"61234.56","best_ask":"61234.57","side":"buy",)"
                                 R"("time":"2026-03-02T09:15:17.164892Z","trade_id":900000124,)"
                                 R"("last_size":"0.00012")")});

        const auto tickers = testing::rows<Ticker>(*m_emitted);
        QCOMPARE(tickers.size(), 1);
        const Ticker &one = tickers.first();
        QCOMPARE(one.side, Side::Buy);
        QCOMPARE(one.sequence, 77000000513);
        QCOMPARE(one.trade_id, 900000124);
        QCOMPARE(one.volume_24h.toString(), "2345.67891230");
        QCOMPARE(one.volume_30d.toString(), "123456.78901234");
        QCOMPARE(one.last_quantity.toString(), "0.00012");
        QVERIFY(one.bid_quantity.isNull()); // as in 2021
    }

    void readsTickersOfWhatWasNeverTraded()
    {
        deliver({ticker(5, ""), ticker(6, R"(,"trade_id":null,"side":null,"time":null,"last_size":"")")});

        const auto tickers = testing::rows<Ticker>(*m_emitted);
        QCOMPARE(tickers.size(), 2);
        QCOMPARE(tickers[1].side, Side::Unknown);
        QVERIFY(tickers[1].ts_event.isNull());
        QCOMPARE(rejected(), 0);
    }

    // Jumps are normal there, going back is not.
    void leavesOutTickersThatComeLate()
    {
        deliver({ticker(100, ""), ticker(900, ""), ticker(500, ""), ticker(901, "")});

        QCOMPARE(testing::rows<Ticker>(*m_emitted).size(), 3);
        QCOMPARE(m_source->metrics["tidemill_dropped_total late"], 1U);
        QVERIFY(testing::rows<Gap>(*m_emitted).isEmpty());
    }

    void keepsABook()
    {
        deliver({snapshot(R"([["100.10","1.0"],["100.00","2.0"]])", R"([["100.20","1.0"],["100.30","5.0"]])"),
                 changes(R"([["buy","100.1","0.00000000"],["sell","99999","0"],["buy","100.15","3"]])")});

        QCOMPARE(testing::rows<BookSnapshot>(*m_emitted).size(), 1);
        const auto updates = testing::rows<BookUpdate>(*m_emitted);
        QCOMPARE(updates.size(), 1);
        QCOMPARE(updates[0].first_update_id,
                 testing::rows<BookSnapshot>(*m_emitted).first().last_update_id + 1);
        QCOMPARE(updates[0].ts_event, *Timestamp::parse("2026-03-02T09:15:17.100248Z"));
        m_emitted->clear();
        m_session->lead();
        for (const BatchPtr &batch : testing::batches(*m_emitted)) {
            const BookSnapshot &whole = batch->rows<BookSnapshot>().front();
            QCOMPARE(batch->levels(whole.bids).size(), std::size_t(2));
            QCOMPARE(batch->levels(whole.bids)[0].price.toString(), "100.15");
            QCOMPARE(batch->levels(whole.asks).size(), std::size_t(2));
        }
        QCOMPARE(m_emitted->size(), 1);
    }

    void asksForACrossedBookAnew()
    {
        deliver({snapshot(R"([["100","1"]])", R"([["101","1"]])"), changes(R"([["buy","102","1"]])"),
                 changes(R"([["buy","99","1"]])")});

        QCOMPARE(m_link->sent.size(), 2);
        QCOMPARE(testing::rows<Gap>(*m_emitted).size(), 1);
        QCOMPARE(testing::rows<BookUpdate>(*m_emitted).size(), 0);
        QCOMPARE(m_source->metrics["tidemill_dropped_total no_snapshot"], 1U);
    }

    // In an auction; asking again would never end.
    void believesASnapshotThatIsCrossed()
    {
        deliver({snapshot(R"([["102","1"]])", R"([["101","1"]])"), changes(R"([["buy","103","1"]])")});

        QVERIFY(m_link->sent.isEmpty());
        QCOMPARE(testing::rows<BookUpdate>(*m_emitted).size(), 1);
    }

    void readsFiveMegabytesInOneGo_data()
    {
        QTest::addColumn<bool>("bestFirst");
        QTest::newRow("best first") << true;
        QTest::newRow("worst first") << false;
    }

    void readsFiveMegabytesInOneGo()
    {
        QFETCH(bool, bestFirst);
        constexpr int levels = 100000;
        QByteArrayList bids;
        QByteArrayList asks;
        for (int i = 0; i < levels; ++i) {
            const int n = bestFirst ? i : levels - i;
            bids.append("[\"" + QByteArray::number(500000 - n) + "\",\"1.00000000\"]");
            asks.append("[\"" + QByteArray::number(600000 + n) + "\",\"1.00000000\"]");
        }
        QElapsedTimer watch;
        watch.start();
        deliver(
            {snapshot(('[' + bids.join(',') + ']').constData(), ('[' + asks.join(',') + ']').constData())});

        const auto snapshots = testing::rows<BookSnapshot>(*m_emitted);
        QCOMPARE(snapshots.size(), 1);
        QCOMPARE(snapshots[0].depth, levels);
        QVERIFY2(watch.elapsed() < 5000, qPrintable(QString::number(watch.elapsed())));
    }

    // Not at the first heartbeat that names it: the trade may be on its way.
    void asksForTradesThatHeartbeatsKnowOf()
    {
        deliver({match("match", 10, "buy"), heartbeat(10), heartbeat(12)});
        QVERIFY(testing::rows<Gap>(*m_emitted).isEmpty());
        QCOMPARE(m_source->stream(Matches).expectedTrade, 0);

        deliver({heartbeat(12)});

        QCOMPARE(m_source->stream(Matches).expectedTrade, 12);
        QVERIFY(testing::rows<Ticker>(*m_emitted).isEmpty());
    }

    void tellsOfProducts()
    {
        deliver({R"({"type":"status","currencies":[],"products":[{"id":"BTC-USD","base_currency":"BTC",)"
                 R"("quote_currency":"USD","base_increment":"0.00000001","quote_increment":"0.01",)"
                 R"("status":"online","status_message":null,"post_only":false,"limit_only":true}]})"});

        QCOMPARE(testing::recordCount(*m_emitted), 1);
        const QByteArray line = testing::printed(testing::batches(*m_emitted));
        QVERIFY2(line.contains(R"("symbol":"BTC-USD")"), line.constData());
        QVERIFY2(line.contains(R"("limit_only":true)"), line.constData());
        QVERIFY2(line.contains(R"("quote_increment":"0.01")"), line.constData());
    }

    void countsWhatItDoesNotKnow()
    {
        deliver({R"({"type":"novelty","x":1})", R"({"x":1,"type":"auction"})"});

        QCOMPARE(m_source->metrics["tidemill_unknown_messages_total"], 2U);
        QCOMPARE(rejected(), 0);
    }

    void rejectsWhatItCannotRead_data()
    {
        QTest::addColumn<QByteArray>("frame");

        QTest::newRow("no JSON") << QByteArray("hello");
        QTest::newRow("nothing") << QByteArray();
        QTest::newRow("no type") << QByteArray(R"({"a":1})");
        QTest::newRow("cut off") << match("match", 1, "buy").chopped(30);
        QTest::newRow("an unknown side") << match("match", 1, "none");
        QTest::newRow("a price that is none") << ticker(1, "").replace("61234.56", "much");
        QTest::newRow("a book without asks")
            << QByteArray(R"({"type":"snapshot","product_id":"BTC-USD","bids":[]})");
        QTest::newRow("a change without size") << changes(R"([["buy","1"]])");
        QTest::newRow("a refusal of nothing known")
            << QByteArray(R"({"type":"error","message":"Failed to subscribe","reason":"because"})");
    }

    void rejectsWhatItCannotRead()
    {
        QFETCH(QByteArray, frame);

        deliver({frame, match("match", 7, "buy")});

        QCOMPARE(rejected(), 1);
        QCOMPARE(testing::rows<Trade>(*m_emitted).size(), 1);
    }
};

QTEST_GUILESS_MAIN(tst_CoinbaseExchangeSession)

#include "tst_coinbase_exchange_session.moc"
