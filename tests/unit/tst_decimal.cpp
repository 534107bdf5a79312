// SPDX-License-Identifier: Apache-2.0
#include <tidemill/decimal.h>

#include <QRandomGenerator>
#include <QTest>

#include <cmath>

using namespace tidemill;

class tst_Decimal : public QObject
{
    Q_OBJECT

private slots:
    void parsesAndPrints_data()
    {
        QTest::addColumn<QByteArray>("text");
        QTest::addColumn<qint64>("mantissa");
        QTest::addColumn<int>("exponent");
        QTest::addColumn<QByteArray>("printed");

        const auto row = [](const QByteArray &text, qint64 mantissa, int exponent,
                            const QByteArray &printed = {}) {
            QTest::newRow(text.left(60).constData())
                << text << mantissa << exponent << (printed.isEmpty() ? text : printed);
        };
        row("0", 0, 0);
        row("0.00", 0, -2);
        row("-0", 0, 0, "0");
        row("-0.0", 0, -1, "0.0");
        row("7", 7, 0);
        row("-7", -7, 0);
        row("45123.50", 4512350, -2);
        row("0.00000001", 1, -8);
        row("-0.5", -5, -1);
        row("100", 100, 0);
        row("007.10", 710, -2, "7.10");
        row("61234.02000000", 6123402000000, -8);
        row("92233720368.54775807", 9223372036854775807, -8);
        row("123456789012345678", 123456789012345678, 0);
        row("1234567890123456789", 1234567890123456789, 0);
        row("1.234567890123456789", 1234567890123456789, -18);
        row("12345678901.23456789", 1234567890123456789, -8);
        row("9223372036854775807", std::numeric_limits<qint64>::max(), 0);
        row("-9223372036854775808", std::numeric_limits<qint64>::min(), 0);
        row("-9.223372036854775808", std::numeric_limits<qint64>::min(), -18);
        row("0." + QByteArray(63, '0') + "1", 1, -64);
        row(QByteArray(40, '0') + "12.5", 125, -1, "12.5");
        // Exponents.
        row("1e3", 1, 3, "1000");
        row("1E3", 1, 3, "1000");
        row("1.5e+3", 15, 2, "1500");
        row("1.50e1", 150, -1, "15.0");
        row("1e-8", 1, -8, "0.00000001");
        row("-2.5e-3", -25, -4, "-0.0025");
        row("0e5", 0, 5, "0");
        row("1e64", 1, 64, "1" + QByteArray(64, '0'));
        row("1e-64", 1, -64, "0." + QByteArray(63, '0') + "1");
    }

    void parsesAndPrints()
    {
        QFETCH(QByteArray, text);
        QFETCH(qint64, mantissa);
        QFETCH(int, exponent);
        QFETCH(QByteArray, printed);

        const auto number = Decimal::parse(text);

        QVERIFY(number);
        QCOMPARE(number->mantissa, mantissa);
        QCOMPARE(int(number->exponent), exponent);
        QCOMPARE(number->toString(), printed);
    }

    void givesUpZerosBeforeTheNumber_data()
    {
        QTest::addColumn<QByteArray>("text");
        QTest::addColumn<QByteArray>("printed");

        const QByteArray hundredZeros(100, '0');
        QTest::newRow("one zero too many")
            << QByteArray("1.2345678901234567890") << QByteArray("1.234567890123456789");
        QTest::newRow("some stay") << QByteArray("1.00000000000000000000000")
                                   << QByteArray("1.000000000000000000");
        QTest::newRow("a hundred") << "1." + hundredZeros << QByteArray("1.000000000000000000");
        QTest::newRow("a hundred behind digits")
            << "1.5" + hundredZeros << QByteArray("1.500000000000000000");
        QTest::newRow("a hundred of nothing") << "0." + hundredZeros << "0." + QByteArray(64, '0');
        QTest::newRow("largest") << QByteArray("9223372036854775807.000")
                                 << QByteArray("9223372036854775807");
        QTest::newRow("largest but one digit")
            << QByteArray("922337203685477580.700") << QByteArray("922337203685477580.7");
        QTest::newRow("at the smallest exponent")
            << QByteArray("1.00e-64") << QByteArray("0." + QByteArray(63, '0') + "1");
        QTest::newRow("zeros in front")
            << hundredZeros + "1." + hundredZeros << QByteArray("1.000000000000000000");
    }

    void givesUpZerosBeforeTheNumber()
    {
        QFETCH(QByteArray, text);
        QFETCH(QByteArray, printed);

        const auto number = Decimal::parse(text);

        QVERIFY(number);
        QCOMPARE(number->toString(), printed);
    }

    void refuses_data()
    {
        QTest::addColumn<QByteArray>("text");

        for (const char *text : {"",
                                 "-",
                                 "+1",
                                 ".5",
                                 "5.",
                                 "-.5",
                                 "1.",
                                 "1..2",
                                 "1.2.3",
                                 "1,5",
                                 " 1",
                                 "1 ",
                                 "1\n",
                                 "--1",
                                 "1-",
                                 "0x10",
                                 "1_000",
                                 "NaN",
                                 "nan",
                                 "inf",
                                 "-inf",
                                 "Infinity",
                                 "null",
                                 "1e",
                                 "1e+",
                                 "1e-",
                                 "1e+-5",
                                 "1e--5",
                                 "1e5.0",
                                 "1e 5",
                                 "e5",
                                 "1ee5",
                                 "1e65",
                                 "1e-65",
                                 "1e999999999999",
                                 "1e-999999999999",
                                 "0e65"})
            QTest::newRow(text[0] ? text : "nothing") << QByteArray(text);
        QTest::newRow("one too large") << QByteArray("9223372036854775808");
        QTest::newRow("one too small") << QByteArray("-9223372036854775809");
        QTest::newRow("unsigned 64 bits") << QByteArray("18446744073709551615");
        QTest::newRow("wraps around 64 bits") << QByteArray("18446744073709551617");
        QTest::newRow("a digit too many behind the point") << QByteArray("1.2345678901234567891");
        QTest::newRow("too large by its last digit") << QByteArray("922337203685477580.8");
        QTest::newRow("zeros between") << QByteArray("1.00000000000000000000000001");
        QTest::newRow("a hundred zeros between") << "1" + QByteArray(100, '0') + "1";
        QTest::newRow("65 behind the point") << "0." + QByteArray(64, '0') + "1";
        QTest::newRow("a thousand digits") << QByteArray(1000, '9');
        QTest::newRow("a thousand nines behind the point") << "0." + QByteArray(1000, '9');
        QTest::newRow("too many zeros") << "1" + QByteArray(90, '0');
        QTest::newRow("a null byte") << QByteArray("1\0", 2);
        QTest::newRow("a null byte within") << QByteArray("1\0002", 3);
        QTest::newRow("not ASCII") << QByteArray("\xd9\xa1");
    }

    void refuses()
    {
        QFETCH(QByteArray, text);

        QVERIFY2(!Decimal::parse(text), Decimal::parse(text).value_or(Decimal{}).toString());
    }

    // The text need not end in a null byte.
    void readsNoFurtherThanTheText()
    {
        const char text[] = "12345.678901234567890123";
        for (qsizetype size = 1; size <= qsizetype(sizeof text) - 5; ++size) {
            const auto number = Decimal::parse(QByteArrayView(text, size));
            if (text[size - 1] == '.')
                QVERIFY(!number);
            else
                QCOMPARE(number.value().toString(), QByteArray(text, size));
        }
    }

    void survivesEveryRoundTrip()
    {
        QRandomGenerator random(1);
        for (int i = 0; i < 100'000; ++i) {
            const qint64 mantissa = qint64(random.generate64()) >> random.bounded(64);
            const Decimal number{mantissa,
                                 qint8(random.bounded(Decimal::minExponent, Decimal::maxExponent + 1))};
            const auto parsed = Decimal::parse(number.toString());
            QVERIFY2(parsed && *parsed == number, number.toString());
            QCOMPARE(parsed->toString(), number.toString());
        }
    }

    void comparesByValue_data()
    {
        QTest::addColumn<QByteArray>("a");
        QTest::addColumn<QByteArray>("b");
        QTest::addColumn<int>("expected");

        const auto row = [](const char *a, const char *b, int expected) {
            QTest::addRow("%s and %s", a, b) << QByteArray(a) << QByteArray(b) << expected;
        };
        row("1.5", "1.50", 0);
        row("0", "0.000", 0);
        row("0e5", "-0.0", 0);
        row("100", "1e2", 0);
        row("1", "2", -1);
        row("1", "-2", 1);
        row("-1", "-2", 1);
        row("-1.5", "-1.50", 0);
        row("-1.5", "-1.49", -1);
        row("0", "1e-64", -1);
        row("0", "-1e64", 1);
        row("1e64", "9223372036854775807", 1);
        row("-1e64", "-9223372036854775808", -1);
        row("1e-64", "1e64", -1);
        row("0.3", "0.30000000000000001", -1);
        row("9223372036854775807", "9223372036854775806", 1);
        row("9223372036854775807", "922337203685477580.7", 1);
        row("-9223372036854775808", "-922337203685477580.8", -1);
    }

    void comparesByValue()
    {
        QFETCH(QByteArray, a);
        QFETCH(QByteArray, b);
        QFETCH(int, expected);
        const Decimal left = Decimal::parse(a).value();
        const Decimal right = Decimal::parse(b).value();

        QCOMPARE((left > right) - (left < right), expected);
        QCOMPARE((right > left) - (right < left), -expected);
        QCOMPARE(left == right, expected == 0);
    }

    void nullIsNoNumber()
    {
        const Decimal null = Decimal::null();

        QVERIFY(null.isNull());
        QVERIFY(!null.isZero());
        QVERIFY(null == Decimal::null());
        QVERIFY(null != 0_dec);
        QVERIFY(null < Decimal::parse("-9223372036854775808").value());
        QVERIFY(Decimal::parse("-1e64").value() > null);
        QCOMPARE(null.toString(), QByteArray());
        QVERIFY(std::isnan(null.toDouble()));
        QVERIFY(null.normalized().isNull());
        QVERIFY(!null.mantissaAt(0));
        QVERIFY(!Decimal{}.isNull());
    }

    void hasAMantissaAtAnyExponent_data()
    {
        QTest::addColumn<QByteArray>("number");
        QTest::addColumn<int>("exponent");
        QTest::addColumn<bool>("possible");
        QTest::addColumn<qint64>("mantissa");

        QTest::newRow("as it is") << QByteArray("1.50") << -2 << true << qint64(150);
        QTest::newRow("finer") << QByteArray("1.50") << -8 << true << qint64(150'000'000);
        QTest::newRow("coarser without loss") << QByteArray("1.50") << -1 << true << qint64(15);
        QTest::newRow("coarser with loss") << QByteArray("1.50") << 0 << false << qint64(0);
        QTest::newRow("negative") << QByteArray("-2.5") << -3 << true << qint64(-2500);
        QTest::newRow("negative with loss") << QByteArray("-2.5") << 0 << false << qint64(0);
        QTest::newRow("zero anywhere") << QByteArray("0") << -100 << true << qint64(0);
        QTest::newRow("too fine") << QByteArray("100") << -17 << false << qint64(0);
        QTest::newRow("just fits") << QByteArray("9") << -18 << true << qint64(9'000'000'000'000'000'000);
        QTest::newRow("does not fit by one") << QByteArray("10") << -18 << false << qint64(0);
        QTest::newRow("far too fine") << QByteArray("1") << -19 << false << qint64(0);
        QTest::newRow("far too coarse") << QByteArray("1000") << 60 << false << qint64(0);
        QTest::newRow("smallest") << QByteArray("-9223372036854775808") << -1 << false << qint64(0);
    }

    void hasAMantissaAtAnyExponent()
    {
        QFETCH(QByteArray, number);
        QFETCH(int, exponent);
        QFETCH(bool, possible);
        QFETCH(qint64, mantissa);

        const auto found = Decimal::parse(number).value().mantissaAt(exponent);

        QCOMPARE(found.has_value(), possible);
        QCOMPARE(found.value_or(0), mantissa);
    }

    void losesZerosWhenNormalized_data()
    {
        QTest::addColumn<QByteArray>("number");
        QTest::addColumn<QByteArray>("normalized");

        QTest::newRow("zeros behind the point") << QByteArray("1.500") << QByteArray("1.5");
        QTest::newRow("only zeros behind the point") << QByteArray("-120.000") << QByteArray("-120");
        QTest::newRow("nothing to lose") << QByteArray("1.05") << QByteArray("1.05");
        QTest::newRow("zero") << QByteArray("0.0000") << QByteArray("0");
        QTest::newRow("whole") << QByteArray("1200") << QByteArray("1200");
    }

    void losesZerosWhenNormalized()
    {
        QFETCH(QByteArray, number);
        QFETCH(QByteArray, normalized);

        QCOMPARE(Decimal::parse(number).value().normalized().toString(), normalized);
    }

    void isTheNearestDouble_data()
    {
        QTest::addColumn<QByteArray>("number");
        QTest::addColumn<double>("expected");

        QTest::newRow("whole") << QByteArray("5") << 5.0;
        QTest::newRow("tenths") << QByteArray("0.1") << 0.1;
        QTest::newRow("price") << QByteArray("61234.02000000") << 61234.02;
        QTest::newRow("beyond 53 bits") << QByteArray("9007199254740993.5") << 9007199254740994.0;
        QTest::newRow("19 digits") << QByteArray("1.234567890123456789") << 1.234567890123456789;
        QTest::newRow("large") << QByteArray("1e64") << 1e64;
        QTest::newRow("small") << QByteArray("-1e-64") << -1e-64;
        QTest::newRow("smallest mantissa") << QByteArray("-9223372036854775808") << -9223372036854775808.0;
    }

    void isTheNearestDouble()
    {
        QFETCH(QByteArray, number);
        QFETCH(double, expected);

        QCOMPARE(Decimal::parse(number).value().toDouble(), expected);
    }

    void appendsToWhatIsThere()
    {
        QByteArray text = "price=";
        "1.50"_dec.appendTo(text);
        QCOMPARE(text, QByteArray("price=1.50"));
    }

    void hasLiterals()
    {
        QCOMPARE((100_dec).toString(), QByteArray("100"));
        QCOMPARE((0.50_dec).toString(), QByteArray("0.50"));
        QCOMPARE(("-0.50"_dec).toString(), QByteArray("-0.50"));
    }
};

QTEST_GUILESS_MAIN(tst_Decimal)

#include "tst_decimal.moc"
