// SPDX-License-Identifier: Apache-2.0
#include "decoder.h"

#include <tidemill/json.h>
#include <tidemill/testing.h>

using namespace tidemill;
using namespace tidemill::binance;

namespace {

const Timestamp received = Timestamp::fromSeconds(1772442918);

// A frame with the room behind it that the receive buffer gives.
QByteArray padded(const QByteArray &frame)
{
    QByteArray copy = frame;
    copy.append(simdjson::SIMDJSON_PADDING, ' ');
    return copy;
}

} // namespace

class tst_BinanceDecoder : public QObject, public Receiver
{
    Q_OBJECT

private slots:
    void init()
    {
        m_batches.clear();
        m_streams = std::make_unique<Streams>();
        for (const char *suffix : {"trade", "aggTrade", "bookTicker", "kline_1m", "depth@100ms", "depth5",
                                   "ticker", "miniTicker"}) {
            const auto spec = parseStreamSuffix(QLatin1String(suffix));
            TIDEMILL_VERIFY(spec);
            m_streams->add(QStringLiteral("BTCUSDT"), *spec);
        }
        m_out = std::make_unique<RecordsOut>([this](const BatchPtr &batch) { m_batches.append(batch); });
        m_decoder = std::make_unique<Decoder>(*m_streams, *this);
    }

    void turnsFramesIntoRecords_data()
    {
        QTest::addColumn<QByteArray>("frame");
        QTest::addColumn<QByteArray>("printed");

        const QByteArray head = R"("exchange":"binance","symbol":"BTCUSDT",)";
        QTest::newRow("trade, wrapped")
            << QByteArray(
                   R"({"stream":"btcusdt@trade","data":{"e":"trade","E":1772442917897,"s":"BTCUSDT","t":5000000273,"p":"61234.02000000","q":"0.00317000","T":1772442917896,"m":true,"M":true}})")
            << R"({"type":"trade",)" + head +
                   R"("ts_event":"2026-03-02T09:15:17.896Z","ts_recv":"2026-03-02T09:15:18Z","trade_id":5000000273,"price":"61234.02000000","quantity":"0.00317000","side":"sell","provenance":"live"})";
        QTest::newRow("trade, bare, members in another order, microseconds")
            << QByteArray(
                   R"({"m":false,"T":1772442917896123,"q":"0.1","p":"61234.02","t":9007199254740993,"s":"BTCUSDT","b":1,"a":2,"E":1772442917897000,"e":"trade"})")
            << R"({"type":"trade",)" + head +
                   R"("ts_event":"2026-03-02T09:15:17.896123Z","ts_recv":"2026-03-02T09:15:18Z","trade_id":9007199254740993,"price":"61234.02","quantity":"0.1","side":"buy","provenance":"live"})";
        QTest::newRow("data before stream")
            << QByteArray(
                   R"({"data":{"u":400900217,"s":"BTCUSDT","b":"1.10","B":"3","a":"1.20","A":"0.5"},"stream":"btcusdt@bookTicker"})")
            << R"({"type":"quote",)" + head +
                   R"("ts_event":null,"ts_recv":"2026-03-02T09:15:18Z","update_id":400900217,"bid_price":"1.10","bid_quantity":"3","ask_price":"1.20","ask_quantity":"0.5","provenance":"live"})";
        QTest::newRow("aggTrade")
            << QByteArray(
                   R"({"e":"aggTrade","E":1772442917897,"s":"BTCUSDT","a":3000000001,"p":"1.5","q":"2.50","f":5000000270,"l":5000000273,"T":1772442917896,"m":true,"M":true})")
            << R"({"type":"agg_trade",)" + head +
                   R"("ts_event":"2026-03-02T09:15:17.896Z","ts_recv":"2026-03-02T09:15:18Z","agg_trade_id":3000000001,"first_trade_id":5000000270,"last_trade_id":5000000273,"price":"1.5","quantity":"2.50","side":"sell","provenance":"live"})";
        QTest::newRow("candle without a trade")
            << QByteArray(
                   R"({"e":"kline","E":1772442957136,"s":"BTCUSDT","k":{"t":1772442900000,"T":1772442959999,"s":"BTCUSDT","i":"1m","f":-1,"L":-1,"o":"61200.00","c":"61200.00","h":"61200.00","l":"61200.00","v":"0.00000000","n":0,"x":true,"q":"0.00","V":"0.00","Q":"0.00","B":"0"}})")
            << QByteArray(
                   R"({"type":"candle","exchange":"binance","symbol":"BTCUSDT","interval":"1m","ts_event":"2026-03-02T09:15:57.136Z","ts_recv":"2026-03-02T09:15:18Z","ts_open":"2026-03-02T09:15:00Z","ts_close":"2026-03-02T09:15:59.999Z","open":"61200.00","high":"61200.00","low":"61200.00","close":"61200.00","volume":"0.00000000","quote_volume":"0.00","taker_buy_volume":"0.00","taker_buy_quote_volume":"0.00","trades":0,"first_trade_id":-1,"last_trade_id":-1,"closed":true,"provenance":"live"})");
        const QByteArray day =
            R"("open_24h":"61000.10","high_24h":"62000","low_24h":"60000.5","volume_24h":"123.40",)";
        QTest::newRow("ticker, wrapped")
            << QByteArray(
                   R"({"stream":"btcusdt@ticker","data":{"e":"24hrTicker","E":1772442917897,"s":"BTCUSDT","p":"1.0","P":"0.01","w":"61100.0","x":"60999.0","c":"61234.02","Q":"0.003","b":"61234.01","B":"3.1","a":"61234.02","A":"0.6","o":"61000.10","h":"62000","l":"60000.5","v":"123.40","q":"7000000.0","O":1772356517897,"C":1772442917897,"F":5000000000,"L":5000000273,"n":274}})")
            << R"({"type":"ticker",)" + head +
                   R"("ts_event":"2026-03-02T09:15:17.897Z","ts_recv":"2026-03-02T09:15:18Z","sequence":1772442917897000,"trade_id":5000000273,"price":"61234.02","last_quantity":"0.003","bid_price":"61234.01","bid_quantity":"3.1","ask_price":"61234.02","ask_quantity":"0.6",)" +
                   day + R"("volume_30d":null,"side":"unknown","provenance":"live"})";
        QTest::newRow("miniTicker, bare")
            << QByteArray(
                   R"({"e":"24hrMiniTicker","E":1772442917897,"s":"BTCUSDT","c":"61234.02","o":"61000.10","h":"62000","l":"60000.5","v":"123.40","q":"7000000.0"})")
            << R"({"type":"ticker",)" + head +
                   R"("ts_event":"2026-03-02T09:15:17.897Z","ts_recv":"2026-03-02T09:15:18Z","sequence":1772442917897000,"trade_id":0,"price":"61234.02","last_quantity":null,"bid_price":null,"bid_quantity":null,"ask_price":null,"ask_quantity":null,)" +
                   day + R"("volume_30d":null,"side":"unknown","provenance":"live"})";
        QTest::newRow("depth update, one side empty")
            << QByteArray(
                   R"({"e":"depthUpdate","E":1772442917917,"s":"BTCUSDT","U":157,"u":160,"b":[["61234.01000000","0.00000000"],["61233.00","1.0"]],"a":[]})")
            << R"({"type":"book_update",)" + head +
                   R"("ts_event":"2026-03-02T09:15:17.917Z","ts_recv":"2026-03-02T09:15:18Z","first_update_id":157,"last_update_id":160,"bids":[["61234.01000000","0.00000000"],["61233.00","1.0"]],"asks":[],"provenance":"live"})";
        QTest::newRow("partial depth, bare, the only such stream")
            << QByteArray(
                   R"({"lastUpdateId":160,"bids":[["61234.01","3.12",[]]],"asks":[["61234.02","0.66"]]})")
            << R"({"type":"book_snapshot",)" + head +
                   R"("ts_event":null,"ts_recv":"2026-03-02T09:15:18Z","last_update_id":160,"depth":5,"bids":[["61234.01","3.12"]],"asks":[["61234.02","0.66"]],"provenance":"live"})";
    }

    void turnsFramesIntoRecords()
    {
        QFETCH(QByteArray, frame);
        QFETCH(QByteArray, printed);

        const auto decoded = decode(frame);

        TIDEMILL_VERIFY(decoded);
        QCOMPARE(decoded->kind, Decoded::Kind::Data);
        m_out->flush();
        QCOMPARE(testing::printed(m_batches), printed + '\n');
    }

    void emitsNothingForOtherFrames_data()
    {
        QTest::addColumn<QByteArray>("frame");
        QTest::addColumn<int>("kind");

        QTest::newRow("a stream not asked for")
            << QByteArray(R"({"stream":"ethusdt@trade","data":{"e":"trade","s":"ETHUSDT"}})")
            << int(Decoded::Kind::Unknown);
        QTest::newRow("an unknown type")
            << QByteArray(R"({"e":"avgPrice","E":1,"s":"BTCUSDT"})") << int(Decoded::Kind::Unknown);
        QTest::newRow("an array as data")
            << QByteArray(R"({"stream":"!miniTicker@arr","data":[{"e":"24hrMiniTicker"}]})")
            << int(Decoded::Kind::Unknown);
        QTest::newRow("shutdown, wrapped")
            << QByteArray(R"({"stream":"!serverShutdown","data":{"e":"serverShutdown","E":1770123456789}})")
            << int(Decoded::Kind::Shutdown);
        QTest::newRow("shutdown, bare")
            << QByteArray(R"({"e":"serverShutdown","E":1770123456789})") << int(Decoded::Kind::Shutdown);
    }

    void emitsNothingForOtherFrames()
    {
        QFETCH(QByteArray, frame);
        QFETCH(int, kind);

        const auto decoded = decode(frame);

        TIDEMILL_VERIFY(decoded);
        QCOMPARE(int(decoded->kind), kind);
        m_out->flush();
        QVERIFY(m_batches.isEmpty());
    }

    void readsControlReplies_data()
    {
        QTest::addColumn<QByteArray>("frame");
        QTest::addColumn<qint64>("id");
        QTest::addColumn<qint64>("code");

        QTest::newRow("acknowledged") << QByteArray(R"({"result":null,"id":1})") << qint64(1) << qint64(-1);
        QTest::newRow("a list") << QByteArray(R"({"result":["btcusdt@trade"],"id":3})") << qint64(3)
                                << qint64(-1);
        QTest::newRow("refused, flat")
            << QByteArray(R"({"code":2,"msg":"Invalid request"})") << qint64(-1) << qint64(2);
        QTest::newRow("refused, wrapped")
            << QByteArray(R"({"error":{"code":4,"msg":"Too many subscriptions"},"id":7})") << qint64(7)
            << qint64(4);
    }

    void readsControlReplies()
    {
        QFETCH(QByteArray, frame);
        QFETCH(qint64, id);
        QFETCH(qint64, code);

        const auto decoded = decode(frame);

        TIDEMILL_VERIFY(decoded);
        QCOMPARE(decoded->kind, Decoded::Kind::Control);
        QCOMPARE(decoded->reply.id.value_or(-1), id);
        QCOMPARE(decoded->reply.errorCode.value_or(-1), code);
    }

    void refusesBrokenFrames_data()
    {
        QTest::addColumn<QByteArray>("frame");

        const QByteArray wrap = R"({"stream":"btcusdt@trade","data":)";
        QTest::newRow("empty") << QByteArray();
        QTest::newRow("no JSON") << QByteArray("{]");
        QTest::newRow("an array") << QByteArray("[1,2]");
        QTest::newRow("price missing") << wrap + R"({"e":"trade","t":1,"q":"1","T":1772442917896,"m":true}})";
        QTest::newRow("price as a number") << wrap + R"({"t":1,"p":1.5,"q":"1","T":1772442917896,"m":true}})";
        QTest::newRow("price no number") << wrap + R"({"t":1,"p":"abc","q":"1","T":1772442917896,"m":true}})";
        QTest::newRow("price beyond 64 bits")
            << wrap + R"({"t":1,"p":"99999999999999999999.1","q":"1","T":1772442917896,"m":true}})";
        QTest::newRow("id as text") << wrap + R"({"t":"1","p":"1","q":"1","T":1772442917896,"m":true}})";
        QTest::newRow("time that is none") << wrap + R"({"t":1,"p":"1","q":"1","T":17,"m":true}})";
        QTest::newRow("cut off") << wrap + R"({"t":1,"p":"1","q":"1","T":17724)";
        QTest::newRow("cut off within a string") << wrap + "{\"t\":1,\"p\":\"1";
        QTest::newRow("U behind u") << QByteArray(
            R"({"e":"depthUpdate","E":1772442917917,"s":"BTCUSDT","U":161,"u":160,"b":[],"a":[]})");
        QTest::newRow("a level of one member") << QByteArray(
            R"({"e":"depthUpdate","E":1772442917917,"s":"BTCUSDT","U":1,"u":2,"b":[["1"]],"a":[]})");
        QTest::newRow("levels that are none") << QByteArray(
            R"({"e":"depthUpdate","E":1772442917917,"s":"BTCUSDT","U":1,"u":2,"b":{"x":1},"a":[]})");
        QTest::newRow("deeply nested")
            << QByteArray(R"({"stream":"btcusdt@trade","data":)") + QByteArray(2000, '[');
    }

    void refusesBrokenFrames()
    {
        QFETCH(QByteArray, frame);

        const auto decoded = decode(frame);

        QVERIFY(!decoded || decoded->kind == Decoded::Kind::Unknown);
        m_out->flush();
        QVERIFY(m_batches.isEmpty());
    }

    void understandsNoticesOfABinaryConnection_data()
    {
        QTest::addColumn<QByteArray>("frame");
        QTest::addColumn<int>("kind");

        QTest::newRow("acknowledged")
            << QByteArray(R"({"result":null,"id":1})") << int(Decoded::Kind::Control);
        QTest::newRow("refused") << QByteArray(R"({"error":{"code":2,"msg":"no"},"id":3})")
                                 << int(Decoded::Kind::Control);
        QTest::newRow("shutdown") << QByteArray(R"({"e":"serverShutdown","E":1770123456789})")
                                  << int(Decoded::Kind::Shutdown);
        QTest::newRow("something new") << QByteArray(R"({"e":"novelty"})") << int(Decoded::Kind::Unknown);
    }

    void understandsNoticesOfABinaryConnection()
    {
        QFETCH(QByteArray, frame);
        QFETCH(int, kind);
        simdjson::ondemand::parser parser;
        const QByteArray buffer = padded(frame);

        const auto notice = decodeNotice(parser, QByteArrayView(buffer.constData(), frame.size()));

        TIDEMILL_VERIFY(notice);
        QCOMPARE(int(notice->kind), kind);
    }

    void findsNoFramesOfAStreamThatIsNotWantedAnyMore()
    {
        m_streams->remove(0);

        const auto gone = decode(trade(1));
        TIDEMILL_VERIFY(gone);
        QCOMPARE(gone->kind, Decoded::Kind::Unknown);

        m_streams->add(QStringLiteral("BTCUSDT"), *parseStreamSuffix(QStringLiteral("trade")));
        const auto back = decode(trade(1));
        TIDEMILL_VERIFY(back);
        QCOMPARE(back->kind, Decoded::Kind::Data);
    }

    void survivesEveryPrefixOfAFrame()
    {
        const QByteArray frame = trade(1);
        for (qsizetype size = 0; size < frame.size() - 2; ++size)
            QVERIFY2(!decode(frame.first(size)) || rows<Trade>().isEmpty(),
                     qPrintable(QString::number(size)));
    }

private:
    using Levels = std::span<const Level>;

    void take(StreamState &, const Trade &trade) override { m_out->add(trade); }
    void take(StreamState &, const AggTrade &trade) override { m_out->add(trade); }
    void take(StreamState &, const Candle &candle) override { m_out->add(candle); }
    void take(StreamState &, const Quote &quote) override { m_out->add(quote); }
    void take(StreamState &, const Ticker &ticker) override { m_out->add(ticker); }
    void take(StreamState &, const DepthEvent &event) override
    {
        m_out->add(event.header, event.bids, event.asks);
    }
    void take(StreamState &, const BookSnapshot &book, Levels bids, Levels asks) override
    {
        m_out->add(book, bids, asks);
    }

    Result<Decoded> decode(const QByteArray &frame)
    {
        const QByteArray buffer = padded(frame);
        return m_decoder->decode(QByteArrayView(buffer.constData(), frame.size()), received);
    }

    static QByteArray trade(int id)
    {
        return R"({"stream":"btcusdt@trade","data":{"e":"trade","E":1772442917897,"s":"BTCUSDT","t":)" +
               QByteArray::number(id) + R"(,"p":"1.0","q":"1","T":1772442917896,"m":true,"M":true}})";
    }

    template<typename T>
    QList<T> rows() const
    {
        QList<T> result;
        for (const BatchPtr &batch : m_batches) {
            for (const T &row : batch->rows<T>())
                result.append(row);
        }
        return result;
    }

    QList<BatchPtr> m_batches;
    std::unique_ptr<Streams> m_streams;
    std::unique_ptr<RecordsOut> m_out;
    std::unique_ptr<Decoder> m_decoder;
};

QTEST_GUILESS_MAIN(tst_BinanceDecoder)

#include "tst_binance_decoder.moc"
