// SPDX-License-Identifier: Apache-2.0
#include "host/health.h"
#include "runtime_nodes.h"

#include <QElapsedTimer>
#include <QTemporaryDir>

using namespace tidemill;
using namespace tidemill::testing;
using namespace std::chrono_literals;

namespace {

host::NodeSettings quickRetry()
{
    host::NodeSettings settings;
    settings.retryInitial = settings.retryMax = 10ms;
    settings.breakerFailures = 0;
    return settings;
}

Error away()
{
    return {Error::Kind::Network, QStringLiteral("the store is away")};
}

RowFailure again(qsizetype row)
{
    return {row, {Error::Kind::Storage, QStringLiteral("not now")}, false};
}

RowFailure never(qsizetype row)
{
    return {row, {Error::Kind::Storage, QStringLiteral("not storable")}, true};
}

} // namespace

// The rules by which a sink is offered its records: lingering, giving up, the breaker, answers in parts.
class tst_DeliveryRules : public QObject
{
    Q_OBJECT

    void begin(const host::NodeSettings &settings)
    {
        m_graph = std::make_unique<RuntimeGraph>();
        m_source = m_graph->add<host::SourceRunner, ScriptedSource>("source");
        m_sink = m_graph->add<host::SinkRunner, ScriptedSink>("sink", QStringLiteral("main"), settings);
        m_graph->connectQueued("source", "sink");
        m_graph->start();
    }

    QJsonObject component() const
    {
        const auto answer =
            host::componentHealth(m_graph->statuses, QStringLiteral("sink"), Timestamp::now());
        return answer ? answer->body : QJsonObject();
    }
    host::DeliveryState delivery() const { return m_graph->status("sink").snapshot().delivery; }
    quint64 total(const char *name, const Labels &having = {}) const
    {
        return m_graph->metrics.counterTotal(name, having);
    }

private slots:
    void cleanup()
    {
        if (m_graph)
            QCOMPARE(m_graph->imbalance(), QString()); // whatever has happened
        m_graph.reset();
    }

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

private:
    std::unique_ptr<RuntimeGraph> m_graph;
    ScriptedSource *m_source = nullptr;
    ScriptedSink *m_sink = nullptr;
};

QTEST_GUILESS_MAIN(tst_DeliveryRules)

#include "tst_delivery_rules.moc"
