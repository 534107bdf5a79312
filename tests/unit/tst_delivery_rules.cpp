// SPDX-License-Identifier: Apache-2.0
#include "delivery_test.h"

#include <QElapsedTimer>

using namespace tidemill;
using namespace tidemill::testing;
using namespace std::chrono_literals;

// The rules by which a sink is offered its records: lingering, the breaker, giving up.
class tst_DeliveryRules : public DeliveryTest
{
    Q_OBJECT

private slots:
    void cleanup() { end(); }

    // --- lingering

    void lingersUntilAGroupIsFull_data()
    {
        QTest::addColumn<qint64>("rows");
        QTest::addColumn<qint64>("bytesOfRecords");

        QTest::newRow("rows") << qint64(4) << qint64(1000);
        QTest::newRow("bytes") << qint64(1000) << qint64(4);
    }

    void lingersUntilAGroupIsFull()
    {
        QFETCH(qint64, rows);
        QFETCH(qint64, bytesOfRecords);
        const auto recordBytes = qint64(testing::batch({Trade{}})->byteSize());
        host::NodeSettings settings = quickRetry();
        settings.batchRows = rows;
        settings.batchBytes.bytes = bytesOfRecords * recordBytes;
        settings.batchLinger = 1h;
        begin(settings);

        m_source->send({1});
        QCoreApplication::processEvents();
        m_source->send({2});
        m_source->send({3});
        QCoreApplication::processEvents();
        QVERIFY(m_sink->offered.isEmpty());
        QCOMPARE(m_graph->status("sink").recordsQueued.load(), quint64(3));

        m_source->send({4});
        QTRY_COMPARE(m_sink->stored, (QList<qint64>{1, 2, 3, 4}));
        QCOMPARE(m_sink->flushes, 1);
    }

    void lingersForSomeTime()
    {
        host::NodeSettings settings = quickRetry();
        settings.batchLinger = 60ms;
        begin(settings);
        QElapsedTimer time;
        time.start();
        m_source->send({1});
        QCoreApplication::processEvents();
        m_source->send({2});

        QTRY_COMPARE(m_sink->stored, (QList<qint64>{1, 2}));
        QVERIFY2(time.elapsed() >= 60, qPrintable(QString::number(time.elapsed())));
        QCOMPARE(m_sink->flushes, 1);
    }

    void doesNotLingerWhenTheHostStops()
    {
        host::NodeSettings settings = quickRetry();
        settings.batchLinger = 1h;
        begin(settings);
        m_source->send({1});
        QCoreApplication::processEvents();
        QVERIFY(m_sink->offered.isEmpty());

        QCoreApplication::postEvent(m_graph->runner("sink"), new QEvent(host::NodeRunner::hurryEvent()));
        QTRY_COMPARE(m_sink->stored, (QList<qint64>{1}));
        m_source->send({2}); // what was under way comes later
        QTRY_COMPARE(m_sink->stored, (QList<qint64>{1, 2}));
    }

    void groupsEndAtTheirBytes()
    {
        host::NodeSettings settings = quickRetry();
        settings.batchBytes.bytes = 2 * qint64(testing::batch({Trade{}})->byteSize());
        begin(settings);
        for (qint64 id = 1; id <= 4; ++id)
            m_source->send({id});
        QTRY_COMPARE(m_sink->stored, (QList<qint64>{1, 2, 3, 4}));
        QCOMPARE(m_sink->flushes, 2);
    }

    // --- the breaker

    void breakerOpensTriesOneBatchAndCloses()
    {
        host::NodeSettings settings = quickRetry();
        settings.breakerFailures = 3;
        settings.breakerPause = 80ms;
        begin(settings);
        m_sink->failures = 4; // the fourth is the first try
        QElapsedTimer time;
        for (qint64 id = 1; id <= 3; ++id)
            m_source->send({id});

        QTRY_COMPARE(delivery().breaker, host::BreakerState::Open);
        time.start();
        const qsizetype before = m_sink->offered.size();
        QCOMPARE(before, 9); // three batches, three times
        const QJsonObject breaker = component()[QStringLiteral("breaker")].toObject();
        QCOMPARE(breaker[QStringLiteral("state")].toString(), QStringLiteral("open"));
        QCOMPARE(breaker[QStringLiteral("consecutive_failures")].toInt(), 3);
        QVERIFY(!breaker[QStringLiteral("since")].isNull());
        QVERIFY(!breaker[QStringLiteral("next_try")].isNull());
        QVERIFY(
            m_graph->metrics.print().contains("tidemill_breaker_state{node=\"sink\",pipeline=\"test\"} 2") ||
            m_graph->metrics.print().contains("tidemill_breaker_state{pipeline=\"test\",node=\"sink\"} 2"));
        QCOMPARE(total("tidemill_breaker_openings_total"), quint64(1));

        QTRY_COMPARE(total("tidemill_breaker_openings_total"), quint64(2));
        QVERIFY2(time.elapsed() >= 75, qPrintable(QString::number(time.elapsed())));
        QCOMPARE(m_sink->offered.mid(before), (QList<QList<qint64>>{{1}})); // one batch, and it failed

        QTRY_COMPARE(m_sink->stored, (QList<qint64>{1, 2, 3}));
        QCOMPARE(m_sink->offered.mid(before + 1), (QList<QList<qint64>>{{1}, {2}, {3}}));
        QCOMPARE(delivery().breaker, host::BreakerState::Closed);
        QCOMPARE(delivery().failures, 0);
        QCOMPARE(m_graph->status("sink").state(), host::NodeState::Running);
        QVERIFY(component()[QStringLiteral("breaker")].toObject()[QStringLiteral("next_try")].isNull());
        QCOMPARE(m_graph->status("source").unsettled.load(), quint64(0));
    }

    void halfOpenWaitsForTheAnswerOfItsOneBatch()
    {
        host::NodeSettings settings = quickRetry();
        settings.breakerFailures = 1;
        settings.breakerPause = 20ms;
        begin(settings);
        m_sink->failures = 1;
        m_source->send({1});
        m_source->send({2});
        QTRY_COMPARE(m_sink->failures.load(), 0);
        m_sink->mute = true;

        QTRY_COMPARE(m_sink->unanswered.size(), 1);
        m_source->send({3}); // wakes it, and nothing is offered
        QCoreApplication::processEvents();
        QCOMPARE(m_sink->unanswered.size(), 1);
        QCOMPARE(delivery().breaker, host::BreakerState::HalfOpen);

        m_sink->mute = false;
        m_sink->store(m_sink->unanswered.takeFirst());
        QTRY_COMPARE(m_sink->stored, (QList<qint64>{1, 2, 3}));
    }

    void aRejectionLeavesTheQuestionOpen()
    {
        host::NodeSettings settings = quickRetry();
        settings.breakerFailures = 1;
        settings.breakerPause = 20ms;
        begin(settings);
        m_sink->failures = 1;
        m_source->send({1});
        m_source->send({2});
        QTRY_COMPARE(m_sink->failures.load(), 0);
        m_sink->rejectNext = true;

        QTRY_COMPARE(m_sink->stored, (QList<qint64>{2}));
        QCOMPARE(delivery().breaker, host::BreakerState::Closed);
        QCOMPARE(m_graph->status("sink").recordsDropped.load(), quint64(1));
        QCOMPARE(m_graph->status("sink").state(), host::NodeState::Running);
    }

    // --- giving up

    void givesUpWhatHasFailedForTooLong()
    {
        host::NodeSettings settings = quickRetry();
        settings.retryGiveUp = 40ms;
        begin(settings);
        m_sink->failures = 1000000;
        m_source->send({1, 2});

        QTRY_COMPARE(total("tidemill_dropped_total", {{"reason", "given_up"}}), quint64(2));
        QVERIFY(m_sink->offered.size() > 1); // not at the first failure
        QCOMPARE(m_graph->status("source").unsettled.load(), quint64(0));
        m_sink->failures = 0;
        m_source->send({3});
        QTRY_COMPARE(m_sink->stored, (QList<qint64>{3}));
    }

    // Each time one of the batch is stored the rest of it begins anew.
    void keepsWhatGetsOnSlowly()
    {
        host::NodeSettings settings = quickRetry();
        settings.retryInitial = settings.retryMax = 20ms;
        settings.retryGiveUp = 80ms;
        settings.retryJitter = Jitter::None;
        begin(settings);
        m_sink->answer = [this](const BatchPtr &batch) {
            QList<RowFailure> rows;
            for (qsizetype row = 1; row < batch->rowCount(); ++row)
                rows.append(again(row));
            if (rows.isEmpty())
                m_sink->store(batch);
            else
                m_sink->storePart(batch, rows);
        };
        m_source->send({1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}); // 220 ms

        QTRY_COMPARE(m_sink->stored.size(), 12);
        QCOMPARE(total("tidemill_dropped_total"), quint64(0));
        QCOMPARE(total("tidemill_failures_total"), quint64(11));
    }

    void isWellAgainWhenEverythingIsGivenUp()
    {
        host::NodeSettings settings = quickRetry();
        settings.retryGiveUp = 30ms;
        settings.breakerFailures = 3;
        settings.breakerPause = 20ms;
        begin(settings);
        m_sink->failures = 1000000;
        m_source->send({1});

        QTRY_COMPARE(total("tidemill_dropped_total", {{"reason", "given_up"}}), quint64(1));
        QTRY_COMPARE(m_graph->status("sink").state(), host::NodeState::Running);
        QVERIFY(delivery().failures > 0); // and it still has to prove itself
        QCOMPARE(delivery().breaker, host::BreakerState::HalfOpen);

        m_source->send({2}); // it has not
        QTRY_COMPARE(m_graph->status("sink").state(), host::NodeState::Degraded);
        m_sink->failures = 0;
        m_source->send({3});
        QTRY_VERIFY(m_sink->stored.contains(3));
        QTRY_COMPARE(m_graph->status("sink").state(), host::NodeState::Running);
        QCOMPARE(delivery().breaker, host::BreakerState::Closed);
    }

    void givesUpARowThatOthersOutlive()
    {
        host::NodeSettings settings = quickRetry();
        settings.retryGiveUp = 60ms;
        begin(settings);
        m_sink->answer = [this](const BatchPtr &batch) {
            const qsizetype bad = ScriptedSink::idsOf(batch).indexOf(2);
            if (bad < 0)
                m_sink->store(batch);
            else
                m_sink->storePart(batch, {again(bad)});
        };
        m_source->send({1, 2, 3});
        qint64 id = 3;
        while (total("tidemill_dropped_total", {{"reason", "given_up"}}) == 0 && id < 1000000) {
            m_source->send({++id}); // the sink stores all of these
            QCoreApplication::processEvents(QEventLoop::WaitForMoreEvents);
        }
        QTRY_COMPARE(qint64(m_sink->stored.size()), id - 1);
        QCOMPARE(total("tidemill_dropped_total", {{"reason", "given_up"}}), quint64(1));
        QTRY_COMPARE(m_graph->status("sink").state(), host::NodeState::Running);
        QCOMPARE(m_graph->status("source").unsettled.load(), quint64(0));
    }
};

QTEST_GUILESS_MAIN(tst_DeliveryRules)

#include "tst_delivery_rules.moc"
