// SPDX-License-Identifier: Apache-2.0
#include "delivery_test.h"

#include <QElapsedTimer>

using namespace tidemill;
using namespace tidemill::testing;
using namespace std::chrono_literals;

// What follows what a sink answers: being told to wait, answers in parts, nonsense.
class tst_DeliveryAnswers : public DeliveryTest
{
    Q_OBJECT

private slots:
    void cleanup() { end(); }

    // --- being told to wait

    void waitsAsLongAsThePeerSays()
    {
        begin(quickRetry());
        QElapsedTimer time;
        int times = 0;
        m_sink->answer = [&](const BatchPtr &batch) {
            if (++times > 1)
                return m_sink->store(batch);
            time.start();
            emit m_sink->delayed({Error::Kind::Network, QStringLiteral("too many requests")}, 90ms);
        };
        m_source->send({1});

        QTRY_COMPARE(times, 1);
        const auto snapshot = m_graph->status("sink").snapshot();
        QCOMPARE(snapshot.state, host::NodeState::Degraded);
        QCOMPARE(snapshot.error, QStringLiteral("too many requests"));
        QCOMPARE(snapshot.delivery.failures, 0); // neither the breaker
        QCOMPARE(total("tidemill_failures_total"), quint64(0));
        QVERIFY(!component()[QStringLiteral("waiting_until")].isNull());

        QTRY_COMPARE(m_sink->stored, (QList<qint64>{1}));
        QVERIFY2(time.elapsed() >= 90, qPrintable(QString::number(time.elapsed())));
        QCOMPARE(m_graph->status("sink").state(), host::NodeState::Running);
        QVERIFY(component()[QStringLiteral("waiting_until")].isNull());
        QCOMPARE(m_graph->status("source").unsettled.load(), quint64(0));
    }

    // A peer with a limit takes a part of a batch and says when it wants the rest. Nothing of that is
    // failing.
    void rowsThatWaitHaveNotFailed_data()
    {
        QTest::addColumn<int>("atATime"); // 0: every other time none, as others use up the limit, too

        QTest::newRow("one at a time") << 1;
        QTest::newRow("two at a time") << 2;
        QTest::newRow("sometimes none") << 0;
    }

    void rowsThatWaitHaveNotFailed()
    {
        QFETCH(int, atATime);
        host::NodeSettings settings = quickRetry();
        settings.retryGiveUp = 30ms;
        settings.breakerFailures = 1;
        begin(settings);
        int times = 0;
        bool isFull = false;
        m_sink->answer = [&](const BatchPtr &batch) {
            if (isFull)
                return;
            ++times;
            const int taken = atATime > 0 ? atATime : times % 2;
            QList<RowFailure> rows;
            for (qsizetype row = taken; row < batch->rowCount(); ++row)
                rows.append(again(row));
            if (rows.isEmpty())
                return m_sink->store(batch);
            isFull = true; // until the turn is over, for what is behind it
            m_sink->storePart(batch, rows);
            emit m_sink->delayed({Error::Kind::Network, QStringLiteral("not more for now")}, 15ms);
            QMetaObject::invokeMethod(
                m_sink, [&] { isFull = false; }, Qt::QueuedConnection);
        };
        QList<qint64> ids;
        for (qint64 id = 1; id <= 10; ++id)
            ids.append(id);
        m_source->send(ids);
        m_source->send({11, 12});
        ids << 11 << 12;

        QTRY_COMPARE(m_sink->stored, ids); // in order, and none given up
        QCOMPARE(total("tidemill_dropped_total"), quint64(0));
        QCOMPARE(total("tidemill_failures_total"), quint64(0));
        QCOMPARE(total("tidemill_breaker_openings_total"), quint64(0));
        QTRY_COMPARE(m_graph->status("sink").state(), host::NodeState::Running);
        QCOMPARE(m_graph->status("source").unsettled.load(), quint64(0));
    }

    // What failed once, and then waits behind a limit for longer than give_up, has not failed for so long.
    void theTimeThatAPeerAsksForIsNotTimeOfFailing()
    {
        host::NodeSettings settings = quickRetry();
        settings.retryGiveUp = 60ms;
        begin(settings);
        int times = 0;
        m_sink->answer = [&](const BatchPtr &batch) {
            switch (++times) {
            case 1:
            case 3:
                return m_sink->storePart(batch, {again(0)});
            case 2:
                emit m_sink->delayed({Error::Kind::Network, QStringLiteral("not now")}, 100ms);
                return;
            default:
                m_sink->store(batch);
            }
        };
        m_source->send({1});

        QTRY_COMPARE(m_sink->stored, (QList<qint64>{1}));
        QCOMPARE(times, 4);
        QCOMPARE(total("tidemill_failures_total"), quint64(2));
    }

    // --- answers in parts

    void offersTheRestAgainFirst()
    {
        begin(quickRetry());
        m_sink->answer = [this](const BatchPtr &batch) {
            if (batch->rowCount() == 5)
                m_sink->storePart(batch, {never(1), again(2), again(4)});
            else
                m_sink->store(batch);
        };
        m_source->send({1, 2, 3, 4, 5});
        m_source->send({6});
        QTRY_COMPARE(m_sink->stored, (QList<qint64>{1, 4, 6}));
        QCOMPARE(m_graph->status("source").unsettled.load(), quint64(1)); // two rows are not dealt with
        QCOMPARE(m_graph->status("sink").recordsQueued.load(), quint64(2));
        QCOMPARE(m_graph->status("sink").snapshot().error, QStringLiteral("not now"));
        QCOMPARE(m_graph->imbalance(), QString());
        m_source->send({7});

        QTRY_COMPARE(m_sink->stored, (QList<qint64>{1, 4, 6, 3, 5, 7}));
        QCOMPARE(m_sink->offered, (QList<QList<qint64>>{{1, 2, 3, 4, 5}, {6}, {3, 5}, {7}}));
        QCOMPARE(m_graph->status("source").unsettled.load(), quint64(0));
        QCOMPARE(total("tidemill_dropped_total", {{"reason", "rejected"}}), quint64(1));
        QCOMPARE(m_graph->status("sink").state(), host::NodeState::Running);
    }

    void aPartLeavesOthersInTheSinksHands()
    {
        begin(quickRetry());
        m_sink->mute = true;
        m_source->send({1, 2});
        m_source->send({3});
        QTRY_COMPARE(m_sink->unanswered.size(), 2);
        QList<BatchPtr> batches = std::exchange(m_sink->unanswered, {});
        m_sink->storePart(batches[0], {again(0)});

        QTRY_COMPARE(m_sink->unanswered.size(), 1); // the rest, and not the other one again
        QCOMPARE(ScriptedSink::idsOf(m_sink->unanswered.first()), (QList<qint64>{1}));
        m_sink->store(batches[1]);
        emit m_sink->failed(away()); // for the rest alone
        m_sink->mute = false;
        m_sink->unanswered.clear();
        batches.clear();
        QTRY_COMPARE(m_sink->stored, (QList<qint64>{2, 3, 1}));
        QCOMPARE(m_graph->status("source").unsettled.load(), quint64(0));
    }

    void nothingStoredAtAllIsAFailure()
    {
        host::NodeSettings settings = quickRetry();
        settings.breakerFailures = 1;
        settings.breakerPause = 30ms;
        begin(settings);
        int times = 0;
        m_sink->answer = [&](const BatchPtr &batch) {
            if (++times == 1)
                m_sink->storePart(batch, {again(0), again(1)});
            else
                m_sink->store(batch);
        };
        m_source->send({1, 2});
        QTRY_COMPARE(total("tidemill_breaker_openings_total"), quint64(1));
        QTRY_COMPARE(m_sink->stored, (QList<qint64>{1, 2}));
        QCOMPARE(total("tidemill_failures_total"), quint64(1));
    }

    void aPartAndThenAFailureAreOne()
    {
        host::NodeSettings settings = quickRetry();
        settings.retryGiveUp = 1h;
        begin(settings);
        int times = 0;
        m_sink->answer = [&](const BatchPtr &batch) {
            if (++times > 1)
                return m_sink->store(batch);
            m_sink->storePart(batch, {again(1)});
            emit m_sink->failed(away());
        };
        m_source->send({1, 2});
        QTRY_COMPARE(m_sink->stored, (QList<qint64>{1, 2}));
        QCOMPARE(total("tidemill_failures_total"), quint64(1));
        QCOMPARE(delivery().failures, 0);
        QTRY_COMPARE(m_graph->status("sink").state(), host::NodeState::Running);
    }

    void believesNoNonsense_data()
    {
        QTest::addColumn<QList<qint64>>("rows");
        QTest::addColumn<QString>("complaint");

        QTest::newRow("none") << QList<qint64>{} << "named no rows";
        QTest::newRow("beyond") << QList<qint64>{0, 3} << "named row 3 where one from 1 to 2";
        QTest::newRow("negative") << QList<qint64>{-1} << "named row -1";
        QTest::newRow("twice") << QList<qint64>{1, 1} << "named row 1 where one from 2 to 2";
        QTest::newRow("unsorted") << QList<qint64>{2, 0} << "named row 0";
    }

    void believesNoNonsense()
    {
        QFETCH(QList<qint64>, rows);
        QFETCH(QString, complaint);
        begin(quickRetry());
        int times = 0;
        m_sink->answer = [&](const BatchPtr &batch) {
            if (++times > 1)
                return m_sink->store(batch);
            QList<RowFailure> failures;
            for (const qint64 row : rows)
                failures.append(never(row));
            emit m_sink->partlyDelivered(batch, failures);
        };
        QTest::ignoreMessage(QtCriticalMsg, QRegularExpression(complaint));
        m_source->send({1, 2, 3});
        QTRY_COMPARE(m_sink->stored, (QList<qint64>{1, 2, 3})); // all of it again
        QCOMPARE(m_graph->status("sink").recordsDropped.load(), quint64(0));
        QCOMPARE(total("tidemill_failures_total"), quint64(1));
    }

    void anAnswerForAnUnknownBatchFailsWhatTheSinkHas()
    {
        begin(quickRetry());
        m_sink->mute = true;
        m_source->send({1});
        QTRY_COMPARE(m_sink->unanswered.size(), 1);
        m_sink->mute = false;
        QTest::ignoreMessage(QtCriticalMsg,
                             QRegularExpression(QStringLiteral("a batch that it does not have")));
        emit m_sink->partlyDelivered(testing::batch({Trade{.trade_id = 9}}), {never(0)});
        QTRY_COMPARE(m_sink->stored, (QList<qint64>{1}));
        QCOMPARE(m_graph->status("sink").recordsDropped.load(), quint64(0));
    }

    void oldAnswersAreIgnored()
    {
        begin(quickRetry());
        m_sink->mute = true;
        m_source->send({1});
        QTRY_COMPARE(m_sink->unanswered.size(), 1);
        const BatchPtr batch = m_sink->unanswered.takeFirst();
        emit m_sink->failed(away());
        QTest::ignoreMessage(QtCriticalMsg, QRegularExpression(QStringLiteral("was not offered")));
        emit m_sink->delivered(batch); // too late
        QCOMPARE(m_graph->status("sink").recordsOut.load(), quint64(0));
        m_sink->mute = false;
        QTRY_COMPARE(m_sink->stored, (QList<qint64>{1}));
        QCOMPARE(m_graph->status("sink").recordsOut.load(), quint64(1));
    }

    void abandonsTheRestOfABatch()
    {
        begin(quickRetry());
        m_sink->answer = [this](const BatchPtr &batch) { m_sink->storePart(batch, {again(0)}); };
        m_source->send({1, 2});
        QTRY_COMPARE(m_sink->stored, (QList<qint64>{2}));
        m_graph->runner("source")->stop();
        m_graph->runner("sink")->abandon();
        QCOMPARE(total("tidemill_dropped_total", {{"reason", "shutdown"}}), quint64(1));
        QCOMPARE(m_graph->status("source").unsettled.load(), quint64(0));
    }
};

QTEST_GUILESS_MAIN(tst_DeliveryAnswers)

#include "tst_delivery_answers.moc"
