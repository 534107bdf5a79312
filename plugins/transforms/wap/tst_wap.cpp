// SPDX-License-Identifier: Apache-2.0
#include "wap_test.h"

#include <deque>

using namespace tidemill;

namespace {

using Rows = std::initializer_list<Level>;

BatchPtr update(qint64 first, qint64 last, Rows bids, Rows asks)
{
    BatchBuilder<BookUpdate> builder;
    builder.append({.exchange = "test"_sym,
                    .symbol = "BTCUSDT"_sym,
                    .ts_event = Timestamp::fromSeconds(100),
                    .ts_recv = Timestamp::fromSeconds(101),
                    .first_update_id = first,
                    .last_update_id = last,
                    .bids = builder.levels({bids.begin(), bids.size()}),
                    .asks = builder.levels({asks.begin(), asks.size()}),
                    .provenance = Provenance::Replay});
    return builder.finish();
}

BatchPtr snapshot(qint64 last, Rows bids, Rows asks)
{
    BatchBuilder<BookSnapshot> builder;
    builder.append({.exchange = "test"_sym,
                    .symbol = "BTCUSDT"_sym,
                    .last_update_id = last,
                    .depth = 5000,
                    .bids = builder.levels({bids.begin(), bids.size()}),
                    .asks = builder.levels({asks.begin(), asks.size()})});
    return builder.finish();
}

// Figures by name and reason.
class Figures final : public Metrics
{
public:
    Counter counter(const QByteArray &name, const QByteArray &, const Labels &labels) override
    {
        const QByteArray key = labels.isEmpty() ? name : name + ' ' + labels.first().second;
        if (!m_index.contains(key)) {
            m_index.insert(key, m_cells.size());
            m_cells.emplace_back(0);
        }
        return Counter(&m_cells[m_index.value(key)]);
    }
    Gauge gauge(const QByteArray &, const QByteArray &, const Labels &) override { return {}; }
    Histogram histogram(const QByteArray &, const QByteArray &, const Labels &,
                        const QList<double> &) override
    {
        return {};
    }

    quint64 value(const QByteArray &key) const
    {
        return m_index.contains(key) ? m_cells[m_index.value(key)].load() : 0;
    }
    quint64 dropped(const QByteArray &reason) const { return value("tidemill_dropped_total " + reason); }
    quint64 rejected(const QByteArray &reason) const { return value("tidemill_rejected_total " + reason); }
    quint64 dataLoss() const { return value("tidemill_data_loss_total"); }

private:
    QHash<QByteArray, std::size_t> m_index;
    std::deque<std::atomic<quint64>> m_cells;
};

} // namespace

class tst_Wap : public QObject
{
    Q_OBJECT

private:
    Figures m_figures;
    NodePtr<Transform> m_node;
    std::unique_ptr<QSignalSpy> m_emitted;

    void create(const QVariantMap &options)
    {
        auto node = testing::create<Transform>("wap", options, {.metrics = &m_figures});
        TIDEMILL_VERIFY(node);
        m_node = *std::move(node);
        m_emitted = std::make_unique<QSignalSpy>(m_node.get(), &Transform::emitted);
        TIDEMILL_VERIFY(m_node->start());
    }

    // The price that came out last; empty if none has.
    QByteArray lastPrice() const
    {
        const auto waps = testing::rows<Wap>(*m_emitted);
        return waps.isEmpty() ? QByteArray() : waps.last().price.toString();
    }

private slots:
    void cleanup()
    {
        m_emitted.reset();
        m_node.reset();
    }

    void averagesAMessage_data()
    {
        QTest::addColumn<BatchPtr>("batch");
        QTest::addColumn<int>("levels");
        QTest::addColumn<QByteArray>("price");

        QTest::newRow("own side's quantity")
            << update(1, 2, {{100_dec, 1_dec}}, {{102_dec, 3_dec}}) << 5 << QByteArray("101.5");
        QTest::newRow("in the order sent, not the best")
            << update(1, 2, {{90_dec, 1_dec}, {100_dec, 1_dec}}, {{110_dec, 1_dec}}) << 1
            << QByteArray("100");
        QTest::newRow("zero quantity takes up a place")
            << update(1, 2, {{90_dec, 0_dec}, {100_dec, 1_dec}}, {{110_dec, 1_dec}, {120_dec, 1_dec}}) << 2
            << QByteArray("110");
        QTest::newRow("18 digits") << update(1, 2, {{1_dec, 1_dec}}, {{0_dec, 2_dec}}) << 5
                                   << QByteArray("0.333333333333333333");
        QTest::newRow("18 significant digits") << update(1, 2, {{200000_dec, 1_dec}}, {{0_dec, 2_dec}}) << 5
                                               << QByteArray("66666.6666666666667");
        QTest::newRow("half to even")
            << update(1, 2, {{"100000000000000.001"_dec, 1_dec}}, {{"100000000000000.000"_dec, 1_dec}}) << 5
            << QByteArray("100000000000000");
        QTest::newRow("snapshot") << snapshot(2, {{100_dec, 1_dec}}, {{102_dec, 3_dec}}) << 5
                                  << QByteArray("101.5");
    }

    void averagesAMessage()
    {
        QFETCH(BatchPtr, batch);
        QFETCH(int, levels);
        QFETCH(QByteArray, price);
        create({{"levels", levels}});

        m_node->receive(batch);

        QCOMPARE(lastPrice(), price);
        QCOMPARE(m_figures.dataLoss(), 0U);
    }

    void copiesWhatTheMessageSays()
    {
        create({{"levels", 7}});
        const BatchPtr batch = update(5, 9, {{100_dec, 1_dec}}, {{102_dec, 3_dec}});
        batch->attachDelivery(std::make_shared<Delivery>());

        m_node->receive(batch);

        const BatchPtr made = testing::batches(*m_emitted).value(0);
        QVERIFY(made);
        QCOMPARE(made->delivery(), batch->delivery());
        const Wap wap = made->rows<Wap>().front();
        QCOMPARE(wap.exchange, "test"_sym);
        QCOMPARE(wap.symbol, "BTCUSDT"_sym);
        QCOMPARE(wap.ts_event, Timestamp::fromSeconds(100));
        QCOMPARE(wap.ts_recv, Timestamp::fromSeconds(101));
        QCOMPARE(wap.update_id, 9);
        QCOMPARE(wap.levels, 7);
        QCOMPARE(wap.of, WapOf::Message);
        QCOMPARE(wap.provenance, Provenance::Replay);
    }

    void makesOneBatchOfOne()
    {
        create({});
        BatchBuilder<BookUpdate> builder;
        for (qint64 id = 1; id <= 3; ++id) {
            const Level level{Decimal{id, 0}, 1_dec};
            builder.append({.last_update_id = id,
                            .bids = builder.levels({&level, 1}),
                            .asks = builder.levels({&level, 1})});
        }

        m_node->receive(builder.finish());

        QCOMPARE(m_emitted->size(), 1);
        QCOMPARE(testing::waps(*m_emitted), "1\t1\n2\t2\n3\t3\n");
    }

    void countsWhatGivesNoPrice_data()
    {
        QTest::addColumn<BatchPtr>("batch");
        QTest::addColumn<QByteArray>("dropped");
        QTest::addColumn<QByteArray>("rejected");

        const Decimal huge{std::numeric_limits<qint64>::max(), 60};
        const Decimal largest{std::numeric_limits<qint64>::max(), Decimal::maxExponent};
        QTest::newRow("no bids") << update(1, 1, {}, {{1_dec, 1_dec}}) << QByteArray("one_sided")
                                 << QByteArray();
        QTest::newRow("no asks") << update(1, 1, {{1_dec, 1_dec}}, {}) << QByteArray("one_sided")
                                 << QByteArray();
        QTest::newRow("only removals") << update(1, 1, {{1_dec, 0_dec}}, {{2_dec, 0_dec}})
                                       << QByteArray("zero_quantity") << QByteArray();
        QTest::newRow("beyond 128 bits") << update(1, 1, {{huge, huge}}, {{Decimal{1, -64}, Decimal{1, -64}}})
                                         << QByteArray() << QByteArray("too_large");
        QTest::newRow("average too large") << update(1, 1, {{largest, 1_dec}}, {{largest, 1_dec}})
                                           << QByteArray() << QByteArray("too_large");
        QTest::newRow("no numbers at all")
            << update(1, 1, {{Decimal::null(), 1_dec}}, {{1_dec, Decimal::null()}}) << QByteArray()
            << QByteArray("too_large");
    }

    void countsWhatGivesNoPrice()
    {
        QFETCH(BatchPtr, batch);
        QFETCH(QByteArray, dropped);
        QFETCH(QByteArray, rejected);
        Figures figures;
        auto node = testing::create<Transform>("wap", {}, {.metrics = &figures});
        TIDEMILL_VERIFY(node);
        TIDEMILL_VERIFY((*node)->start());
        QSignalSpy emitted(node->get(), &Transform::emitted);

        (*node)->receive(batch);

        QCOMPARE(emitted.size(), 0);
        QCOMPARE(figures.dropped(dropped), dropped.isEmpty() ? 0U : 1U);
        QCOMPARE(figures.rejected(rejected), rejected.isEmpty() ? 0U : 1U);
        QCOMPARE(figures.dataLoss(), 1U);
    }

    void keepsABook()
    {
        create({{"of", "book"}, {"levels", 2}});

        // Nothing to apply it to.
        m_node->receive(update(8, 10, {{100_dec, 1_dec}}, {{102_dec, 1_dec}}));
        QCOMPARE(lastPrice(), QByteArray());
        QCOMPARE(m_figures.dropped("no_book"), 1U);

        m_node->receive(snapshot(10, {{100_dec, 1_dec}, {99_dec, 1_dec}, {98_dec, 9_dec}},
                                 {{102_dec, 1_dec}, {103_dec, 1_dec}, {104_dec, 1_dec}}));
        QCOMPARE(lastPrice(), QByteArray("101"));

        // Part of it is in the snapshot already.
        m_node->receive(update(9, 11, {{100_dec, 2_dec}, {101_dec, 0_dec}}, {{102_dec, 0_dec}}));
        QCOMPARE(lastPrice(), QByteArray("101.2")); // (100*2 + 99 + 103 + 104) / 5
    }

    void knowsNoBookBehindAHole()
    {
        create({{"of", "book"}});
        const quint64 before = m_figures.dropped("no_book");
        m_node->receive(snapshot(10, {{100_dec, 1_dec}}, {{102_dec, 1_dec}}));

        m_node->receive(update(12, 12, {{101_dec, 1_dec}}, {}));
        m_node->receive(update(13, 13, {{101_dec, 1_dec}}, {}));
        QCOMPARE(m_emitted->size(), 1);
        QCOMPARE(m_figures.dropped("no_book"), before + 2);

        m_node->receive(snapshot(20, {{200_dec, 1_dec}}, {{202_dec, 1_dec}}));
        m_node->receive(update(21, 22, {{201_dec, 1_dec}}, {}));
        QCOMPARE(m_emitted->size(), 3);
        QCOMPARE(lastPrice(), QByteArray("201"));
    }

    void ignoresARepeat()
    {
        create({{"of", "book"}});
        const quint64 lossBefore = m_figures.dataLoss();
        m_node->receive(snapshot(10, {{100_dec, 1_dec}}, {{102_dec, 1_dec}}));

        m_node->receive(update(9, 10, {{101_dec, 1_dec}}, {}));
        m_node->receive(update(11, 11, {{100_dec, 3_dec}}, {}));

        QCOMPARE(testing::waps(*m_emitted), "10\t101\n11\t100.5\n");
        QCOMPARE(m_figures.dropped("repeat"), 1U);
        QCOMPARE(m_figures.dataLoss(), lossBefore);
    }

    void doesNotBelieveACrossedBook()
    {
        create({{"of", "book"}});
        m_node->receive(snapshot(10, {{100_dec, 1_dec}}, {{102_dec, 1_dec}}));

        m_node->receive(update(11, 11, {{102_dec, 1_dec}}, {}));
        QCOMPARE(m_emitted->size(), 1);
        QCOMPARE(m_figures.dropped("crossed"), 1U);

        m_node->receive(update(12, 12, {{102_dec, 0_dec}}, {}));
        QCOMPARE(testing::waps(*m_emitted), "10\t101\n12\t101\n");
    }

    void keepsBooksOfExchangesAndSymbolsApart()
    {
        create({{"of", "book"}});
        const Level bid{100_dec, 1_dec};
        const Level ask{102_dec, 1_dec};
        BatchBuilder<BookSnapshot> snapshots;
        snapshots.append({.exchange = "a"_sym,
                          .symbol = "X"_sym,
                          .last_update_id = 10,
                          .bids = snapshots.levels({&bid, 1}),
                          .asks = snapshots.levels({&ask, 1})});
        m_node->receive(snapshots.finish());

        BatchBuilder<BookUpdate> updates;
        updates.append({.exchange = "b"_sym,
                        .symbol = "X"_sym,
                        .first_update_id = 11,
                        .last_update_id = 11,
                        .bids = updates.levels({&bid, 1})});
        updates.append({.exchange = "a"_sym,
                        .symbol = "Y"_sym,
                        .first_update_id = 11,
                        .last_update_id = 11,
                        .bids = updates.levels({&bid, 1})});
        m_node->receive(updates.finish());

        QCOMPARE(testing::recordCount(*m_emitted), 1);
    }

    void survivesImpossibleIds()
    {
        create({{"of", "book"}});
        constexpr qint64 most = std::numeric_limits<qint64>::max();
        constexpr qint64 least = std::numeric_limits<qint64>::min();
        m_node->receive(snapshot(most, {{100_dec, 1_dec}}, {{102_dec, 1_dec}}));
        m_node->receive(update(least, most, {{101_dec, 1_dec}}, {}));
        m_node->receive(snapshot(least, {{100_dec, 1_dec}}, {{102_dec, 1_dec}}));
        m_node->receive(update(most, least, {{101_dec, 1_dec}}, {}));
        m_node->receive(update(least, most, {{101_dec, 1_dec}}, {}));

        QCOMPARE(testing::recordCount(*m_emitted), 3);
    }

    void givesUpABookWithoutEnd()
    {
        create({{"of", "book"}});
        m_node->receive(snapshot(0, {{1_dec, 1_dec}}, {{Decimal{1, 12}, 1_dec}}));
        std::vector<Level> bids;
        for (qint64 price = 2; price <= 200'001; ++price)
            bids.push_back({Decimal{price, 0}, 1_dec});
        BatchBuilder<BookUpdate> builder;
        builder.append({.exchange = "test"_sym,
                        .symbol = "BTCUSDT"_sym,
                        .first_update_id = 1,
                        .last_update_id = 1,
                        .bids = builder.levels(bids)});

        m_node->receive(builder.finish());
        m_node->receive(update(2, 2, {{1_dec, 1_dec}}, {}));

        QCOMPARE(m_figures.rejected("book_too_large"), 1U);
        QCOMPARE(testing::recordCount(*m_emitted), 1);
    }

    void rejectsBadOptions_data()
    {
        QTest::addColumn<QVariantMap>("options");
        QTest::addColumn<QString>("message");

        QTest::newRow("none") << QVariantMap{{"levels", 0}} << "levels: must be at least 1";
        QTest::newRow("too many") << QVariantMap{{"levels", 5001}} << "levels: must be at most 5000";
        QTest::newRow("no such rule")
            << QVariantMap{{"of", "both"}} << "of: expected one of message, book, got 'both'";
    }

    void rejectsBadOptions()
    {
        QFETCH(QVariantMap, options);
        QFETCH(QString, message);

        const auto node = testing::create<Transform>("wap", options);

        QVERIFY(!node);
        QCOMPARE(node.error().message, message);
    }
};

QTEST_GUILESS_MAIN(tst_Wap)

#include "tst_wap.moc"
