// SPDX-License-Identifier: Apache-2.0
#include "runtime_nodes.h"

#include <QSemaphore>

using namespace tidemill;
using namespace tidemill::testing;

namespace {

host::NodeSettings quickRetry()
{
    host::NodeSettings settings;
    settings.retryInitial = std::chrono::milliseconds(10);
    settings.retryMax = std::chrono::milliseconds(20);
    return settings;
}

} // namespace

// What SinkRunner promises: nothing is let go of before the sink has confirmed it, and everything adds up.
class tst_Delivery : public QObject
{
    Q_OBJECT

private slots:
    void init()
    {
        m_graph = std::make_unique<RuntimeGraph>();
        m_source = m_graph->add<host::SourceRunner, ScriptedSource>("source");
        m_sink = m_graph->add<host::SinkRunner, ScriptedSink>("sink", QStringLiteral("main"), quickRetry());
        m_graph->connectQueued("source", "sink");
        m_graph->start();
    }

    void cleanup() { m_graph.reset(); }

    void deliversInOrder()
    {
        m_source->send({1, 2});
        m_source->send({3});

        QTRY_COMPARE(m_sink->stored, (QList<qint64>{1, 2, 3}));
        QCOMPARE(m_sink->flushes, 1); // what had arrived together is one group
        QCOMPARE(m_graph->status("source").unsettled.load(), quint64(0));
        QVERIFY(RuntimeGraph::addsUp(m_graph->status("sink")));
    }

    void offersEverythingAgainAfterAFailure()
    {
        m_sink->failures = 3;
        m_source->send({1});
        m_source->send({2});
        QTRY_COMPARE(m_sink->failures.load(), 2);
        QCOMPARE(m_graph->status("sink").snapshot().state, host::NodeState::Degraded);
        QCOMPARE(m_graph->status("sink").snapshot().error, QStringLiteral("the store is away"));
        QCOMPARE(m_graph->status("sink").recordsQueued.load(), quint64(2));
        m_source->send({3}); // waits behind the others

        QTRY_COMPARE(m_sink->stored, (QList<qint64>{1, 2, 3}));
        QCOMPARE(m_graph->status("sink").snapshot().state, host::NodeState::Running);
        QCOMPARE(m_graph->status("source").unsettled.load(), quint64(0));
        QVERIFY(RuntimeGraph::addsUp(m_graph->status("sink")));
        QCOMPARE(m_graph->metrics.counterTotal("tidemill_delivery_retries_total"), quint64(3));
    }

    void survivesASinkThatThrows()
    {
        m_sink->throwOnReceive = true;
        m_source->send({1});

        QTRY_COMPARE(m_sink->stored, (QList<qint64>{1}));
        QCOMPARE(m_graph->status("sink").failures.load(), quint64(1));
    }

    void countsWhatCanNeverBeStored()
    {
        m_sink->rejectNext = true;
        m_source->send({1, 2});
        m_source->send({3});

        QTRY_COMPARE(m_sink->stored, (QList<qint64>{3}));
        QCOMPARE(m_graph->status("sink").recordsDropped.load(), quint64(2));
        QCOMPARE(m_graph->metrics.counterTotal("tidemill_dropped_total", {{"reason", "rejected"}}),
                 quint64(2));
        QVERIFY(RuntimeGraph::addsUp(m_graph->status("sink")));
        QCOMPARE(m_graph->status("source").unsettled.load(), quint64(0));
    }

    void holdsABoundedNumberOfUnconfirmedRecords_data()
    {
        QTest::addColumn<qint64>("rows");
        QTest::addColumn<qint64>("batchesOfMemory");

        QTest::newRow("records") << qint64(10) << qint64(1000);
        QTest::newRow("memory") << qint64(1000) << qint64(10);
    }

    void holdsABoundedNumberOfUnconfirmedRecords()
    {
        QFETCH(qint64, rows);
        QFETCH(qint64, batchesOfMemory);
        BatchBuilder<Trade> one;
        one.append({.exchange = Symbol("test"), .symbol = Symbol("BTCUSDT"), .trade_id = 1});
        const auto batchSize = qint64(one.finish()->byteSize());
        // A second graph whose sink takes and never answers.
        RuntimeGraph graph;
        auto *source = graph.add<host::SourceRunner, ScriptedSource>("source");
        host::NodeSettings settings = quickRetry();
        settings.queueRows = rows;
        settings.queueBytes.bytes = batchSize * batchesOfMemory;
        auto *sink = graph.add<host::SinkRunner, ScriptedSink>("sink", QStringLiteral("main"), settings);
        graph.connectQueued("source", "sink", {10, 1 << 20});
        graph.start();
        sink->mute = true;
        for (int i = 0; i < 100 && !source->isPaused; ++i) {
            source->send({i});
            QCoreApplication::processEvents();
        }

        QVERIFY(source->isPaused);
        QCOMPARE(sink->offered.size(), 10);
        QVERIFY(graph.status("sink").recordsQueued <= 21);
        QVERIFY(RuntimeGraph::addsUp(graph.status("sink")));

        // Answers make room, and everything that was sent arrives.
        sink->mute = false;
        for (const BatchPtr &batch : std::exchange(sink->unanswered, {}))
            emit sink->delivered(batch);
        QTRY_VERIFY(!source->isPaused);
        QTRY_COMPARE(graph.status("sink").recordsQueued.load(), quint64(0));
        QCOMPARE(graph.status("sink").recordsOut.load(), graph.status("source").recordsOut.load());
    }

    void abandonsWhatIsLeftAndSaysSo()
    {
        m_sink->failures = 1000000;
        m_source->send({1, 2});
        QTRY_VERIFY(m_sink->failures < 1000000);
        m_source->send({3});

        m_graph->runner("source")->stop();
        m_graph->runner("sink")->abandon();

        QCOMPARE(m_graph->status("sink").recordsDropped.load(), quint64(3));
        QCOMPARE(m_graph->metrics.counterTotal("tidemill_dropped_total", {{"reason", "shutdown"}}),
                 quint64(3));
        QCOMPARE(m_graph->status("source").unsettled.load(), quint64(0));
        QVERIFY(RuntimeGraph::addsUp(m_graph->status("sink")));
    }

    void ignoresAConfirmationTwice()
    {
        QTest::ignoreMessage(QtCriticalMsg,
                             QRegularExpression(QStringLiteral("confirmed a batch that it was not offered")));
        m_sink->mute = true;
        m_source->send({1});
        QTRY_COMPARE(m_sink->unanswered.size(), 1);
        const BatchPtr batch = m_sink->unanswered.first();

        emit m_sink->delivered(batch);
        emit m_sink->delivered(batch);

        QCOMPARE(m_graph->status("sink").recordsOut.load(), quint64(1));
        QVERIFY(RuntimeGraph::addsUp(m_graph->status("sink")));
    }

    void dropsWhatAStoppedSourceStillEmits()
    {
        m_graph->runner("source")->stop();
        m_source->send({1});

        QCOMPARE(m_graph->metrics.counterTotal("tidemill_dropped_total", {{"reason", "after_stop"}}),
                 quint64(1));
        QCOMPARE(m_graph->status("source").recordsOut.load(), quint64(0));
    }

private:
    std::unique_ptr<RuntimeGraph> m_graph;
    ScriptedSource *m_source = nullptr;
    ScriptedSink *m_sink = nullptr;
};

QTEST_GUILESS_MAIN(tst_Delivery)

#include "tst_delivery.moc"
