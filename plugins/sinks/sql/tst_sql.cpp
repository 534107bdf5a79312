// SPDX-License-Identifier: Apache-2.0
#include "test_database.h"

#include <tidemill/json.h>

#include <QRegularExpression>

using namespace tidemill;

namespace {

// As a plugin may declare it; uses the field types that no standard record has.
struct Reading
{
    Symbol exchange;
    quint64 reading_id = 0;
    double temperature = 0;
    Text remark;
};
const Schema &tidemillSchema(const Reading *)
    TIDEMILL_RECORD_BODY(Reading, 1, Event, (exchange, reading_id),
                         (exchange, reading_id, temperature, remark))

        constexpr auto hardText = "O'Neil \"x\\y\" {a,b} \\x41 \xE2\x82\xAC \xF0\x9F\x98\x80 \n\t 100% ?";

// A row of a schema whose fields all have telling values: `variant` 0 ordinary, 1 largest, 2 all that may be
// missing.
void appendRow(UntypedBatchBuilder &builder, const Schema &schema, int variant)
{
    // The heap first: a row must not move while it is filled, but text may.
    const Text text = builder.text(variant == 2 ? QByteArrayView() : QByteArrayView(hardText));
    const Bytes bytes = builder.bytes(variant == 2 ? QByteArrayView() : QByteArrayView("\0\x01\xFF'\\\"", 6));
    const Level levels[] = {{"45123.50"_dec, "0.00010000"_dec}, {"45123.40"_dec, "0"_dec}};
    const Levels book =
        builder.levels(variant == 2 ? std::span<const Level>() : std::span<const Level>(levels));
    std::byte *row = builder.appendRow();
    const auto set = [row](const Field &field, const auto &value) {
        std::memcpy(row + field.offset, &value, sizeof value);
    };
    qint64 number = 100 * variant;
    for (const Field &field : schema.fields()) {
        ++number;
        switch (field.type) {
        case FieldType::Int64:
            set(field, variant == 1 ? std::numeric_limits<qint64>::max() - number : number);
            break;
        case FieldType::UInt64:
            set(field, variant == 1 ? std::numeric_limits<quint64>::max() : quint64(number));
            break;
        case FieldType::Double:
            set(field, variant == 1 ? 0.1 : variant == 2 ? std::nan("") : double(number) + 0.5);
            break;
        case FieldType::Bool:
            set(field, quint8(variant != 1));
            break;
        case FieldType::Decimal:
            set(field, variant == 0   ? Decimal{number * 10'000, -8}
                       : variant == 1 ? Decimal{std::numeric_limits<qint64>::min(), -18}
                                      : Decimal::null());
            break;
        case FieldType::Timestamp:
            set(field, variant == 2 ? Timestamp() : Timestamp{1'723'161'255'308'123'456 + number});
            break;
        case FieldType::Symbol:
            set(field, variant == 2 ? Symbol() : Symbol(QByteArray("B'T\"C-") + QByteArray::number(number)));
            break;
        case FieldType::Text:
            set(field, text);
            break;
        case FieldType::Bytes:
            set(field, bytes);
            break;
        case FieldType::Levels:
            set(field, book);
            break;
        case FieldType::Enum:
            set(field, quint8(number % qint64(field.enumNames.size())));
            break;
        }
    }
}

BatchPtr telling(const Schema &schema)
{
    UntypedBatchBuilder builder(schema);
    for (int variant = 0; variant < 3; ++variant)
        appendRow(builder, schema, variant);
    return builder.finish();
}

// What a column must print as when it is read back.
QString expected(const Batch &batch, qsizetype row, const Field &field, bool inKey, bool isPostgres)
{
    if (field.type == FieldType::Timestamp) {
        const auto time = batch.value<Timestamp>(row, field);
        return time.isNull() && !inKey ? QStringLiteral("(null)") : QString::number(time.ns);
    }
    if (field.type == FieldType::Bytes)
        return batch.bytes(batch.value<Bytes>(row, field)).toByteArray().toHex();
    if (field.type == FieldType::Bool && !isPostgres)
        return QString::number(batch.value<quint8>(row, field));
    bool isNull = false;
    const QByteArray text = fieldText(batch, row, field, &isNull);
    return isNull && !inKey ? QStringLiteral("(null)") : QString::fromUtf8(text);
}

QString readable(const Field &field, bool isPostgres)
{
    const QString name = '"' + QString::fromUtf8(field.name.data(), qsizetype(field.name.size())) + '"';
    if (field.type == FieldType::Bytes)
        return (isPostgres ? QStringLiteral("encode(%1, 'hex')") : QStringLiteral("lower(hex(%1))"))
            .arg(name);
    if (field.type == FieldType::Levels && isPostgres)
        return QStringLiteral("replace(%1::text, ' ', '')").arg(name);
    return QStringLiteral("CAST(%1 AS text)").arg(name);
}

BatchPtr trades(qint64 firstId, int count, const char *price = "45123.50")
{
    BatchBuilder<Trade> builder;
    for (int i = 0; i < count; ++i)
        builder.append({.exchange = "binance"_sym,
                        .symbol = "BTCUSDT"_sym,
                        .ts_event = {1'723'161'255'308'000'000},
                        .ts_recv = {1'723'161'255'311'000'000},
                        .trade_id = firstId + i,
                        .price = *Decimal::parse(price),
                        .quantity = "0.00010000"_dec,
                        .side = Side::Buy});
    return builder.finish();
}

Candle candle(qint64 openMs, const char *close, bool closed)
{
    return {.exchange = "binance"_sym,
            .symbol = "BTCUSDT"_sym,
            .interval = "1m"_sym,
            .ts_open = Timestamp::fromMilliseconds(openMs),
            .close = *Decimal::parse(close),
            .closed = closed};
}

} // namespace

class tst_Sql : public QObject
{
    Q_OBJECT

private slots:
    void init() { QTest::failOnWarning(QRegularExpression(".")); }

    void keepsEveryDigitOfEveryRecordType_data()
    {
        QTest::addColumn<QString>("backend");
        QTest::addColumn<QString>("mode");
        QTest::addColumn<const Schema *>("schema");

        QList<const Schema *> schemas(standardSchemas().begin(), standardSchemas().end());
        schemas.append(&schemaOf<Reading>());
        for (const char *mode : {"upsert", "append"}) {
            for (const Schema *schema : schemas) {
                const QByteArray type = schema->name().toByteArray();
                QTest::addRow("sqlite %s %s", mode, type.constData()) << "sqlite" << QString(mode) << schema;
                if (TestDatabase::hasPostgres())
                    QTest::addRow("postgresql %s %s", mode, type.constData())
                        << "postgresql" << QString(mode) << schema;
            }
        }
    }

    void keepsEveryDigitOfEveryRecordType()
    {
        QFETCH(QString, backend);
        QFETCH(QString, mode);
        QFETCH(const Schema *, schema);
        TestDatabase database(backend);
        TestSink sink(database.url(), {{"mode", mode}});
        const BatchPtr batch = telling(*schema);

        QVERIFY2(sink.write({batch}), qPrintable(sink.error().message));

        QStringList columns;
        for (const Field &field : schema->fields())
            columns.append(readable(field, database.isPostgres()));
        QStringList wanted;
        for (qsizetype row = 0; row < batch->rowCount(); ++row) {
            QStringList values;
            for (const Field &field : schema->fields()) {
                const auto index =
                    schema->indexOf(QByteArrayView(field.name.data(), qsizetype(field.name.size())));
                const bool inKey =
                    std::find(schema->key().begin(), schema->key().end(), index) != schema->key().end();
                values.append(expected(*batch, row, field, inKey, database.isPostgres()));
            }
            wanted.append(values.join('|'));
        }
        QStringList stored = database.rows(QStringLiteral("SELECT %1 FROM \"%2\"")
                                               .arg(columns.join(", "), QString::fromUtf8(schema->name())));
        stored.sort();
        wanted.sort();
        QCOMPARE(stored, wanted);
    }

    void storesAnEventOnce_data() { TestDatabase::addModes(); }

    void storesAnEventOnce()
    {
        QFETCH(QString, backend);
        QFETCH(QString, mode);
        TestDatabase database(backend);
        TestSink sink(database.url(), {{"mode", mode}});

        QVERIFY(sink.write({trades(1, 3), trades(3, 2)}));
        QVERIFY(sink.write({trades(2, 5, "1.0")}));

        QCOMPARE(database.rows("SELECT trade_id, price FROM trade ORDER BY trade_id"),
                 (QStringList{"1|45123.50", "2|45123.50", "3|45123.50", "4|45123.50", "5|1.0", "6|1.0"}));
    }

    void keepsTheLastOfAState_data() { TestDatabase::addModes(); }

    void keepsTheLastOfAState()
    {
        QFETCH(QString, backend);
        QFETCH(QString, mode);
        TestDatabase database(backend);
        TestSink sink(database.url(), {{"mode", mode}});
        const auto stored = [&database] {
            return database.rows("SELECT ts_open / 1000000, close FROM candle ORDER BY ts_open");
        };

        QVERIFY(sink.write({testing::batch({candle(60, "1.0", false), candle(60, "2.0", false)}),
                            testing::batch({candle(120, "9", false), candle(60, "3.00", false)})}));
        QCOMPARE(stored(), (QStringList{"60|3.00", "120|9"}));
        QVERIFY(sink.write({testing::batch({candle(60, "4.000", true)})}));

        QCOMPARE(stored(), (QStringList{"60|4.000", "120|9"}));
    }

    void writesLargeGroups_data() { TestDatabase::addModes(); }

    void writesLargeGroups()
    {
        QFETCH(QString, backend);
        QFETCH(QString, mode);
        TestDatabase database(backend);
        TestSink sink(database.url(), {{"mode", mode}});

        QVERIFY(sink.write({trades(0, 5000), trades(5000, 5000), testing::batch({candle(0, "1", true)}),
                            trades(10'000, 5000)}));
        QVERIFY(sink.write({trades(14'000, 5000)}));

        QCOMPARE(database.value("SELECT count(*), min(trade_id), max(trade_id) FROM trade"), "19000|0|18999");
        QCOMPARE(database.value("SELECT count(*) FROM candle"), "1");
    }

    void goesOnInItsOwnTablesAfterARestart_data() { TestDatabase::addBackends(); }

    void goesOnInItsOwnTablesAfterARestart()
    {
        QFETCH(QString, backend);
        TestDatabase database(backend);
        for (int run = 0; run < 2; ++run) {
            TestSink sink(database.url());
            for (const Schema *schema : standardSchemas())
                QVERIFY2(sink.write({telling(*schema)}), qPrintable(sink.error().message));
        }

        for (const Schema *schema : standardSchemas())
            QCOMPARE(database.value("SELECT count(*) FROM \"" + QString::fromUtf8(schema->name()) + '"'),
                     "3");
    }

    void readsTheSpellingsOfAddresses_data()
    {
        QTest::addColumn<QString>("url");
        QTest::addColumn<QString>("file");

        QTest::newRow("file") << "sqlite:a.db"
                              << "a.db";
        QTest::newRow("folder") << "sqlite:new/folder/a.db"
                                << "new/folder/a.db";
        QTest::newRow("SQLAlchemy") << "sqlite:///b.db"
                                    << "b.db";
        QTest::newRow("SQLAlchemy with dot") << "sqlite:///./app.db"
                                             << "app.db";
        QTest::newRow("SQLAlchemy with driver") << "sqlite+aiosqlite:///c.db"
                                                << "c.db";
        QTest::newRow("memory") << "sqlite::memory:"
                                << "";
        QTest::newRow("SQLAlchemy memory") << "sqlite://"
                                           << "";
    }

    void readsTheSpellingsOfAddresses()
    {
        QFETCH(QString, url);
        QFETCH(QString, file);
        QTemporaryDir folder;
        const QString before = QDir::currentPath();
        QVERIFY(QDir::setCurrent(folder.path()));
        TestSink sink(url);

        const bool written = sink.write({trades(1, 1)});
        QVERIFY(QDir::setCurrent(before));

        QVERIFY(written);
        if (file.isEmpty())
            QVERIFY(QDir(folder.path()).isEmpty());
        else
            QVERIFY(QFile::exists(folder.filePath(file)));
    }

    void readsAbsoluteAddresses()
    {
        QTemporaryDir folder;

        for (const QString &prefix : {QStringLiteral("sqlite:"), QStringLiteral("sqlite:///")}) {
            const QString file = folder.filePath(QString::number(prefix.size()));
            TestSink sink(prefix + file);
            QVERIFY(sink.write({trades(1, 1)}));
            QVERIFY(QFile::exists(file));
        }
    }

    void keepsWhatMemoryHoldsBetweenGroups()
    {
        TestSink sink("sqlite::memory:", {{"create", true}});
        QVERIFY(sink.write({trades(1, 1)}));

        QVERIFY(sink.write({trades(2, 1)}));
    }

    void readsAddressesOfSqlAlchemyForPostgres()
    {
        if (!TestDatabase::hasPostgres())
            QSKIP("needs TIDEMILL_TEST_POSTGRES_URL");
        for (const char *scheme : {"postgres://", "postgresql+psycopg2://"}) {
            TestDatabase database("postgresql");
            TestSink sink(database.url().replace("postgresql://", scheme) + "&sslmode=disable");

            QVERIFY2(sink.write({trades(1, 2)}), qPrintable(sink.error().message));

            QCOMPARE(database.value("SELECT count(*) FROM trade"), "2");
        }
    }

    void hasHumanTypesInPostgres()
    {
        if (!TestDatabase::hasPostgres())
            QSKIP("needs TIDEMILL_TEST_POSTGRES_URL");
        TestDatabase database("postgresql");
        TestSink sink(database.url());
        QVERIFY(sink.write({testing::batch({BookUpdate{}}), trades(1, 1)}));

        const auto types = [&database](const QString &table) {
            return database
                .rows("SELECT attname || ' ' || format_type(atttypid, atttypmod) FROM pg_attribute "
                      "WHERE attnum > 0 AND attrelid = '" +
                      table + "'::regclass ORDER BY attnum")
                .join(", ");
        };
        QCOMPARE(types("trade"),
                 "exchange text, symbol text, ts_event bigint, ts_recv bigint, trade_id bigint, "
                 "price numeric, quantity numeric, side text, provenance text");
        QVERIFY2(types("book_update").contains("bids jsonb"), qPrintable(types("book_update")));
    }
};

QTEST_GUILESS_MAIN(tst_Sql)

#include "tst_sql.moc"
