// SPDX-License-Identifier: Apache-2.0
#include "test_database.h"

#include <QElapsedTimer>
#include <QRegularExpression>

using namespace tidemill;

namespace {

BatchPtr trades(qint64 firstId, int count)
{
    BatchBuilder<Trade> builder;
    for (int i = 0; i < count; ++i)
        builder.append({.exchange = "binance"_sym,
                        .symbol = "BTCUSDT"_sym,
                        .trade_id = firstId + i,
                        .price = "45123.50"_dec,
                        .quantity = "0.00010000"_dec});
    return builder.finish();
}

} // namespace

// Somebody changes a table while the sink writes into it. Nothing may be stored otherwise than it was meant,
// and what can be stored must be.
class tst_SqlChanges : public QObject
{
    Q_OBJECT

private slots:
    void init() { QTest::failOnWarning(QRegularExpression(".")); }

    void refusesAChangeThatDoesNotFit_data()
    {
        QTest::addColumn<QString>("mode");
        QTest::addColumn<QString>("change");
        QTest::addColumn<QString>("message");

        for (const char *mode : {"upsert", "append"}) {
            const auto add = [mode](const char *name, const char *change, const char *message) {
                QTest::addRow("%s, %s", mode, name) << mode << change << message;
            };
            // Without a look at the table the server would round and say nothing.
            add("a type that rounds", "ALTER TABLE trade ALTER price TYPE double precision",
                "the column \"price\" should be numeric, found double precision");
            add("a type that squeezes", "ALTER TABLE trade ALTER symbol TYPE char(20)",
                "the column \"symbol\" should be text, found character(20)");
            add("a column less", "ALTER TABLE trade DROP quantity",
                "no column \"quantity\" (expected numeric)");
            add("a column renamed", "ALTER TABLE trade RENAME side TO taker", "no column \"side\"");
            add("a column that wants a value",
                "ALTER TABLE trade ADD owner text NOT NULL DEFAULT 'x'; "
                "ALTER TABLE trade ALTER owner DROP DEFAULT",
                "the column \"owner\" (text) must have a value");
            // A copy would store repeated records twice from here on.
            add("no key any more", "ALTER TABLE trade DROP CONSTRAINT trade_pkey", "no unique index on");
        }
    }

    void refusesAChangeThatDoesNotFit()
    {
        if (!TestDatabase::hasPostgres())
            QSKIP("needs TIDEMILL_TEST_POSTGRES_URL");
        QFETCH(QString, mode);
        QFETCH(QString, change);
        QFETCH(QString, message);
        TestDatabase database("postgresql");
        TestSink sink(database.url(), {{"mode", mode}});
        QVERIFY2(sink.write({trades(1, 3)}), qPrintable(sink.error().message));
        database.execute(change);

        for (int i = 0; i < 2; ++i) {
            QVERIFY(!sink.write({trades(4, 3)}));
            QCOMPARE(sink.error().kind, Error::Kind::Config);
            QVERIFY2(sink.error().message.contains("table \"trade\" does not fit: " + message),
                     qPrintable(sink.error().message));
        }
        QCOMPARE(database.value("SELECT count(*) FROM trade"), "3");

        // What the message says mends it, and storing goes on by itself.
        const QString remedy = sink.error().message.section("To mend it: ", 1);
        QVERIFY2(remedy.contains("\"trade\""), qPrintable(sink.error().message));
        database.execute(remedy);
        QVERIFY2(sink.write({trades(4, 3)}), qPrintable(sink.error().message));
        QCOMPARE(database.value("SELECT count(*), min(trade_id), max(trade_id) FROM trade"), "6|1|6");
    }

    // Several groups, so that the change falls between a transaction and the next one of each kind.
    void goesOnThroughAChangeThatFits_data()
    {
        QTest::addColumn<QString>("backend");
        QTest::addColumn<QString>("mode");
        QTest::addColumn<QString>("change");

        for (const char *mode : {"upsert", "append"}) {
            QTest::addRow("sqlite %s, a column more", mode)
                << "sqlite" << mode << "ALTER TABLE trade ADD owner text";
            QTest::addRow("sqlite %s, another table", mode) << "sqlite" << mode << "CREATE TABLE o (a text)";
            if (!TestDatabase::hasPostgres())
                continue;
            QTest::addRow("postgresql %s, a column more", mode)
                << "postgresql" << mode << "ALTER TABLE trade ADD owner text DEFAULT 'x'";
            QTest::addRow("postgresql %s, another type that fits", mode)
                << "postgresql" << mode << "ALTER TABLE trade ALTER price TYPE numeric(30, 10)";
            QTest::addRow("postgresql %s, made anew", mode)
                << "postgresql" << mode
                << "CREATE TABLE t2 (LIKE trade INCLUDING ALL); INSERT INTO t2 SELECT * FROM trade; "
                   "DROP TABLE trade; ALTER TABLE t2 RENAME TO trade";
        }
    }

    void goesOnThroughAChangeThatFits()
    {
        QFETCH(QString, backend);
        QFETCH(QString, mode);
        QFETCH(QString, change);
        TestDatabase database(backend);
        TestSink sink(database.url(), {{"mode", mode}});
        QVERIFY(sink.write({trades(1, 3), testing::batch({Quote{}})}));
        database.execute(change);

        QVERIFY2(sink.write({trades(4, 3)}), qPrintable(sink.error().message));
        QVERIFY2(sink.write({trades(7, 3), testing::batch({Quote{}})}), qPrintable(sink.error().message));

        QCOMPARE(database.value("SELECT count(*), min(trade_id), max(trade_id) FROM trade"), "9|1|9");
    }

    // The same insert would store text as numbers then.
    void refusesATableOfSqliteThatIsAnother()
    {
        TestDatabase database("sqlite");
        TestSink sink(database.url());
        QVERIFY(sink.write({trades(1, 3)}));
        database.execute("DROP TABLE trade");
        database.execute("CREATE TABLE trade (exchange text, symbol text, ts_event integer, ts_recv integer, "
                         "trade_id integer, price real, quantity text, side text, provenance text, "
                         "UNIQUE (exchange, symbol, trade_id))");

        QVERIFY(!sink.write({trades(4, 3)}));

        QVERIFY2(sink.error().message.contains("\"price\" should be TEXT, found REAL"),
                 qPrintable(sink.error().message));
        QCOMPARE(database.value("SELECT count(*) FROM trade"), "0");
    }

    // A table that somebody holds on to is not waited for in silence.
    void doesNotWaitLongForALock_data() { TestDatabase::addPostgresModes(); }

    void doesNotWaitLongForALock()
    {
        if (!TestDatabase::hasPostgres())
            QSKIP("needs TIDEMILL_TEST_POSTGRES_URL");
        QFETCH(QString, mode);
        TestDatabase database("postgresql");
        TestSink sink(database.url(), {{"mode", mode}});
        QVERIFY(sink.write({trades(1, 3)}));
        database.execute("BEGIN");
        database.execute("LOCK TABLE trade IN ACCESS EXCLUSIVE MODE");
        QElapsedTimer waited;
        waited.start();

        QVERIFY(!sink.write({trades(4, 3)}));

        QVERIFY2(waited.elapsed() >= 2900 && waited.elapsed() < 8000,
                 qPrintable(QString::number(waited.elapsed())));
        QVERIFY2(sink.error().message.contains("into table trade: ") &&
                     sink.error().message.contains("lock timeout"),
                 qPrintable(sink.error().message));
        database.execute("COMMIT");
        QVERIFY2(sink.write({trades(4, 3)}), qPrintable(sink.error().message));
        QCOMPARE(database.value("SELECT count(*) FROM trade"), "6");
    }
};

QTEST_GUILESS_MAIN(tst_SqlChanges)

#include "tst_sql_changes.moc"
