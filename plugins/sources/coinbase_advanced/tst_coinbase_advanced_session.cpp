// SPDX-License-Identifier: Apache-2.0
#include "../session_test.h"
#include "session.h"

#include <QElapsedTimer>
#include <QJsonDocument>
#include <QJsonObject>
#include <QSet>

using namespace tidemill;
using namespace tidemill::coinbase_advanced;

namespace {

// Ids of the streams below.
enum Id { Candles, Tickers, Trades, Books, Statuses, Heartbeats, TradesInUsdc };

QByteArray frame(const char *channel, qint64 sequence, const QByteArray &events, const char *client = "")
{
    return QByteArray(R"({"channel":")") + channel + '"' + client +
           R"(,"timestamp":"2026-03-02T09:15:17.228568804Z","sequence_num":)" + QByteArray::number(sequence) +
           R"(,"events":[)" + events + "]}";
}

QByteArray trade(qint64 id, const char *side = "SELL", const char *product = "BTC-USD")
{
    return QByteArray(R"({"product_id":")") + product + R"(","trade_id":")" + QByteArray::number(id) +
           R"(","price":"61234.50","size":"0.01034361","time":"2026-03-02T09:15:17.167634Z","side":")" +
           side + R"("})";
}

QByteArray tradesEvent(const char *type, const QByteArray &trades)
{
    return QByteArray(R"({"type":")") + type + R"(","trades":[)" + trades + "]}";
}

QByteArray candle(qint64 start, const char *close)
{
    return R"({"start":")" + QByteArray::number(start) +
           R"(","high":"1811.6","low":"1805.91","open":"1806.11")" + R"(,"close":")" + close +
           R"(","volume":"13.9044026","product_id":"BTC-USD"})";
}

QByteArray candlesEvent(const char *type, const QByteArray &candles)
{
    return QByteArray(R"({"type":")") + type + R"(","candles":[)" + candles + "]}";
}

QByteArray level(const char *side, const char *price, const char *quantity,
                 const char *time = "2026-03-02T09:15:17.210883Z")
{
    return QByteArray(R"({"side":")") + side + R"(","event_time":")" + time + R"(","price_level":")" + price +
           R"(","new_quantity":")" + quantity + R"("})";
}

QByteArray bookEvent(const char *type, const QByteArray &levels)
{
    return QByteArray(R"({"type":")") + type + R"(","product_id":"BTC-USD","updates":[)" + levels + "]}";
}

const QByteArray ticker = R"({"type":"update","tickers":[{"type":"ticker","product_id":"BTC-USD",)"
                          R"("price":"61234.5","volume_24_h":"2867.5","low_24_h":"60500",)"
                          R"("high_24_h":"61999.9","low_52_w":"50000","high_52_w":"126000",)"
                          R"("price_percent_chg_24_h":"0.09","best_bid":"61234.56","best_ask":"61234.57",)"
                          R"("best_bid_quantity":"0.25","best_ask_quantity":"0.05"}]})";

// The key of RFC 8032's first test: published, so no secret.
const QString publishedKey = QStringLiteral("nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=");

} // namespace

class tst_CoinbaseAdvancedSession : public testing::SessionTest<Session, Streams>
{
    Q_OBJECT

private slots:
    void init()
    {
        begin("coinbase_advanced");
        m_metrics = CandleMetrics();
        add("BTC-USD", Channel::Candles, Numbers::None);
        add("BTC-USD", Channel::Ticker, Numbers::None);
        add("BTC-USD", Channel::MarketTrades, Numbers::Trades);
        add("BTC-USD", Channel::Level2, Numbers::None);
        add("BTC-USD", Channel::Status, Numbers::None);
        add("", Channel::Heartbeats, Numbers::Pulse);
        add("ETH-USDC", Channel::MarketTrades, Numbers::Trades);
        connectAnew();
    }

    void asksForOneChannelAMessage()
    {
        m_session->subscribe({{Candles, {}}, {Tickers, {}}, {Heartbeats, {}}});

        QStringList channels;
        for (const QByteArray &text : std::as_const(m_link->sent)) {
            const QJsonObject message = QJsonDocument::fromJson(text).object();
            QCOMPARE(message["type"].toString(), "subscribe");
            QVERIFY(!message.contains("channels"));
            QVERIFY(!message.contains("jwt"));
            channels.append(message["channel"].toString());
            QCOMPARE(message.contains("product_ids"), channels.last() != "heartbeats");
        }
        QCOMPARE(channels, (QStringList{"candles", "ticker", "heartbeats"}));
    }

    void signsEachMessageByItself()
    {
        const auto signer = net::JwtSigner::make("organizations/o/apiKeys/k", publishedKey);
        TIDEMILL_VERIFY(signer);
        m_session = std::make_unique<Session>(*m_link, *m_source, m_streams, m_metrics, &*signer);

        m_session->subscribe({{Candles, {}}, {Tickers, {}}});

        QSet<QString> tokens;
        for (const QByteArray &text : std::as_const(m_link->sent))
            tokens.insert(QJsonDocument::fromJson(text).object()["jwt"].toString());
        QCOMPARE(tokens.size(), 2);
        QVERIFY(!tokens.contains(QString()));
    }

    // Data may come first; the acknowledgements are cumulative, and call level2 by its own name.
    void understandsAcknowledgements()
    {
        deliver({frame("market_trades", 0, tradesEvent("snapshot", trade(10))),
                 frame("subscriptions", 1,
                       R"({"subscriptions":{"candles":["ETH-USD","BTC-USD"],"heartbeats":["heartbeats"],)"
                       R"("level2":["BTC-USD"],"status":[],"novelty":["BTC-USD"]}})",
                       R"(,"client_id":"")")});

        QCOMPARE(testing::rows<Trade>(*m_emitted).size(), 1);
        QCOMPARE(m_link->confirmed, (QList<int>{Candles, Heartbeats, Books, Statuses}));
        QCOMPARE(rejected(), 0);
    }

    void startsOverAfterAnError()
    {
        deliver({R"({"type":"error","message":"authentication failure"})"});

        QCOMPARE(m_link->recycled.size(), 1);
        QVERIFY2(m_link->recycled.first().contains("'authentication failure'"),
                 qPrintable(m_link->recycled.first()));
    }

    // Newest first on the wire, with the maker's side, and the snapshot repeats what was there.
    void emitsTradesOldestFirstWithTheTakersSide()
    {
        deliver({frame("market_trades", 0, tradesEvent("snapshot", trade(11, "BUY") + ',' + trade(10))),
                 frame("market_trades", 1,
                       tradesEvent("update", trade(13) + ',' + trade(12)) + ',' +
                           tradesEvent("update", trade(14) + ',' + trade(90, "SELL", "ETH-USD")))});
        connectAnew();
        deliver({frame("market_trades", 0, tradesEvent("snapshot", trade(15) + ',' + trade(14)))});

        QStringList seen;
        for (const Trade &one : testing::rows<Trade>(*m_emitted))
            seen.append(one.symbol.name().toByteArray() + ' ' + QByteArray::number(one.trade_id));
        seen.sort();
        QCOMPARE(seen, (QStringList{"BTC-USD 10", "BTC-USD 11", "BTC-USD 12", "BTC-USD 13", "BTC-USD 14",
                                    "BTC-USD 15", "ETH-USDC 90"}));
        const auto trades = testing::rows<Trade>(*m_emitted);
        QCOMPARE(trades[0].trade_id, 10);
        QCOMPARE(trades[0].side, Side::Buy);
        QCOMPARE(trades[1].side, Side::Sell);
        QCOMPARE(trades[0].price.toString(), "61234.50");
        QCOMPARE(trades[0].ts_event, *Timestamp::parse("2026-03-02T09:15:17.167634Z"));
        QCOMPARE(m_source->metrics["tidemill_dropped_total repeat"], 1U);
    }

    void emitsCandles()
    {
        deliver(
            {frame("candles", 0,
                   candlesEvent("snapshot", candle(1772442000, "1810") + ',' + candle(1772442600, "1811"))),
             frame("candles", 1, candlesEvent("update", candle(1772442600, "1812"))),
             frame("candles", 2, candlesEvent("update", candle(1772442900, "1813")))});

        QStringList seen;
        for (const Candle &one : testing::rows<Candle>(*m_emitted))
            seen.append(QString::number(one.ts_open.ns / 1000000000) + ' ' + one.close.toString() +
                        (one.closed ? " closed" : ""));
        QCOMPARE(seen, (QStringList{"1772442000 1810 closed", "1772442600 1811", "1772442600 1812",
                                    "1772442600 1812 closed", "1772442900 1813"}));
        const Candle first = testing::rows<Candle>(*m_emitted).first();
        QCOMPARE(first.volume.toString(), "13.9044026");
        QCOMPARE(first.low.toString(), "1805.91");
        QCOMPARE(first.interval, "5m"_sym);
        QCOMPARE((first.ts_close - first.ts_open).count(), 299999999999);
        QCOMPARE(first.provenance, Provenance::Backfill);
        QCOMPARE(testing::rows<Candle>(*m_emitted).last().provenance, Provenance::Live);
    }

    // Under the names that the candle service before had; as there, snapshots and heartbeats do not count.
    void countsUpdatesOfCandles()
    {
        m_metrics.open(&m_source->metrics, {"BTC-USD"});

        deliver({frame("candles", 0, candlesEvent("snapshot", candle(1772442600, "1811"))),
                 frame("candles", 1, candlesEvent("update", candle(1772442600, "1812"))),
                 frame("heartbeats", 2, R"({"current_time":"x","heartbeat_counter":1})"),
                 frame("candles", 3, candlesEvent("update", candle(1772442900, "1813")))});

        QCOMPARE(m_source->metrics["websocket_messages_processed_total"], 2U);
        QCOMPARE(m_source->metrics["websocket_messages_by_symbol_total BTC-USD"], 2U);
        QCOMPARE(m_source->metrics["websocket_connection_errors_total"], 0U);
        m_metrics.countConnectionError();
        QCOMPARE(m_source->metrics["websocket_connection_errors_total"], 1U);
    }

    // What a lost connection has left open is called closed only if it is seen again.
    void closesNoCandleUnseen()
    {
        deliver({frame("candles", 0, candlesEvent("update", candle(1772442600, "1811")))});
        m_streams[Candles].closer.interrupted();
        connectAnew();
        deliver({frame("candles", 0, candlesEvent("update", candle(1772442900, "1813")))});

        QCOMPARE(testing::rows<Candle>(*m_emitted).size(), 2);
        QVERIFY(!testing::rows<Candle>(*m_emitted)[0].closed);
    }

    void emitsTickers()
    {
        deliver({frame("ticker", 6, ticker)});

        const auto tickers = testing::rows<Ticker>(*m_emitted);
        QCOMPARE(tickers.size(), 1);
        QCOMPARE(tickers[0].price.toString(), "61234.5");
        QCOMPARE(tickers[0].bid_quantity.toString(), "0.25");
        QCOMPARE(tickers[0].ts_event, *Timestamp::parse("2026-03-02T09:15:17.228568804Z"));
    }

    void keepsABook()
    {
        deliver({frame("l2_data", 0,
                       bookEvent("snapshot", level("bid", "100", "1", "1970-01-01T00:00:00Z") + ',' +
                                                 level("offer", "101", "2", "1970-01-01T00:00:00Z"))),
                 frame("l2_data", 1,
                       bookEvent("update", level("bid", "100", "0") + ',' + level("bid", "99.5", "3") + ',' +
                                               level("offer", "300", "0")))});

        const auto snapshots = testing::rows<BookSnapshot>(*m_emitted);
        const auto updates = testing::rows<BookUpdate>(*m_emitted);
        QCOMPARE(snapshots.size(), 1);
        QVERIFY(snapshots[0].ts_event.isNull());
        QCOMPARE(updates.size(), 1);
        QCOMPARE(updates[0].first_update_id, snapshots[0].last_update_id + 1);
        m_emitted->clear();
        m_session->lead();
        QCOMPARE(m_emitted->size(), 1);
        const BatchPtr batch = testing::batches(*m_emitted).first();
        const BookSnapshot &whole = batch->rows<BookSnapshot>().front();
        QCOMPARE(batch->levels(whole.bids).size(), std::size_t(1));
        QCOMPARE(batch->levels(whole.bids)[0].price.toString(), "99.5");
        QCOMPARE(batch->levels(whole.asks)[0].quantity.toString(), "2");
    }

    void asksAnewWhenFramesWereLost()
    {
        m_session->subscribe({{Candles, {}}, {Trades, {}}, {Books, {}}, {Heartbeats, {}}});
        m_link->sent.clear();
        deliver({frame("candles", 0, candlesEvent("update", candle(1772442600, "1811"))),
                 frame("l2_data", 1, bookEvent("snapshot", level("bid", "100", "1"))),
                 frame("l2_data", 3, bookEvent("update", level("bid", "99", "1")))});

        QStringList asked;
        for (const QByteArray &text : std::as_const(m_link->sent)) {
            const QJsonObject message = QJsonDocument::fromJson(text).object();
            asked.append(message["type"].toString() + ' ' + message["channel"].toString());
        }
        QCOMPARE(asked, (QStringList{"unsubscribe market_trades", "unsubscribe level2",
                                     "subscribe market_trades", "subscribe level2"}));
        QStringList gaps;
        for (const Gap &gap : testing::rows<Gap>(*m_emitted)) {
            QCOMPARE(gap.cause, GapCause::Sequence);
            gaps.append(gap.stream.name().toByteArray());
        }
        QCOMPARE(gaps, (QStringList{"candles", "level2"}));
        // The rest of the old book is of no use.
        QVERIFY(testing::rows<BookUpdate>(*m_emitted).isEmpty());
        QCOMPARE(m_source->metrics["tidemill_dropped_total no_snapshot"], 1U);
    }

    // The very first frame may be the one that is lost: then no book would ever come.
    void noticesThatTheFirstFramesWereLost()
    {
        m_session->subscribe({{Books, {}}});
        m_link->sent.clear();

        deliver({frame("subscriptions", 1, R"({"subscriptions":{"level2":["BTC-USD"]}})")});

        QCOMPARE(m_link->sent.size(), 2);
    }

    void ignoresFramesThatItHasSeen()
    {
        const QByteArray one = frame("ticker", 0, ticker);
        deliver({one, one, frame("ticker", 1, ticker)});

        QCOMPARE(testing::rows<Ticker>(*m_emitted).size(), 2);
        QCOMPARE(m_source->metrics["tidemill_dropped_total late"], 1U);
        QVERIFY(testing::rows<Gap>(*m_emitted).isEmpty());
    }

    void heartbeatsBringNoRecords_data()
    {
        QTest::addColumn<QByteArray>("counter");
        QTest::newRow("number") << QByteArray("41691");
        QTest::newRow("text") << QByteArray("\"41691\"");
    }

    void heartbeatsBringNoRecords()
    {
        QFETCH(QByteArray, counter);

        deliver(
            {frame("heartbeats", 0,
                   R"({"current_time":"2026-03-02 09:15:18.85 +0000 UTC m=+41691.2","heartbeat_counter":)" +
                       counter + '}')});

        QVERIFY(m_emitted->isEmpty());
        QCOMPARE(m_link->heardOf, QList<int>{Heartbeats});
        QCOMPARE(rejected(), 0);
    }

    void readsFiveMegabytesInOneGo()
    {
        constexpr int levels = 25000;
        QByteArrayList list;
        for (int i = 0; i < levels; ++i)
            list.append(level("bid", QByteArray::number(50000 - i).constData(), "0.01"));
        for (int i = 0; i < levels; ++i)
            list.append(level("offer", QByteArray::number(60000 + i).constData(), "0.01"));
        const QByteArray text = frame("l2_data", 0, bookEvent("snapshot", list.join(',')));
        QVERIFY(text.size() > 5000000);
        QElapsedTimer watch;
        watch.start();

        deliver({text});

        QCOMPARE(testing::rows<BookSnapshot>(*m_emitted).first().depth, levels);
        QVERIFY2(watch.elapsed() < 5000, qPrintable(QString::number(watch.elapsed())));
    }

    void countsWhatItDoesNotKnow()
    {
        deliver({frame("novelty", 0, R"({"type":"update","x":[1]})"), frame("ticker", 1, ticker)});

        QCOMPARE(m_source->metrics["tidemill_unknown_messages_total"], 1U);
        QCOMPARE(testing::rows<Ticker>(*m_emitted).size(), 1);
        QCOMPARE(rejected(), 0);
    }

    void rejectsWhatItCannotRead_data()
    {
        QTest::addColumn<QByteArray>("bad");

        QTest::newRow("no JSON") << QByteArray("hello");
        QTest::newRow("nothing") << QByteArray();
        QTest::newRow("an array") << QByteArray("[1]");
        QTest::newRow("an empty object") << QByteArray("{}");
        QTest::newRow("cut off") << frame("ticker", 0, ticker).chopped(40);
        QTest::newRow("no number") << QByteArray(R"({"channel":"ticker","events":[]})");
        QTest::newRow("an unknown side") << frame("market_trades", 0, tradesEvent("update", trade(1, "x")));
        QTest::newRow("a candle without start")
            << frame("candles", 0, candlesEvent("update", R"({"product_id":"BTC-USD"})"));
        QTest::newRow("a level of neither side")
            << frame("l2_data", 0, bookEvent("update", level("ask", "1", "1")));
    }

    void rejectsWhatItCannotRead()
    {
        QFETCH(QByteArray, bad);

        deliver({bad, frame("ticker", 1, ticker)});

        QCOMPARE(rejected(), 1);
        QCOMPARE(testing::rows<Ticker>(*m_emitted).size(), 1);
    }

    void knowsUnderWhichNameProductsAreServed()
    {
        QCOMPARE(servedAs("BTC-USDC"), "BTC-USD");
        QCOMPARE(servedAs("BTC-USD"), "BTC-USD");
        QCOMPARE(servedAs("USDT-USDC"), "USDT-USDC");
        QCOMPARE(servedAs("EURC-USDC"), "EURC-USDC");
        QCOMPARE(m_streams.find(Channel::MarketTrades, "ETH-USD"), int(TradesInUsdc));
        QCOMPARE(m_streams.find(Channel::MarketTrades, "ETH-USDC"), int(TradesInUsdc));
    }

private:
    void connectAnew()
    {
        m_session = std::make_unique<Session>(*m_link, *m_source, m_streams, m_metrics, nullptr);
    }

    CandleMetrics m_metrics;
};

QTEST_GUILESS_MAIN(tst_CoinbaseAdvancedSession)

#include "tst_coinbase_advanced_session.moc"
