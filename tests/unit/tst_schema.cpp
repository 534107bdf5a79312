// SPDX-License-Identifier: Apache-2.0
#include <tidemill/batch.h>
#include <tidemill/records.h>

#include <QSet>
#include <QTest>

// A record type of somebody else's, in a namespace of their own.
namespace elsewhere {

using tidemill::Bytes;
using tidemill::Decimal;
using tidemill::Levels;
using tidemill::Side;
using tidemill::Symbol;
using tidemill::Text;
using tidemill::Timestamp;

struct FundingRate
{
    Symbol exchange;
    Symbol symbol;
    Timestamp ts_event;
    Timestamp ts_recv;
    qint64 id = 0;
    quint64 flags = 0;
    double rate = 0;
    Decimal price;
    Text note;
    Bytes raw;
    Levels levels;
    bool final = false;
    Side side = Side::Unknown;
};
TIDEMILL_RECORD(FundingRate, 3, State, (exchange, symbol, id),
                (exchange, symbol, ts_event, ts_recv, id, flags, rate, price, note, raw, levels, final, side))

} // namespace elsewhere

// In the global namespace, and small.
struct Ping
{
    qint64 sequence = 0;
};
TIDEMILL_RECORD(Ping, 1, Event, (sequence), (sequence))

// The most fields that anybody is likely to have.
struct Wide
{
    qint64 a0 = 0, a1 = 0, a2 = 0, a3 = 0, a4 = 0, a5 = 0, a6 = 0, a7 = 0, a8 = 0, a9 = 0;
    qint64 b0 = 0, b1 = 0, b2 = 0, b3 = 0, b4 = 0, b5 = 0, b6 = 0, b7 = 0, b8 = 0, b9 = 0;
    qint64 c0 = 0, c1 = 0, c2 = 0, c3 = 0, c4 = 0, c5 = 0, c6 = 0, c7 = 0, c8 = 0, c9 = 0;
    qint64 d0 = 0, d1 = 0, d2 = 0, d3 = 0, d4 = 0, d5 = 0, d6 = 0, d7 = 0, d8 = 0, d9 = 0;
};
TIDEMILL_RECORD(Wide, 1, Event, (a0, d9),
                (a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, b0, b1, b2, b3, b4, b5, b6, b7, b8, b9, c0, c1, c2,
                 c3, c4, c5, c6, c7, c8, c9, d0, d1, d2, d3, d4, d5, d6, d7, d8, d9))

using namespace tidemill;
using elsewhere::FundingRate;

namespace {

struct Column
{
    const char *name;
    FieldType type;
};

Schema schemaWith(const char *name, int version, std::vector<Field> fields,
                  RecordKind kind = RecordKind::Event)
{
    static constexpr std::string_view key[] = {"id"};
    return {name, version, kind, 16, std::move(fields), key};
}

} // namespace

class tst_Schema : public QObject
{
    Q_OBJECT

private slots:
    void describesARecordOfSomebodyElse()
    {
        const Schema &schema = schemaOf<FundingRate>();

        QCOMPARE(schema.name(), "funding_rate");
        QCOMPARE(schema.version(), 3);
        QCOMPARE(schema.kind(), RecordKind::State);
        QCOMPARE(schema.rowSize(), sizeof(FundingRate));
        const std::vector<Column> columns{
            {"exchange", FieldType::Symbol},    {"symbol", FieldType::Symbol},
            {"ts_event", FieldType::Timestamp}, {"ts_recv", FieldType::Timestamp},
            {"id", FieldType::Int64},           {"flags", FieldType::UInt64},
            {"rate", FieldType::Double},        {"price", FieldType::Decimal},
            {"note", FieldType::Text},          {"raw", FieldType::Bytes},
            {"levels", FieldType::Levels},      {"final", FieldType::Bool},
            {"side", FieldType::Enum}};
        QCOMPARE(schema.fields().size(), columns.size());
        for (std::size_t i = 0; i < columns.size(); ++i) {
            QCOMPARE(schema.fields()[i].name, std::string_view(columns[i].name));
            QCOMPARE(schema.fields()[i].type, columns[i].type);
            QCOMPARE(schema.indexOf(columns[i].name), int(i));
        }
        QCOMPARE(schema.fields()[7].offset, offsetof(FundingRate, price));
        QCOMPARE(schema.fields()[12].enumNames.size(), 3U);
        QCOMPARE(schema.fields()[12].enumNames[1], std::string_view("buy"));
        QVERIFY(schema.fields()[11].enumNames.empty());
        QCOMPARE(std::vector<int>(schema.key().begin(), schema.key().end()), (std::vector<int>{0, 1, 4}));
        QCOMPARE(schema.indexOf("Price"), -1);
        QCOMPARE(schema.indexOf(""), -1);
    }

    void readsRowsByOffset()
    {
        BatchBuilder<FundingRate> builder;
        builder.append({.exchange = "x"_sym,
                        .id = 7,
                        .rate = 0.25,
                        .price = "1.50"_dec,
                        .final = true,
                        .side = Side::Sell});
        const BatchPtr batch = builder.finish();
        const auto fields = batch->schema().fields();

        QCOMPARE(batch->value<Symbol>(0, fields[0]), "x"_sym);
        QCOMPARE(batch->value<qint64>(0, fields[4]), 7);
        QCOMPARE(batch->value<double>(0, fields[6]), 0.25);
        QCOMPARE(batch->value<Decimal>(0, fields[7]).toString(), QByteArray("1.50"));
        QCOMPARE(batch->value<quint8>(0, fields[11]), 1);
        QCOMPARE(batch->value<quint8>(0, fields[12]), 2);
    }

    void takesOneFieldAndMany()
    {
        QCOMPARE(schemaOf<Ping>().name(), "ping");
        QCOMPARE(schemaOf<Ping>().fields().size(), 1U);
        QCOMPARE(schemaOf<Wide>().fields().size(), 40U);
        QCOMPARE(schemaOf<Wide>().fields()[39].offset, offsetof(Wide, d9));
        QCOMPARE(std::vector<int>(schemaOf<Wide>().key().begin(), schemaOf<Wide>().key().end()),
                 (std::vector<int>{0, 39}));
    }

    void isOneObjectForAType()
    {
        QCOMPARE(&schemaOf<Trade>(), &schemaOf<Trade>());
        QCOMPARE(&schemaOf<Trade>(), standardSchemas()[0]);
    }

    void isEqualByWhatItSays_data()
    {
        QTest::addColumn<bool>("equal");
        QTest::addColumn<int>("which");

        QTest::newRow("the same again") << true << 0;
        QTest::newRow("another name") << false << 1;
        QTest::newRow("another version") << false << 2;
        QTest::newRow("another kind") << false << 3;
        QTest::newRow("another field name") << false << 4;
        QTest::newRow("another type") << false << 5;
        QTest::newRow("another offset") << false << 6;
        QTest::newRow("one field more") << false << 7;
        QTest::newRow("another order") << false << 8;
        QTest::newRow("other enum names") << false << 9;
    }

    void isEqualByWhatItSays()
    {
        QFETCH(bool, equal);
        QFETCH(int, which);
        static constexpr std::string_view names[] = {"a", "b"};
        static constexpr std::string_view otherNames[] = {"a", "c"};
        const Field id{"id", FieldType::Int64, 0, {}};
        const Field kind{"kind", FieldType::Enum, 8, names};
        const Schema schema = schemaWith("Thing", 1, {id, kind});
        const std::vector<Schema> others{
            schemaWith("Thing", 1, {id, kind}),
            schemaWith("Thin", 1, {id, kind}),
            schemaWith("Thing", 2, {id, kind}),
            schemaWith("Thing", 1, {id, kind}, RecordKind::State),
            schemaWith("Thing", 1, {id, {"kinds", FieldType::Enum, 8, names}}),
            schemaWith("Thing", 1, {{"id", FieldType::UInt64, 0, {}}, kind}),
            schemaWith("Thing", 1, {id, {"kind", FieldType::Enum, 9, names}}),
            schemaWith("Thing", 1, {id, kind, {"more", FieldType::Bool, 9, {}}}),
            schemaWith("Thing", 1, {kind, id}),
            schemaWith("Thing", 1, {id, {"kind", FieldType::Enum, 8, otherNames}}),
        };

        QCOMPARE(schema == others[std::size_t(which)], equal);
        QCOMPARE(schema.fingerprint() == others[std::size_t(which)].fingerprint(), equal);
    }

    void spellsNamesInSnakeCase()
    {
        const Field id{"id", FieldType::Int64, 0, {}};
        QCOMPARE(schemaWith("Trade", 1, {id}).name(), "trade");
        QCOMPARE(schemaWith("BookUpdate", 1, {id}).name(), "book_update");
        QCOMPARE(schemaWith("A1Thing", 1, {id}).name(), "a1_thing");
    }

    void hasTheStandardTypes()
    {
        QSet<QByteArray> names;
        QSet<quint64> fingerprints;
        for (const Schema *schema : standardSchemas()) {
            names.insert(schema->name().toByteArray());
            fingerprints.insert(schema->fingerprint());
            QVERIFY(!schema->key().empty());
            QVERIFY(schema->indexOf("exchange") == 0);
            QVERIFY(schema->indexOf("ts_recv") > 0);
            QVERIFY(schema->indexOf("provenance") > 0);
            for (const Field &field : schema->fields()) {
                QVERIFY(field.offset < schema->rowSize());
                QCOMPARE(field.enumNames.empty(), field.type != FieldType::Enum);
            }
        }
        QCOMPARE(names, (QSet<QByteArray>{"trade", "agg_trade", "quote", "ticker", "candle", "book_update",
                                          "book_snapshot", "wap", "signal", "order", "frame", "gap"}));
        QCOMPARE(fingerprints.size(), names.size());
    }

    void namesEveryFieldType()
    {
        QSet<std::string_view> names;
        for (int type = int(FieldType::Int64); type <= int(FieldType::Enum); ++type)
            names.insert(fieldTypeName(FieldType(type)));
        QCOMPARE(names.size(), 11);
        QCOMPARE(fieldTypeName(FieldType::Int64), std::string_view("int64"));
        QCOMPARE(fieldTypeName(FieldType::Enum), std::string_view("enum"));
    }

    void knowsWhatIsARecord()
    {
        static_assert(Record<Trade>);
        static_assert(Record<FundingRate>);
        static_assert(Record<Ping>);
        static_assert(!Record<int>);
        static_assert(!Record<Decimal>);
        QVERIFY(Record<Wide>);
    }
};

QTEST_GUILESS_MAIN(tst_Schema)

#include "tst_schema.moc"
