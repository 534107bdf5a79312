// SPDX-License-Identifier: Apache-2.0
#include "runtime_nodes.h"

using namespace tidemill;
using namespace tidemill::testing;

// Batches on their way between nodes and threads: order, bounds, back-pressure.
class tst_Edges : public QObject
{
    Q_OBJECT

private slots:
    void keepsOrderAcrossThreads()
    {
        RuntimeGraph graph;
        auto *source = graph.add<host::SourceRunner, ScriptedSource>("source");
        graph.add<host::TransformRunner, PassingTransform>("transform", QStringLiteral("worker"));
        auto *sink = graph.add<host::SinkRunner, ScriptedSink>("sink", QStringLiteral("store"));
        graph.connectQueued("source", "transform");
        graph.connectQueued("transform", "sink");
        graph.start();

        QList<qint64> sent;
        for (qint64 id = 0; id < 5000; ++id) {
            QTRY_VERIFY(!source->isPaused);
            source->send({id});
            sent.append(id);
        }

        QTRY_COMPARE(graph.status("sink").recordsOut.load(), quint64(5000));
        QList<qint64> stored;
        QVERIFY(host::runIn(sink, std::chrono::seconds(5), [&] { stored = sink->stored; }));
        QCOMPARE(stored, sent);
        QCOMPARE(graph.status("source").unsettled.load(), quint64(0));
        QVERIFY(RuntimeGraph::addsUp(graph.status("sink")));
        QVERIFY(RuntimeGraph::addsUp(graph.status("transform")));
    }

    void aFullQueueBlocksTheSourceThroughATransform()
    {
        RuntimeGraph graph;
        auto *source = graph.add<host::SourceRunner, ScriptedSource>("source");
        graph.add<host::TransformRunner, PassingTransform>("transform");
        auto *sink = graph.add<host::SinkRunner, ScriptedSink>("sink");
        graph.connectDirectly("source", "transform");
        graph.connectQueued("transform", "sink", {10, 1 << 20});
        graph.start();

        // The event loop does not turn, so the sink takes nothing.
        for (qint64 id = 0; id < 15; ++id)
            source->send({id});
        QCOMPARE(source->pauses, QList<bool>{true});

        QTRY_COMPARE(sink->stored.size(), 15); // nothing of what the source had in hand is lost
        QTRY_COMPARE(source->pauses, (QList<bool>{true, false}));
    }

    void aFullQueueBlocksAcrossTwoThreads()
    {
        RuntimeGraph graph;
        auto *source = graph.add<host::SourceRunner, ScriptedSource>("source");
        graph.add<host::TransformRunner, PassingTransform>("transform", QStringLiteral("worker"));
        auto *sink = graph.add<host::SinkRunner, ScriptedSink>("sink");
        graph.connectQueued("source", "transform", {10, 1 << 20});
        graph.connectQueued("transform", "sink", {10, 1 << 20});
        graph.start();

        // The sink lives in this thread and its loop does not turn, so both queues fill up.
        qint64 id = 0;
        for (; id < 1000 && !source->isPaused; ++id)
            source->send({id});
        QVERIFY(source->isPaused);
        QVERIFY(id >= 11);

        QTRY_COMPARE(sink->stored.size(), id);
        QTRY_VERIFY(!source->isPaused);
    }

    void boundsBytesToo()
    {
        RuntimeGraph graph;
        auto *source = graph.add<host::SourceRunner, ScriptedSource>("source");
        graph.add<host::SinkRunner, ScriptedSink>("sink");
        graph.connectQueued("source", "sink", {1000000, 2000});
        graph.start();

        for (qint64 id = 0; id < 20; ++id)
            source->send({id});

        QVERIFY(source->isPaused);
        QTRY_VERIFY(!source->isPaused);
    }

    void aSlowSinkDoesNotHoldItsSibling()
    {
        RuntimeGraph graph;
        auto *source = graph.add<host::SourceRunner, ScriptedSource>("source");
        auto *good = graph.add<host::SinkRunner, ScriptedSink>("good");
        auto *dead = graph.add<host::SinkRunner, ScriptedSink>("dead");
        graph.connectQueued("source", "good", {100, 1 << 20});
        graph.connectQueued("source", "dead", {100, 1 << 20});
        graph.start();
        dead->mute = true;

        for (qint64 id = 0; id < 50; ++id)
            source->send({id});

        QTRY_COMPARE(good->stored.size(), 50);
        QVERIFY(!source->isPaused);
        QCOMPARE(graph.status("source").unsettled.load(), quint64(50)); // the dead one holds them all
    }

    void carriesOnlyTheRecordTypeAskedFor()
    {
        RuntimeGraph graph;
        graph.add<host::SourceRunner, ScriptedSource>("source");
        graph.add<host::SinkRunner, ScriptedSink>("sink");
        const host::DirectEdge edge(*graph.runner("source"), *graph.runner("sink"), "quote");

        QVERIFY(edge.carries(schemaOf<Quote>()));
        QVERIFY(!edge.carries(schemaOf<Trade>()));
    }

    void carriesOnlyWhatTheReceiverTakes_data()
    {
        QTest::addColumn<QStringList>("accepted");
        QTest::addColumn<bool>("trade");
        QTest::addColumn<bool>("gap");

        QTest::newRow("not said") << QStringList{} << true << true;
        QTest::newRow("everything") << QStringList{"*"} << true << true;
        QTest::newRow("one type") << QStringList{"trade"} << true << false;
        QTest::newRow("two types") << QStringList{"quote", "gap"} << false << true;
    }

    void carriesOnlyWhatTheReceiverTakes()
    {
        QFETCH(QStringList, accepted);
        QFETCH(bool, trade);
        QFETCH(bool, gap);
        RuntimeGraph graph;
        graph.add<host::SourceRunner, ScriptedSource>("source");
        graph.add<host::SinkRunner, ScriptedSink>("sink");
        host::DirectEdge edge(*graph.runner("source"), *graph.runner("sink"), QByteArray());

        edge.setAccepted(accepted);

        QCOMPARE(edge.carries(schemaOf<Trade>()), trade);
        QCOMPARE(edge.carries(schemaOf<Gap>()), gap);
    }
};

QTEST_GUILESS_MAIN(tst_Edges)

#include "tst_edges.moc"
