// SPDX-License-Identifier: Apache-2.0
#include "host/checkpoint_store.h"
#include "host/checkpoint_tracker.h"
#include "host/in_flight.h"
#include "runtime_nodes.h"

#include <QTemporaryDir>

#include <random>
#include <thread>

using namespace tidemill;
using namespace tidemill::host;
using namespace tidemill::testing;

namespace {

// Emits and says what it has reached.
class CheckpointedSource final : public Source
{
    Q_OBJECT

public:
    Result<> start() override
    {
        found = savedPosition("BTCUSDT trade");
        return {};
    }
    void stop() override
    {
        if (lastWord != 0)
            send(lastWord);
    }

    void send(qint64 id)
    {
        emit emitted(testing::batch({Trade{.symbol = Symbol("BTCUSDT"), .trade_id = id}}));
        reached("BTCUSDT trade", QByteArray::number(id));
    }

    void sendTwo(qint64 first, qint64 second)
    {
        emit emitted(testing::batch({Trade{.symbol = Symbol("BTCUSDT"), .trade_id = first},
                                     Trade{.symbol = Symbol("BTCUSDT"), .trade_id = second}}));
        reached("BTCUSDT trade", QByteArray::number(second));
    }

    QByteArray found;
    qint64 lastWord = 0;
};

// As the host runs it: source, queue, sink, with a state directory.
class Run
{
public:
    explicit Run(const QString &folder)
    {
        NodeDescription description;
        description.name = QStringLiteral("source");
        description.kind = NodeKind::Source;
        source = new CheckpointedSource;
        NodeContext context;
        context.stateDirectory = folder;
        source->setContext(context);
        m_from = std::make_unique<SourceRunner>(
            NodePtr<>(source), std::make_shared<NodeStatus>(QStringLiteral("test"), description), m_metrics);
        description.name = QStringLiteral("sink");
        description.kind = NodeKind::Sink;
        sink = new ScriptedSink;
        m_to = std::make_unique<SinkRunner>(
            NodePtr<>(sink), std::make_shared<NodeStatus>(QStringLiteral("test"), description), m_metrics);
        m_edge = std::make_unique<QueuedEdge>(*m_from, *m_to, QByteArray(), QueuedEdge::Bound{1000, 1 << 20},
                                              QueuePolicy::Block);
        m_to->addQueue(m_edge.get());
        m_to->addInput(m_edge.get());
        m_from->addOutput(m_edge.get());
        (void)m_to->start();
        (void)m_from->start();
    }
    ~Run()
    {
        m_from->destroyNode();
        m_to->destroyNode();
    }

    // The steps of a shutdown, as Host takes them.
    void end()
    {
        m_from->stop();
        if (!sink->mute)
            QTRY_COMPARE(m_from->status().unsettled.load(), 0u);
        m_from->abandon();
        m_to->abandon();
        m_to->stop();
    }

    QHash<QByteArray, QByteArray> shown() const { return m_from->status().snapshot().positions; }
    quint64 unsettled() const { return m_from->status().unsettled; }

    CheckpointedSource *source;
    ScriptedSink *sink;

private:
    MetricsRegistry m_metrics;
    std::unique_ptr<SourceRunner> m_from;
    std::unique_ptr<SinkRunner> m_to;
    std::unique_ptr<QueuedEdge> m_edge;
};

} // namespace

class tst_Checkpoints : public QObject
{
    Q_OBJECT

private slots:
    void init() { m_folder = std::make_unique<QTemporaryDir>(); }

    // --- tracker

    void keepsAtOnceWhenNothingIsUnderWay()
    {
        CheckpointTracker tracker;
        tracker.reached("a", "1");
        QCOMPARE(tracker.kept().value("a"), "1");
    }

    void keepsWhenTheWholePrefixHasSettled()
    {
        CheckpointTracker tracker;
        const quint64 first = tracker.emitted();
        tracker.reached("a", "1");
        const quint64 second = tracker.emitted();
        tracker.reached("a", "2");
        tracker.reached("b", "7");
        const quint64 third = tracker.emitted();
        tracker.reached("a", "3");
        tracker.settle(second, false);
        QVERIFY(tracker.kept().isEmpty());
        tracker.settle(first, false);
        QCOMPARE(tracker.kept(), (CheckpointTracker::Positions{{"a", "2"}, {"b", "7"}}));
        tracker.settle(third, false);
        QCOMPARE(tracker.kept().value("a"), "3");
    }

    void neverMovesPastWhatWasAbandoned()
    {
        CheckpointTracker tracker;
        const quint64 first = tracker.emitted();
        tracker.reached("a", "1");
        const quint64 second = tracker.emitted();
        tracker.reached("a", "2");
        const quint64 third = tracker.emitted();
        tracker.reached("a", "3");
        tracker.settle(first, false);
        tracker.settle(second, true);
        tracker.settle(third, false);
        tracker.reached("a", "4");
        QCOMPARE(tracker.kept().value("a"), "1");
    }

    void boundsWhatWaits()
    {
        CheckpointTracker tracker;
        constexpr int count = 10000;
        for (int number = 1; number <= count; ++number) {
            tracker.emitted();
            tracker.reached("a", QByteArray::number(number));
        }
        int known = 0;
        for (int number = 1; number <= count; ++number) {
            tracker.settle(quint64(number), false);
            const int kept = tracker.kept().value("a", "0").toInt();
            QVERIFY(kept <= number && kept >= known);
            known = kept;
        }
        QCOMPARE(known, count);
    }

    void agreesWithASimpleReckoning()
    {
        for (quint32 seed = 0; seed < 500; ++seed) {
            std::mt19937 random(seed);
            CheckpointTracker tracker;
            std::vector<quint64> open;
            quint64 emitted = 0;
            quint64 firstAbandoned = 0;
            for (int step = 0; step < 60; ++step) {
                if (open.empty() || random() % 2 == 0) {
                    emitted = tracker.emitted();
                    open.push_back(emitted);
                    tracker.reached("a", QByteArray::number(emitted));
                } else {
                    const std::size_t index = random() % open.size();
                    const bool abandoned = firstAbandoned == 0 && random() % 40 == 0;
                    if (abandoned)
                        firstAbandoned = open[index];
                    tracker.settle(open[index], abandoned);
                    open.erase(open.begin() + std::ptrdiff_t(index));
                }
                const quint64 firstOpen = open.empty() ? emitted + 1 : open.front();
                const quint64 kept = tracker.kept().value("a", "0").toULongLong();
                if (firstAbandoned == 0)
                    QCOMPARE(kept, firstOpen - 1);
                else
                    QVERIFY(kept < firstAbandoned);
            }
        }
    }

    void settlesFromAnyThread()
    {
        auto tracker = std::make_shared<CheckpointTracker>();
        constexpr quint64 count = 20000;
        for (quint64 number = 1; number <= count; ++number)
            tracker->emitted();
        tracker->reached("a", "end");
        std::vector<std::thread> threads;
        for (quint64 part = 0; part < 4; ++part) {
            threads.emplace_back([tracker, part] {
                for (quint64 number = part + 1; number <= count; number += 4)
                    tracker->settle(number, false);
            });
        }
        for (std::thread &thread : threads)
            thread.join();
        QCOMPARE(tracker->kept().value("a"), "end");
    }

    void waitsForWhatWasJoined()
    {
        NodeDescription description;
        auto status = std::make_shared<NodeStatus>(QStringLiteral("test"), description);
        auto tracker = std::make_shared<CheckpointTracker>();
        DeliveryPtr first = std::make_shared<SourceDelivery>(status, Histogram(), tracker);
        DeliveryPtr second = std::make_shared<SourceDelivery>(status, Histogram(), tracker);
        tracker->reached("a", "2");
        DeliveryPtr both = joinDeliveries({first, second});
        first.reset();
        second.reset();
        QVERIFY(tracker->kept().isEmpty());
        both.reset();
        QCOMPARE(tracker->kept().value("a"), "2");

        first = std::make_shared<SourceDelivery>(status, Histogram(), tracker);
        tracker->reached("a", "3");
        both = joinDeliveries({first, std::make_shared<SourceDelivery>(status, Histogram(), tracker)});
        first.reset();
        both->abandon();
        both.reset();
        QCOMPARE(tracker->kept().value("a"), "2");
    }

    void waitsForTheLastRowOfABatch()
    {
        Run run(m_folder->path());
        QList<BatchPtr> rests;
        run.sink->answer = [&](const BatchPtr &batch) {
            if (batch->rowCount() == 2)
                run.sink->storePart(batch, {{1, {Error::Kind::Storage, QStringLiteral("not now")}, false}});
            else
                rests.append(batch);
        };
        run.source->sendTwo(1, 2);
        QTRY_COMPARE(rests.size(), 1);
        QCOMPARE(run.unsettled(), quint64(1));
        QVERIFY(run.shown().isEmpty());
        QVERIFY(CheckpointStore(m_folder->path()).load()->isEmpty());

        run.sink->store(rests.takeFirst());
        QTRY_COMPARE(run.shown().value("BTCUSDT trade"), QByteArray("2"));
        QCOMPARE(run.unsettled(), quint64(0));
        run.end();
    }

    // --- store

    void keepsAnyBytes()
    {
        CheckpointStore::Positions positions{{"BTCUSDT trade", "1 2@3"}, {"", ""}};
        QByteArray all;
        for (int byte = 0; byte < 256; ++byte)
            all.append(char(byte));
        positions.insert(all, all);
        CheckpointStore store(m_folder->filePath(QStringLiteral("a/b")));
        QVERIFY(store.load()->isEmpty());
        TIDEMILL_VERIFY(store.save(positions, 1));
        const auto loaded = CheckpointStore(m_folder->filePath(QStringLiteral("a/b"))).load();
        TIDEMILL_VERIFY(loaded);
        QCOMPARE(*loaded, positions);
    }

    void neverReplacesNewerByOlder()
    {
        CheckpointStore store(m_folder->path());
        TIDEMILL_VERIFY(store.save({{"a", "2"}}, 2));
        TIDEMILL_VERIFY(store.save({{"a", "1"}}, 1));
        QCOMPARE(store.load()->value("a"), "2");
    }

    void refusesEveryDamage()
    {
        const QByteArray whole = CheckpointStore::encode({{"BTCUSDT trade", "17"}, {"ETHUSDT trade", "4"}});
        TIDEMILL_VERIFY(CheckpointStore::decode(whole));
        for (qsizetype size = 0; size < whole.size(); ++size)
            QVERIFY2(!CheckpointStore::decode(whole.first(size)), whole.first(size));
        for (qsizetype at = 0; at < whole.size(); ++at) {
            QByteArray changed = whole;
            changed[at] = char(changed[at] ^ 1);
            QVERIFY2(!CheckpointStore::decode(changed), changed);
        }
    }

    void putsADamagedFileAside()
    {
        const QString path = m_folder->filePath(QStringLiteral("positions"));
        for (const char *aside : {"positions.damaged", "positions.damaged-2"}) {
            QFile file(path);
            QVERIFY(file.open(QIODevice::WriteOnly));
            file.write("tidemill positions 1\nBTCUSDT 5\n");
            file.close();
            CheckpointStore store(m_folder->path());
            const auto loaded = store.load();
            QVERIFY(!loaded);
            QVERIFY2(loaded.error().message.startsWith(path + ": expected 'end 0 "),
                     qPrintable(loaded.error().message));
            QVERIFY(QFile::exists(m_folder->filePath(QLatin1String(aside))));
            QVERIFY(store.load()->isEmpty());
        }
    }

    void saysWhyItCannotSave()
    {
        QFile file(m_folder->filePath(QStringLiteral("occupied")));
        QVERIFY(file.open(QIODevice::WriteOnly));
        CheckpointStore store(file.fileName());
        const auto saved = store.save({{"a", "1"}}, 1);
        QVERIFY(!saved);
        QVERIFY(saved.error().message.contains("occupied"));
    }

    // --- a source and its host

    void aNextRunGoesOnBehindWhatWasConfirmed()
    {
        {
            Run run(m_folder->path());
            QVERIFY(run.source->found.isEmpty());
            run.source->send(1);
            run.source->send(2);
            run.source->lastWord = 3; // what a source holds goes out within stop()
            run.end();
            QCOMPARE(run.sink->stored, (QList<qint64>{1, 2, 3}));
            QCOMPARE(run.shown().value("BTCUSDT trade"), "3");
        }
        Run next(m_folder->path());
        QCOMPARE(next.source->found, "3");
        QCOMPARE(next.shown().value("BTCUSDT trade"), "3");
        next.end();
    }

    void aPositionWaitsForTheSink()
    {
        {
            Run run(m_folder->path());
            run.source->send(1);
            QTRY_COMPARE(run.unsettled(), 0u);
            run.sink->mute = true;
            run.source->send(2);
            QTRY_COMPARE(run.sink->unanswered.size(), 1);
            run.end();
        }
        Run next(m_folder->path());
        QCOMPARE(next.source->found, "1");
        next.end();
    }

    void writesWhileItRuns()
    {
        Run run(m_folder->path());
        run.source->send(5);
        CheckpointStore other(m_folder->path());
        QTRY_COMPARE(other.load()->value("BTCUSDT trade"), "5");
        run.end();
    }

    void keepsNothingWithoutAFolder()
    {
        Run run({});
        run.source->send(1);
        run.end();
        QCOMPARE(run.sink->stored, QList<qint64>{1});
        QVERIFY(run.shown().isEmpty());
    }

    void startsWithoutPositionsAfterDamage()
    {
        QFile file(m_folder->filePath(QStringLiteral("positions")));
        QVERIFY(file.open(QIODevice::WriteOnly));
        file.write("nonsense");
        file.close();
        QTest::ignoreMessage(QtCriticalMsg, QRegularExpression(QStringLiteral("positions: expected.*aside")));
        Run run(m_folder->path());
        QVERIFY(run.source->found.isEmpty());
        run.source->send(9);
        run.end();
        QCOMPARE(CheckpointStore(m_folder->path()).load()->value("BTCUSDT trade"), "9");
    }

private:
    std::unique_ptr<QTemporaryDir> m_folder;
};

QTEST_GUILESS_MAIN(tst_Checkpoints)
#include "tst_checkpoints.moc"
