// SPDX-License-Identifier: Apache-2.0
#include "gap_candles.h"

#include <tidemill/net/testing.h>
#include <tidemill/testing.h>

using namespace tidemill;
using namespace tidemill::coinbase_exchange;

namespace {

constexpr int Matches = 0;

Timestamp at(const char *time)
{
    return *Timestamp::parse(QByteArray("2026-03-02T") + time + 'Z');
}

qint64 seconds(const char *time)
{
    return at(time).ns / 1000000000;
}

Trade trade(qint64 id, const char *time)
{
    return {.exchange = "coinbase_exchange"_sym,
            .symbol = "BTC-USD"_sym,
            .ts_event = at(time),
            .ts_recv = at(time),
            .trade_id = id,
            .price = {100, 0},
            .quantity = {1, 0},
            .side = Side::Buy};
}

QByteArray row(const char *time)
{
    return '[' + QByteArray::number(seconds(time)) + ",99.5,101.25,100,100.50,0.00120000]";
}

} // namespace

// Questions wait for the answers that a test gives, as in a replay: so it is exactly these that are asked.
class tst_CoinbaseExchangeGapCandles : public QObject
{
    Q_OBJECT

private slots:
    void init() { begin({}); }

    void fillsTheTimeOfAHole()
    {
        add({trade(10, "09:15:20"), trade(20, "09:17:30")});
        QCOMPARE(testing::rows<Gap>(*m_emitted).size(), 1);

        tick("09:17:31");
        answer("09:15:00", "09:17:00", '[' + row("09:16:00") + ',' + row("09:15:00") + ']');

        const auto candles = testing::rows<Candle>(*m_emitted);
        QCOMPARE(opened(), (QList<Timestamp>{at("09:15:00"), at("09:16:00")}));
        QCOMPARE(candles[0].symbol, "BTC-USD"_sym);
        QVERIFY(candles[0].closed);
        QCOMPARE(candles[0].provenance, Provenance::Backfill);
        QVERIFY(!candles[0].ts_recv.isNull());
        QCOMPARE(testing::rows<Gap>(*m_emitted).size(), 1);
    }

    void waitsUntilTheLastCandleIsOver()
    {
        add({trade(10, "09:15:20"), trade(20, "09:15:30")});
        tick("09:16:09");
        QCOMPARE(m_rest->waiting(), 0);

        tick("09:16:10");
        answer("09:15:00", "09:16:00", '[' + row("09:15:00") + ']');

        QCOMPARE(opened(), QList<Timestamp>{at("09:15:00")});
        tick("09:30:00");
        QCOMPARE(m_rest->waiting(), 0);
    }

    void emitsEachOnce()
    {
        add({trade(10, "09:15:20"), trade(20, "09:15:30"), trade(30, "09:16:30")});
        QCOMPARE(testing::rows<Gap>(*m_emitted).size(), 2);

        tick("09:20:00");
        answer("09:15:00", "09:16:00", '[' + row("09:15:00") + ']');
        answer("09:16:00", "09:17:00", '[' + row("09:16:00") + ',' + row("09:15:00") + ']');

        QCOMPARE(opened(), (QList<Timestamp>{at("09:15:00"), at("09:16:00")}));
        QCOMPARE(m_rest->waiting(), 0);
    }

    // A time without trades has no candles, and asking again would bring none.
    void believesThatThereAreNone()
    {
        add({trade(10, "09:15:20"), trade(20, "09:15:30")});
        tick("09:20:00");
        answer("09:15:00", "09:16:00", "[]");

        tick("09:21:00");

        QCOMPARE(m_rest->waiting(), 0);
        QVERIFY(opened().isEmpty());
    }

    void asksPageByPage()
    {
        add({trade(10, "01:00:00"), trade(20, "06:02:30")});
        tick("07:00:00");
        QCOMPARE(m_rest->waiting(), 1);

        answer("01:00:00", "06:00:00", '[' + row("05:59:00") + ',' + row("01:00:00") + ']');
        answer("06:00:00", "06:03:00", '[' + row("06:02:00") + ']');

        QCOMPARE(opened(), (QList<Timestamp>{at("01:00:00"), at("05:59:00"), at("06:02:00")}));
        QCOMPARE(m_rest->waiting(), 0);
    }

    // Two years of silence, or a time that is nonsense.
    void asksForTheNewestOfALongHole()
    {
        Trade old = trade(10, "00:00:00");
        old.ts_event = Timestamp{1};
        add({old, trade(20, "12:00:00")});

        tick("13:00:00");

        const qint64 to = seconds("12:01:00");
        const qint64 from = to - 30000 * 60;
        m_rest->replayAnswer(question(from, from + 300 * 60), "[]");
        m_rest->replayAnswer(question(from + 300 * 60, from + 600 * 60), "[]");
        QVERIFY2(position().startsWith(QByteArray::number(from + 600 * 60) + ' '), position().constData());
    }

    // What was fetched in front of the hole was read just now, but happened before it.
    void knowsWhenMissingTradesHappened()
    {
        m_source->history = [](int, qint64, qint64, const auto &answer) {
            Trade filled = trade(11, "09:16:40");
            filled.ts_recv = at("09:59:00");
            // It has the one behind: it has got past those that are missing.
            answer(net::HistoryPage<Trade>{{filled, trade(20, "09:59:00")}, true});
        };
        add({trade(10, "09:15:20"), trade(20, "09:59:00")});

        tick("09:59:05");

        answer("09:16:00", "09:58:00", "[]");
        QCOMPARE(testing::rows<Gap>(*m_emitted).first().first_missing, 12);
    }

    // More waits than can be held: the hole is announced, and history may still have it.
    void waitsForTradesThatMayStillCome_data()
    {
        QTest::addColumn<QList<qint64>>("had");
        QTest::addColumn<bool>("asks");
        QTest::newRow("all") << QList<qint64>{11, 12, 13} << false;
        QTest::newRow("some") << QList<qint64>{12} << true;
        QTest::newRow("none") << QList<qint64>{} << true;
    }

    void waitsForTradesThatMayStillCome()
    {
        QFETCH(QList<qint64>, had);
        QFETCH(bool, asks);
        net::Continuity<Trade>::Answer pending;
        m_source->history = [&pending](int, qint64, qint64, const auto &answer) { pending = answer; };
        m_source->add(Matches, trade(10, "09:15:20"));
        for (qint64 id = 14; id < 14 + 20001; ++id)
            m_source->add(Matches, trade(id, "09:17:30"));
        m_source->flush();
        QCOMPARE(testing::rows<Gap>(*m_emitted).size(), 1);
        tick("09:20:00");
        QCOMPARE(m_rest->waiting(), 0);

        net::HistoryPage<Trade> page;
        for (const qint64 id : had)
            page.records.push_back(trade(id, "09:16:00"));
        page.records.push_back(trade(14, "09:17:30")); // it has got past those that are missing
        pending(page);
        tick("09:20:01");

        QCOMPARE(m_rest->waiting(), asks ? 1 : 0);
        if (asks)
            answer("09:15:00", "09:18:00", '[' + row("09:16:00") + ']');
        QCOMPARE(opened().size(), asks ? 1 : 0);
        tick("09:20:02");
        QCOMPARE(m_rest->waiting(), 0);
        QCOMPARE(position().count(' '), 0);
    }

    void givesUpWhatCannotBeRead()
    {
        add({trade(10, "01:00:20"), trade(20, "08:00:30")});
        tick("09:20:00");
        for (int i = 0; i < 3; ++i) {
            QCOMPARE(m_rest->waiting(), 1);
            answer("01:00:00", "06:00:00", R"({"message":"busy"})");
        }

        QCOMPARE(m_rest->waiting(), 0);
        QCOMPARE(m_source->metrics["tidemill_rejected_total bad_frame"], 1U);
        add({trade(30, "09:15:00")});
        tick("09:20:00");
        answer("08:01:00", "09:16:00", '[' + row("08:01:00") + ']');
        QCOMPARE(opened(), QList<Timestamp>{at("08:01:00")});
    }

    void goesOnWhereTheLastRunStood()
    {
        add({trade(10, "01:00:20"), trade(20, "06:01:30")});
        tick("06:01:40");
        answer("01:00:00", "06:00:00", '[' + row("01:00:00") + ']');
        QCOMPARE(m_rest->waiting(), 1); // and here it ends
        const QByteArray left = position();

        begin(left, {{"BTC-USD matches", QByteArray::number(at("06:01:30").ns) + " 20 " +
                                             QByteArray::number(at("06:01:30").ns)}});
        tick("06:02:10");

        answer("06:00:00", "06:02:00", '[' + row("06:00:00") + ',' + row("01:00:00") + ']');
        QCOMPARE(opened(), QList<Timestamp>{at("06:00:00")});
        QCOMPARE(position().count(' '), 0);
    }

    void ignoresPositionsThatAreNone_data()
    {
        QTest::addColumn<QByteArray>("position");
        QTest::newRow("text") << QByteArray("once upon a time");
        QTest::newRow("half a hole") << QByteArray("0 1:1-2@3");
        QTest::newRow("a hole without end") << QByteArray("0 1:1-2@0-9999999999");
        QTest::newRow("many holes") << QByteArray("0") + QByteArray(" 1:1-2@60-120").repeated(17);
    }

    void ignoresPositionsThatAreNone()
    {
        QFETCH(QByteArray, position);
        begin(position, {{"BTC-USD matches", "1 20 1"}});

        tick("09:20:00");

        QCOMPARE(m_rest->waiting(), 0);
    }

    void boundsWhatWaits()
    {
        m_source->add(Matches, trade(10, "09:00:00"));
        for (int i = 1; i < 50; ++i)
            m_source->add(Matches, trade(10 + 10 * i, i < 49 ? "09:15:00" : "09:16:00"));
        m_source->flush();
        QCOMPARE(testing::rows<Gap>(*m_emitted).size(), 49);
        QCOMPARE(position().count(' '), 16);

        tick("10:00:00");

        answer("09:00:00", "09:16:00", "[]");
        answer("09:16:00", "09:17:00", "[]");
        QCOMPARE(m_rest->waiting(), 0);
    }

    // What was hoped for before is not to be had by those ids any more.
    void goesOnWhenIdsStartOver()
    {
        net::Continuity<Trade>::Answer pending;
        m_source->history = [&pending](int, qint64, qint64, const auto &answer) { pending = answer; };
        add({trade(1000, "09:15:20"), trade(1010, "09:15:30")});
        tick("09:20:00");
        QCOMPARE(m_rest->waiting(), 0);

        add({trade(1, "09:30:10")});
        tick("09:40:00");

        answer("09:15:00", "09:16:00", '[' + row("09:15:00") + ']');
        answer("09:16:00", "09:31:00", '[' + row("09:30:00") + ']');
        QCOMPARE(opened(), (QList<Timestamp>{at("09:15:00"), at("09:30:00")}));
    }

    void asksNothingWhenSwitchedOff()
    {
        begin({}, {}, CandleLength::None);
        add({trade(10, "09:15:20"), trade(20, "09:17:30")});

        tick("09:30:00");

        QCOMPARE(m_rest->waiting(), 0);
        QVERIFY(m_told.isEmpty());
    }

private:
    void begin(const QByteArray &position, const QHash<QByteArray, QByteArray> &positions = {},
               CandleLength length = CandleLength::OneMinute)
    {
        m_candles.reset();
        m_emitted.reset();
        m_source = std::make_unique<net::BareSource>("coinbase_exchange");
        m_source->setContext({.metrics = &m_source->metrics, .positions = positions});
        m_source->history = [](int, qint64, qint64, const auto &answer) {
            answer(Error{Error::Kind::Protocol, "refused"});
        };
        m_rest = std::make_unique<net::RestClient>();
        m_rest->beginReplay();
        m_history = std::make_unique<History>(*m_rest, m_source.get());
        m_history->setUrl(QUrl("http://127.0.0.1"));
        m_told.clear();
        m_candles =
            std::make_unique<GapCandles>(*m_source, *m_history, [this](int stream, const QByteArray &told) {
                QCOMPARE(stream, Matches);
                m_told.append(told);
            });
        m_candles->configure(length);
        m_source->addStream("BTC-USD"_sym, "matches"_sym, "BTC-USD matches",
                            net::FeedSource::Numbers::Trades);
        m_candles->addStream(Matches, position);
        m_emitted = std::make_unique<QSignalSpy>(m_source.get(), &Source::emitted);
        connect(m_source.get(), &Source::emitted, this,
                [this](const BatchPtr &batch) { m_candles->follow(*batch); });
    }

    void add(const QList<Trade> &trades)
    {
        for (const Trade &trade : trades)
            m_source->add(Matches, trade);
        m_source->flush();
    }
    void tick(const char *time) { m_candles->tick(at(time)); }
    static QUrl question(qint64 from, qint64 to)
    {
        return QUrl(QStringLiteral("http://127.0.0.1/products/BTC-USD/candles?granularity=60&start=%1&end=%2")
                        .arg(from)
                        .arg(to - 1));
    }
    // Does nothing unless that is what was asked for.
    void answer(const char *from, const char *to, const QByteArray &body)
    {
        m_rest->replayAnswer(question(seconds(from), seconds(to)), body);
    }
    QList<Timestamp> opened() const
    {
        QList<Timestamp> times;
        for (const Candle &candle : testing::rows<Candle>(*m_emitted))
            times.append(candle.ts_open);
        return times;
    }
    QByteArray position() const { return m_told.isEmpty() ? QByteArray() : m_told.last(); }

    std::unique_ptr<net::BareSource> m_source;
    std::unique_ptr<net::RestClient> m_rest;
    std::unique_ptr<History> m_history;
    std::unique_ptr<GapCandles> m_candles;
    std::unique_ptr<QSignalSpy> m_emitted;
    QByteArrayList m_told;
};

QTEST_GUILESS_MAIN(tst_CoinbaseExchangeGapCandles)

#include "tst_coinbase_exchange_gap_candles.moc"
