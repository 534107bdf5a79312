// SPDX-License-Identifier: Apache-2.0
#include "host/batch_gate.h"
#include "host/batch_rows.h"
#include "host/delivery_breaker.h"
#include "host/held_batches.h"
#include "host/node_settings.h"

#include <tidemill/json.h>
#include <tidemill/testing.h>

using namespace tidemill;
using namespace tidemill::host;
using namespace std::chrono_literals;

namespace {

class CountedDelivery final : public Delivery
{};

BatchPtr tradesOf(const QList<qint64> &ids, DeliveryPtr delivery = {})
{
    BatchBuilder<Trade> builder;
    for (const qint64 id : ids)
        builder.append({.symbol = Symbol("BTCUSDT"), .trade_id = id});
    BatchPtr batch = builder.finish();
    batch->attachDelivery(std::move(delivery));
    return batch;
}

} // namespace

// What SinkRunner is made of, each part by itself, and the settings it goes by.
class tst_DeliveryParts : public QObject
{
    Q_OBJECT

private slots:
    void breakerOpensAfterFailuresInARow()
    {
        DeliveryBreaker breaker({.failures = 3, .pause = 1s});
        QVERIFY(!breaker.noteFailure(Timestamp{1}));
        QVERIFY(!breaker.noteFailure(Timestamp{2}));
        QVERIFY(!breaker.noteDelivery(Timestamp{3})); // in a row, so from the beginning
        QCOMPARE(breaker.failures(), 0);
        QVERIFY(!breaker.noteFailure(Timestamp{4}));
        QVERIFY(!breaker.noteFailure(Timestamp{5}));
        QCOMPARE(breaker.state(), BreakerState::Closed);
        QVERIFY(breaker.noteFailure(Timestamp{6}));
        QCOMPARE(breaker.state(), BreakerState::Open);
        QCOMPARE(breaker.since().ns, 6);
        QVERIFY(!breaker.noteFailure(Timestamp{7})); // it is open already
        QCOMPARE(breaker.since().ns, 6);
    }

    void breakerIsTriedOnceAfterThePause_data()
    {
        QTest::addColumn<bool>("delivers");
        QTest::addColumn<BreakerState>("after");

        QTest::newRow("delivered") << true << BreakerState::Closed;
        QTest::newRow("failed") << false << BreakerState::Open;
    }

    void breakerIsTriedOnceAfterThePause()
    {
        QFETCH(bool, delivers);
        DeliveryBreaker breaker({.failures = 1, .pause = 1s});
        QVERIFY(breaker.noteFailure());
        breaker.endPause(Timestamp{5});
        QCOMPARE(breaker.state(), BreakerState::HalfOpen);
        QCOMPARE(breaker.since().ns, 5);
        QVERIFY(delivers ? breaker.noteDelivery(Timestamp{6}) : breaker.noteFailure(Timestamp{6}));
        QTEST(breaker.state(), "after");
        QCOMPARE(breaker.since().ns, 6);
    }

    void breakerCanBeSwitchedOff()
    {
        DeliveryBreaker breaker({.failures = 0, .pause = 1s});
        for (int i = 0; i < 1000; ++i)
            QVERIFY(!breaker.noteFailure());
        QCOMPARE(breaker.state(), BreakerState::Closed);
    }

    void gateWaitsForAGroup_data()
    {
        QTest::addColumn<int>("lingerMs");
        QTest::addColumn<quint64>("rows");
        QTest::addColumn<quint64>("bytes");
        QTest::addColumn<int>("afterMs");
        QTest::addColumn<int>("leftMs"); // -1: it may go

        QTest::newRow("no linger") << 0 << quint64(1) << quint64(1) << 0 << -1;
        QTest::newRow("too few") << 100 << quint64(9) << quint64(99) << 0 << 100;
        QTest::newRow("rows") << 100 << quint64(10) << quint64(1) << 0 << -1;
        QTest::newRow("bytes") << 100 << quint64(1) << quint64(100) << 0 << -1;
        QTest::newRow("some time") << 100 << quint64(1) << quint64(1) << 30 << 70;
        QTest::newRow("all the time") << 100 << quint64(1) << quint64(1) << 100 << -1;
        QTest::newRow("nothing waits") << 100 << quint64(0) << quint64(0) << 10 << -1;
    }

    void gateWaitsForAGroup()
    {
        QFETCH(int, lingerMs);
        QFETCH(quint64, rows);
        QFETCH(quint64, bytes);
        QFETCH(int, afterMs);
        QFETCH(int, leftMs);
        BatchGate gate({.rows = 10, .bytes = 100, .linger = std::chrono::milliseconds(lingerMs)});
        const BatchGate::Clock::time_point begin{1h};
        (void)gate.timeLeft(1, 1, begin); // the first begins to wait
        const auto left = gate.timeLeft(rows, bytes, begin + std::chrono::milliseconds(afterMs));
        QCOMPARE(left ? int(left->count()) : -1, leftMs);
    }

    void gateStartsAnewWithEachGroup()
    {
        BatchGate gate({.rows = 10, .bytes = 100, .linger = 100ms});
        const BatchGate::Clock::time_point begin{1h};
        (void)gate.timeLeft(1, 1, begin);
        gate.noteGroup(begin + 50ms); // and more came while it went out
        QCOMPARE(gate.timeLeft(1, 1, begin + 60ms).value_or(0ms), 90ms);
        QVERIFY(!gate.timeLeft(0, 0, begin + 70ms)); // nothing waits: the next is the first
        QCOMPARE(gate.timeLeft(1, 1, begin + 80ms).value_or(0ms), 100ms);
        gate.open();
        QVERIFY(!gate.timeLeft(1, 1, begin + 80ms));
    }

    void heldBatchesKeepTheirOrder()
    {
        HeldBatches held;
        const BatchPtr first = tradesOf({1, 2});
        const BatchPtr second = tradesOf({3});
        const BatchPtr third = tradesOf({4});
        held.add(first);
        held.add(second);
        QCOMPARE(held.offer(), first);
        QCOMPARE(held.offer(), second);
        QVERIFY(!held.hasToOffer());
        auto entry = held.take(first);
        QVERIFY(entry && !held.isInHand(first));
        const BatchPtr rest = tradesOf({2});
        entry->batch = rest;
        entry->isRest = true;
        held.add(third);
        held.putBack(*entry);
        QCOMPARE(held.offer(), rest); // before what is newer
        QVERIFY(held.hasRests());
        QVERIFY(held.takeBack(HeldBatches::Clock::now()));
        QVERIFY(!held.takeBack(HeldBatches::Clock::now()));
        QCOMPARE(held.rows(), quint64(3));
        QCOMPARE(held.offer(), rest);
        QCOMPARE(held.offer(), second);
        QCOMPARE(held.offer(), third);
        for (const BatchPtr &batch : {second, rest, third})
            QVERIFY(held.take(batch));
        QVERIFY(!held.take(third));
        QCOMPARE(held.rows(), quint64(0));
        QCOMPARE(held.bytes(), quint64(0));
        QVERIFY(!held.hasRests());
    }

    void aDeliveryExcusesOthersButNotWhatTheSinkHasNamed()
    {
        HeldBatches held;
        const HeldBatches::Clock::time_point then{1h};
        for (qint64 id = 1; id <= 3; ++id) {
            held.add(tradesOf({id}));
            (void)held.offer();
        }
        QVERIFY(held.takeBack(then));
        auto named = held.take(held.offer());
        QVERIFY(named);
        named->isRest = true;
        held.putBack(*named);

        QCOMPARE(held.takeFailedSince(then - 1ms).size(), std::size_t(0));
        held.excuse();
        const auto failed = held.takeFailedSince(then);
        QCOMPARE(failed.size(), std::size_t(1));
        QCOMPARE(failed.front().batch, named->batch);
        QCOMPARE(held.rows(), quint64(2));
        QCOMPARE(held.takeAll().size(), std::size_t(2));
        QCOMPARE(held.bytes(), quint64(0));
    }

    void whatIsNamedHasFailedOnlyIfThatIsSaid_data()
    {
        QTest::addColumn<bool>("hasFailed");
        QTest::newRow("it has") << true;
        QTest::newRow("it waits") << false;
    }

    void whatIsNamedHasFailedOnlyIfThatIsSaid()
    {
        QFETCH(bool, hasFailed);
        HeldBatches held;
        const HeldBatches::Clock::time_point then{1h};
        held.add(tradesOf({1}));
        auto named = held.take(held.offer());
        QVERIFY(named);
        named->isNamed = true;
        held.putBack(*named);
        QVERIFY(!held.hasRests());

        held.judgeNamed(hasFailed ? std::optional(then) : std::nullopt);
        held.judgeNamed(then - 1h); // once for all
        QCOMPARE(held.hasRests(), hasFailed);
        held.holdClocks(10ms);
        QCOMPARE(held.takeFailedSince(then + 9ms).size(), std::size_t(0));
        QCOMPARE(held.takeFailedSince(then + 10ms).size(), std::size_t(hasFailed ? 1 : 0));
    }

    void copiedRowsSayTheSameAndCarryTheDeliveryOn()
    {
        UntypedBatchBuilder builder(schemaOf<BookUpdate>());
        for (int i = 0; i < 3; ++i) {
            const Level level{Decimal(100 + i, 0), Decimal(1, -2)};
            auto *row = new (builder.appendRow()) BookUpdate;
            row->symbol = Symbol("BTCUSDT");
            row->bids = builder.levels({&level, 1});
        }
        const BatchPtr batch = builder.finish();
        const auto delivery = std::make_shared<CountedDelivery>();
        batch->attachDelivery(delivery);
        const BatchPtr copy = copyRows(*batch, {0, 2});
        QCOMPARE(copy->rowCount(), 2);
        QVERIFY(sameRecord(*batch, 0, *copy, 0));
        QVERIFY(sameRecord(*batch, 2, *copy, 1));
        QCOMPARE(copy->delivery().get(), delivery.get());
    }

    void settingsGoTogether_data()
    {
        QTest::addColumn<QVariantMap>("node");
        QTest::addColumn<QString>("error"); // empty: well

        const auto row = [](const char *name, const QVariantMap &node, const char *error) {
            QTest::newRow(name) << node << QString::fromLatin1(error);
        };
        const QVariantMap disk{{"type", "disk"}};
        const QVariantMap memory{{"type", "memory"}};
        const QVariantMap spool{{"policy", "spool"}};
        row("disk", {{"buffer", disk}}, "");
        row("spool", {{"queue", spool}}, "");
        row("both spellings", {{"buffer", disk}, {"queue", spool}}, "");
        row("memory and spool", {{"buffer", memory}, {"queue", spool}},
            "buffer.type: memory does not go with queue.policy: spool; keep one of the two");
        row("disk and drop", {{"buffer", disk}, {"queue", QVariantMap{{"policy", "drop_oldest"}}}},
            "buffer.type: disk does not go with queue.policy: drop_oldest; keep one of the two");
        row("a bound in memory", {{"buffer", QVariantMap{{"max", "2MiB"}}}}, "");
        row("two bounds in memory",
            {{"buffer", QVariantMap{{"max", "2MiB"}}}, {"queue", QVariantMap{{"bytes", "1MiB"}}}},
            "buffer.max: in memory this is the same as queue.bytes: keep one of the two");
        row("two bounds with a disk",
            {{"buffer", QVariantMap{{"type", "disk"}, {"max", "2MiB"}}},
             {"queue", QVariantMap{{"bytes", "1MiB"}}}},
            "");
        row("fsync in memory", {{"buffer", QVariantMap{{"fsync", "interval"}}}},
            "buffer.fsync: is for a buffer on disk (buffer.type: disk)");
        row("never", {{"retry", QVariantMap{{"give_up", "never"}}}}, "");
        row("give up", {{"retry", QVariantMap{{"give_up", "1m30s"}}}}, "");
        row("give up when", {{"retry", QVariantMap{{"give_up", "soon"}}}},
            "retry.give_up: expected never or a duration such as 10m, got 'soon'");
        row("give up at once", {{"retry", QVariantMap{{"give_up", "0s"}}}},
            "retry.give_up: expected never or a duration such as 10m, got '0s'");
        row("bounds", {{"retry", QVariantMap{{"initial", "20s"}}}},
            "retry: max (10s) must not be less than initial (20s)");
        row("jitter", {{"retry", QVariantMap{{"jitter", "some"}}}},
            "retry.jitter: expected one of full, equal, none, got 'some'");
        row("on_error", {{"on_error", "ignore"}},
            "on_error: expected one of dead_letter, drop, got 'ignore'");
        row("the old key", {{"spool", QVariantMap{{"max", "2MiB"}}}}, "");
    }

    void settingsGoTogether()
    {
        QFETCH(QVariantMap, node);
        QFETCH(QString, error);
        NodeSettings settings;
        QStringList said;
        for (const OptionError &one : applyNodeSettings(NodeKind::Sink, Value::fromVariant(node), settings))
            said.append(one.toString());
        QCOMPARE(said.join(QLatin1String("; ")), error);
    }

    void settingsMeanWhatTheySay()
    {
        const auto read = [](const QVariantMap &node) {
            NodeSettings settings;
            (void)applyNodeSettings(NodeKind::Sink, Value::fromVariant(node), settings);
            return settings;
        };
        QCOMPARE(read({{"buffer", QVariantMap{{"type", "disk"}}}}).queuePolicy, QueuePolicy::Spool);
        QCOMPARE(read({{"queue", QVariantMap{{"policy", "spool"}}}}).bufferType, BufferType::Disk);
        QCOMPARE(read({{"buffer", QVariantMap{{"max", "2MiB"}}}}).queueBytes.bytes, 2 << 20);
        QCOMPARE(read({{"buffer", QVariantMap{{"type", "disk"}, {"max", "2MiB"}}}}).queueBytes,
                 NodeSettings().queueBytes);
        QCOMPARE(read({{"retry", QVariantMap{{"give_up", "1m30s"}}}}).retryGiveUp.value_or(0ms), 90s);
        QVERIFY(!read({{"retry", QVariantMap{{"give_up", "never"}}}}).retryGiveUp);
        QVERIFY(!read({}).retryGiveUp);
        QCOMPARE(read({{"retry", QVariantMap{{"jitter", "equal"}}}}).retryJitter, Jitter::Equal);
        QCOMPARE(read({{"on_error", "drop"}}).onError, OnError::Drop);
    }
};

QTEST_GUILESS_MAIN(tst_DeliveryParts)

#include "tst_delivery_parts.moc"
