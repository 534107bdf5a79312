// SPDX-License-Identifier: Apache-2.0
#include "test_database.h"

#include <QRegularExpression>

using namespace tidemill;

namespace {

const QString templateText =
    QStringLiteral("{\"signal\": \"%{action}\", \"price\": %{price}, \"sma_short\": %{sma_short}, "
                   "\"sma_long\": %{sma_long}, "
                   "\"timestamp\": \"%{ts_recv:isoformat}\", \"details\": %{details:json}}");

// The mapping in the README.
QVariantMap signalTables()
{
    const QVariantMap serial{{"type", "serial"}};
    const auto as = [](const char *field, const char *type) {
        return QVariantMap{{"field", field}, {"type", type}};
    };
    return {
        {"wap", QVariantMap{{"table", "prices"},
                            {"index", QStringList{"timestamp"}},
                            {"columns", QVariantMap{{"id", serial},
                                                    {"timestamp", as("ts_recv", "timestamp")},
                                                    {"wap", as("price", "double")}}}}},
        {"order", QVariantMap{{"table", "orders"},
                              {"columns", QVariantMap{{"id", serial},
                                                      {"created_at", QVariantMap{{"type", "now"}}},
                                                      {"updated_at", QVariantMap{{"type", "updated"}}},
                                                      {"status", "status"},
                                                      {"side", "side"},
                                                      {"price", as("price", "double")},
                                                      {"details", "details"}}}}},
        {"signal", QVariantMap{{"table", "trading_signals"},
                               {"index", QStringList{"timestamp"}},
                               {"columns", QVariantMap{{"id", serial},
                                                       {"timestamp", as("ts_recv", "timestamp")},
                                                       {"signal_type", "action"},
                                                       {"price", as("price", "double")},
                                                       {"details", QVariantMap{{"text", templateText}}}}}}},
    };
}

constexpr Timestamp noon{1'723'161'255'308'123'456};

Wap wap(qint64 updateId, const char *price)
{
    return {.exchange = "binance"_sym,
            .symbol = "BTCUSDT"_sym,
            .ts_recv = noon,
            .update_id = updateId,
            .levels = 5,
            .price = *Decimal::parse(price)};
}

BatchPtr signalBatch()
{
    BatchBuilder<Signal> builder;
    const Text details = builder.text("Opend on \"SMA\" crossover");
    builder.append({.exchange = "binance"_sym,
                    .symbol = "BTCUSDT"_sym,
                    .ts_recv = noon,
                    .update_id = 7,
                    .short_window = 50,
                    .long_window = 200,
                    .price = "61000.50"_dec,
                    .sma_short = "61000.1"_dec,
                    .sma_long = "60999.9"_dec,
                    .details = details});
    return builder.finish();
}

BatchPtr order(OrderStatus status, const char *note)
{
    BatchBuilder<Order> builder;
    const Text details = builder.text(note);
    builder.append({.exchange = "binance"_sym,
                    .symbol = "BTCUSDT"_sym,
                    .ts_recv = noon,
                    .order_id = 7,
                    .short_window = 50,
                    .long_window = 200,
                    .price = "61000.5"_dec,
                    .details = details,
                    .status = status});
    return builder.finish();
}

} // namespace

class tst_SqlMapping : public QObject
{
    Q_OBJECT

private slots:
    void init() { QTest::failOnWarning(QRegularExpression(".")); }

    void storesSignalsInTablesOfPeoplesOwn_data() { TestDatabase::addBackends(); }

    void storesSignalsInTablesOfPeoplesOwn()
    {
        QFETCH(QString, backend);
        TestDatabase database(backend);
        TestSink sink(database.url(), {{"tables", signalTables()}, {"others", "ignore"}});

        for (int offers = 0; offers < 2; ++offers)
            QVERIFY2(
                sink.write({testing::batch({wap(1, "61000.25"), wap(2, "61000.5")}), signalBatch(),
                            order(OrderStatus::Open, "Opened on SMA crossover"), testing::batch({Trade{}})}),
                qPrintable(sink.error().message));

        checkSignalTables(database);
        QCOMPARE(database.value("SELECT levels, \"of\", update_id FROM prices ORDER BY id LIMIT 1"),
                 "5|message|1");
    }

    // As the program makes them whose place this takes, down to the enums that some of its versions use.
    void movesIntoTablesThatAreThere_data() { TestDatabase::addBackends(); }

    void movesIntoTablesThatAreThere()
    {
        QFETCH(QString, backend);
        TestDatabase database(backend);
        if (database.isPostgres()) {
            database.execute("CREATE TYPE signaltype AS ENUM ('open', 'close')");
            database.execute("CREATE TABLE prices (id serial PRIMARY KEY, timestamp timestamp DEFAULT now(), "
                             "wap double precision NOT NULL)");
            database.execute(
                "CREATE TABLE orders (id serial PRIMARY KEY, created_at timestamptz DEFAULT now(), "
                "updated_at timestamptz, status varchar, side varchar, price double precision, details "
                "varchar)");
            database.execute(
                "CREATE TABLE trading_signals (id serial PRIMARY KEY, timestamp timestamp DEFAULT now(), "
                "signal_type signaltype, price double precision, details varchar)");
        } else {
            database.execute("CREATE TABLE prices (id INTEGER NOT NULL, timestamp DATETIME, wap FLOAT NOT "
                             "NULL, PRIMARY KEY (id))");
            database.execute(
                "CREATE TABLE orders (id INTEGER NOT NULL, created_at DATETIME, updated_at DATETIME, "
                "status VARCHAR(6), side VARCHAR, price FLOAT, details VARCHAR, PRIMARY KEY (id))");
            database.execute("CREATE TABLE trading_signals (id INTEGER NOT NULL, timestamp DATETIME, "
                             "signal_type VARCHAR(5), price FLOAT, details VARCHAR, PRIMARY KEY (id))");
        }
        database.execute("INSERT INTO prices (timestamp, wap) VALUES ('2020-01-01 00:00:00.000000', 1), "
                         "('2020-01-01 00:00:00.000000', 1)");
        TestSink sink(database.url(), {{"tables", signalTables()}, {"create", false}});
        const QList<BatchPtr> group{testing::batch({wap(1, "61000.25"), wap(2, "61000.5")}), signalBatch(),
                                    order(OrderStatus::Open, "Opened on SMA crossover")};

        // Each table is refused once, with what to do about it; doing that is enough.
        for (const char *table : {"prices", "trading_signals", "orders"}) {
            QVERIFY(!sink.write(group));
            const Error error = sink.error();
            QCOMPARE(error.kind, Error::Kind::Config);
            QVERIFY2(error.message.contains(QStringLiteral("table \"%1\" does not fit").arg(table)),
                     qPrintable(error.message));
            QVERIFY2(error.message.contains("no column \"exchange\" (expected "), qPrintable(error.message));
            QVERIFY2(error.message.contains("stored twice"), qPrintable(error.message));
            for (const QString &sql : error.message.section("To mend it: ", 1).split(';', Qt::SkipEmptyParts))
                database.execute(sql);
        }
        for (int offers = 0; offers < 2; ++offers)
            QVERIFY2(sink.write(group), qPrintable(sink.error().message));

        QCOMPARE(database.value("SELECT count(*) FROM prices WHERE exchange IS NULL"), "2");
        database.execute("DELETE FROM prices WHERE exchange IS NULL");
        checkSignalTables(database);
    }

    void changesAnOrderInPlace_data() { TestDatabase::addBackends(); }

    void changesAnOrderInPlace()
    {
        QFETCH(QString, backend);
        TestDatabase database(backend);
        TestSink sink(database.url(), {{"tables", signalTables()}});
        QVERIFY(sink.write({order(OrderStatus::Open, "Opened")}));
        database.execute(
            "UPDATE orders SET created_at = '2020-01-01 00:00:00', updated_at = '2020-01-01 00:00:00'");

        QVERIFY(sink.write({order(OrderStatus::Closed, "Closed")}));

        QCOMPARE(database.value("SELECT id, status, details, order_id FROM orders"), "1|closed|Closed|7");
        QCOMPARE(database.value("SELECT count(*) FROM orders WHERE created_at = '2020-01-01 00:00:00' "
                                "AND updated_at > '2024-01-01 00:00:00'"),
                 "1");
    }

    void storesTimesAsAsked_data()
    {
        QTest::addColumn<QString>("backend");
        QTest::addColumn<QString>("type");
        QTest::addColumn<QString>("stored");

        for (const char *backend : {"sqlite", "postgresql"}) {
            if (qstrcmp(backend, "postgresql") == 0 && !TestDatabase::hasPostgres())
                continue;
            const bool isPostgres = qstrcmp(backend, "postgresql") == 0;
            const auto add = [backend](const char *type, const char *stored) {
                QTest::addRow("%s %s", backend, type) << QString(backend) << QString(type) << QString(stored);
            };
            add("bigint", "1723161255308123456");
            add("timestamp", "2024-08-08 23:54:15.308123");
            add("timestamptz",
                isPostgres ? "2024-08-08 23:54:15.308123+00" : "2024-08-08 23:54:15.308123+00:00");
            add("iso", "2024-08-08T23:54:15.308123456Z");
            add("text", "2024-08-08T23:54:15.308123456Z");
        }
    }

    void storesTimesAsAsked()
    {
        QFETCH(QString, backend);
        QFETCH(QString, type);
        QFETCH(QString, stored);
        TestDatabase database(backend);
        const QVariantMap columns{{"at", QVariantMap{{"field", "ts_recv"}, {"type", type}}}};
        TestSink sink(database.url(),
                      {{"tables", QVariantMap{{"wap", QVariantMap{{"table", "w"}, {"columns", columns}}}}}});

        QVERIFY2(sink.write({testing::batch({wap(1, "1")})}), qPrintable(sink.error().message));

        QCOMPARE(database.value("SELECT CAST(\"at\" AS text) FROM w"), stored);
    }

    void writesATypeToSeveralTables_data() { TestDatabase::addBackends(); }

    void writesATypeToSeveralTables()
    {
        QFETCH(QString, backend);
        TestDatabase database(backend);
        const QVariantMap last{{"table", "last"},
                               {"columns", QVariantMap{{"s", "symbol"}, {"price", "price"}}},
                               {"key", QStringList{"s"}}};
        TestSink sink(database.url(), {{"tables", QVariantMap{{"wap", QVariantList{"every wap", last}}}}});

        QVERIFY2(sink.write({testing::batch({wap(1, "1.50"), wap(2, "2.50")})}),
                 qPrintable(sink.error().message));

        QCOMPARE(database.rows("SELECT update_id, price FROM \"every wap\" ORDER BY update_id"),
                 (QStringList{"1|1.50", "2|2.50"}));
        QCOMPARE(database.value("SELECT * FROM last"), "1.50|BTCUSDT"); // an event: the first one stays
    }

    void leavesOutWhatIsNotWanted_data() { TestDatabase::addBackends(); }

    void leavesOutWhatIsNotWanted()
    {
        QFETCH(QString, backend);
        TestDatabase database(backend);
        TestSink sink(database.url(),
                      {{"tables", QVariantMap{{"wap", "w"}, {"gap", false}}}, {"others", "reject"}});

        for (const BatchPtr &batch :
             {testing::batch({wap(1, "1")}), testing::batch({Gap{}}), testing::batch({Trade{}})})
            sink.node->receive(batch);
        sink.node->flush();

        QCOMPARE(testing::recordCount(*sink.delivered), 2);
        QCOMPARE(sink.rejected->size(), 1);
        QCOMPARE(sink.rejected->first().last().value<Error>().message,
                 "'tables' names no table for trade, and 'others' is 'reject'");
        QCOMPARE(database.value("SELECT count(*) FROM w"), "1");
        QVERIFY(database.value("SELECT * FROM gap").contains("gap")); // no such table
    }

    void refusesTablesThatDoNotFit_data()
    {
        QTest::addColumn<QString>("backend");
        QTest::addColumn<QString>("table");
        QTest::addColumn<QString>("message");

        const auto add = [](const char *name, const QString &sqliteTable, const QString &postgresTable,
                            const char *sqlite, const char *postgres) {
            QTest::addRow("sqlite %s", name) << "sqlite" << sqliteTable << QString(sqlite);
            if (TestDatabase::hasPostgres())
                QTest::addRow("postgresql %s", name) << "postgresql" << postgresTable << QString(postgres);
        };
        const QString rest = "exchange text, symbol text, ts_event bigint, ts_recv bigint, update_id bigint, "
                             "levels bigint, \"of\" text, provenance text";
        const QString unique = ", UNIQUE (exchange, symbol, \"of\", levels, update_id)";
        add("rounds", rest + ", price DOUBLE" + unique, rest + ", price double precision" + unique,
            "the column \"price\" should be TEXT, found DOUBLE (which rounds; 'type: double' in the mapping "
            "says that this is wanted)",
            "the column \"price\" should be numeric, found double precision (which rounds; 'type: double' in "
            "the mapping says that this is wanted)");
        add("missing column", rest + unique, rest + unique,
            "no column \"price\" (expected TEXT). To mend it: ALTER TABLE \"wap\" ADD COLUMN \"price\" TEXT;",
            "no column \"price\" (expected numeric). To mend it: ALTER TABLE \"wap\" ADD COLUMN \"price\" "
            "numeric;");
        add("no unique index", rest + ", price text", rest + ", price numeric",
            "To mend it: CREATE UNIQUE INDEX \"wap_key\" ON \"wap\" (\"exchange\", \"symbol\", \"of\", "
            "\"levels\", \"update_id\");",
            "To mend it: CREATE UNIQUE INDEX \"wap_key\" ON \"wap\" (\"exchange\", \"symbol\", \"of\", "
            "\"levels\", \"update_id\");");
        add("partly unique", rest + ", price text, UNIQUE (exchange, symbol)",
            rest + ", price numeric, UNIQUE (exchange, symbol)",
            "no unique index on (\"exchange\", \"symbol\", \"of\", \"levels\", \"update_id\")",
            "no unique index on");
        add("unknown column without default", rest + ", price text, owner text NOT NULL" + unique,
            rest + ", price numeric, owner text NOT NULL" + unique,
            "the column \"owner\" (TEXT) must have a value, and the mapping gives it none",
            "the column \"owner\" (text) must have a value, and the mapping gives it none. To mend it: ALTER "
            "TABLE "
            "\"wap\" ALTER COLUMN \"owner\" DROP NOT NULL;");
        add("number for a name",
            QString(rest).replace("symbol text", "symbol integer") + ", price text" + unique,
            QString(rest).replace("symbol text", "symbol integer") + ", price numeric" + unique,
            "the column \"symbol\" should be TEXT, found INTEGER",
            "the column \"symbol\" should be text, found integer. To mend it: ALTER TABLE \"wap\" ALTER "
            "COLUMN "
            "\"symbol\" TYPE text USING \"symbol\"::text;");
    }

    void refusesTablesThatDoNotFit()
    {
        QFETCH(QString, backend);
        QFETCH(QString, table);
        QFETCH(QString, message);
        TestDatabase database(backend);
        database.execute(QStringLiteral("CREATE TABLE wap (%1)").arg(table));
        TestSink sink(database.url());

        QVERIFY(!sink.write({testing::batch({wap(1, "1")})}));

        QCOMPARE(sink.error().kind, Error::Kind::Config);
        QVERIFY2(sink.error().message.contains(message, Qt::CaseInsensitive),
                 qPrintable(sink.error().message));
    }

    void saysHowToMakeAMissingTable()
    {
        TestDatabase database("sqlite");
        TestSink sink(database.url(), {{"create", false}});
        QVERIFY(!sink.write({testing::batch({wap(1, "1")})}));
        const QString message = sink.error().message;
        QVERIFY2(
            message.startsWith("there is no table \"wap\", and 'create' is false. To make it: CREATE TABLE"),
            qPrintable(message));

        database.execute(message.section("To make it: ", 1));

        QVERIFY2(sink.write({testing::batch({wap(1, "1")})}), qPrintable(sink.error().message));
    }

    void rejectsBadOptions_data()
    {
        QTest::addColumn<QVariantMap>("options");
        QTest::addColumn<QString>("message");

        const auto url = [](const char *text) { return QVariantMap{{"url", text}}; };
        const auto wapTable = [](const QVariant &value) {
            return QVariantMap{{"tables", QVariantMap{{"wap", value}}}};
        };
        const auto columns = [wapTable](const QVariantMap &map) {
            return wapTable(QVariantMap{{"table", "t"}, {"columns", map}});
        };
        QTest::newRow("other database")
            << url("mysql://u:geheim@h/d") << "url: expected sqlite:FILE or postgresql://";
        QTest::newRow("no file") << url("sqlite:") << "url: expected sqlite:FILE, got no file";
        QTest::newRow("host of a file")
            << url("sqlite://app.db") << "url: expected sqlite:FILE or sqlite:///FILE";
        QTest::newRow("slashes") << url("postgres:u:geheim@h") << "url: expected two slashes";
        QTest::newRow("no address") << url("postgresql://u:gehe im@h:port/d")
                                    << "url: expected postgresql://USER:PASSWORD";
        QTest::newRow("unknown connection option")
            << url("postgresql://h/d?sslmod=require")
            << "url: no such connection option: 'sslmod'; did you mean 'sslmode'?";
        QTest::newRow("tables is a list") << QVariantMap{{"tables", QVariantList{"wap"}}}
                                          << "tables: expected a map from record types to tables, got a list";
        QTest::newRow("unknown key") << wapTable(QVariantMap{{"table", "t"}, {"colums", QVariantMap()}})
                                     << "tables.wap.colums: no such option";
        QTest::newRow("no table") << wapTable(QVariantMap{{"key", QStringList{"symbol"}}})
                                  << "tables.wap: expected 'table', the name of the table";
        QTest::newRow("unknown field")
            << columns({{"p", "prise"}}) << "tables.wap.columns.p: wap has no field 'prise'";
        QTest::newRow("unknown type")
            << columns({{"p", QVariantMap{{"field", "price"}, {"type", "decimal"}}}})
            << "tables.wap.columns.p.type: expected one of bigint, numeric,";
        QTest::newRow("wrong type") << columns({{"p", QVariantMap{{"field", "price"}, {"type", "boolean"}}}})
                                    << "tables.wap.columns.p: the field price (decimal) can be stored as "
                                       "numeric, double, text, not as boolean";
        QTest::newRow("two sources") << columns({{"p", QVariantMap{{"field", "price"}, {"type", "serial"}}}})
                                     << "tables.wap.columns.p: expected one of: 'field', 'text'";
        QTest::newRow("unknown field in text") << columns({{"p", QVariantMap{{"text", "%{prise}"}}}})
                                               << "tables.wap.columns.p: wap has no field 'prise'";
        QTest::newRow("bad text") << columns({{"p", QVariantMap{{"text", "100%"}}}})
                                  << "tables.wap.columns.p.text: expected %{field} behind each '%'";
        QTest::newRow("key of nothing")
            << wapTable(QVariantMap{{"table", "t"}, {"key", QStringList{"sybol"}}})
            << "tables.wap.key: no column 'sybol'";
        QTest::newRow("key made by the database")
            << wapTable(QVariantMap{{"table", "t"},
                                    {"columns", QVariantMap{{"id", QVariantMap{{"type", "serial"}}}}},
                                    {"key", QStringList{"id"}}})
            << "tables.wap.key: 'id' is made by the database";
        QTest::newRow("key's place taken")
            << columns({{"symbol", "price"}}) << "tables.wap: the field symbol belongs to the key of wap";
        QTest::newRow("others") << QVariantMap{{"others", "drop"}}
                                << "others: expected one of create, ignore, reject, got 'drop'";
    }

    void rejectsBadOptions()
    {
        QFETCH(QVariantMap, options);
        QFETCH(QString, message);

        const auto node = testing::create<Sink>("sql", options);

        QVERIFY(!node);
        QVERIFY2(node.error().message.startsWith(message), qPrintable(node.error().message));
        QVERIFY2(!node.error().message.contains("geheim"), qPrintable(node.error().message));
    }

    void warnsOfASlipInARecordType()
    {
        TestDatabase database("sqlite");
        QTest::ignoreMessage(
            QtWarningMsg,
            "tables.trads: not a standard record type; if it is no plugin's either, 'trade' may be meant");

        TestSink sink(database.url(), {{"tables", QVariantMap{{"trads", "t"}, {"liquidation", "l"}}}});
    }

private:
    static void checkSignalTables(TestDatabase &database)
    {
        QCOMPARE(database.rows("SELECT timestamp, wap FROM prices ORDER BY id").size(), 2);
        QCOMPARE(database.rows("SELECT CAST(timestamp AS text), CAST(wap AS text) FROM prices ORDER BY id"),
                 (QStringList{"2024-08-08 23:54:15.308123|61000.25", "2024-08-08 23:54:15.308123|61000.5"}));
        QCOMPARE(database.value("SELECT id, signal_type, CAST(price AS text), details FROM trading_signals"),
                 "1|open|61000.5|{\"signal\": \"open\", \"price\": 61000.50, \"sma_short\": 61000.1, "
                 "\"sma_long\": 60999.9, "
                 "\"timestamp\": \"2024-08-08T23:54:15.308123+00:00\", \"details\": \"Opend on \\\"SMA\\\" "
                 "crossover\"}");
        QCOMPARE(database.value("SELECT id, status, side, CAST(price AS text), details FROM orders"),
                 "1|open|long|61000.5|Opened on SMA crossover");
        QCOMPARE(database.value("SELECT count(*) FROM orders WHERE created_at > '2024-01-01' "
                                "AND updated_at >= created_at"),
                 "1");
        if (!database.isPostgres()) // six digits, or readers take the milliseconds for microseconds
            QCOMPARE(database.value("SELECT length(created_at) FROM orders"), "26");
    }
};

QTEST_GUILESS_MAIN(tst_SqlMapping)

#include "tst_sql_mapping.moc"
