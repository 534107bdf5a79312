// SPDX-License-Identifier: Apache-2.0
#include <tidemill/json.h>
#include <tidemill/records.h>

#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>
#include <QTest>

#include <cmath>

using namespace tidemill;

// One field of each type.
struct Everything
{
    Symbol symbol;
    Timestamp time;
    qint64 integer = 0;
    quint64 natural = 0;
    double real = 0;
    Decimal price;
    Text text;
    Bytes bytes;
    Levels levels;
    bool flag = false;
    Side side = Side::Unknown;
};
TIDEMILL_RECORD(Everything, 1, Event, (integer),
                (symbol, time, integer, natural, real, price, text, bytes, levels, flag, side))

namespace {

QByteArray json(const BatchPtr &batch, bool withType = true)
{
    QByteArray out;
    return appendJson(out, *batch, 0, withType);
}

QByteArray jsonString(QByteArrayView text)
{
    QByteArray out;
    return appendJsonString(out, text);
}

BatchPtr full(const char *price = "45123.50", const char *text = "say \"hi\"",
              qint64 time = 1'723'161'255'308'000'000)
{
    BatchBuilder<Everything> builder;
    const std::vector<Level> levels{{"61234.01000000"_dec, "3.12"_dec}, {"0.5"_dec, 0_dec}};
    builder.append({.symbol = "BTC-USD"_sym,
                    .time = {time},
                    .integer = std::numeric_limits<qint64>::min(),
                    .natural = std::numeric_limits<quint64>::max(),
                    .real = 0.1,
                    .price = Decimal::parse(price).value(),
                    .text = builder.text(text),
                    .bytes = builder.bytes(QByteArray("\0\xff", 2)),
                    .levels = builder.levels(levels),
                    .flag = true,
                    .side = Side::Buy});
    return builder.finish();
}

BatchPtr empty()
{
    BatchBuilder<Everything> builder;
    Everything row;
    row.real = std::nan("");
    row.price = Decimal::null();
    builder.append(row);
    return builder.finish();
}

} // namespace

class tst_Json : public QObject
{
    Q_OBJECT

private slots:
    void printsEveryType()
    {
        QCOMPARE(
            json(full()),
            R"({"type":"everything","symbol":"BTC-USD","time":"2024-08-08T23:54:15.308Z","integer":-9223372036854775808,)"
            R"("natural":18446744073709551615,"real":0.1,"price":"45123.50","text":)"
            "\"say \\\"hi\\\"\","
            R"("bytes":"AP8=",)"
            R"("levels":[["61234.01000000","3.12"],["0.5","0"]],"flag":true,"side":"buy"})");
    }

    void printsWhatIsMissing()
    {
        QCOMPARE(
            json(empty(), false),
            R"({"symbol":null,"time":null,"integer":0,"natural":0,"real":null,"price":null,"text":"","bytes":"",)"
            R"("levels":[],"flag":false,"side":"unknown"})");
    }

    void printsStandardRecords()
    {
        BatchBuilder<Trade> builder;
        builder.append({.exchange = "binance"_sym,
                        .symbol = "BTCUSDT"_sym,
                        .ts_event = Timestamp::fromMilliseconds(1'772'442'917'896),
                        .ts_recv = {1'772'442'917'900'123'456},
                        .trade_id = 5'000'000'273,
                        .price = "61234.02000000"_dec,
                        .quantity = "0.00317000"_dec,
                        .side = Side::Sell,
                        .provenance = Provenance::Backfill});

        QCOMPARE(
            json(builder.finish()),
            R"({"type":"trade","exchange":"binance","symbol":"BTCUSDT","ts_event":"2026-03-02T09:15:17.896Z",)"
            R"("ts_recv":"2026-03-02T09:15:17.900123456Z","trade_id":5000000273,"price":"61234.02000000",)"
            R"("quantity":"0.00317000","side":"sell","provenance":"backfill"})");
    }

    void appendsBehindWhatIsThere()
    {
        BatchBuilder<Gap> builder;
        builder.append({});
        const BatchPtr batch = builder.finish();
        QByteArray out = "[";
        appendJson(out, *batch, 0).append(',');
        appendJson(out, *batch, 0).append(']');

        const QJsonArray parsed = QJsonDocument::fromJson(out).array();
        QCOMPARE(parsed.size(), 2);
        QCOMPARE(parsed[1][QLatin1String("type")].toString(), "gap");
        QCOMPARE(parsed[1][QLatin1String("cause")].toString(), "disconnect");
    }

    void quotesStrings_data()
    {
        QTest::addColumn<QByteArray>("text");
        QTest::addColumn<QByteArray>("expected");

        QTest::newRow("nothing") << QByteArray() << QByteArray("\"\"");
        QTest::newRow("quote and backslash") << QByteArray("a\"b\\c") << QByteArray("\"a\\\"b\\\\c\"");
        QTest::newRow("lines and tabs") << QByteArray("a\nb\rc\td") << QByteArray("\"a\\nb\\rc\\td\"");
        QTest::newRow("control characters")
            << QByteArray("\x01\x1f\0", 3) << QByteArray("\"\\u0001\\u001f\\u0000\"");
        QTest::newRow("delete is none") << QByteArray("\x7f") << QByteArray("\"\x7f\"");
        QTest::newRow("slash stays") << QByteArray("a/b") << QByteArray(R"("a/b")");
        QTest::newRow("UTF-8") << QByteArray("币安 €") << QByteArray("\"币安 €\"");
        QTest::newRow("beyond 16 bits")
            << QByteArray("\xf0\x9f\x9a\x80") << QByteArray("\"\xf0\x9f\x9a\x80\"");
        QTest::newRow("a stray byte") << QByteArray("a\xff"
                                                    "b")
                                      << QByteArray("\"a\xef\xbf\xbd"
                                                    "b\"");
        QTest::newRow("a stray byte and a quote")
            << QByteArray("\xff\"") << QByteArray("\"\xef\xbf\xbd\\\"\"");
        QTest::newRow("half a surrogate") << QByteArray("\xed\xa0\x80") << QByteArray();
        QTest::newRow("cut in the middle") << QByteArray("\xe5\xb8") << QByteArray();
        QTest::newRow("overlong") << QByteArray("\xc0\xaf") << QByteArray();
    }

    void quotesStrings()
    {
        QFETCH(QByteArray, text);
        QFETCH(QByteArray, expected);

        const QByteArray quoted = jsonString(text);

        if (!expected.isEmpty())
            QCOMPARE(quoted, expected);
        QVERIFY(QByteArrayView(quoted).isValidUtf8());
        QJsonParseError error;
        const QJsonArray parsed = QJsonDocument::fromJson('[' + quoted + ']', &error).array();
        QCOMPARE(error.error, QJsonParseError::NoError);
        QCOMPARE(parsed.size(), 1);
        if (!expected.isEmpty())
            QCOMPARE(parsed[0].toString(), QString::fromUtf8(text));
    }

    void survivesEveryByte()
    {
        QByteArray all;
        for (int i = 0; i < 256; ++i)
            all.append(char(i));
        QByteArray out;
        for (const QByteArray &text : {all, all + all.right(128), QByteArray(1000, '\xff')}) {
            out.clear();
            BatchBuilder<Everything> builder;
            builder.append({.symbol = Symbol(QByteArrayView(text.right(200))), .text = builder.text(text)});
            QJsonParseError error;
            QJsonDocument::fromJson(appendJson(out, *builder.finish(), 0), &error);
            QCOMPARE(error.error, QJsonParseError::NoError);
        }
    }

    void printsDoublesThatReadBack_data()
    {
        QTest::addColumn<double>("number");
        QTest::addColumn<QByteArray>("expected");

        QTest::newRow("short") << 0.1 << QByteArray("0.1");
        QTest::newRow("whole") << 5.0 << QByteArray("5");
        QTest::newRow("long") << 0.1 + 0.2 << QByteArray("0.30000000000000004");
        QTest::newRow("large") << 1e300 << QByteArray("1e+300");
        QTest::newRow("infinite") << std::numeric_limits<double>::infinity() << QByteArray("null");
        QTest::newRow("no number") << std::nan("") << QByteArray("null");
    }

    void printsDoublesThatReadBack()
    {
        QFETCH(double, number);
        QFETCH(QByteArray, expected);
        BatchBuilder<Everything> builder;
        builder.append({.real = number});

        QVERIFY(json(builder.finish()).contains("\"real\":" + expected + ","));
    }

    void survivesReferencesBeyondTheHeap()
    {
        BatchBuilder<Everything> builder;
        constexpr quint32 most = std::numeric_limits<quint32>::max();
        builder.append({.text = {most, most}, .bytes = {5, most}, .levels = {8, most}, .side = Side(200)});

        const QJsonObject object = QJsonDocument::fromJson(json(builder.finish())).object();

        QCOMPARE(object[QLatin1String("text")].toString(QStringLiteral("?")), "");
        QCOMPARE(object[QLatin1String("bytes")].toString(QStringLiteral("?")), "");
        QVERIFY(object[QLatin1String("levels")].toArray().isEmpty());
        QCOMPARE(object[QLatin1String("side")].toString(QStringLiteral("?")), "");
    }

    void givesFieldsAsText()
    {
        const BatchPtr batch = full();
        const auto text = [&](const char *name) {
            return fieldText(*batch, 0, batch->schema().fields()[std::size_t(batch->schema().indexOf(name))]);
        };
        QCOMPARE(text("symbol"), "BTC-USD");
        QCOMPARE(text("time"), "2024-08-08T23:54:15.308Z");
        QCOMPARE(text("integer"), "-9223372036854775808");
        QCOMPARE(text("natural"), "18446744073709551615");
        QCOMPARE(text("real"), "0.1");
        QCOMPARE(text("price"), "45123.50");
        QCOMPARE(text("text"), "say \"hi\"");
        QCOMPARE(text("bytes"), "AP8=");
        QCOMPARE(text("levels"), R"([["61234.01000000","3.12"],["0.5","0"]])");
        QCOMPARE(text("flag"), "true");
        QCOMPARE(text("side"), "buy");
    }

    void tellsMissingFromEmpty_data()
    {
        QTest::addColumn<QByteArray>("field");
        QTest::addColumn<bool>("missing");
        for (const char *name : {"symbol", "time", "real", "price"})
            QTest::newRow(name) << QByteArray(name) << true;
        for (const char *name : {"integer", "natural", "text", "bytes", "levels", "flag", "side"})
            QTest::newRow(name) << QByteArray(name) << false;
    }

    void tellsMissingFromEmpty()
    {
        QFETCH(QByteArray, field);
        QFETCH(bool, missing);
        const BatchPtr batch = empty();
        bool isNull = !missing;

        const QByteArray text = fieldText(
            *batch, 0, batch->schema().fields()[std::size_t(batch->schema().indexOf(field))], &isNull);

        QCOMPARE(isNull, missing);
        if (missing)
            QVERIFY(text.isEmpty());
    }

    void comparesRecordsByContent()
    {
        BatchBuilder<Everything> builder;
        builder.text("something in front, so that the references differ");
        const BatchPtr a = full();
        builder.append({.symbol = "BTC-USD"_sym});

        QVERIFY(sameRecord(*a, 0, *full(), 0));
        QVERIFY(!sameRecord(*a, 0, *full("45123.5"), 0)); // to the last digit
        QVERIFY(!sameRecord(*a, 0, *full("45123.50", "say 'hi'"), 0));
        QVERIFY(!sameRecord(*a, 0, *full("45123.50", "say \"hi\"", 1), 0));
        QVERIFY(!sameRecord(*a, 0, *empty(), 0));
        QVERIFY(!sameRecord(*a, 0, *builder.finish(), 0));
        QVERIFY(sameRecord(*empty(), 0, *empty(), 0));
        BatchBuilder<Trade> trades;
        trades.append({});
        QVERIFY(!sameRecord(*a, 0, *trades.finish(), 0));
    }

    void comparesTextWhereverItLies()
    {
        BatchBuilder<Frame> a;
        a.append({.payload = a.bytes("x")});
        BatchBuilder<Frame> b;
        b.bytes("in front");
        b.append({.payload = b.bytes("x")});

        QVERIFY(sameRecord(*a.finish(), 0, *b.finish(), 0));
    }
};

QTEST_GUILESS_MAIN(tst_Json)

#include "tst_json.moc"
