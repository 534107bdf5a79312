// SPDX-License-Identifier: Apache-2.0
#include "sbe_session.h"

#include <tidemill/net/testing.h>
#include <tidemill/testing.h>

using namespace tidemill;
using namespace tidemill::binance;

namespace {

const Timestamp received{1772442918000000000};

template<typename Integer>
void put(QByteArray &to, Integer value)
{
    to.append(reinterpret_cast<const char *>(&value), sizeof value); // all that we run on is little-endian
}

// As the exchange's schema packs trades of BTCUSDT.
QByteArray tradesFrame(const QList<qint64> &ids)
{
    QByteArray frame = QByteArray::fromHex("1200102701000000"
                                           "00a0c0eeb5400600"
                                           "389ec0eeb5400600"
                                           "f8f8"
                                           "1900");
    put(frame, quint32(ids.size()));
    for (const qint64 id : ids) {
        put(frame, id);
        put(frame, id * 100);
        put(frame, qint64(5));
        put(frame, quint8(1));
    }
    return frame + QByteArray::fromHex("0742544355534454");
}

QByteArray changesFrame(qint64 first, qint64 last)
{
    QByteArray frame = QByteArray::fromHex("1a00132701000000"
                                           "00a0c0eeb5400600");
    put(frame, first);
    put(frame, last);
    return frame + QByteArray::fromHex("f8f8"
                                       "10000000"
                                       "10000000"
                                       "0742544355534454");
}

net::HistoryPage<Trade> page(const QList<qint64> &ids)
{
    net::HistoryPage<Trade> result;
    for (const qint64 id : ids)
        result.records.push_back({.exchange = "binance"_sym,
                                  .symbol = "BTCUSDT"_sym,
                                  .ts_event = received,
                                  .ts_recv = received,
                                  .trade_id = id,
                                  .price = 1_dec,
                                  .quantity = 1_dec});
    return result;
}

} // namespace

// What of the frames goes out, and as what.
class tst_SbeSession : public QObject
{
    Q_OBJECT

    using Answer = net::Continuity<Trade>::Answer;

private slots:
    void init()
    {
        m_session.reset();
        m_emitted.reset();
        m_streams = std::make_unique<Streams>();
        m_source = std::make_unique<net::BareSource>("binance");
        m_source->history = [this](int, qint64, qint64, const Answer &answer) { m_answer = answer; };
        add("trade", net::FeedSource::Numbers::Trades);
        add("depth", net::FeedSource::Numbers::Own);
        m_session = std::make_unique<SbeSession>(m_link, *m_source, *m_streams);
        m_emitted = std::make_unique<QSignalSpy>(m_source.get(), &Source::emitted);
    }

    void passesAFrameOnOnce()
    {
        receive(tradesFrame({10, 11, 12}));
        receive(tradesFrame({10, 11, 12}));

        QCOMPARE(frames(), 1);
        QCOMPARE(ids(), QList<qint64>());
    }

    // History gave what the frame begins with: the rest of it goes out, but not in the frame.
    void sendsOnlyWhatHistoryHasNotGiven()
    {
        receive(tradesFrame({9}));
        m_source->interrupt({0});
        m_source->expectTrade(0, 12);
        QVERIFY(m_answer);
        std::exchange(m_answer, {})(page({10, 11}));
        m_source->flush();
        QCOMPARE(ids(), (QList<qint64>{10, 11}));

        receive(tradesFrame({10, 11, 12}));
        receive(tradesFrame({13, 14}));

        QCOMPARE(ids(), (QList<qint64>{10, 11, 12}));
        QCOMPARE(testing::rows<Trade>(*m_emitted).last().price, (Decimal{1200, -8}));
        QCOMPARE(frames(), 2);
    }

    // The exchange does not answer: nothing that came is forgotten, and no more is kept of it than the hole.
    void knowsWhatWentOutBeyondAHoleThatStaysOpen()
    {
        constexpr qint64 count = 50'000; // more than wait for history
        receive(tradesFrame({1}));
        for (qint64 id = 10; id < 10 + count; id += 2)
            receive(tradesFrame({id, id + 1}));
        QCOMPARE(frames(), 1 + count / 2);
        const QList<Gap> gaps = testing::rows<Gap>(*m_emitted);
        QCOMPARE(gaps.size(), 1);
        QCOMPARE(gaps[0].first_missing, 2);
        QCOMPARE(gaps[0].last_missing, 9);
        QCOMPARE(gaps[0].state, GapState::Open);

        for (qint64 id = 10; id < 10 + count; id += 1000)
            receive(tradesFrame({id, id + 1})); // of another connection
        QCOMPARE(frames(), 1 + count / 2);
        QVERIFY(m_answer);
        std::exchange(m_answer, {})(page({2, 3, 4, 5, 6, 7, 8, 9}));
        m_source->flush();

        QCOMPARE(ids(), (QList<qint64>{2, 3, 4, 5, 6, 7, 8, 9}));
        QCOMPARE(testing::rows<Gap>(*m_emitted).last().state, GapState::Filled);
    }

    void tellsTwoHolesOfOneReadApart()
    {
        receive(changesFrame(1, 2));
        const QByteArray second = changesFrame(5, 6);
        const QByteArray third = changesFrame(9, 10);
        receive({second, third});

        const QList<Gap> gaps = testing::rows<Gap>(*m_emitted);
        QCOMPARE(gaps.size(), 2);
        QCOMPARE(gaps[0].first_missing, 3);
        QCOMPARE(gaps[1].first_missing, 7);
        QCOMPARE(gaps[0].ts_from, received);
        QVERIFY(gaps[0].ts_from < gaps[1].ts_from);
        QCOMPARE(m_source->metrics["tidemill_gap_records_total binance BTCUSDT depth open"], 2);
    }

private:
    void add(const char *suffix, net::FeedSource::Numbers numbers)
    {
        const auto spec = parseStreamSuffix(QString::fromLatin1(suffix), Format::Sbe);
        TIDEMILL_VERIFY(spec);
        StreamState &state = m_streams->add(QStringLiteral("BTCUSDT"), *spec);
        state.id = m_source->addStream(state.symbol, state.stream, state.name, numbers);
    }

    void receive(const QByteArray &payload) { receive(QByteArrayList{payload}); }
    void receive(const QByteArrayList &payloads)
    {
        std::vector<net::Frame> all;
        for (const QByteArray &payload : payloads)
            all.push_back({.payload = payload, .text = false});
        m_session->receive(net::Frames(all, received));
    }

    qint64 frames() const { return testing::rows<Frame>(*m_emitted).size(); }

    QList<qint64> ids() const
    {
        QList<qint64> all;
        for (const Trade &one : testing::rows<Trade>(*m_emitted))
            all.append(one.trade_id);
        return all;
    }

    net::FakeLink m_link;
    Answer m_answer;
    std::unique_ptr<Streams> m_streams;
    std::unique_ptr<net::BareSource> m_source;
    std::unique_ptr<SbeSession> m_session;
    std::unique_ptr<QSignalSpy> m_emitted;
};

QTEST_GUILESS_MAIN(tst_SbeSession)

#include "tst_sbe_session.moc"
