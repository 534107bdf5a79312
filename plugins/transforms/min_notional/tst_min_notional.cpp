// SPDX-License-Identifier: Apache-2.0
#include <tidemill/testing.h>

using namespace tidemill;

class tst_MinNotional : public QObject
{
    Q_OBJECT

private slots:
    void keepsLargeTrades_data()
    {
        QTest::addColumn<Decimal>("quantity");
        QTest::addColumn<int>("passed");

        QTest::newRow("above") << 2_dec << 1;
        QTest::newRow("exactly at the limit") << 1_dec << 1;
        QTest::newRow("below") << "0.5"_dec << 0;
        QTest::newRow("no quantity") << Decimal::null() << 0;
    }

    void keepsLargeTrades()
    {
        QFETCH(Decimal, quantity);
        QFETCH(int, passed);
        auto node = testing::create<Transform>("min_notional", {{"min_notional", 100.0}});
        TIDEMILL_VERIFY(node);
        QSignalSpy emitted(node->get(), &Transform::emitted);

        (*node)->receive(
            testing::batch({Trade{.symbol = "BTC-USD"_sym, .price = 100_dec, .quantity = quantity}}));

        QCOMPARE(testing::recordCount(emitted), passed);
        QCOMPARE(emitted.size(), passed);
    }

    void keepsTheOrderAndTheDelivery()
    {
        auto node = testing::create<Transform>("min_notional", {{"min_notional", 100.0}});
        TIDEMILL_VERIFY(node);
        QSignalSpy emitted(node->get(), &Transform::emitted);
        const BatchPtr batch = testing::batch({Trade{.trade_id = 1, .price = 100_dec, .quantity = 3_dec},
                                               Trade{.trade_id = 2, .price = 1_dec, .quantity = 3_dec},
                                               Trade{.trade_id = 3, .price = 50_dec, .quantity = 2_dec}});
        batch->attachDelivery(std::make_shared<Delivery>());

        (*node)->receive(batch);

        const auto trades = testing::rows<Trade>(emitted);
        QCOMPARE(trades.size(), 2);
        QCOMPARE(trades[0].trade_id, 1);
        QCOMPARE(trades[1].trade_id, 3);
        QCOMPARE(testing::batches(emitted).first()->delivery(), batch->delivery());
    }

    void passesOtherRecordsUntouched()
    {
        auto node = testing::create<Transform>("min_notional", {{"min_notional", 100.0}});
        TIDEMILL_VERIFY(node);
        QSignalSpy emitted(node->get(), &Transform::emitted);
        const BatchPtr batch = testing::batch({Quote{.symbol = "BTC-USD"_sym}});

        (*node)->receive(batch);

        QCOMPARE(testing::batches(emitted), QList<BatchPtr>{batch});
    }

    void rejectsBadOptions_data()
    {
        QTest::addColumn<QVariantMap>("options");
        QTest::addColumn<QString>("message");

        QTest::newRow("negative") << QVariantMap{{"min_notional", -1}} << "min_notional: must be at least 0";
        QTest::newRow("text") << QVariantMap{{"min_notional", "lots"}}
                              << "min_notional: expected a number, got 'lots'";
        QTest::newRow("misspelt") << QVariantMap{{"min_notionl", 1}} << "min_notionl: no such option";
    }

    void rejectsBadOptions()
    {
        QFETCH(QVariantMap, options);
        QFETCH(QString, message);

        const auto node = testing::create<Transform>("min_notional", options);

        QVERIFY(!node);
        QCOMPARE(node.error().message, message);
    }
};

QTEST_GUILESS_MAIN(tst_MinNotional)

#include "tst_min_notional.moc"
