// SPDX-License-Identifier: Apache-2.0
#include "pulsestream_test.h"

using namespace tidemill;
using namespace tidemill::pulsestream;

namespace {

// An event that the service cannot store, and that costs all others in its request.
Ticker poison(qint64 tradeId)
{
    Ticker ticker = exampleTicker(tradeId);
    ticker.symbol = Symbol(QByteArrayView("BTC\0USD", 7));
    return ticker;
}

// Tickers first..first+count-1, of which those named are poison.
BatchPtr poisoned(qint64 first, int count, const QList<qint64> &poisons)
{
    BatchBuilder<Ticker> builder;
    for (qint64 id = first; id < first + count; ++id)
        builder.append(poisons.contains(id) ? poison(id) : exampleTicker(id));
    return builder.finish();
}

const QByteArray sick = R"({"error":"HTTP_ERROR","message":"no","status_code":500})";

} // namespace

// A request that fails as a whole: because of one of its events, or of the service.
class tst_PulseStreamPoison : public PulseStreamTest
{
    Q_OBJECT

    // As the host does: what is not stored is offered again, until nothing is left. The ids that are refused.
    QList<qint64> offerUntilDone(QList<BatchPtr> batches, int mostOffers)
    {
        QList<qint64> refused;
        for (int offers = 0; offers < mostOffers && !batches.isEmpty(); ++offers) {
            for (QSignalSpy *spy : {m_partly.get(), m_delivered.get(), m_failed.get()})
                spy->clear();
            offer(batches);
            const auto isOver = [&] {
                return !m_failed->isEmpty() || m_partly->size() + m_delivered->size() == batches.size();
            };
            if (!QTest::qWaitFor(isOver))
                return {-1};
            for (const QList<QVariant> &said : *m_delivered)
                batches.removeOne(said.first().value<BatchPtr>());
            for (int i = 0; i < m_partly->size(); ++i) {
                const auto batch = m_partly->at(i).first().value<BatchPtr>();
                const auto rows = batch->rows<Ticker>();
                BatchBuilder<Ticker> rest;
                for (const RowFailure &failure : failedRows(i)) {
                    if (failure.isFinal)
                        refused.append(rows[std::size_t(failure.row)].trade_id);
                    else
                        rest.append(rows[std::size_t(failure.row)]);
                }
                batches.removeOne(batch);
                if (!rest.isEmpty())
                    batches.prepend(rest.finish());
            }
        }
        std::sort(refused.begin(), refused.end());
        return batches.isEmpty() ? refused : QList<qint64>{-1};
    }

private slots:
    void findsThePoison_data()
    {
        QTest::addColumn<QList<qint64>>("poisons");
        QTest::addColumn<int>("mostPosts");

        QTest::newRow("the first") << QList<qint64>{1} << 20;
        QTest::newRow("one in the middle") << QList<qint64>{38} << 20;
        QTest::newRow("the last") << QList<qint64>{100} << 20;
        QTest::newRow("two far apart") << QList<qint64>{10, 90} << 40;
    }

    void findsThePoison()
    {
        QFETCH(QList<qint64>, poisons);
        QFETCH(int, mostPosts);
        begin();

        const QList<qint64> found = offerUntilDone({poisoned(1, 100, poisons), tickers(101, 1)}, 4);

        QCOMPARE(found, poisons);
        QCOMPARE(service().stored.size(), 101 - poisons.size());
        QCOMPARE(service().repeated, 0);
        QVERIFY2(service().posts.size() <= mostPosts, qPrintable(QString::number(service().posts.size())));
    }

    // Waiting is the host's: an offer ends with each event posted alone once at most.
    void postsNothingTwiceInOneOffer()
    {
        begin();
        offer({poisoned(1, 16, {7}), tickers(17, 1)});

        QTRY_COMPARE(m_partly->size(), 1);
        QTRY_COMPARE(m_delivered->size(), 1);
        QCOMPARE(failedRows(0).size(), 1);
        QCOMPARE(failedRows(0).first().row, 6);
        QVERIFY(!failedRows(0).first().isFinal);
        QCOMPARE(service().posts.size(), 9); // 17, its halves, ... and what is left of each
        int alone = 0;
        for (const Service::Post &post : service().posts)
            alone += post.events == 1 && post.body.contains("USD-7\"") ? 1 : 0;
        QCOMPARE(alone, 1);
        QVERIFY(m_failed->isEmpty());
    }

    // Two that lie together, with nothing stored between them, look like a service that is ill. What comes
    // with the next offer shows that it is not.
    void findsPoisonsThatLieTogether()
    {
        begin();

        const QList<qint64> found = offerUntilDone({poisoned(1, 20, {1, 2, 3, 4})}, 12);

        QCOMPARE(found, (QList<qint64>{1, 2, 3, 4}));
        QCOMPARE(service().stored.size(), 16);
    }

    // Poison and nothing else: there is no sign that the service is well, so nothing is given up.
    void needsAWitnessToGiveAnEventUp()
    {
        begin();
        const BatchPtr batch = testing::batch({poison(1)});
        for (int i = 1; i <= 6; ++i) {
            offer({batch});
            QTRY_COMPARE(m_failed->size() + m_partly->size(), i);
        }
        for (int i = 0; i < m_partly->size(); ++i)
            QVERIFY(!failedRows(i).first().isFinal);
        QCOMPARE(service().posts.size(), 6);

        QCOMPARE(offerUntilDone({batch, tickers(2, 1)}, 3), QList<qint64>{1});
        QCOMPARE(service().storedIds(), idsOf(2, 1));
    }

    void aServiceThatIsIllCostsNoEvent()
    {
        begin();
        for (int i = 0; i < 200; ++i)
            service().script.push_back({.status = 500, .body = sick});

        offer({tickers(1, 100)});

        QTRY_COMPARE(m_failed->size(), 1);
        QVERIFY(m_partly->isEmpty());
        const qsizetype posts = service().posts.size();
        QVERIFY2(posts <= 12, qPrintable(QString::number(posts)));

        service().script.clear();
        offer({tickers(1, 100)});
        QTRY_COMPARE(m_delivered->size(), 1);
        QCOMPARE(service().stored.size(), 100);
    }
};

QTEST_GUILESS_MAIN(tst_PulseStreamPoison)

#include "tst_pulsestream_poison.moc"
