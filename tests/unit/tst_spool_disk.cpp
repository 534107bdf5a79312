// SPDX-License-Identifier: Apache-2.0
#include "host/health.h"
#include "host/spool/spool.h"
#include "host/spool/spool_report.h"
#include "runtime_nodes.h"

#include <QDir>
#include <QJsonArray>
#include <QTemporaryDir>

#include <sys/mount.h>
#include <sys/resource.h>

#include <cerrno>
#include <csignal>
#include <cstring>

using namespace tidemill;
using namespace tidemill::host;
using namespace tidemill::testing;

namespace {

// No file of this process may grow beyond that meanwhile: what does not fit is a short write, then EFBIG.
class FileLimit
{
public:
    explicit FileLimit(rlim_t bytes)
    {
        getrlimit(RLIMIT_FSIZE, &m_before);
        set(bytes);
    }
    ~FileLimit() { set(m_before.rlim_cur); }
    Q_DISABLE_COPY_MOVE(FileLimit)

private:
    void set(rlim_t bytes)
    {
        rlimit limit = m_before;
        limit.rlim_cur = bytes;
        setrlimit(RLIMIT_FSIZE, &limit);
    }
    rlimit m_before{};
};

// A file system of one megabyte. Only root may make one.
class SmallDisk
{
public:
    explicit SmallDisk(const QString &folder) : m_path(QFile::encodeName(folder))
    {
        QDir().mkpath(folder);
        m_error = ::mount("tmpfs", m_path.constData(), "tmpfs", 0, "size=1m") == 0 ? 0 : errno;
    }
    ~SmallDisk()
    {
        if (m_error == 0)
            ::umount2(m_path.constData(), MNT_DETACH);
    }
    Q_DISABLE_COPY_MOVE(SmallDisk)

    const char *problem() const { return m_error == 0 ? nullptr : std::strerror(m_error); }

    // Takes all the room there is.
    void fill()
    {
        QFile ballast(ballastPath());
        QVERIFY(ballast.open(QIODevice::WriteOnly | QIODevice::Unbuffered));
        const QByteArray block(4096, 'x');
        while (ballast.write(block) == block.size()) {
        }
        QCOMPARE(ballast.error(), QFileDevice::ResourceError); // no space
    }
    void makeRoom() { QVERIFY(QFile::remove(ballastPath())); }

private:
    QString ballastPath() const { return QFile::decodeName(m_path) + QStringLiteral("/ballast"); }
    QByteArray m_path;
    int m_error;
};

BatchPtr trade(qint64 id)
{
    return testing::batch({Trade{.exchange = "test"_sym, .symbol = "BTCUSDT"_sym, .trade_id = id}});
}

QList<qint64> drain(Spool &spool)
{
    QList<qint64> ids;
    while (spool.hasUnread()) {
        const Spool::Read read = spool.readNext();
        for (const Trade &row : read.batch ? read.batch->rows<Trade>() : std::span<const Trade>())
            ids.append(row.trade_id);
    }
    return ids;
}

QList<qint64> range(qint64 first, qint64 last)
{
    QList<qint64> ids;
    for (qint64 id = first; id <= last; ++id)
        ids.append(id);
    return ids;
}

} // namespace

// A disk that does not take what is written: nothing may be lost, nothing torn.
class tst_SpoolDisk : public QObject
{
    Q_OBJECT

    // A source, a sink and a spool between them.
    struct Run
    {
        explicit Run(const QString &folder)
        {
            NodeSettings settings;
            settings.queueRows = 5;
            settings.retryInitial = settings.retryMax = std::chrono::milliseconds(20);
            settings.breakerFailures = 0;
            source = graph.add<SourceRunner, ScriptedSource>("source");
            sink = graph.add<SinkRunner, ScriptedSink>("sink", QStringLiteral("main"), settings);
            auto opened = Spool::open(folder, {});
            if (opened) {
                spool = *opened;
                graph.connectSpooled("source", "sink", {5, 1 << 20}, spool);
                graph.start();
            }
        }

        QJsonObject check() const
        {
            const auto checks = health(graph.statuses, Timestamp::now()).body["checks"].toArray();
            for (const QJsonValue &value : checks) {
                if (value["node"] == QLatin1String("sink"))
                    return value.toObject();
            }
            return {};
        }

        RuntimeGraph graph;
        ScriptedSource *source;
        ScriptedSink *sink;
        std::shared_ptr<Spool> spool;
    };

private slots:
    void initTestCase() { std::signal(SIGXFSZ, SIG_IGN); } // as the program does
    void init()
    {
        m_temporary = std::make_unique<QTemporaryDir>();
        m_folder = m_temporary->filePath("disk/spool");
    }

    void takesAShortWriteBack()
    {
        auto spool = Spool::open(m_folder, {});
        TIDEMILL_VERIFY(spool);
        TIDEMILL_VERIFY((*spool)->append(*trade(1), false));
        TIDEMILL_VERIFY((*spool)->append(*trade(2), false));
        const QString path = spoolSegmentFiles(m_folder).value(0);
        const QByteArray before = readWholeFile(path);
        BatchBuilder<Trade> builder;
        for (int row = 0; row < 20; ++row)
            builder.append({.trade_id = 3});
        const BatchPtr bigBatch = builder.finish();

        for (const rlim_t more : {rlim_t(0), rlim_t(1), rlim_t(39), rlim_t(40), rlim_t(41), rlim_t(100)}) {
            const FileLimit limit(rlim_t(before.size()) + more);
            QVERIFY(!(*spool)->append(*bigBatch, false));
            QVERIFY(!(*spool)->isFull());
            QCOMPARE(readWholeFile(path), before);
        }

        QCOMPARE((*spool)->figures().writeErrors, quint64(6));
        QCOMPARE((*spool)->figures().waitingRows, quint64(2));
        TIDEMILL_VERIFY((*spool)->append(*trade(3), false));
        QVERIFY(!inspectSpool(m_folder).isDamaged());
        spool = Error{};
        spool = Spool::open(m_folder, {});
        TIDEMILL_VERIFY(spool);
        QCOMPARE((*spool)->figures().quarantined, quint64(0));
        QCOMPARE(drain(**spool), range(1, 3));
    }

    void beginsWhenTheDiskLetsIt()
    {
        auto spool = Spool::open(m_folder, {});
        TIDEMILL_VERIFY(spool);
        for (const rlim_t bytes : {rlim_t(0), rlim_t(10), rlim_t(32), rlim_t(33)}) {
            const FileLimit limit(bytes);
            QVERIFY(!(*spool)->append(*trade(1), true));
            QVERIFY(!(*spool)->hasRoomAgain());
        }
        QVERIFY((*spool)->hasRoomAgain());

        TIDEMILL_VERIFY((*spool)->append(*trade(1), false));
        QCOMPARE(drain(**spool), range(1, 1));
        QCOMPARE((*spool)->figures().bytes, QFileInfo(spoolSegmentFiles(m_folder).value(0)).size());
    }

    // What could not even be taken back lies at the end of a segment that another follows.
    void cutsWhatWasNotWrittenWholeInTheMiddle()
    {
        {
            auto spool = Spool::open(m_folder, {.segmentBytes = 1});
            TIDEMILL_VERIFY(spool);
            for (qint64 id = 1; id <= 3; ++id)
                TIDEMILL_VERIFY((*spool)->append(*trade(id), false));
        }
        const QStringList segments = spoolSegmentFiles(m_folder);
        QCOMPARE(segments.size(), 3);
        QFile second(segments[1]);
        QVERIFY(second.open(QIODevice::Append));
        QVERIFY(second.write(readWholeFile(segments[2]).mid(32, 60)) == 60);
        second.close();
        QVERIFY(!inspectSpool(m_folder).isDamaged());

        auto spool = Spool::open(m_folder, {});
        TIDEMILL_VERIFY(spool);
        QCOMPARE((*spool)->figures().quarantined, quint64(0));
        QCOMPARE(drain(**spool), range(1, 3));
    }

    void holdsWhatFeedsItUntilThereIsRoom()
    {
        SmallDisk disk(m_temporary->filePath("disk"));
        if (disk.problem())
            QSKIP(disk.problem());
        {
            Run run(m_folder);
            QVERIFY(run.spool);
            run.sink->failures = 1'000'000; // and the store is away, too
            run.source->send({1, 2});
            disk.fill();
            qint64 id = 2;
            while (id < 2000 && !run.source->isPaused)
                run.source->send({++id});
            QVERIFY(run.source->isPaused);
            run.source->send({++id});                                          // what it had in hand
            QCOMPARE(run.graph.status("source").unsettled.load(), quint64(2)); // in memory, so not dealt with
            QTRY_VERIFY(run.spool->figures().writeErrors > 3);                 // tried again and again
            QVERIFY(run.source->isPaused);
            QCOMPARE(run.check()["state"].toString(), QStringLiteral("degraded"));
            QVERIFY2(run.check()["error"].toString().contains("No space left on device"),
                     qPrintable(run.check()["error"].toString()));

            disk.makeRoom();

            QTRY_VERIFY(!run.source->isPaused);
            QCOMPARE(run.graph.status("source").unsettled.load(), quint64(0));
            QVERIFY(!run.check()["error"].toString().contains("No space left on device"));
            run.source->send({++id});
            QVERIFY(!inspectSpool(m_folder).isDamaged());
            QCOMPARE(inspectSpool(m_folder).unconfirmed(), quint64(id));
            run.sink->failures = 0;
            QTRY_COMPARE(run.sink->stored, range(1, id));
            QVERIFY(run.spool->isEmpty());
            QCOMPARE(run.graph.imbalance(), QString());
        }
    }

    void goesStraightToTheSinkMeanwhile()
    {
        SmallDisk disk(m_temporary->filePath("disk"));
        if (disk.problem())
            QSKIP(disk.problem());
        {
            Run run(m_folder);
            QVERIFY(run.spool);
            disk.fill();
            QList<qint64> sent;
            while (sent.size() < 2000 && !run.source->isPaused) {
                sent.append(sent.size() + 1);
                run.source->send({sent.last()});
            }

            QTRY_COMPARE(run.sink->stored, sent);
            QTRY_VERIFY(!run.source->isPaused);
            QCOMPARE(run.check()["state"].toString(), QStringLiteral("degraded")); // there still is no room
            const quint64 failures = run.spool->figures().writeErrors;
            QVERIFY(failures > 0);

            disk.makeRoom(); // and nothing more comes

            QTRY_COMPARE(run.check()["state"].toString(), QStringLiteral("running"));
            QVERIFY(run.check()["error"].isNull());
            QCOMPARE(run.graph.imbalance(), QString());
        }
    }

private:
    std::unique_ptr<QTemporaryDir> m_temporary;
    QString m_folder;
};

QTEST_GUILESS_MAIN(tst_SpoolDisk)

#include "tst_spool_disk.moc"
