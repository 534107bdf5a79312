// SPDX-License-Identifier: Apache-2.0
#include "host/spool/spool.h"
#include "runtime_nodes.h"

#include <QTemporaryDir>

using namespace tidemill;
using namespace tidemill::testing;

// A sink behind a spool: what the source has given is the host's business at once, whatever the sink does.
class tst_SpoolEdge : public QObject
{
    Q_OBJECT

    // One run of a host: a source, a sink with little memory, and the spool in the test's folder.
    struct Run
    {
        explicit Run(const QString &folder, qint64 maxBytes = 1 << 30)
        {
            host::NodeSettings settings;
            settings.queueRows = 5;
            settings.retryInitial = settings.retryMax = std::chrono::milliseconds(10);
            source = graph.add<host::SourceRunner, ScriptedSource>("source");
            sink = graph.add<host::SinkRunner, ScriptedSink>("sink", QStringLiteral("main"), settings);
            auto opened = host::Spool::open(folder, {.maxBytes = maxBytes, .segmentBytes = 1000});
            if (opened) {
                spool = *opened;
                graph.connectSpooled("source", "sink", {5, 1 << 20}, spool);
            }
        }

        bool addsUp() const { return RuntimeGraph::addsUp(graph.status("sink")); }

        RuntimeGraph graph;
        ScriptedSource *source;
        ScriptedSink *sink;
        std::shared_ptr<host::Spool> spool;
    };

    static QList<qint64> range(qint64 first, qint64 last)
    {
        QList<qint64> ids;
        for (qint64 id = first; id <= last; ++id)
            ids.append(id);
        return ids;
    }

private slots:
    void init() { m_folder = std::make_unique<QTemporaryDir>(); }

    void keepsOrderFromMemoryAndDisk()
    {
        Run run(m_folder->path());
        QVERIFY(run.spool);
        run.graph.start();

        for (const qint64 id : range(1, 100)) // the sink takes nothing meanwhile; five have room in memory
            run.source->send({id});

        QCOMPARE(run.spool->unreadRows(), quint64(95));
        QVERIFY(run.source->pauses.isEmpty());
        QCOMPARE(run.graph.status("source").unsettled.load(), quint64(0)); // taken is dealt with
        QTRY_COMPARE(run.sink->stored, range(1, 100));
        QVERIFY(run.spool->isEmpty());
        QVERIFY(run.addsUp());
        run.source->send({101});
        QTRY_COMPARE(run.sink->stored, range(1, 101));
    }

    void deliversFirstWhatTheLastRunLeft()
    {
        {
            Run dead(m_folder->path());
            QVERIFY(dead.spool);
            dead.graph.start();
            dead.sink->failures = 1'000'000;
            for (const qint64 id : range(1, 20))
                dead.source->send({id});
            QTRY_COMPARE(dead.graph.status("sink").snapshot().state, host::NodeState::Degraded);
            dead.graph.runner("sink")->abandon();
            QCOMPARE(dead.graph.status("sink").recordsDropped.load(), quint64(0)); // kept, not lost
            QCOMPARE(dead.graph.status("sink").recordsQueued.load(), quint64(20));
            QVERIFY(dead.addsUp());
        }

        Run next(m_folder->path());
        QVERIFY(next.spool);
        QCOMPARE(next.graph.status("sink").recordsIn.load(), quint64(20));
        next.graph.start();
        next.source->send({21});

        QTRY_COMPARE(next.sink->stored, range(1, 21));
        QVERIFY(next.addsUp());
        QVERIFY(next.spool->isEmpty());
    }

    void neverConfirmsWhatASinkHoldsWhenItIsDeleted()
    {
        {
            Run mute(m_folder->path());
            QVERIFY(mute.spool);
            mute.graph.start();
            mute.sink->mute = true;
            mute.source->send({1, 2});
            QTRY_COMPARE(mute.sink->unanswered.size(), 1);
        }

        Run next(m_folder->path());
        QVERIFY(next.spool);
        next.graph.start();
        QTRY_COMPARE(next.sink->stored, range(1, 2));
    }

    void blocksWhenTheBudgetIsSpent()
    {
        Run run(m_folder->path(), 4000);
        QVERIFY(run.spool);
        run.graph.start();

        qint64 id = 0;
        while (id < 1000 && !run.source->isPaused)
            run.source->send({++id});
        QVERIFY(run.source->isPaused);
        QVERIFY(run.spool->bytes() <= 4000);
        run.source->send({++id});                                          // what it had in hand
        QCOMPARE(run.graph.status("source").unsettled.load(), quint64(2)); // not taken, so not dealt with

        QTRY_COMPARE(run.sink->stored, range(1, id));
        QVERIFY(!run.source->isPaused);
        QCOMPARE(run.graph.status("source").unsettled.load(), quint64(0));
        QVERIFY(run.addsUp());
    }

private:
    std::unique_ptr<QTemporaryDir> m_folder;
};

QTEST_GUILESS_MAIN(tst_SpoolEdge)

#include "tst_spool_edge.moc"
