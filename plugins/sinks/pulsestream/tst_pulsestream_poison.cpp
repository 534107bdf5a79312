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

        offer({poisoned(1, 100, poisons), tickers(101, 1)});

        QTRY_COMPARE(m_partly->size(), 1);
        QTRY_COMPARE(m_delivered->size(), 1);
        QList<qint64> found;
        for (const RowFailure &failure : failedRows(0)) {
            QVERIFY(failure.isFinal);
            found.append(failure.row + 1);
        }
        QCOMPARE(found, poisons);
        QCOMPARE(service().stored.size(), 101 - poisons.size());
        QCOMPARE(service().repeated, 0);
        QVERIFY2(service().posts.size() <= mostPosts, qPrintable(QString::number(service().posts.size())));
        QVERIFY(m_failed->isEmpty());
    }

    // Two that lie together, with nothing stored between them, look like a service that is ill. What comes
    // with the next offer shows that it is not.
    void findsPoisonsThatLieTogether()
    {
        begin();
        BatchPtr batch = poisoned(1, 20, {1, 2, 3, 4});

        QSet<qint64> found;
        for (int offers = 0; offers < 10 && batch; ++offers) {
            m_partly->clear();
            m_failed->clear();
            offer({batch});
            QTRY_VERIFY(m_failed->size() + m_partly->size() > 0);
            QTRY_VERIFY(m_failed->size() == 1 || !m_partly->isEmpty());
            BatchBuilder<Ticker> rest;
            const auto rows = batch->rows<Ticker>();
            for (const RowFailure &failure : m_partly->isEmpty() ? QList<RowFailure>() : failedRows(0)) {
                if (failure.isFinal)
                    found.insert(rows[std::size_t(failure.row)].trade_id);
                else
                    rest.append(rows[std::size_t(failure.row)]);
            }
            if (!m_partly->isEmpty())
                batch = rest.isEmpty() ? BatchPtr() : rest.finish();
        }

        QVERIFY(!batch);
        QCOMPARE(found, (QSet<qint64>{1, 2, 3, 4}));
        QCOMPARE(service().stored.size(), 16);
    }

    // Poison and nothing else: there is no sign that the service is well, so nothing is given up.
    void needsAWitnessToGiveAnEventUp()
    {
        begin();
        const BatchPtr batch = testing::batch({poison(1)});
        for (int i = 1; i <= 5; ++i) {
            offer({batch});
            QTRY_COMPARE(m_failed->size(), i);
        }
        QVERIFY(m_partly->isEmpty());

        offer({batch, tickers(2, 1)});

        QTRY_COMPARE(m_partly->size(), 1);
        QVERIFY(failedRows(0).first().isFinal);
        QTRY_COMPARE(m_delivered->size(), 1);
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
