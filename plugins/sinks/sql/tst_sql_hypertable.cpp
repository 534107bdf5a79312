// SPDX-License-Identifier: Apache-2.0
#include "test_database.h"

#include <QRegularExpression>

#include <optional>

using namespace tidemill;

namespace {

BatchPtr trades(qint64 firstId, int count, qint64 firstNs = 1'723'161'255'308'000'000)
{
    BatchBuilder<Trade> builder;
    for (int i = 0; i < count; ++i)
        builder.append({.exchange = "binance"_sym,
                        .symbol = "BTCUSDT"_sym,
                        .ts_event = {firstNs + i},
                        .trade_id = firstId + i,
                        .price = "45123.50"_dec,
                        .quantity = "0.00010000"_dec});
    return builder.finish();
}

// What TimescaleDB shows of itself, played by ordinary functions and tables: an extension of that name, its
// view of hypertables, and create_hypertable() with the parameters that its documentation names. Like the
// real one it refuses a table whose unique indexes lack the time. In a database of its own, since an
// extension belongs to a database.
class FakeTimescale
{
public:
    explicit FakeTimescale(TestDatabase &database) : m_database(database)
    {
        for (const char *sql : {
                 "CREATE SCHEMA timescaledb_information",
                 "CREATE SCHEMA tsdb",
                 "CREATE TABLE tsdb.calls (relation regclass, time_column_name name, chunk_time_interval "
                 "text)",
                 "CREATE VIEW timescaledb_information.hypertables AS SELECT n.nspname AS hypertable_schema, "
                 "c.relname AS hypertable_name FROM tsdb.calls JOIN pg_class c ON c.oid = relation "
                 "JOIN pg_namespace n ON n.oid = c.relnamespace",
                 "CREATE FUNCTION tsdb.create_hypertable(relation regclass, time_column_name name, "
                 "partitioning_column name = NULL, number_partitions integer = NULL, "
                 "associated_schema_name name = NULL, associated_table_prefix name = NULL, "
                 "chunk_time_interval anyelement = NULL::bigint, create_default_indexes boolean = true, "
                 "if_not_exists boolean = false, partitioning_func regproc = NULL, "
                 "migrate_data boolean = false, chunk_target_size text = NULL, "
                 "chunk_sizing_func regproc = NULL, time_partitioning_func regproc = NULL) "
                 "RETURNS TABLE (hypertable_id int, schema_name name, table_name name, created bool) AS $$ "
                 "BEGIN "
                 "IF EXISTS (SELECT 1 FROM pg_index i WHERE i.indrelid = relation AND i.indisunique AND NOT "
                 "EXISTS (SELECT 1 FROM pg_attribute a WHERE a.attrelid = relation AND "
                 "a.attname = time_column_name AND a.attnum = ANY (i.indkey))) THEN "
                 "RAISE 'cannot create a unique index without the column \"%\" (used in partitioning)', "
                 "time_column_name; END IF; "
                 "INSERT INTO tsdb.calls VALUES (relation, create_hypertable.time_column_name, "
                 "pg_typeof(chunk_time_interval)::text || ' ' || chunk_time_interval::text); "
                 "RETURN QUERY SELECT 1, 'public'::name, relation::text::name, true; END $$ LANGUAGE plpgsql",
                 "INSERT INTO pg_extension (oid, extname, extowner, extnamespace, extrelocatable, "
                 "extversion) "
                 "SELECT 99999, 'timescaledb', n.nspowner, n.oid, false, '2.19.3' FROM pg_namespace n "
                 "WHERE n.nspname = 'tsdb'",
             })
            m_database.execute(QLatin1String(sql));
    }

    QStringList calls() { return m_database.rows("SELECT * FROM tsdb.calls ORDER BY relation::text"); }

private:
    TestDatabase &m_database;
};

} // namespace

class tst_SqlHypertable : public QObject
{
    Q_OBJECT

private slots:
    void init()
    {
        if (!TestDatabase::hasPostgres())
            QSKIP("needs TIDEMILL_TEST_POSTGRES_URL");
        QTest::failOnWarning(QRegularExpression("."));
    }

    void makesHypertables_data()
    {
        QTest::addColumn<QString>("mode");
        QTest::addColumn<QString>("hypertable");
        for (const char *mode : {"upsert", "append"}) {
            for (const char *hypertable : {"auto", "true"})
                QTest::addRow("%s %s", mode, hypertable) << mode << hypertable;
        }
    }

    void makesHypertables()
    {
        QFETCH(QString, mode);
        QFETCH(QString, hypertable);
        TestDatabase database("postgresql database");
        FakeTimescale timescale(database);
        const Candle candle{.exchange = "binance"_sym, .symbol = "BTCUSDT"_sym, .interval = "1m"_sym};
        const Order order{.exchange = "binance"_sym, .symbol = "BTCUSDT"_sym};
        for (int run = 0; run < 2; ++run) { // the second finds the tables
            TestSink sink(database.url(),
                          {{"mode", mode}, {"hypertable", hypertable}, {"chunk_interval", "1h"}});
            QVERIFY2(sink.write({trades(1, 3), testing::batch({candle}), testing::batch({order})}),
                     qPrintable(sink.error().message));
            QVERIFY2(sink.write({trades(2, 3, 1'723'161'255'308'000'001)}), qPrintable(sink.error().message));
        }

        // A state without a time in its key stays in an ordinary table: it changes in its place.
        QCOMPARE(timescale.calls(),
                 (QStringList{"candle|ts_open|bigint 3600000000000", "trade|ts_event|bigint 3600000000000"}));
        QCOMPARE(database.value("SELECT count(*), max(trade_id) FROM trade"), "4|4");
        QCOMPARE(database.value("SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = "
                                "'trade'::regclass AND contype = 'p'"),
                 "PRIMARY KEY (exchange, symbol, trade_id, ts_event)");
    }

    void dividesByTheColumnThatTheMappingNames()
    {
        TestDatabase database("postgresql database");
        FakeTimescale timescale(database);
        const QVariantMap columns{{"id", QVariantMap{{"type", "serial"}}},
                                  {"at", QVariantMap{{"field", "ts_recv"}, {"type", "timestamptz"}}},
                                  {"price", "price"}};
        const QVariantMap table{{"table", "prices"}, {"columns", columns}, {"time", "at"}};
        TestSink sink(database.url(), {{"hypertable", "true"}, {"tables", QVariantMap{{"trade", table}}}});

        QVERIFY2(sink.write({trades(1, 3)}), qPrintable(sink.error().message));

        QCOMPARE(timescale.calls(), QStringList("prices|at|interval 24:00:00"));
        QCOMPARE(database.value("SELECT count(DISTINCT id) FROM prices"), "3");
    }

    void saysWhatIsMissing()
    {
        TestDatabase database("postgresql database");
        TestSink sink(database.url(), {{"hypertable", "true"}});

        for (int i = 0; i < 2; ++i) {
            QVERIFY(!sink.write({trades(1, 3)}));
            QCOMPARE(sink.error().kind, Error::Kind::Config);
            QCOMPARE(
                sink.error().message,
                "hypertable: table \"trade\": the extension TimescaleDB is not installed in this database. "
                "To mend it: CREATE EXTENSION timescaledb;");
        }

        FakeTimescale timescale(database); // somebody installs it
        QVERIFY2(sink.write({trades(1, 3)}), qPrintable(sink.error().message));
        QCOMPARE(timescale.calls().size(), 1);
    }

    void doesWithoutWhenAskedTo_data()
    {
        QTest::addColumn<QString>("hypertable");
        QTest::addColumn<bool>("isInstalled");
        QTest::newRow("auto, not installed") << "auto" << false;
        QTest::newRow("false, installed") << "false" << true;
    }

    void doesWithoutWhenAskedTo()
    {
        QFETCH(QString, hypertable);
        QFETCH(bool, isInstalled);
        TestDatabase database("postgresql database");
        std::optional<FakeTimescale> timescale;
        if (isInstalled)
            timescale.emplace(database);
        TestSink sink(database.url(), {{"hypertable", hypertable}});

        QVERIFY2(sink.write({trades(1, 3)}), qPrintable(sink.error().message));

        QCOMPARE(database.value("SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = "
                                "'trade'::regclass AND contype = 'p'"),
                 "PRIMARY KEY (exchange, symbol, trade_id)");
    }

    void leavesTablesThatAreThereAsTheyAre()
    {
        TestDatabase database("postgresql database");
        TestSink(database.url()).write({trades(1, 3)});
        FakeTimescale timescale(database);

        TestSink mayBe(database.url(), {{"hypertable", "auto"}});
        QVERIFY2(mayBe.write({trades(3, 3, 1'723'161'255'308'000'002)}), qPrintable(mayBe.error().message));
        TestSink mustBe(database.url(), {{"hypertable", "true"}});
        QVERIFY(!mustBe.write({trades(6, 1)}));

        QCOMPARE(
            mustBe.error().message,
            "hypertable: table \"trade\": it is there already and is none. To mend it, give it the primary "
            "key (\"exchange\", \"symbol\", \"trade_id\", \"ts_event\") instead of the one that it has, and "
            "then: SELECT \"tsdb\".create_hypertable('\"trade\"'::regclass, 'ts_event'::name, "
            "chunk_time_interval => 86400000000000::bigint, migrate_data => true);");
        QCOMPARE(database.value("SELECT count(*) FROM trade"), "5");
        QVERIFY(timescale.calls().isEmpty());

        // As it says.
        database.execute("ALTER TABLE trade DROP CONSTRAINT trade_pkey, "
                         "ADD PRIMARY KEY (exchange, symbol, trade_id, ts_event)");
        database.execute(mustBe.error().message.section("then: ", 1));
        QVERIFY2(mustBe.write({trades(6, 1)}), qPrintable(mustBe.error().message));
        QCOMPARE(database.value("SELECT count(*) FROM trade"), "6");
    }

    void rejectsBadOptions_data()
    {
        QTest::addColumn<QVariantMap>("options");
        QTest::addColumn<QString>("message");

        const auto table = [](const char *type, const QVariantMap &columns, const char *time) {
            return QVariantMap{
                {"tables",
                 QVariantMap{{type, QVariantMap{{"table", "t"}, {"columns", columns}, {"time", time}}}}}};
        };
        QTest::newRow("SQLite")
            << QVariantMap{{"url", "sqlite:a.db"}, {"hypertable", true}}
            << "hypertable: expected false or auto with SQLite: TimescaleDB is PostgreSQL's";
        QTest::newRow("no such column")
            << table("trade", {{"at", "ts_event"}}, "when")
            << "tables.trade.time: no column 'when' that holds a time as bigint, timestamp or timestamptz";
        QTest::newRow("no time")
            << table("trade", {{"price", "price"}}, "price")
            << "tables.trade.time: no column 'price' that holds a time as bigint, timestamp "
               "or timestamptz";
        QTest::newRow("a state's time that is not in its key")
            << table("order", {{"at", "ts_event"}}, "at")
            << "tables.order.time: order is a state that changes in its place, so only a time of its key can "
               "be it";
        QTest::newRow("short chunks")
            << QVariantMap{{"chunk_interval", "1s"}} << "chunk_interval: must be at least 1m";
    }

    void rejectsBadOptions()
    {
        QFETCH(QVariantMap, options);
        QFETCH(QString, message);

        const auto node = testing::create<Sink>("sql", options);

        QVERIFY(!node);
        QCOMPARE(node.error().message, message);
    }
};

QTEST_GUILESS_MAIN(tst_SqlHypertable)

#include "tst_sql_hypertable.moc"
