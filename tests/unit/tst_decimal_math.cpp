// SPDX-License-Identifier: Apache-2.0
#include <tidemill/decimal_math.h>

#include <QRandomGenerator>
#include <QTest>

using namespace tidemill;

namespace {

DecimalSum sumOf(std::initializer_list<Decimal> numbers)
{
    DecimalSum sum;
    for (const Decimal &number : numbers)
        sum.add(number);
    return sum;
}

// a / b, or "-" if there is no answer.
QByteArray quotient(const DecimalSum &a, const DecimalSum &b)
{
    const auto result = DecimalSum::quotient(a, b);
    return result ? result->toString() : QByteArray("-");
}

constexpr Decimal largest{std::numeric_limits<qint64>::max(), 0};
constexpr Decimal smallest{std::numeric_limits<qint64>::min(), 0};

// 10^power, also where one decimal does not reach.
DecimalSum powerOfTen(int power)
{
    DecimalSum sum;
    sum.addProduct({1, qint8(power / 2)}, {1, qint8(power - power / 2)});
    return sum;
}

} // namespace

class tst_DecimalMath : public QObject
{
    Q_OBJECT

private slots:
    void dividesAndRounds_data()
    {
        QTest::addColumn<QByteArray>("a");
        QTest::addColumn<QByteArray>("b");
        QTest::addColumn<QByteArray>("expected");

        const auto row = [](const char *a, const char *b, const QByteArray &expected) {
            QTest::addRow("%s / %s", a, b) << QByteArray(a) << QByteArray(b) << expected;
        };
        row("6", "3", "2");
        row("6.00", "3.0", "2");
        row("1", "4", "0.25");
        row("0", "7", "0");
        row("-1", "4", "-0.25");
        row("1", "-4", "-0.25");
        row("-1", "-4", "0.25");
        row("0", "-4", "0");
        row("1", "3", "0.333333333333333333");
        row("2", "3", "0.666666666666666667");
        row("-2", "3", "-0.666666666666666667");
        row("200", "3", "66.6666666666666667");
        row("200000", "3", "66666.6666666666667");
        row("1", "300", "0.003333333333333333");
        row("1", "3e17", "0.000000000000000003");
        row("1", "3e18", "0");
        row("2", "3e18", "0.000000000000000001");
        row("1", "8", "0.125");
        row("1000000", "1", "1000000");
        row("1e30", "1e28", "100");
        row("1e-30", "1e-28", "0.01");
        // 18 digits in front of the point leave none behind it.
        row("1000000000000000003", "2", "500000000000000002"); // ...001.5
        row("1000000000000000001", "2", "500000000000000000"); // ...000.5
        row("1000000000000000001", "3", "333333333333333334"); // ...333.67
        row("9223372036854775807", "1", "9223372036854775810");
        row("-9223372036854775808", "1", "-9223372036854775810");
        row("1234567890123456785", "1", "1234567890123456780");
        row("1234567890123456775", "1", "1234567890123456780");
        // Ties, the last digit even and odd, and what lies just beside them.
        row("0.0000000000000000005", "1", "0");
        row("0.0000000000000000015", "1", "0.000000000000000002");
        row("0.0000000000000000025", "1", "0.000000000000000002");
        row("-0.0000000000000000025", "1", "-0.000000000000000002");
        row("-0.0000000000000000035", "1", "-0.000000000000000004");
        row("0.00000000000000000050001", "1", "0.000000000000000001");
        row("0.00000000000000000049999", "1", "0");
        row("0.0000000000000000250001", "10", "0.000000000000000003");
        row("0.000000000000000025", "10", "0.000000000000000002");
        row("1.000000000000000005", "1", "1");
        row("1.000000000000000015", "1", "1.00000000000000002");
        // Rounding up runs through all digits.
        row("0.0999999999999999995", "1", "0.1");
        row("8.999999999999999995", "1", "9");
        row("8.999999999999999994", "1", "8.99999999999999999");
        row("1999999999999999999", "2", "1000000000000000000");
        // Smaller than any digit kept.
        row("1e-40", "1", "0");
        row("1e-64", "9223372036854775807", "0");
        // Larger than a mantissa.
        row("1e64", "1", "1" + QByteArray(64, '0'));
        row("1e64", "3", QByteArray(18, '3') + QByteArray(46, '0'));
    }

    void dividesAndRounds()
    {
        QFETCH(QByteArray, a);
        QFETCH(QByteArray, b);
        QFETCH(QByteArray, expected);

        QCOMPARE(quotient(sumOf({Decimal::parse(a).value()}), sumOf({Decimal::parse(b).value()})), expected);
    }

    void hasNoAnswerToThat()
    {
        DecimalSum lost;
        lost.add(Decimal::null());

        QCOMPARE(quotient(sumOf({1_dec}), DecimalSum()), "-");
        QCOMPARE(quotient(DecimalSum(), DecimalSum()), "-");
        QCOMPARE(quotient(sumOf({1_dec}), sumOf({5_dec, "-5"_dec})), "-");
        QCOMPARE(quotient(lost, sumOf({1_dec})), "-");
        QCOMPARE(quotient(sumOf({1_dec}), lost), "-");
        QCOMPARE(quotient(powerOfTen(100), sumOf({1_dec})), "-"); // no decimal is that large
    }

    void averagesAsAStoreWants()
    {
        DecimalSum value;
        DecimalSum quantity;
        value.addProduct("2683.80000000"_dec, "3.02920000"_dec);
        value.addProduct("2683.81000000"_dec, "31.43950000"_dec);
        quantity.add("3.02920000"_dec);
        quantity.add("31.43950000"_dec);

        // (8129.76696 + 84377.644495) / 34.4687
        QCOMPARE(quotient(value, quantity), "2683.80912117370252");
    }

    void sumsExactly()
    {
        DecimalSum sum;
        for (int i = 0; i < 10; ++i)
            sum.add("0.1"_dec);
        QCOMPARE(quotient(sum, sumOf({1_dec})), "1");

        sum.subtract(1_dec);
        QVERIFY(sum.isZero());
        QVERIFY(!sum.isLost());
    }

    void mixesExponents()
    {
        const DecimalSum sum = sumOf({Decimal{1, 15}, "0.001"_dec, Decimal{-1, 15}});
        QCOMPARE(quotient(sum, sumOf({1_dec})), "0.001");
    }

    void takesTheExtremes()
    {
        DecimalSum sum;
        sum.addProduct(smallest, smallest);
        QVERIFY(!sum.isLost());
        QCOMPARE(quotient(sum, sumOf({smallest})), "-9223372036854775810");
        sum.addProduct(smallest, largest);
        QCOMPARE(quotient(sum, sumOf({1_dec})), "9223372036854775810"); // 2^63
        DecimalSum negated;
        negated.subtract(smallest);
        QCOMPARE(quotient(negated, sumOf({1_dec})), "9223372036854775810");
    }

    void isLostWhenItDoesNotFit_data()
    {
        QTest::addColumn<QList<Decimal>>("numbers");

        QTest::newRow("null") << QList<Decimal>{1_dec, Decimal::null()};
        QTest::newRow("null with a mantissa")
            << QList<Decimal>{Decimal{5, std::numeric_limits<qint8>::min()}};
        QTest::newRow("far apart") << QList<Decimal>{Decimal{1, 64}, Decimal{1, -64}};
        QTest::newRow("far apart the other way") << QList<Decimal>{Decimal{1, -64}, Decimal{1, 64}};
        QTest::newRow("39 digits") << QList<Decimal>{Decimal{largest.mantissa, 20}, 1_dec};
        QTest::newRow("sum too large")
            << QList<Decimal>{Decimal{largest.mantissa, 19}, 1_dec, Decimal{largest.mantissa, 19}};
    }

    void isLostWhenItDoesNotFit()
    {
        QFETCH(QList<Decimal>, numbers);
        DecimalSum sum;
        for (const Decimal &number : numbers)
            sum.add(number);

        QVERIFY(sum.isLost());
        sum.add(1_dec);
        sum.subtract(1_dec);
        QVERIFY(sum.isLost()); // ever after
        QVERIFY(sum.times(0).isLost());
        QVERIFY(!DecimalSum::compare(sum, sum));
    }

    void losesAProductOfNull()
    {
        DecimalSum sum;
        sum.addProduct(Decimal::null(), 0_dec);
        QVERIFY(sum.isLost());
    }

    void zeroHasNoScale()
    {
        const DecimalSum sum = sumOf({Decimal{0, -64}, Decimal{1, 64}, Decimal{0, -64}});
        QVERIFY(!sum.isLost());
        QCOMPARE(quotient(sum, sumOf({Decimal{1, 64}})), "1");
    }

    void multiplies()
    {
        QCOMPARE(quotient(sumOf({"1.5"_dec}).times(-4), sumOf({1_dec})), "-6");
        QVERIFY(sumOf({1_dec}).times(0).isZero());
        DecimalSum square;
        square.addProduct(largest, largest);
        QVERIFY(!square.times(1).isLost());
        QVERIFY(square.times(3).isLost());
    }

    void compares_data()
    {
        QTest::addColumn<QByteArray>("a");
        QTest::addColumn<QByteArray>("b");
        QTest::addColumn<int>("expected"); // 2: no answer

        const auto row = [](const char *a, const char *b, int expected) {
            QTest::addRow("%s and %s", a, b) << QByteArray(a) << QByteArray(b) << expected;
        };
        row("1", "1.000", 0);
        row("0", "0.0", 0);
        row("1", "2", -1);
        row("-1", "-2", 1);
        row("0.1", "0.10000000000000000", 0);
        row("0.1", "0.100000000000000001", -1);
        row("1e20", "1", 1);
        row("-1e-20", "0", -1);
        row("1e64", "1e-64", 2);
    }

    void compares()
    {
        QFETCH(QByteArray, a);
        QFETCH(QByteArray, b);
        QFETCH(int, expected);
        const DecimalSum left = sumOf({Decimal::parse(a).value()});
        const DecimalSum right = sumOf({Decimal::parse(b).value()});

        const auto order = DecimalSum::compare(left, right);
        const auto reversed = DecimalSum::compare(right, left);

        QCOMPARE(order.has_value(), expected != 2);
        QCOMPARE(reversed.has_value(), expected != 2);
        if (order) {
            QCOMPARE((*order > 0) - (*order < 0), expected);
            QCOMPARE((*reversed > 0) - (*reversed < 0), -expected);
        }
    }

    // q is the quotient of a and b rounded half to even if |a - q*b| is at most half a unit of q's last place
    // times b.
    void roundsToTheNearest()
    {
        QRandomGenerator random(2);
        for (int i = 0; i < 20'000; ++i) {
            const qint64 a = qint64(random.generate64() >> random.bounded(1, 63)) + 1;
            const qint64 b = qint64(random.generate64() >> random.bounded(20, 63)) + 1;
            const Decimal q = DecimalSum::quotient(sumOf({{a, 0}}), sumOf({{b, 0}})).value();
            // With w digits in front of the point, 18 - w are behind it.
            const QByteArray whole = QByteArray::number(a / b);
            const int places = a < b ? 18 : std::max(0, 18 - int(whole.size()));
            if (a >= b && whole.size() > 18)
                continue;
            const qint64 digits = q.mantissaAt(-places).value();
            Int128 scaled = a;
            for (int p = 0; p < places; ++p)
                scaled *= 10;
            const Int128 twice = (scaled - Int128(digits) * b) * 2;
            QVERIFY(twice <= b && twice >= -b);
            if (twice == b || twice == -b)
                QVERIFY(digits % 2 == 0);
        }
    }
};

QTEST_GUILESS_MAIN(tst_DecimalMath)

#include "tst_decimal_math.moc"
