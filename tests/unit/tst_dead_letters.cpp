// SPDX-License-Identifier: Apache-2.0
#include "host/dead_letters/letter_replay.h"
#include "host/dead_letters/letter_store.h"
#include "host/health.h"
#include "host/spool/spool_files.h"
#include "runtime_nodes.h"

#include <tidemill/json.h>

#include <QTemporaryDir>

using namespace tidemill;
using namespace tidemill::host;
using namespace tidemill::testing;
using namespace std::chrono_literals;

namespace {

NodeSettings quickRetry()
{
    NodeSettings settings;
    settings.retryInitial = settings.retryMax = 10ms;
    settings.breakerFailures = 0;
    return settings;
}

RowFailure failure(qsizetype row, const char *message, bool isFinal)
{
    return {row, {Error::Kind::Storage, QString::fromLatin1(message)}, isFinal};
}

DeadLetter letterOf(const QList<qint64> &ids, Timestamp time = Timestamp::now())
{
    BatchBuilder<Trade> builder;
    for (const qint64 id : ids)
        builder.append({.exchange = Symbol("test"),
                        .symbol = Symbol("BTCUSDT"),
                        .trade_id = id,
                        .price = *Decimal::parse("45123.50")});
    return {time,
            QStringLiteral("test"),
            QStringLiteral("sink"),
            QStringLiteral("rejected"),
            {{1, QStringLiteral("too long")}, {ids.size() - 1, QStringLiteral("not a number")}},
            builder.finish()};
}

// A run of a host with a place for state.
struct Run
{
    explicit Run(const QString &state, const NodeSettings &settings = quickRetry(),
                 const std::shared_ptr<Spool> &spool = {})
    {
        source = graph.add<SourceRunner, ScriptedSource>("source");
        sink = graph.add<SinkRunner, ScriptedSink>("sink", QStringLiteral("main"), settings, state);
        if (spool)
            graph.connectSpooled("source", "sink", {1000, 1 << 20}, spool);
        else
            graph.connectQueued("source", "sink");
        graph.start();
    }

    quint64 dropped(const char *reason) const
    {
        return graph.metrics.counterTotal("tidemill_dropped_total", {{"reason", reason}});
    }

    RuntimeGraph graph;
    ScriptedSource *source = nullptr;
    ScriptedSink *sink = nullptr;
};

} // namespace

// What a sink can never store: kept in files, counted, offered again.
class tst_DeadLetters : public QObject
{
    Q_OBJECT

    QString state() const { return m_folder->path() + QStringLiteral("/state"); }
    QString letters() const { return letterFolder(state()); }

    QList<QList<qint64>> kept() const
    {
        QList<QList<qint64>> ids;
        for (const QString &path : letterFiles(letters())) {
            const auto letter = readLetter(path);
            ids.append(letter ? ScriptedSink::idsOf(letter->batch) : QList<qint64>{-1});
        }
        return ids;
    }

    void writeLetters(const QList<QList<qint64>> &batches)
    {
        LetterStore store(letters(), 1 << 20);
        for (const QList<qint64> &ids : batches)
            TIDEMILL_VERIFY(store.write(letterOf(ids)));
    }

private slots:
    void init() { m_folder = std::make_unique<QTemporaryDir>(); }

    // --- files

    void aLetterSaysEverythingAgain()
    {
        const DeadLetter letter = letterOf({1, 2, 3}, Timestamp{1723161255308000001});
        const auto data = encodeDeadLetter(letter);
        TIDEMILL_VERIFY(data);
        const auto again = decodeDeadLetter(*data);
        TIDEMILL_VERIFY(again);
        QCOMPARE(again->time.ns, letter.time.ns);
        QCOMPARE(again->pipeline, letter.pipeline);
        QCOMPARE(again->sink, letter.sink);
        QCOMPARE(again->reason, letter.reason);
        QCOMPARE(again->causeOf(0), QStringLiteral("too long"));
        QCOMPARE(again->causeOf(1), QStringLiteral("not a number"));
        QCOMPARE(again->causeOf(2), QStringLiteral("not a number"));
        QCOMPARE(again->causeOf(3), QString());
        QCOMPARE(again->batch->rowCount(), 3);
        for (qsizetype row = 0; row < 3; ++row)
            QVERIFY(sameRecord(*letter.batch, row, *again->batch, row));
    }

    void noDamageGoesUnnoticed()
    {
        const QByteArray good = *encodeDeadLetter(letterOf({1, 2}));
        for (qsizetype size = 0; size < good.size(); ++size)
            QVERIFY2(!decodeDeadLetter(QByteArrayView(good).first(size)), qPrintable(QString::number(size)));
        for (qsizetype at = 0; at < good.size(); ++at) {
            QByteArray bad = good;
            bad[at] = char(bad[at] ^ 0x10);
            QVERIFY2(!decodeDeadLetter(bad), qPrintable(QString::number(at)));
        }
        QVERIFY(!decodeDeadLetter(good + 'x'));
        QVERIFY(decodeDeadLetter(good));
    }

    void namesSortByTimeAndAreNeverTakenTwice()
    {
        LetterStore store(letters(), 1 << 20);
        const Timestamp time{1723161255308000000};
        QStringList written;
        for (const qint64 after : QList<qint64>{-86400000000000, 0, 0, 5, 1000000000}) {
            const auto path = store.write(letterOf({after}, Timestamp{time.ns + after}));
            TIDEMILL_VERIFY(path);
            written.append(*path);
        }
        QCOMPARE(letterFiles(letters()), written);
        QCOMPARE(QFileInfo(written[1]).fileName(), QStringLiteral("20240808T235415.308000000Z.letter"));
        QCOMPARE(QDir(letters()).entryList(QDir::Files | QDir::Hidden).size(), 5); // nothing half-written
        QCOMPARE(findLetterFolders(m_folder->path()), QStringList{letters()});
        QCOMPARE(findLetterFolders(letters()), QStringList{letters()});
    }

    void boundsWhatItKeeps()
    {
        LetterStore store(letters(), 2 * 4096); // each takes a block
        TIDEMILL_VERIFY(store.write(letterOf({1})));
        TIDEMILL_VERIFY(store.write(letterOf({2})));
        const auto third = store.write(letterOf({3}));
        QVERIFY(!third && store.isFull());
        QVERIFY2(third.error().message.contains(QLatin1String("8192 of 8192 bytes")),
                 qPrintable(third.error().message));
        QVERIFY(QFile::remove(letterFiles(letters()).first())); // somebody has looked at it
        TIDEMILL_VERIFY(store.write(letterOf({3})));
        QVERIFY(!store.isFull());
        QCOMPARE(store.figures().letters, quint64(2));
        QCOMPARE(kept(), (QList<QList<qint64>>{{2}, {3}}));
    }

    // --- a running sink

    void keepsWhatIsRejected()
    {
        Run run(state());
        run.sink->rejectNext = true;
        run.source->send({1, 2});
        run.source->send({3});

        QTRY_COMPARE(run.sink->stored, (QList<qint64>{3}));
        QCOMPARE(run.dropped("dead_letter"), quint64(2));
        QCOMPARE(run.dropped("rejected"), quint64(0));
        QCOMPARE(kept(), (QList<QList<qint64>>{{1, 2}}));
        const auto letter = readLetter(letterFiles(letters()).first());
        QCOMPARE(letter->reason, QStringLiteral("rejected"));
        QCOMPARE(letter->causeOf(1), QStringLiteral("not storable"));
        QCOMPARE(letter->sink, QStringLiteral("sink"));
        QCOMPARE(letter->pipeline, QStringLiteral("test"));
        QCOMPARE(run.graph.status("source").unsettled.load(), quint64(0));
        QCOMPARE(run.graph.imbalance(), QString());
        const auto health = componentHealth(run.graph.statuses, QStringLiteral("sink"), Timestamp::now());
        QCOMPARE(health->body[QStringLiteral("dead_letters")].toInt(), 1);
        const QByteArray metrics = run.graph.metrics.print();
        QVERIFY2(metrics.contains("\ntidemill_dead_letters{"), metrics.constData());
    }

    void keepsFinalRowsWithTheirOwnCauses()
    {
        Run run(state());
        run.sink->answer = [&run](const BatchPtr &batch) {
            if (batch->rowCount() == 5)
                run.sink->storePart(batch, {failure(0, "a", true), failure(1, "b", true),
                                            failure(2, "c", false), failure(3, "b", true)});
            else
                run.sink->store(batch);
        };
        run.source->send({1, 2, 3, 4, 5});
        QTRY_COMPARE(run.sink->stored, (QList<qint64>{5, 3}));
        QCOMPARE(kept(), (QList<QList<qint64>>{{1, 2, 4}}));
        const auto letter = readLetter(letterFiles(letters()).first());
        QCOMPARE(letter->causeOf(0), QStringLiteral("a"));
        QCOMPARE(letter->causeOf(1), QStringLiteral("b"));
        QCOMPARE(letter->causeOf(2), QStringLiteral("b"));
        QCOMPARE(run.dropped("dead_letter"), quint64(3));
        QCOMPARE(run.graph.imbalance(), QString());
        QCOMPARE(run.graph.status("source").unsettled.load(), quint64(0));
    }

    void keepsWhatIsGivenUp()
    {
        NodeSettings settings = quickRetry();
        settings.retryGiveUp = 30ms;
        Run run(state(), settings);
        run.sink->failures = 1000000;
        run.source->send({1, 2});
        QTRY_COMPARE(kept(), (QList<QList<qint64>>{{1, 2}}));
        QCOMPARE(readLetter(letterFiles(letters()).first())->reason, QStringLiteral("given_up"));
        QTRY_COMPARE(run.graph.imbalance(), QString());
        QCOMPARE(run.graph.status("sink").recordsQueued.load(), quint64(0));
    }

    void dropsOnDemand()
    {
        NodeSettings settings = quickRetry();
        settings.onError = OnError::Drop;
        Run run(state(), settings);
        run.sink->rejectNext = true;
        run.source->send({1});
        QTRY_COMPARE(run.dropped("rejected"), quint64(1));
        QVERIFY(!QFile::exists(letters()));
        QCOMPARE(run.graph.imbalance(), QString());
    }

    void saysWhenTheyAreFull()
    {
        NodeSettings settings = quickRetry();
        settings.deadLettersMax.bytes = 4096;
        Run run(state(), settings);
        run.sink->answer = [&run](const BatchPtr &batch) {
            emit run.sink->rejected(batch, {Error::Kind::Storage, QStringLiteral("no")});
        };
        run.source->send({1});
        run.source->send({2, 3});
        QTRY_COMPARE(run.dropped("dead_letter_full"), quint64(2));
        QCOMPARE(run.dropped("dead_letter"), quint64(1));
        QCOMPARE(kept(), (QList<QList<qint64>>{{1}}));
        QCOMPARE(run.graph.imbalance(), QString());
        const auto snapshot = run.graph.status("sink").snapshot();
        QVERIFY(snapshot.hasNote);
        QVERIFY2(snapshot.error.contains(QLatin1String("2 records could not be kept")),
                 qPrintable(snapshot.error));
    }

    void saysWhenTheDiskRefuses()
    {
        QVERIFY(QDir().mkpath(state()));
        QFile inTheWay(letters());
        QVERIFY(inTheWay.open(QIODevice::WriteOnly)); // a file where the folder should be
        Run run(state());
        run.sink->rejectNext = true;
        run.source->send({1});
        QTRY_COMPARE(run.dropped("dead_letter_failed"), quint64(1));
        QVERIFY(run.graph.status("sink").snapshot().hasNote);
        QCOMPARE(run.graph.imbalance(), QString());
    }

    // --- with a spool

    void aSpooledBatchIsSettledWithItsLastRow()
    {
        const QString folder = m_folder->filePath(QStringLiteral("spool"));
        {
            const auto spool = Spool::open(folder, {});
            TIDEMILL_VERIFY(spool);
            Run run(state(), quickRetry(), *spool);
            run.sink->answer = [&run](const BatchPtr &batch) {
                if (batch->rowCount() == 3)
                    run.sink->storePart(batch, {failure(0, "a", true), failure(2, "b", false)});
                // The rest gets no answer.
            };
            run.source->send({1, 2, 3});
            QTRY_COMPARE(run.sink->offered, (QList<QList<qint64>>{{1, 2, 3}, {3}}));
            QVERIFY(!(*spool)->isEmpty());
            QCOMPARE(run.graph.status("sink").recordsQueued.load(), quint64(1));
            QCOMPARE(run.graph.imbalance(), QString());
            run.graph.runner("sink")->abandon();
            QCOMPARE(run.graph.status("sink").recordsQueued.load(), quint64(1)); // stays there
            QCOMPARE(run.graph.imbalance(), QString());
        }
        const auto spool = Spool::open(folder, {});
        TIDEMILL_VERIFY(spool);
        QCOMPARE((*spool)->unreadRows(), quint64(3)); // whole: what is stored twice has the same keys
        Run next(state(), quickRetry(), *spool);
        QList<qint64> stored;
        next.sink->answer = [&](const BatchPtr &batch) {
            if (batch->rowCount() == 3)
                next.sink->storePart(batch, {failure(2, "b", false)});
            else
                next.sink->store(batch);
        };
        QTRY_COMPARE(next.sink->stored, (QList<qint64>{1, 2, 3}));
        QVERIFY((*spool)->isEmpty());
        QCOMPARE(next.graph.imbalance(), QString());
    }

    void aSpooledBatchIsSettledByALetter()
    {
        const auto spool = Spool::open(m_folder->filePath(QStringLiteral("spool")), {});
        TIDEMILL_VERIFY(spool);
        Run run(state(), quickRetry(), *spool);
        run.sink->rejectNext = true;
        run.source->send({1, 2});
        QTRY_COMPARE(kept(), (QList<QList<qint64>>{{1, 2}}));
        QVERIFY((*spool)->isEmpty());
    }

    // --- offering again

    void replaysLettersInOrder()
    {
        writeLetters({{1, 2}, {3}, {4}});
        ScriptedSink *sink = nullptr;
        MetricsRegistry metrics;
        LetterReplay replay(sinkRunner(&sink, metrics), letterFiles(letters()), metrics);
        QSignalSpy finished(&replay, &LetterReplay::finished);
        TIDEMILL_VERIFY(replay.start());
        QVERIFY(finished.wait());
        QCOMPARE(sink->stored, (QList<qint64>{1, 2, 3, 4}));
        QVERIFY(replay.outcome().isClean());
        QCOMPARE(replay.outcome().letters, quint64(3));
        QCOMPARE(replay.outcome().recordsStored, quint64(4));
        QVERIFY(kept().isEmpty());
    }

    void keepsWhatIsRefusedAgain()
    {
        writeLetters({{1, 2, 3}, {4}});
        QTRY_VERIFY(letterFiles(letters()).size() == 2);
        ScriptedSink *sink = nullptr;
        MetricsRegistry metrics;
        LetterReplay replay(sinkRunner(&sink, metrics), letterFiles(letters()), metrics);
        sink->answer = [&sink](const BatchPtr &batch) {
            if (batch->rowCount() == 3)
                sink->storePart(batch, {failure(0, "still wrong", true), failure(1, "not now", false)});
            else
                sink->store(batch);
        };
        QSignalSpy finished(&replay, &LetterReplay::finished);
        TIDEMILL_VERIFY(replay.start());
        QVERIFY(finished.wait());
        QCOMPARE(sink->stored, (QList<qint64>{3, 2, 4})); // three are more than may be unconfirmed
        const LetterReplay::Outcome outcome = replay.outcome();
        QVERIFY(!outcome.isClean());
        QCOMPARE(outcome.recordsRefused, quint64(1));
        QCOMPARE(outcome.left, quint64(0));
        QCOMPARE(kept(), (QList<QList<qint64>>{{1}}));
        QCOMPARE(readLetter(letterFiles(letters()).first())->causeOf(0), QStringLiteral("still wrong"));
    }

    void leavesWhatIsNotAnswered()
    {
        writeLetters({{1}, {2}, {3}});
        ScriptedSink *sink = nullptr;
        MetricsRegistry metrics;
        LetterReplay replay(sinkRunner(&sink, metrics), letterFiles(letters()), metrics);
        sink->answer = [&sink](const BatchPtr &batch) {
            if (ScriptedSink::idsOf(batch) == QList<qint64>{2})
                sink->store(batch);
        };
        QSignalSpy finished(&replay, &LetterReplay::finished);
        TIDEMILL_VERIFY(replay.start());
        QTRY_COMPARE(sink->offered.size(), 3);
        QVERIFY(finished.isEmpty());
        replay.stop();
        QCOMPARE(finished.size(), 1);
        QCOMPARE(replay.outcome().left, quint64(2));
        QCOMPARE(replay.outcome().recordsRefused, quint64(0));
        QCOMPARE(kept(), (QList<QList<qint64>>{{1}, {3}}));
    }

    void leavesWhatIsDamaged()
    {
        writeLetters({{1}, {2}});
        const QString damaged = letterFiles(letters()).first();
        QFile file(damaged);
        QVERIFY(file.open(QIODevice::ReadWrite) && file.resize(file.size() - 1));
        file.close();
        ScriptedSink *sink = nullptr;
        MetricsRegistry metrics;
        LetterReplay replay(sinkRunner(&sink, metrics), letterFiles(letters()), metrics);
        QSignalSpy finished(&replay, &LetterReplay::finished);
        TIDEMILL_VERIFY(replay.start());
        QVERIFY(finished.wait());
        QCOMPARE(sink->stored, (QList<qint64>{2}));
        QCOMPARE(replay.outcome().problems.size(), 1);
        QVERIFY(replay.outcome().problems.first().startsWith(damaged));
        QVERIFY(!replay.outcome().isClean());
        QCOMPARE(letterFiles(letters()), QStringList{damaged});
    }

private:
    std::unique_ptr<NodeRunner> sinkRunner(ScriptedSink **sink, MetricsRegistry &metrics)
    {
        NodeDescription description;
        description.name = QStringLiteral("sink");
        description.kind = NodeKind::Sink;
        description.settings = quickRetry();
        description.settings.batchLinger = 1h; // which nobody waits for here
        description.settings.queueRows = 2;    // fewer than there are, so the reading has to pause
        *sink = new ScriptedSink;
        NodeContext context;
        context.stateDirectory = state();
        (*sink)->setContext(context);
        return std::make_unique<SinkRunner>(
            NodePtr<>(*sink), std::make_shared<NodeStatus>(QStringLiteral("test"), description), metrics);
    }

    std::unique_ptr<QTemporaryDir> m_folder;
};

QTEST_GUILESS_MAIN(tst_DeadLetters)

#include "tst_dead_letters.moc"
