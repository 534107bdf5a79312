// SPDX-License-Identifier: Apache-2.0
#include <tidemill/batch.h>
#include <tidemill/records.h>

#include <QTest>

#include <thread>

using namespace tidemill;

namespace {

// Says when it is let go.
class CountedDelivery final : public Delivery
{
public:
    explicit CountedDelivery(int &settled) : m_settled(settled) {}
    ~CountedDelivery() override { ++m_settled; }

private:
    int &m_settled;
};

BatchPtr tradesWith(DeliveryPtr delivery)
{
    BatchBuilder<Trade> builder;
    builder.append({.trade_id = 1});
    const BatchPtr batch = builder.finish();
    batch->attachDelivery(std::move(delivery));
    return batch;
}

// References into such a batch are whatever the test says.
BatchPtr batchWithHeap(std::size_t heapBytes)
{
    BatchBuffer rows;
    rows.extend(sizeof(Frame));
    BatchBuffer heap;
    if (heapBytes > 0)
        std::memset(heap.extend(heapBytes), 'h', heapBytes);
    return std::make_shared<const Batch>(schemaOf<Frame>(), std::move(rows), std::move(heap), DeliveryPtr());
}

constexpr quint32 most = std::numeric_limits<quint32>::max();

} // namespace

class tst_Batch : public QObject
{
    Q_OBJECT

private slots:
    void holdsWhatWasAppended()
    {
        BatchBuilder<Trade> builder;
        QVERIFY(builder.isEmpty());
        for (qint64 id = 0; id < 1000; ++id)
            builder.append({.symbol = "X"_sym, .trade_id = id, .price = Decimal{id, -2}});
        QCOMPARE(builder.size(), 1000);

        const BatchPtr batch = builder.finish();

        QCOMPARE(batch->rowCount(), 1000);
        QVERIFY(batch->is<Trade>());
        QVERIFY(!batch->is<Quote>());
        QVERIFY(batch->rows<Quote>().empty());
        const auto trades = batch->rows<Trade>();
        QCOMPARE(trades.size(), 1000U);
        for (qint64 id = 0; id < 1000; ++id)
            QCOMPARE(trades[std::size_t(id)].trade_id, id);
        QCOMPARE(trades[123].price.toString(), QByteArray("1.23"));
        QVERIFY(batch->byteSize() >= 1000 * sizeof(Trade));
        QCOMPARE(batch->delivery(), DeliveryPtr());
    }

    void letsTheLastRowBeChanged()
    {
        BatchBuilder<Trade> builder;
        builder.append({.trade_id = 1}).trade_id = 2;
        QCOMPARE(builder.finish()->rows<Trade>()[0].trade_id, 2);
    }

    void canBeUsedAgain()
    {
        BatchBuilder<Frame> builder;
        builder.append({.sequence = 1, .payload = builder.bytes("first")});
        const BatchPtr first = builder.finish();
        QVERIFY(builder.isEmpty());
        builder.append({.sequence = 2, .payload = builder.bytes("second")});
        const BatchPtr second = builder.finish();
        const BatchPtr none = builder.finish();

        QCOMPARE(first->bytes(first->rows<Frame>()[0].payload), "first");
        QCOMPARE(second->bytes(second->rows<Frame>()[0].payload), "second");
        QCOMPARE(none->rowCount(), 0);
    }

    void keepsTextBytesAndLevels()
    {
        BatchBuilder<BookUpdate> builder;
        const std::vector<Level> bids{{1_dec, 2_dec}, {"0.50"_dec, 0_dec}};
        const Text odd = builder.text("odd"); // so that levels must be aligned
        const Levels levels = builder.levels(bids);
        const Text empty = builder.text("");
        const Levels none = builder.levels({});
        const Bytes bytes = builder.bytes(QByteArray("a\0b", 3));
        const BatchPtr batch = builder.finish();

        QCOMPARE(batch->text(odd), "odd");
        QCOMPARE(levels.offset % 8, 0U);
        const auto kept = batch->levels(levels);
        QCOMPARE(kept.size(), 2U);
        QCOMPARE(kept[1].price.toString(), QByteArray("0.50"));
        QVERIFY(kept[1].quantity.isZero());
        QVERIFY(batch->text(empty).isEmpty());
        QVERIFY(batch->levels(none).empty());
        QCOMPARE(batch->bytes(bytes), QByteArrayView("a\0b", 3));
    }

    void keepsALargeHeap()
    {
        BatchBuilder<Frame> builder;
        const QByteArray megabyte(1 << 20, 'm');
        for (qint64 i = 0; i < 40; ++i)
            builder.append({.sequence = i, .payload = builder.bytes(megabyte)});
        const BatchPtr batch = builder.finish();

        for (const Frame &frame : batch->rows<Frame>())
            QVERIFY(batch->bytes(frame.payload) == megabyte);
        QVERIFY(batch->byteSize() >= std::size_t(40) << 20);
    }

    void givesNothingBeyondItsHeap_data()
    {
        QTest::addColumn<quint32>("offset");
        QTest::addColumn<quint32>("size");
        QTest::addColumn<int>("readable"); // bytes

        QTest::newRow("all of it") << 0U << 96U << 96;
        QTest::newRow("the end") << 95U << 1U << 1;
        QTest::newRow("nothing at the end") << 96U << 0U << 0;
        QTest::newRow("one too many") << 0U << 97U << 0;
        QTest::newRow("across the end") << 90U << 7U << 0;
        QTest::newRow("behind the end") << 97U << 0U << 0;
        QTest::newRow("far behind") << most << 1U << 0;
        QTest::newRow("too large") << 0U << most << 0;
        QTest::newRow("sum wraps around") << most << most << 0;
        QTest::newRow("sum wraps around to zero") << 1U << most << 0;
        QTest::newRow("sum wraps around into the heap") << most - 1 << 10U << 0;
    }

    void givesNothingBeyondItsHeap()
    {
        QFETCH(quint32, offset);
        QFETCH(quint32, size);
        QFETCH(int, readable);
        const BatchPtr batch = batchWithHeap(96);

        QCOMPARE(batch->text({offset, size}).size(), readable);
        QCOMPARE(batch->bytes({offset, size}).size(), readable);
        QVERIFY(batchWithHeap(0)->text({offset, size}).isEmpty());
    }

    void givesNoLevelsBeyondItsHeap_data()
    {
        QTest::addColumn<quint32>("offset");
        QTest::addColumn<quint32>("count");
        QTest::addColumn<int>("readable");

        static_assert(sizeof(Level) == 32);
        QTest::newRow("all of it") << 0U << 3U << 3;
        QTest::newRow("the last") << 64U << 1U << 1;
        QTest::newRow("one too many") << 0U << 4U << 0;
        QTest::newRow("not aligned") << 4U << 1U << 0;
        QTest::newRow("across the end") << 72U << 1U << 0;
        QTest::newRow("behind the end") << 104U << 0U << 0;
        QTest::newRow("as many as there can be") << 0U << most << 0;
        QTest::newRow("bytes would wrap around 32 bits") << 0U << 1U + (1U << 27) << 0;
        QTest::newRow("far behind") << most - 7 << 1U << 0;
    }

    void givesNoLevelsBeyondItsHeap()
    {
        QFETCH(quint32, offset);
        QFETCH(quint32, count);
        QFETCH(int, readable);

        QCOMPARE(int(batchWithHeap(96)->levels({offset, count}).size()), readable);
        QVERIFY(batchWithHeap(0)->levels({offset, count}).empty());
    }

    void appendsRowsThroughTheSchema()
    {
        UntypedBatchBuilder builder(schemaOf<Trade>());
        std::byte *row = builder.appendRow();
        const Field &id = schemaOf<Trade>().fields()[4];
        const qint64 seven = 7;
        std::memcpy(row + id.offset, &seven, sizeof seven);
        builder.appendRow();

        const BatchPtr batch = builder.finish();

        QCOMPARE(batch->rows<Trade>().size(), 2U);
        QCOMPARE(batch->rows<Trade>()[0].trade_id, 7);
        QCOMPARE(batch->rows<Trade>()[1].trade_id, 0);
        QVERIFY(batch->rows<Trade>()[1].symbol.isNull());
    }

    void carriesTheDeliveryOn()
    {
        int settled = 0;
        BatchPtr parent = tradesWith(std::make_shared<CountedDelivery>(settled));
        BatchBuilder<Wap> builder(parent);
        builder.append({.update_id = 1});
        BatchPtr child = builder.finish();
        const BatchPtr orphan = builder.finish();

        QCOMPARE(child->delivery(), parent->delivery());
        QCOMPARE(orphan->delivery(), DeliveryPtr());
        parent.reset();
        QCOMPARE(settled, 0);
        child.reset();
        QCOMPARE(settled, 1);
    }

    void joinsTheDeliveriesOfSeveral()
    {
        int settled = 0;
        BatchPtr a = tradesWith(std::make_shared<CountedDelivery>(settled));
        BatchPtr b = tradesWith(std::make_shared<CountedDelivery>(settled));
        const BatchPtr without = tradesWith({});
        BatchBuilder<Wap> builder(a);
        builder.continues(*b);
        builder.continues(*a);
        builder.continues(*without);
        BatchPtr child = builder.finish();
        const DeliveryPtr deliveryOfA = a->delivery();

        child->delivery()->abandon();
        QVERIFY(child->delivery()->isAbandoned());
        QVERIFY(a->delivery()->isAbandoned());
        QVERIFY(b->delivery()->isAbandoned());

        b.reset();
        a.reset();
        QCOMPARE(settled, 0);
        child.reset();
        QCOMPARE(settled, 1); // a's is still held here
    }

    void joinsNothingToNothing()
    {
        QCOMPARE(joinDeliveries({}), DeliveryPtr());
        QCOMPARE(joinDeliveries({nullptr, nullptr}), DeliveryPtr());
        const auto delivery = std::make_shared<const Delivery>();
        QCOMPARE(joinDeliveries({nullptr, delivery, delivery}), DeliveryPtr(delivery));
        QVERIFY(!delivery->isAbandoned());
    }

    void isReadByManyThreads()
    {
        BatchBuilder<Frame> builder;
        for (qint64 i = 0; i < 100; ++i)
            builder.append({.sequence = i, .payload = builder.bytes(QByteArray::number(i))});
        const BatchPtr batch = builder.finish();
        std::atomic<int> wrong = 0;
        std::vector<std::thread> threads;
        for (int t = 0; t < 4; ++t) {
            threads.emplace_back([copy = batch, &wrong] {
                for (const Frame &frame : copy->rows<Frame>())
                    wrong += copy->bytes(frame.payload).toByteArray() != QByteArray::number(frame.sequence);
            });
        }
        for (std::thread &thread : threads)
            thread.join();

        QCOMPARE(wrong, 0);
        QCOMPARE(batch.use_count(), 1);
    }

    void movesItsBuffers()
    {
        BatchBuffer buffer;
        std::memcpy(buffer.extend(3), "abc", 3);
        BatchBuffer other(std::move(buffer));
        QCOMPARE(other.size(), 3U);
        BatchBuffer third;
        std::memcpy(third.extend(5000), QByteArray(5000, 'x').constData(), 5000);
        third = std::move(other);
        QCOMPARE(third.size(), 3U);
        QCOMPARE(std::memcmp(third.data(), "abc", 3), 0);
        QVERIFY(third.capacity() >= 3);
    }
};

QTEST_GUILESS_MAIN(tst_Batch)

#include "tst_batch.moc"
