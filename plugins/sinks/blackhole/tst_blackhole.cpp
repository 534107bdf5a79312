// SPDX-License-Identifier: Apache-2.0
#include <tidemill/testing.h>

#include <QElapsedTimer>

using namespace tidemill;

class tst_BlackHole : public QObject
{
    Q_OBJECT

private slots:
    void confirmsAtOnce()
    {
        const auto node = testing::create<Sink>("blackhole");
        TIDEMILL_VERIFY(node);
        TIDEMILL_VERIFY((*node)->start());
        QSignalSpy delivered(node->get(), &Sink::delivered);
        const BatchPtr trades = testing::batch({Trade{.trade_id = 1}, Trade{.trade_id = 2}});
        const BatchPtr quotes = testing::batch({Quote{.update_id = 3}});

        (*node)->receive(trades);
        (*node)->receive(quotes);

        QCOMPARE(testing::batches(delivered), (QList<BatchPtr>{trades, quotes}));
    }

    void takesItsTimeForEachRecord()
    {
        const auto node = testing::create<Sink>("blackhole", {{"delay_us", 5000}});
        TIDEMILL_VERIFY(node);
        TIDEMILL_VERIFY((*node)->start());
        QSignalSpy delivered(node->get(), &Sink::delivered);

        QElapsedTimer timer;
        timer.start();
        (*node)->receive(testing::batch({Trade{.trade_id = 1}, Trade{.trade_id = 2}, Trade{.trade_id = 3}}));

        QVERIFY(timer.elapsed() >= 15);
        QCOMPARE(testing::recordCount(delivered), 3);
    }

    void rejectsBadOptions_data()
    {
        QTest::addColumn<QVariantMap>("options");
        QTest::addColumn<QString>("message");

        QTest::newRow("negative") << QVariantMap{{"delay_us", -1}} << "delay_us: must be at least 0";
        QTest::newRow("misspelt") << QVariantMap{{"delay", 1}} << "delay: no such option";
    }

    void rejectsBadOptions()
    {
        QFETCH(QVariantMap, options);
        QFETCH(QString, message);

        const auto node = testing::create<Sink>("blackhole", options);

        QVERIFY(!node);
        QCOMPARE(node.error().message, message);
    }
};

QTEST_GUILESS_MAIN(tst_BlackHole)

#include "tst_blackhole.moc"
