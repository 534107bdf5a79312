// SPDX-License-Identifier: Apache-2.0
#include "entry_reader.h"

#include <tidemill/testing.h>

using namespace tidemill;
using namespace tidemill::redis_stream;

// Entries into records, without a server.
class tst_RedisStreamEntries : public QObject
{
    Q_OBJECT

private slots:
    void parsesIds()
    {
        QCOMPARE(EntryId::parse("1700000000123-4")->toText(), QByteArray("1700000000123-4"));
        QCOMPARE(EntryId::parse("18446744073709551615-18446744073709551615")->toText(),
                 QByteArray("18446744073709551615-18446744073709551615"));
        QCOMPARE(EntryId::parse("5")->toText(), QByteArray("5-0"));
        for (const char *text : {"", "-", "1-", "-1", "1-2-3", "1-x", "x", "1 -2", "99999999999999999999-0"})
            QVERIFY2(!EntryId::parse(text), text);
        QVERIFY(*EntryId::parse("2-10") > *EntryId::parse("2-9"));
    }

    // As the service wrote them that this replaces: the time is that of its machine, and nothing says which.
    void readsTradesOfOld()
    {
        const QByteArrayList entry{"exchange", "binance",
                                   "pair",     "BTCUSDT",
                                   "price",    "45123.50000000",
                                   "qty",      "0.00100000",
                                   "ts",       "2023-11-14T23:13:20.123000",
                                   "side",     "sell",
                                   "trade_id", "7",
                                   "raw_json", "{\"e\": \"trade\""};
        const BatchPtr utc = read(entry);
        QVERIFY(utc);
        QCOMPARE(utc->rows<Trade>()[0].ts_event.toString(), QByteArray("2023-11-14T23:13:20.123Z"));
        QCOMPARE(utc->rows<Trade>()[0].price.toString(), QByteArray("45123.50000000"));
        QCOMPARE(utc->rows<Trade>()[0].side, Side::Sell);
        const BatchPtr berlin = read(entry, {}, "Europe/Berlin");
        QVERIFY(berlin);
        QCOMPARE(berlin->rows<Trade>()[0].ts_event.toString(), QByteArray("2023-11-14T22:13:20.123Z"));
    }

    void takesTheFinestTime_data()
    {
        QTest::addColumn<QByteArray>("ts");
        QTest::addColumn<QByteArray>("ms");
        QTest::addColumn<QByteArray>("expected");

        QTest::newRow("both") << QByteArray("2023-11-14T22:13:20.123456") << QByteArray("1700000000123")
                              << QByteArray("2023-11-14T22:13:20.123456Z");
        QTest::newRow("another zone")
            << QByteArray("2023-11-14T23:13:20.123456") << QByteArray("1700000000123")
            << QByteArray("2023-11-14T22:13:20.123Z");
        QTest::newRow("number alone")
            << QByteArray() << QByteArray("1700000000123") << QByteArray("2023-11-14T22:13:20.123Z");
        QTest::newRow("text alone") << QByteArray("2023-11-14T22:13:20") << QByteArray()
                                    << QByteArray("2023-11-14T22:13:20Z");
        QTest::newRow("before 1970") << QByteArray("1969-12-31T23:59:59.999500") << QByteArray("-1")
                                     << QByteArray("1969-12-31T23:59:59.999500Z");
        QTest::newRow("none") << QByteArray() << QByteArray() << QByteArray("1970-01-01T00:00:00Z");
    }

    void takesTheFinestTime()
    {
        QFETCH(QByteArray, ts);
        QFETCH(QByteArray, ms);
        QFETCH(QByteArray, expected);
        // In whichever order they stand.
        for (const QByteArrayList &times : {QByteArrayList{"ts", ts, "ts_ms", ms}, {"ts_ms", ms, "ts", ts}}) {
            const BatchPtr batch = read(QByteArrayList{"exchange", "x", "pair", "A", "price", "1", "qty", "1",
                                                       "side", "buy", "trade_id", "1"} +
                                        times);
            QVERIFY(batch);
            QCOMPARE(batch->rows<Trade>()[0].ts_event.toString(), expected);
        }
    }

    void refuses_data()
    {
        QTest::addColumn<QByteArray>("name");
        QTest::addColumn<QByteArray>("value");
        QTest::addColumn<QByteArray>("reason");

        const auto add = [](const char *row, const char *name, const QByteArray &value, const char *reason) {
            QTest::newRow(row) << QByteArray(name) << value << QByteArray(reason);
        };
        add("no number", "trade_id", "None", "bad_value");
        add("no id", "trade_id", "", "bad_value");
        add("id too large", "trade_id", "9223372036854775808", "bad_value");
        add("space", "trade_id", " 1", "bad_value");
        add("price", "price", "1.5.0", "bad_value");
        add("no price", "price", "", "bad_value");
        add("infinite", "qty", "inf", "bad_value");
        add("side", "side", "BUY", "bad_value");
        add("no exchange", "exchange", "", "bad_value");
        add("long name", "pair", QByteArray(300, 'x'), "bad_value");
        add("time", "ts", "yesterday", "bad_value");
        add("no day", "ts", "2023-02-30T00:00:00", "bad_value");
        add("epoch", "ts_ms", "1e9", "bad_value");
        add("epoch too large", "ts_ms", "9223372036854775807", "bad_value");
        add("missing", "pair", {}, "missing_field");
    }

    void refuses()
    {
        QFETCH(QByteArray, name);
        QFETCH(QByteArray, value);
        QFETCH(QByteArray, reason);
        QByteArrayList entry{"exchange", "x",
                             "pair",     "A",
                             "price",    "1",
                             "qty",      "1",
                             "ts",       "2023-11-14T22:13:20",
                             "side",     "buy",
                             "trade_id", "1",
                             "ts_ms",    "1700000000000"};
        const qsizetype at = entry.indexOf(name);
        if (value.isNull())
            entry.remove(at, 2);
        else
            entry[at + 1] = value;
        QByteArray said;
        QVERIFY(!read(entry, {}, "UTC", &said));
        QCOMPARE(said, reason);
    }

    void refusesMonsters()
    {
        QByteArrayList entry;
        for (int index = 0; index < 2000; ++index)
            entry << "name"
                  << "value";
        QByteArray said;
        QVERIFY(!read(entry, {}, "UTC", &said));
        QCOMPARE(said, QByteArray("too_many_fields"));
        // A name without a value, and nothing at all.
        QVERIFY(!read({"exchange"}, {}, "UTC", &said));
        QCOMPARE(said, QByteArray("missing_field"));
        QVERIFY(!read({}, {}, "UTC", &said));
        QCOMPARE(said, QByteArray("missing_field"));
    }

    void followsMappings()
    {
        const QVariantMap mapping{
            {"trade", QVariantMap{{"id", "trade_id"},
                                  {"x", "exchange"},
                                  {"s", "symbol"},
                                  {"at", QVariantMap{{"field", "ts_event"}, {"as", "epoch_us"}}},
                                  {"note", QVariantMap{{"text", "%{price} x"}}},
                                  {"all", QVariantMap{{"json", "true"}}}}}};
        const BatchPtr batch = read({"at", "1700000000001002", "id", "5", "x", "b", "s", "A"}, mapping);
        QVERIFY(batch);
        const Trade &trade = batch->rows<Trade>()[0];
        QCOMPARE(trade.trade_id, 5);
        QCOMPARE(trade.ts_event.ns, 1700000000001002000);
        QVERIFY(trade.price.isNull());                   // nobody said it
        QCOMPARE(trade.ts_recv.ns, 1600000000000000000); // of the id
    }

    // Half a record after a whole one must leave nothing of the first behind, nor of itself.
    void leavesNothingBehind()
    {
        OptionErrors errors;
        auto reader = readerFor({}, "UTC", errors);
        BatchBuilder<Trade> builder;
        const auto append = [&](const QByteArrayList &words) {
            const std::vector<redis::Reply> replies = asReplies(words);
            return reader.append(builder, {1600000000000, 0}, redis::Reply::ofArray(replies));
        };
        const QByteArrayList whole{"exchange", "x",    "pair", "A",        "price", "1",     "qty",
                                   "1",        "side", "sell", "trade_id", "1",     "ts_ms", "1700000000000"};
        QVERIFY(!append(whole));
        QVERIFY(append(whole.first(6)).has_value());
        QByteArrayList other = whole;
        other.remove(12, 2);
        QVERIFY(!append(other));
        const BatchPtr batch = builder.finish();
        QCOMPARE(batch->rowCount(), 2);
        QVERIFY(batch->rows<Trade>()[1].ts_event.isNull());
    }

    void saysWhatIsWrong_data()
    {
        QTest::addColumn<QVariantMap>("options");
        QTest::addColumn<QString>("message");

        const auto with = [](const QVariantMap &options) {
            QVariantMap all{{"url", "redis://h"}, {"streams", QStringList{"a"}}};
            all.insert(options);
            return all;
        };
        QTest::newRow("url") << with({{"url", "http://:secret@h"}})
                             << "url: Redis address: expected redis://";
        QTest::newRow("from") << with({{"from", "now"}})
                              << "from: expected 0, $ or the id of an entry, got 'now'";
        QTest::newRow("record") << with({{"record", "trades"}}) << "record: there is no record type 'trades'";
        QTest::newRow("zone") << with({{"time_zone", "Middle/Earth"}})
                              << "time_zone: expected a name such as";
        QTest::newRow("key") << with({{"fields", QVariantMap{{"trade", QVariantMap{{"p", "price"}}}}}})
                             << "fields.trade: exchange is missing: without it one trade cannot be told";
        QTest::newRow("field") << with({{"fields", QVariantMap{{"trade", QVariantMap{{"p", "prize"}}}}}})
                               << "fields.trade.p: trade has no field 'prize'";
    }

    void saysWhatIsWrong()
    {
        QFETCH(QVariantMap, options);
        QFETCH(QString, message);
        const auto made = testing::create<Source>("redis_stream", options);
        QVERIFY(!made);
        QVERIFY2(made.error().message.contains(message), qPrintable(made.error().message));
        QVERIFY(!made.error().message.contains("secret"));
    }

private:
    static std::vector<redis::Reply> asReplies(const QByteArrayList &words)
    {
        std::vector<redis::Reply> replies;
        for (const QByteArray &word : words)
            replies.push_back(redis::Reply::ofText(redis::Reply::Kind::Text, word));
        return replies;
    }

    static EntryReader readerFor(const QVariantMap &mapping, const char *zone, OptionErrors &errors)
    {
        const auto mappings = EntryMappings::parse(
            {}, mapping.isEmpty() ? Value() : Value::fromVariant(mapping), false, errors);
        return EntryReader::make(schemaOf<Trade>(), mappings.typeOf(schemaOf<Trade>()), QTimeZone(zone),
                                 errors);
    }

    // Null if it was refused.
    static BatchPtr read(const QByteArrayList &words, const QVariantMap &mapping = {},
                         const char *zone = "UTC", QByteArray *reason = nullptr)
    {
        OptionErrors errors;
        EntryReader reader = readerFor(mapping, zone, errors);
        if (!errors.isEmpty())
            qFatal("%s", qPrintable(errors.first().toString()));
        const std::vector<redis::Reply> replies = asReplies(words);
        BatchBuilder<Trade> builder;
        const auto fault = reader.append(builder, {1600000000000, 0}, redis::Reply::ofArray(replies));
        if (fault && reason)
            *reason = fault->reason;
        return fault ? BatchPtr() : builder.finish();
    }
};

QTEST_GUILESS_MAIN(tst_RedisStreamEntries)

#include "tst_redis_stream_entries.moc"
