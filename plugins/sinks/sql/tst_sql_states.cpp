// SPDX-License-Identifier: Apache-2.0
#include "test_database.h"

#include <QRegularExpression>

using namespace tidemill;

// Which of several states of one key is kept.
class tst_SqlStates : public QObject
{
    Q_OBJECT

private slots:
    void init() { QTest::failOnWarning(QRegularExpression(".")); }

    void keepsTheNewerOfTwoStates_data()
    {
        QTest::addColumn<QString>("backend");
        QTest::addColumn<bool>("isMapped");
        QTest::addColumn<bool>("isOneGroup");
        QTest::addColumn<QList<Candle>>("states");
        QTest::addColumn<QString>("stored");

        const auto at = [](qint64 event, const char *close, bool closed) {
            return Candle{.exchange = "binance"_sym,
                          .symbol = "BTCUSDT"_sym,
                          .interval = "1m"_sym,
                          .ts_event = {event},
                          .ts_open = Timestamp::fromMilliseconds(60),
                          .close = *Decimal::parse(close),
                          .closed = closed};
        };
        struct Case
        {
            const char *name;
            QList<Candle> states;
            const char *stored;
        };
        const QList<Case> cases{
            {"newer", {at(1000, "1", false), at(2000, "2", false)}, "2"},
            {"older", {at(2000, "2", false), at(1000, "1", false)}, "2"},
            {"equal", {at(2000, "1", false), at(2000, "2", false)}, "2"},
            {"older between", {at(2000, "2", false), at(1000, "1", false), at(3000, "3", false)}, "3"},
            {"open behind closed", {at(2000, "2", true), at(1000, "1", false)}, "2"},
            {"late open behind closed", {at(2000, "2", true), at(3000, "1", false)}, "2"},
            {"closed behind late open", {at(3000, "1", false), at(2000, "2", true)}, "2"},
            {"closed again", {at(2000, "1", true), at(2000, "2", true)}, "2"},
            {"older closed", {at(3000, "2", true), at(2000, "1", true)}, "2"},
            {"without time", {at(3000, "1", false), at(0, "2", false)}, "2"},
            {"behind one without time", {at(0, "1", false), at(2000, "2", false)}, "2"},
            {"open without time behind closed", {at(2000, "2", true), at(0, "1", false)}, "2"},
        };
        for (const Case &one : cases) {
            for (const bool isMapped : {false, true}) {
                for (const bool isOneGroup : {false, true}) {
                    for (const char *backend : {"sqlite", "postgresql"}) {
                        if (backend == QByteArray("sqlite") || TestDatabase::hasPostgres())
                            QTest::addRow("%s: %s%s%s", backend, one.name, isMapped ? ", mapped" : "",
                                          isOneGroup ? ", in one group" : "")
                                << QString(backend) << isMapped << isOneGroup << one.states
                                << QString(one.stored);
                    }
                }
            }
        }
    }

    void keepsTheNewerOfTwoStates()
    {
        QFETCH(QString, backend);
        QFETCH(bool, isMapped);
        QFETCH(bool, isOneGroup);
        QFETCH(QList<Candle>, states);
        QFETCH(QString, stored);
        TestDatabase database(backend);
        const QVariantMap columns{{"last price", "close"},
                                  {"at", QVariantMap{{"field", "ts_event"}, {"type", "timestamptz"}}},
                                  {"is \"final\"", "closed"}};
        const QVariantMap tables{{"candle", QVariantMap{{"table", "bars"}, {"columns", columns}}}};
        TestSink sink(database.url(), isMapped ? QVariantMap{{"tables", tables}} : QVariantMap());

        QList<BatchPtr> batches;
        for (const Candle &state : states)
            batches.append(testing::batch({state}));
        if (isOneGroup) {
            QVERIFY2(sink.write(batches), qPrintable(sink.error().message));
        } else {
            for (const BatchPtr &batch : batches)
                QVERIFY2(sink.write({batch}), qPrintable(sink.error().message));
        }

        QCOMPARE(database.rows(isMapped ? "SELECT \"last price\" FROM bars" : "SELECT close FROM candle"),
                 QStringList{stored});
    }

    // Each is about a hole, not about a moment.
    void replacesGapsWhateverTheirTimes_data() { TestDatabase::addBackends(); }

    void replacesGapsWhateverTheirTimes()
    {
        QFETCH(QString, backend);
        TestDatabase database(backend);
        TestSink sink(database.url());
        Gap gap{.exchange = "binance"_sym,
                .symbol = "BTCUSDT"_sym,
                .stream = "trade"_sym,
                .ts_event = {3000},
                .ts_recv = {4000},
                .ts_from = {1000}};
        QVERIFY(sink.write({testing::batch({gap})}));
        gap.ts_event = {2000};
        gap.state = GapState::Filled;
        QVERIFY(sink.write({testing::batch({gap})}));

        QCOMPARE(database.rows("SELECT state FROM gap"), QStringList{"filled"});
    }

    // What is passed over is no change of the row.
    void doesNotTouchARowForAnOlderState_data() { TestDatabase::addBackends(); }

    void doesNotTouchARowForAnOlderState()
    {
        QFETCH(QString, backend);
        TestDatabase database(backend);
        const QVariantMap columns{
            {"status", "status"}, {"ts_event", "ts_event"}, {"changed", QVariantMap{{"type", "updated"}}}};
        TestSink sink(
            database.url(),
            {{"tables", QVariantMap{{"order", QVariantMap{{"table", "orders"}, {"columns", columns}}}}}});
        Order order{.exchange = "binance"_sym,
                    .symbol = "BTCUSDT"_sym,
                    .ts_event = {2000},
                    .order_id = 7,
                    .status = OrderStatus::Closed};
        QVERIFY2(sink.write({testing::batch({order})}), qPrintable(sink.error().message));
        database.execute("UPDATE orders SET changed = '2001-02-03 00:00:00'");
        order.ts_event = {1000};
        order.status = OrderStatus::Open;

        QVERIFY2(sink.write({testing::batch({order})}), qPrintable(sink.error().message));

        QCOMPARE(database.value("SELECT status, ts_event FROM orders WHERE changed < '2002-01-01 00:00:00'"),
                 "closed|2000");
    }
};

QTEST_GUILESS_MAIN(tst_SqlStates)

#include "tst_sql_states.moc"
