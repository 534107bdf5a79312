// SPDX-License-Identifier: Apache-2.0
#include <tidemill/net/testing.h>
#include <tidemill/testing.h>

using namespace tidemill;
using Numbers = net::FeedSource::Numbers;
using Answer = net::Continuity<Trade>::Answer;

namespace {

Timestamp at(int second)
{
    return {(1772442900LL + second) * 1000000000};
}

Trade trade(qint64 id, int second)
{
    return {.exchange = "x"_sym,
            .symbol = "A"_sym,
            .ts_event = at(second),
            .ts_recv = at(second),
            .trade_id = id,
            .price = 1_dec,
            .quantity = 1_dec};
}

net::HistoryPage<Trade> page(qint64 first, qint64 last)
{
    net::HistoryPage<Trade> result;
    for (qint64 id = first; id <= last; ++id)
        result.records.push_back(trade(id, int(id)));
    return result;
}

} // namespace

// What all sources do alike, without connections.
class tst_FeedSource : public QObject
{
    Q_OBJECT

private slots:
    void init() { create({}); }

    void tellsOfTimeAwayWhereNothingIsNumbered()
    {
        const int id = m_source->addStream("A"_sym, "ticker"_sym, "a", Numbers::None);
        QVERIFY(m_source->heard(*m_link, id, at(1), at(1)));
        QVERIFY(m_source->heard(*m_link, id, at(2), at(2)));
        m_source->flush();
        QVERIFY(testing::rows<Gap>(*m_emitted).isEmpty());

        m_source->interrupt({id});
        QVERIFY(m_source->heard(*m_link, id, at(9), at(10)));
        QVERIFY(m_source->heard(*m_link, id, at(11), at(11)));
        m_source->flush();

        const auto gaps = testing::rows<Gap>(*m_emitted);
        QCOMPARE(gaps.size(), 1);
        QCOMPARE(gaps[0].cause, GapCause::Disconnect);
        QCOMPARE(gaps[0].symbol, "A"_sym);
        QCOMPARE(gaps[0].stream, "ticker"_sym);
        QCOMPARE(gaps[0].ts_from, at(2));
        QCOMPARE(gaps[0].ts_to, at(10));
        QCOMPARE(gaps[0].ts_event, at(9));
    }

    void tellsGapsOfTheSameTimeApart()
    {
        const int id = m_source->addStream("A"_sym, "ticker"_sym, "a", Numbers::None);
        QVERIFY(m_source->heard(*m_link, id, at(1), at(1)));

        m_source->addGap(id, GapCause::Sequence, at(1), at(1), "one");
        m_source->addGap(id, GapCause::Sequence, at(1), at(1), "another");
        m_source->flush();

        const auto gaps = testing::rows<Gap>(*m_emitted);
        QCOMPARE(gaps.size(), 2);
        QCOMPARE(gaps[0].ts_from, at(1));
        QVERIFY(gaps[0].ts_from < gaps[1].ts_from);
    }

    // Of streams with numbers and without, and what was filled after all.
    void countsEveryGapThatGoesOut()
    {
        const int tickers = m_source->addStream("A"_sym, "ticker"_sym, "a", Numbers::None);
        const int trades = m_source->addStream("A"_sym, "trade"_sym, "t", Numbers::Trades);
        Answer waiting;
        m_source->history = [&waiting](int, qint64, qint64, const Answer &answer) { waiting = answer; };
        QVERIFY(m_source->heard(*m_link, tickers, at(1), at(1)));
        m_source->interrupt({tickers});
        QVERIFY(m_source->heard(*m_link, tickers, at(2), at(2)));
        m_source->add(trades, trade(1, 1));
        for (int id = 3; id < 30'000; ++id)
            m_source->add(trades, trade(id, 3)); // more than wait for the one that is missing
        QVERIFY(waiting);
        waiting(page(2, 2));
        m_source->flush();

        QCOMPARE(testing::rows<Gap>(*m_emitted).size(), 3);
        QCOMPARE(m_source->metrics["tidemill_gap_records_total x A ticker open"], 1);
        QCOMPARE(m_source->metrics["tidemill_gap_records_total x A trade open"], 1);
        QCOMPARE(m_source->metrics["tidemill_gap_records_total x A trade filled"], 1);
        QCOMPARE(m_source->metrics["tidemill_missed_records_total x A trade filled"], 1);
    }

    void hasNoGapBeforeTheFirstRecord()
    {
        const int id = m_source->addStream("A"_sym, "ticker"_sym, "a", Numbers::None);

        m_source->interrupt({id});
        m_source->heard(*m_link, id, at(1), at(1));
        m_source->flush();

        QVERIFY(m_emitted->isEmpty());
    }

    void hasNeitherGapsNorHealthOfHeartbeats()
    {
        QSignalSpy changed(m_source.get(), &Source::streamsChanged);
        const int pulse = m_source->addStream("A"_sym, "heartbeat"_sym, "h", Numbers::Pulse);
        m_source->addStream("A"_sym, "ticker"_sym, "a", Numbers::None);
        m_source->applyStreams();
        m_source->heard(*m_link, pulse, {}, at(1));
        m_source->interrupt({pulse});
        m_source->heard(*m_link, pulse, {}, at(5));
        m_source->flush();

        QVERIFY(m_emitted->isEmpty());
        const auto streams = changed.last().first().value<QList<Source::Stream>>();
        QCOMPARE(streams.size(), 1);
        QCOMPARE(streams[0].stream, "ticker");
    }

    // Of several connections only the leader's records go on, where none has a number.
    void listensToTheLeader()
    {
        const int id = m_source->addStream("A"_sym, "ticker"_sym, "a", Numbers::None);
        const int trades = m_source->addStream("A"_sym, "trade"_sym, "t", Numbers::Trades);
        m_link->leader = false;

        QVERIFY(!m_source->heard(*m_link, id, at(1), at(1)));
        QVERIFY(m_source->heard(*m_link, trades, at(1), at(1)));

        QCOMPARE(m_link->heardOf, (QList<int>{id, trades}));
        QCOMPARE(m_source->metrics["tidemill_dropped_total redundant"], 1U);
    }

    void fillsHolesFromHistory()
    {
        const int id = m_source->addStream("A"_sym, "trade"_sym, "t", Numbers::Trades);
        m_source->history = [](int, qint64 first, qint64 last, const Answer &answer) {
            answer(page(first, last));
        };

        m_source->add(id, trade(1, 1));
        m_source->add(id, trade(5, 5));
        m_source->flush();

        QCOMPARE(ids(), (QList<qint64>{1, 2, 3, 4, 5}));
        QCOMPARE(testing::rows<Trade>(*m_emitted)[1].provenance, Provenance::Backfill);
        QVERIFY(testing::rows<Gap>(*m_emitted).isEmpty());
    }

    // Who has no history says so from the event loop; within the call it would come between two records.
    void tellsWhatItCannotFill()
    {
        const int id = m_source->addStream("A"_sym, "trade"_sym, "t", Numbers::Trades);

        m_source->add(id, trade(1, 1));
        m_source->add(id, trade(5, 5));
        m_source->flush();
        QCOMPARE(ids(), (QList<qint64>{1}));

        QTRY_COMPARE(ids(), (QList<qint64>{1, 5}));
        const auto gaps = testing::rows<Gap>(*m_emitted);
        QCOMPARE(gaps.size(), 1);
        QCOMPARE(gaps[0].first_missing, 2);
        QCOMPARE(gaps[0].last_missing, 4);
    }

    void asksForTradesThatWereAnnounced()
    {
        const int id = m_source->addStream("A"_sym, "trade"_sym, "t", Numbers::Trades);
        QList<qint64> asked;
        m_source->history = [&asked](int, qint64 first, qint64 last, const Answer &answer) {
            asked.append(first);
            QCOMPARE(last, 0);
            answer(page(first, first + 1));
        };
        m_source->expectTrade(id, 7); // nothing has come yet: nobody knows where it begins
        m_source->add(id, trade(5, 5));
        m_source->expectTrade(id, 5);
        QVERIFY(asked.isEmpty());

        m_source->expectTrade(id, 7);
        m_source->expectTrade(id, 7);
        m_source->flush();

        QCOMPARE(asked, QList<qint64>{6});
        QCOMPARE(ids(), (QList<qint64>{5, 6, 7}));
    }

    void goesOnWhereTheLastRunStood()
    {
        QSignalSpy reached(m_source.get(), &Source::positionReached);
        const int id = m_source->addStream("A"_sym, "trade"_sym, "t", Numbers::Trades);
        m_source->add(id, trade(1, 1));
        m_source->add(id, trade(2, 2));
        m_source->flush();
        const auto positions = testing::positions(reached);
        QCOMPARE(positions.keys(), QByteArrayList{"A trade"});

        create(positions);
        const int again = m_source->addStream("A"_sym, "trade"_sym, "t", Numbers::Trades);
        QCOMPARE(m_source->stream(again).lastTradeAt, at(2));
        m_source->history = [](int, qint64 first, qint64 last, const Answer &answer) {
            answer(page(first, last));
        };
        m_source->add(again, trade(2, 2));
        m_source->add(again, trade(6, 6));
        m_source->flush();

        QCOMPARE(ids(), (QList<qint64>{3, 4, 5, 6}));
        QCOMPARE(m_source->metrics["tidemill_dropped_total repeat"], 1U);
    }

    void startsAnewWithAPositionThatIsNone_data()
    {
        QTest::addColumn<QByteArray>("position");
        QTest::newRow("nothing") << QByteArray();
        QTest::newRow("no blank") << QByteArray("12345");
        QTest::newRow("only a blank") << QByteArray(" ");
        QTest::newRow("something else") << QByteArray("12 {}");
    }

    void startsAnewWithAPositionThatIsNone()
    {
        QFETCH(QByteArray, position);
        create({{"A trade", position}});
        const int id = m_source->addStream("A"_sym, "trade"_sym, "t", Numbers::Trades);

        m_source->add(id, trade(7, 7));
        m_source->flush();

        QCOMPARE(ids(), QList<qint64>{7});
        QVERIFY(testing::rows<Gap>(*m_emitted).isEmpty());
    }

    // Of two connections the one that leads ends, after the other has brought more than it.
    void tellsWhatALeaderDidNotBring_data()
    {
        QTest::addColumn<int>("broughtByTheOther"); // when that happened at the exchange
        QTest::addColumn<bool>("isBook");
        QTest::addColumn<bool>("isMissed");

        QTest::newRow("what the leader had brought") << 2 << false << false;
        QTest::newRow("more") << 3 << false << true;
        QTest::newRow("of a book, which begins anew") << 3 << true << false;
    }

    void tellsWhatALeaderDidNotBring()
    {
        QFETCH(int, broughtByTheOther);
        QFETCH(bool, isBook);
        QFETCH(bool, isMissed);
        const int id = m_source->addStream("A"_sym, "ticker"_sym, "a", Numbers::None);
        net::FakeLink other;
        other.connection = 2;
        other.leader = false;
        if (isBook)
            m_source->addBook(id, OrderBook(), 0, at(1), at(1));
        QVERIFY(m_source->heard(*m_link, id, at(1), at(1)));
        QVERIFY(m_source->heard(*m_link, id, at(2), at(2)));
        QVERIFY(!m_source->heard(other, id, at(broughtByTheOther), at(3)));

        m_link->leader = false;
        other.leader = true;
        for (const int second : {8, 9})
            QVERIFY(m_source->heard(other, id, at(second), at(second)));
        m_source->flush();

        const auto gaps = testing::rows<Gap>(*m_emitted);
        QCOMPARE(gaps.size(), isMissed ? 1 : 0);
        if (isMissed) {
            QCOMPARE(gaps[0].ts_from, at(2));
            QCOMPARE(gaps[0].ts_to, at(8));
            QCOMPARE(gaps[0].cause, GapCause::Disconnect);
        }
    }

    void leavesOutAStreamThatWasRemoved()
    {
        const int id = m_source->addStream("A"_sym, "ticker"_sym, "a", Numbers::None);
        QVERIFY(m_source->heard(*m_link, id, at(1), at(1)));

        m_source->removeStream(id);

        QVERIFY(!m_source->heard(*m_link, id, at(2), at(2)));
    }

    // With a hole in it, which the exchange's history fills when it is back.
    void goesOnWithAStreamThatWasRemoved()
    {
        const int id = m_source->addStream("A"_sym, "trade"_sym, "t", Numbers::Trades);
        QList<std::pair<qint64, qint64>> asked;
        Answer waiting;
        m_source->history = [&](int, qint64 first, qint64 last, const Answer &answer) {
            asked.append({first, last});
            waiting = answer;
        };
        QSignalSpy reached(m_source.get(), &Source::positionReached);
        for (const int seen : {1, 5, 6})
            m_source->add(id, trade(seen, seen));
        m_source->flush();
        QCOMPARE(ids(), QList<qint64>{1});

        m_source->removeStream(id);
        QCOMPARE(ids(), (QList<qint64>{1, 5, 6}));
        QCOMPARE(testing::rows<Gap>(*m_emitted).size(), 1);
        const QByteArray position = testing::positions(reached).value("A trade");
        QVERIFY2(position.contains(" 2-4@"), position);

        asked.clear();
        const int again = m_source->addStream("A"_sym, "trade"_sym, "t", Numbers::Trades);
        m_source->add(again, trade(7, 7));
        m_source->flush();
        QCOMPARE(ids(), (QList<qint64>{1, 5, 6, 7}));
        QCOMPARE(asked, (QList<std::pair<qint64, qint64>>{{2, 4}}));
        waiting(net::HistoryPage<Trade>{{trade(2, 8), trade(3, 8), trade(4, 8)}, true});
        m_source->flush();
        QCOMPARE(ids(), (QList<qint64>{1, 5, 6, 7, 2, 3, 4}));
        const QList<Gap> gaps = testing::rows<Gap>(*m_emitted);
        QCOMPARE(gaps.size(), 2);
        QCOMPARE(gaps[1].state, GapState::Filled);
        QCOMPARE(gaps[1].ts_from, gaps[0].ts_from);
    }

    void letsGoOfWhatItHoldsWhenItStops()
    {
        const int id = m_source->addStream("A"_sym, "trade"_sym, "t", Numbers::Trades);
        Answer waiting;
        m_source->history = [&waiting](int, qint64, qint64, const Answer &answer) { waiting = answer; };
        m_source->add(id, trade(1, 1));
        m_source->add(id, trade(5, 5));
        m_source->flush();
        QCOMPARE(ids(), QList<qint64>{1});

        m_source->stop();

        QCOMPARE(ids(), (QList<qint64>{1, 5}));
        QCOMPARE(testing::rows<Gap>(*m_emitted).size(), 1);
    }

private:
    void create(const QHash<QByteArray, QByteArray> &positions)
    {
        m_emitted.reset();
        m_source = std::make_unique<net::BareSource>("x");
        m_source->setContext({.metrics = &m_source->metrics, .positions = positions});
        m_link = std::make_unique<net::FakeLink>();
        m_emitted = std::make_unique<QSignalSpy>(m_source.get(), &Source::emitted);
    }

    QList<qint64> ids() const
    {
        QList<qint64> all;
        for (const Trade &one : testing::rows<Trade>(*m_emitted))
            all.append(one.trade_id);
        return all;
    }

    std::unique_ptr<net::BareSource> m_source;
    std::unique_ptr<net::FakeLink> m_link;
    std::unique_ptr<QSignalSpy> m_emitted;
};

QTEST_GUILESS_MAIN(tst_FeedSource)

#include "tst_feed_source.moc"
