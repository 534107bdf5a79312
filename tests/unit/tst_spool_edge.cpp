// SPDX-License-Identifier: Apache-2.0
#include "host/health.h"
#include "host/pipeline_spools.h"
#include "host/spool/spool.h"
#include "host/spool/spool_report.h"
#include "runtime_nodes.h"

#include <QJsonArray>
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
        QVERIFY(run.spool->figures().bytes <= 4000);
        run.source->send({++id});                                          // what it had in hand
        QCOMPARE(run.graph.status("source").unsettled.load(), quint64(2)); // not taken, so not dealt with

        QTRY_COMPARE(run.sink->stored, range(1, id));
        QVERIFY(!run.source->isPaused);
        QCOMPARE(run.graph.status("source").unsettled.load(), quint64(0));
        QVERIFY(run.addsUp());
    }

    void deliversWhatIsBehindDamage()
    {
        Run run(m_folder->path());
        QVERIFY(run.spool);
        host::showSpool(run.graph.metrics, {{"to", "sink"}}, run.spool);
        run.graph.start();
        for (const qint64 id : range(1, 30))
            run.source->send({id});
        // Two entries of one segment that nobody has read yet.
        const QString path = host::spoolSegmentFiles(m_folder->path()).value(4);
        const host::SpoolScan scan = host::scanSpoolSegment(host::readWholeFile(path));
        QVERIFY(scan.entries.size() > 2);
        QFile segment(path);
        QVERIFY(segment.open(QIODevice::ReadWrite));
        QList<qint64> expected = range(1, 30);
        for (const std::size_t entry : {std::size_t(1), scan.entries.size() - 1}) {
            QVERIFY(segment.seek(scan.entries[entry].offset + 60));
            QVERIFY(segment.putChar('\x7f'));
            expected.removeOne(qint64(scan.entries[entry].header.sequence)); // batch n has the trade n
        }
        segment.close();

        QTRY_COMPARE(run.sink->stored, expected);

        QCOMPARE(expected.size(), 28);
        QVERIFY(run.spool->isEmpty());
        QCOMPARE(run.graph.imbalance(), QString());
        QCOMPARE(run.graph.metrics.counterTotal("tidemill_dropped_total", {{"reason", "spool_damaged"}}),
                 quint64(2));
        QVERIFY(run.graph.metrics.print().contains("tidemill_spool_quarantined_segments{to=\"sink\"} 1\n"));
        QCOMPARE(host::inspectSpool(m_folder->path()).quarantined.size(), 1);
        // An operator sees it, and whoever restarts what is unhealthy does not.
        const host::HealthAnswer answer = host::health(run.graph.statuses, Timestamp::now());
        QVERIFY(answer.ok);
        QCOMPARE(answer.body["status"].toString(), QStringLiteral("DEGRADED"));
        const QString error = answer.body["checks"][1]["error"].toString();
        QVERIFY2(error.contains("2 records were damaged on the disk and are lost") &&
                     error.contains(m_folder->path()),
                 qPrintable(error));
        run.source->send({31});
        QTRY_COMPARE(run.sink->stored.last(), qint64(31));
    }

private:
    std::unique_ptr<QTemporaryDir> m_folder;
};

QTEST_GUILESS_MAIN(tst_SpoolEdge)

#include "tst_spool_edge.moc"
