// SPDX-License-Identifier: Apache-2.0
#include "host/latest_records.h"
#include "runtime_nodes.h"

using namespace tidemill;
using namespace tidemill::testing;

namespace {

struct Liquidation
{
    Symbol symbol;
    qint64 order_id = 0;
    Text reason;
    Levels touched;
};
TIDEMILL_RECORD(Liquidation, 1, State, (symbol, reason), (symbol, order_id, reason, touched))

class QuoteSource final : public Source
{
    Q_OBJECT

public:
    void send(const char *symbol, qint64 id)
    {
        BatchBuilder<Quote> builder;
        builder.append({.exchange = Symbol("test"), .symbol = Symbol(symbol), .update_id = id});
        emit emitted(builder.finish());
    }
};

class QuoteSink final : public Sink
{
    Q_OBJECT

public:
    void receive(const BatchPtr &batch) override
    {
        for (const Quote &quote : batch->rows<Quote>())
            stored.append(quote.symbol.name().toByteArray() + ' ' + QByteArray::number(quote.update_id));
        emit delivered(batch);
    }

    QByteArrayList stored;
};

quint64 dropped(const RuntimeGraph &graph)
{
    return graph.metrics.counterTotal("tidemill_dropped_total");
}

} // namespace

// What a full queue lets go of, that it is counted, and that nobody else waits for it.
class tst_EdgePolicies : public QObject
{
    Q_OBJECT

private slots:
    void letsGoOfOneEnd_data()
    {
        QTest::addColumn<host::QueuePolicy>("policy");
        QTest::addColumn<QList<qint64>>("stays");

        QTest::newRow("drop_oldest") << host::QueuePolicy::DropOldest << QList<qint64>{6, 7, 8, 9};
        QTest::newRow("drop_newest") << host::QueuePolicy::DropNewest << QList<qint64>{0, 1, 2, 3};
    }

    void letsGoOfOneEnd()
    {
        QFETCH(host::QueuePolicy, policy);
        QFETCH(QList<qint64>, stays);
        RuntimeGraph graph;
        auto *source = graph.add<host::SourceRunner, ScriptedSource>("source");
        auto *sink = graph.add<host::SinkRunner, ScriptedSink>("sink");
        graph.connectQueued("source", "sink", {4, 1 << 20}, policy);
        graph.start();

        for (qint64 id = 0; id < 10; ++id) // the sink lives in this thread and takes nothing meanwhile
            source->send({id});

        QCOMPARE(graph.status("sink").recordsQueued.load(), quint64(4));
        QCOMPARE(graph.status("source").unsettled.load(), quint64(4)); // what went has been dealt with
        QVERIFY(source->pauses.isEmpty());
        QTRY_COMPARE(sink->stored, stays);
        QCOMPARE(graph.status("sink").recordsIn.load(), quint64(10));
        QCOMPARE(graph.status("sink").recordsDropped.load(), quint64(6));
        QCOMPARE(dropped(graph), quint64(6));
        QVERIFY(RuntimeGraph::addsUp(graph.status("sink")));
        QCOMPARE(graph.status("source").unsettled.load(), quint64(0));
    }

    void boundsBytes_data()
    {
        QTest::addColumn<host::QueuePolicy>("policy");

        QTest::newRow("drop_oldest") << host::QueuePolicy::DropOldest;
        QTest::newRow("drop_newest") << host::QueuePolicy::DropNewest;
        QTest::newRow("latest") << host::QueuePolicy::Latest;
    }

    void boundsBytes()
    {
        QFETCH(host::QueuePolicy, policy);
        RuntimeGraph graph;
        auto *source = graph.add<host::SourceRunner, ScriptedSource>("source");
        auto *sink = graph.add<host::SinkRunner, ScriptedSink>("sink");
        graph.connectQueued("source", "sink", {1000000, 2000}, policy);
        graph.start();

        for (qint64 id = 0; id < 50; ++id)
            source->send({id});

        const quint64 queued = graph.status("sink").recordsQueued;
        QVERIFY(queued >= 1 && queued < 10);
        QTRY_COMPARE(graph.status("sink").recordsOut.load(), queued);
        QVERIFY(RuntimeGraph::addsUp(graph.status("sink")));
        QVERIFY(sink->stored.contains(policy == host::QueuePolicy::DropNewest ? 0 : 49));
    }

    void takesABatchLargerThanTheQueue_data() { boundsBytes_data(); }

    void takesABatchLargerThanTheQueue()
    {
        QFETCH(host::QueuePolicy, policy);
        RuntimeGraph graph;
        auto *source = graph.add<host::SourceRunner, ScriptedSource>("source");
        auto *sink = graph.add<host::SinkRunner, ScriptedSink>("sink");
        graph.connectQueued("source", "sink", {1, 1}, policy);
        graph.start();

        source->send({1, 2, 3});

        const bool latest = policy == host::QueuePolicy::Latest; // one symbol
        QTRY_COMPARE(sink->stored, latest ? QList<qint64>{3} : (QList<qint64>{1, 2, 3}));
        QVERIFY(RuntimeGraph::addsUp(graph.status("sink")));
    }

    void keepsTheNewestQuotePerSymbol()
    {
        RuntimeGraph graph;
        auto *source = graph.add<host::SourceRunner, QuoteSource>("source");
        auto *sink = graph.add<host::SinkRunner, QuoteSink>("sink");
        graph.connectQueued("source", "sink", {8, 1 << 20}, host::QueuePolicy::Latest);
        graph.start();

        source->send("RARE", 1);
        for (qint64 id = 1; id <= 8; ++id)
            source->send(id % 2 == 0 ? "EVEN" : "ODD", id);

        QTRY_COMPARE(sink->stored, (QByteArrayList{"RARE 1", "ODD 7", "EVEN 8"}));
        QCOMPARE(graph.status("sink").recordsDropped.load(), quint64(6));
        QCOMPARE(dropped(graph), quint64(6));
        QVERIFY(RuntimeGraph::addsUp(graph.status("sink")));
        QCOMPARE(graph.status("source").unsettled.load(), quint64(0));
    }

    void lettingGoOfSupersededIsNotEnough()
    {
        RuntimeGraph graph;
        auto *source = graph.add<host::SourceRunner, QuoteSource>("source");
        auto *sink = graph.add<host::SinkRunner, QuoteSink>("sink");
        graph.connectQueued("source", "sink", {4, 1 << 20}, host::QueuePolicy::Latest);
        graph.start();

        for (const char *symbol : {"A", "B", "C", "D", "E"})
            source->send(symbol, 1);

        QTRY_COMPARE(sink->stored, (QByteArrayList{"C 1", "D 1", "E 1"})); // a quarter is free afterwards
        QCOMPARE(graph.status("sink").recordsDropped.load(), quint64(2));
        QVERIFY(RuntimeGraph::addsUp(graph.status("sink")));
    }

    void keepsWhatVariesInSizeOfAPluginsOwnType()
    {
        BatchBuilder<Liquidation> builder;
        const Level level{1_dec, "2.50"_dec};
        builder.append({Symbol("X"), 1, builder.text("margin"), {}});
        builder.append({Symbol("X"), 2, builder.text("other"), builder.levels({&level, 1})});
        std::deque<BatchPtr> queue{builder.finish()};
        builder.append({Symbol("X"), 3, builder.text("margin"), {}});
        queue.push_back(builder.finish());

        QCOMPARE(host::keepLatest(queue), quint64(1)); // a state: its natural key, order_id is none of it

        QCOMPARE(queue.size(), std::size_t(2));
        const Liquidation kept = queue[0]->rows<Liquidation>()[0];
        QCOMPARE(kept.order_id, 2);
        QCOMPARE(queue[0]->text(kept.reason).toByteArray(), QByteArray("other"));
        QCOMPARE(queue[0]->levels(kept.touched)[0].quantity.toString(), QByteArray("2.50"));
    }

    void addsUpAcrossThreads_data() { boundsBytes_data(); }

    void addsUpAcrossThreads()
    {
        QFETCH(host::QueuePolicy, policy);
        RuntimeGraph graph;
        auto *source = graph.add<host::SourceRunner, ScriptedSource>("source");
        graph.add<host::TransformRunner, PassingTransform>("transform", QStringLiteral("worker"));
        auto *sink = graph.add<host::SinkRunner, ScriptedSink>("sink", QStringLiteral("store"));
        graph.connectQueued("source", "transform", {16, 1 << 20}, policy);
        graph.connectQueued("transform", "sink", {16, 1 << 20}, policy);
        graph.start();

        for (qint64 id = 0; id < 5000; ++id)
            source->send({id});

        QTRY_COMPARE(graph.status("source").unsettled.load(), quint64(0));
        QVERIFY(RuntimeGraph::addsUp(graph.status("sink")));
        QVERIFY(RuntimeGraph::addsUp(graph.status("transform")));
        QCOMPARE(graph.status("sink").recordsQueued.load(), quint64(0));
        QCOMPARE(graph.status("sink").recordsOut + dropped(graph), quint64(5000));
        QList<qint64> stored;
        QVERIFY(host::runIn(sink, std::chrono::seconds(5), [&] { stored = sink->stored; }));
        QVERIFY(std::adjacent_find(stored.begin(), stored.end(), std::greater_equal<>()) == stored.end());
        QVERIFY(source->pauses.isEmpty());
    }

    void aDeadSinkDoesNotHoldItsSibling_data() { boundsBytes_data(); }

    void aDeadSinkDoesNotHoldItsSibling()
    {
        QFETCH(host::QueuePolicy, policy);
        host::NodeSettings settings;
        settings.queueRows = 10; // of the sink's own hands
        RuntimeGraph graph;
        auto *source = graph.add<host::SourceRunner, ScriptedSource>("source");
        auto *good = graph.add<host::SinkRunner, ScriptedSink>("good");
        auto *dead = graph.add<host::SinkRunner, ScriptedSink>("dead", QStringLiteral("main"), settings);
        graph.connectQueued("source", "good", {100, 1 << 20});
        graph.connectQueued("source", "dead", {10, 1 << 20}, policy);
        graph.start();
        dead->mute = true;

        for (qint64 id = 0; id < 500; ++id) {
            source->send({id});
            QCoreApplication::processEvents();
        }

        QTRY_COMPARE(good->stored.size(), 500);
        QVERIFY(source->pauses.isEmpty());
        QVERIFY(RuntimeGraph::addsUp(graph.status("dead")));
        QVERIFY(graph.status("dead").recordsQueued <= 20);
        QVERIFY(graph.status("dead").recordsDropped >= 480);
    }
};

QTEST_GUILESS_MAIN(tst_EdgePolicies)

#include "tst_edge_policies.moc"
