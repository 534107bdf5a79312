// SPDX-License-Identifier: Apache-2.0
#include <tidemill/timestamp.h>

#include <QDateTime>
#include <QRandomGenerator>
#include <QTest>
#include <QTimeZone>

using namespace tidemill;

class tst_Timestamp : public QObject
{
    Q_OBJECT

private slots:
    void parses_data()
    {
        QTest::addColumn<QByteArray>("text");
        QTest::addColumn<qint64>("ns");
        QTest::addColumn<QByteArray>("printed");

        const auto row = [](const QByteArray &text, qint64 ns, const QByteArray &printed = {}) {
            QTest::newRow(text.constData()) << text << ns << (printed.isEmpty() ? text : printed);
        };
        row("1970-01-01T00:00:00Z", 0);
        row("1970-01-01T00:00:01Z", 1'000'000'000);
        row("1969-12-31T23:59:59Z", -1'000'000'000);
        row("1969-12-31T23:59:59.999999999Z", -1);
        row("2024-08-08T23:54:15.308Z", 1'723'161'255'308'000'000);
        row("2024-08-08T23:54:15.308123Z", 1'723'161'255'308'123'000);
        row("2024-08-08T23:54:15.308123456Z", 1'723'161'255'308'123'456);
        row("2024-08-08T23:54:15.3Z", 1'723'161'255'300'000'000, "2024-08-08T23:54:15.300Z");
        row("2024-08-08T23:54:15.30Z", 1'723'161'255'300'000'000, "2024-08-08T23:54:15.300Z");
        row("2024-08-08T23:54:15.000000Z", 1'723'161'255'000'000'000, "2024-08-08T23:54:15Z");
        row("2024-08-08T23:54:15.0000001Z", 1'723'161'255'000'000'100, "2024-08-08T23:54:15.000000100Z");
        row("2024-08-08T23:54:15.3081234569999999Z", 1'723'161'255'308'123'456,
            "2024-08-08T23:54:15.308123456Z");
        row("2024-08-09T01:54:15+02:00", 1'723'161'255'000'000'000, "2024-08-08T23:54:15Z");
        row("2024-08-08T18:24:15-05:30", 1'723'161'255'000'000'000, "2024-08-08T23:54:15Z");
        row("2024-08-08T23:54:15+00:00", 1'723'161'255'000'000'000, "2024-08-08T23:54:15Z");
        row("2024-08-08T23:54:15-00:00", 1'723'161'255'000'000'000, "2024-08-08T23:54:15Z");
        row("2024-08-08t23:54:15z", 1'723'161'255'000'000'000, "2024-08-08T23:54:15Z");
        row("2024-08-08 23:54:15Z", 1'723'161'255'000'000'000, "2024-08-08T23:54:15Z");
        row("2016-12-31T23:59:60Z", 1'483'228'800'000'000'000, "2017-01-01T00:00:00Z");
        row("2024-02-29T00:00:00Z", 1'709'164'800'000'000'000);
        row("2000-02-29T00:00:00Z", 951'782'400'000'000'000);
        row("2100-03-01T00:00:00Z", 4'107'542'400'000'000'000);
        row("1678-01-01T00:00:00Z", -9'214'560'000'000'000'000);
        row("2261-12-31T23:59:59.999999999Z", 9'214'646'399'999'999'999);
    }

    void parses()
    {
        QFETCH(QByteArray, text);
        QFETCH(qint64, ns);
        QFETCH(QByteArray, printed);

        const auto time = Timestamp::parse(text);

        QVERIFY(time);
        QCOMPARE(time->ns, ns);
        QCOMPARE(time->toString(), printed);
    }

    void refuses_data()
    {
        QTest::addColumn<QByteArray>("text");

        for (const char *text : {"2024-02-30T00:00:00Z",
                                 "2023-02-29T00:00:00Z",
                                 "2100-02-29T00:00:00Z",
                                 "2024-04-31T00:00:00Z",
                                 "2024-00-10T00:00:00Z",
                                 "2024-13-10T00:00:00Z",
                                 "2024-01-00T00:00:00Z",
                                 "2024-01-32T00:00:00Z",
                                 "2024-01-01T24:00:00Z",
                                 "2024-01-01T23:60:00Z",
                                 "2024-01-01T23:59:61Z",
                                 "2024-01-01T00:00:00",
                                 "2024-01-01T00:00:00.Z",
                                 "2024-01-01T00:00:00.",
                                 "2024-01-01T00:00Z",
                                 "2024-01-01",
                                 "2024-01-01T00:00:00+24:00",
                                 "2024-01-01T00:00:00+00:60",
                                 "2024-01-01T00:00:00+0000",
                                 "2024-01-01T00:00:00+00",
                                 "2024-01-01T00:00:00 Z",
                                 "2024-01-01T00:00:00ZZ",
                                 "2024-01-01T00:00:00Z ",
                                 " 2024-01-01T00:00:00Z",
                                 "24-01-01T00:00:00Z",
                                 "2024-1-1T00:00:00Z",
                                 "2024/01/01T00:00:00Z",
                                 "-2024-01-01T00:00:00Z",
                                 "+2024-01-01T00:00:00Z",
                                 "12024-01-01T00:00:00Z",
                                 "2024-01-01X00:00:00Z",
                                 "2024-01-01T00:00:00,5Z",
                                 "1677-12-31T23:59:59Z",
                                 "2262-01-01T00:00:00Z",
                                 "0000-01-01T00:00:00Z",
                                 "9999-12-31T23:59:59Z",
                                 "Z",
                                 "T",
                                 "1723161255",
                                 "yesterday"})
            QTest::newRow(text) << QByteArray(text);
        QTest::newRow("nothing") << QByteArray();
        QTest::newRow("a null byte") << QByteArray("2024-01-01T00:00:00Z\0", 21);
    }

    void refuses()
    {
        QFETCH(QByteArray, text);

        QVERIFY(!Timestamp::parse(text));
    }

    void readsNoFurtherThanTheText()
    {
        const QByteArray text = "2024-08-08T23:54:15.308+02:00";
        for (qsizetype size = 0; size < text.size(); ++size)
            QVERIFY(!Timestamp::parse(QByteArrayView(text.constData(), size)));
        QVERIFY(Timestamp::parse(text));
    }

    // Qt's calendar is another one's work.
    void agreesWithQt()
    {
        QRandomGenerator random(3);
        for (int i = 0; i < 20'000; ++i) {
            const qint64 ms = random.bounded(qint64(-9'200'000'000'000), qint64(9'200'000'000'000));
            const QString qt =
                QDateTime::fromMSecsSinceEpoch(ms, QTimeZone::utc()).toString(Qt::ISODateWithMs);
            const Timestamp time = Timestamp::fromMilliseconds(ms);
            QCOMPARE(Timestamp::parse(qt.toLatin1()).value(), time);
            QCOMPARE(Timestamp::parse(time.toString()).value(), time);
            QCOMPARE(QString::fromLatin1(time.toString()).left(19), qt.left(19));
        }
    }

    void printsTheExtremes()
    {
        QCOMPARE(Timestamp{std::numeric_limits<qint64>::max()}.toString(), "2262-04-11T23:47:16.854775807Z");
        QCOMPARE(Timestamp{std::numeric_limits<qint64>::min()}.toString(), "1677-09-21T00:12:43.145224192Z");
    }

    // What an exchange sends may be any time.
    void staysWithinItsRange()
    {
        constexpr qint64 most = std::numeric_limits<qint64>::max();
        constexpr qint64 least = std::numeric_limits<qint64>::min();
        const Timestamp last{most};
        const Timestamp first{least};
        QCOMPARE((first - last).count(), least);
        QCOMPARE((last - first).count(), most);
        QCOMPARE((first - Timestamp{1}).count(), least);
        QCOMPARE((Timestamp{-1} - first).count(), most);
        QCOMPARE((last - Timestamp{1}).count(), most - 1);
        QCOMPARE(last + std::chrono::nanoseconds(1), last);
        QCOMPARE(first + std::chrono::nanoseconds(-1), first);
        QCOMPARE(last + std::chrono::nanoseconds(-1), Timestamp{most - 1});
        QCOMPARE(first + std::chrono::nanoseconds(most), Timestamp{-1});
    }

    void tellsUnitsApart_data()
    {
        QTest::addColumn<qint64>("value");
        QTest::addColumn<bool>("possible");
        QTest::addColumn<qint64>("ns");

        constexpr qint64 ns = 1'723'161'255'308'123'456;
        QTest::newRow("seconds") << ns / 1'000'000'000 << true << qint64(1'723'161'255'000'000'000);
        QTest::newRow("milliseconds") << ns / 1'000'000 << true << qint64(1'723'161'255'308'000'000);
        QTest::newRow("microseconds") << ns / 1'000 << true << qint64(1'723'161'255'308'123'000);
        QTest::newRow("nanoseconds") << ns << true << ns;
        QTest::newRow("1973 in seconds") << qint64(100'000'000) << true << qint64(100'000'000'000'000'000);
        QTest::newRow("1973 in milliseconds")
            << qint64(100'000'000'000) << true << qint64(100'000'000'000'000'000);
        QTest::newRow("1973 in microseconds")
            << qint64(100'000'000'000'000) << true << qint64(100'000'000'000'000'000);
        QTest::newRow("1973 in nanoseconds")
            << qint64(100'000'000'000'000'000) << true << qint64(100'000'000'000'000'000);
        QTest::newRow("before") << qint64(99'999'999) << false << qint64(0);
        QTest::newRow("zero") << qint64(0) << false << qint64(0);
        QTest::newRow("beyond 2262 in seconds") << qint64(9'223'372'037) << false << qint64(0);
        QTest::newRow("beyond 2262 in milliseconds") << qint64(9'223'372'036'855) << false << qint64(0);
        QTest::newRow("beyond 2262 in microseconds") << qint64(9'223'372'036'854'776) << false << qint64(0);
        QTest::newRow("before 1678 in seconds") << qint64(-99'999'999'999) << false << qint64(0);
        QTest::newRow("before 1678 in milliseconds") << qint64(-99'999'999'999'999) << false << qint64(0);
        QTest::newRow("before 1678 in microseconds") << qint64(-99'999'999'999'999'999) << false << qint64(0);
        QTest::newRow("1966 in seconds") << qint64(-100'000'001) << true << qint64(-100'000'001'000'000'000);
        constexpr qint64 endOf2261 = 9'214'646'399'999'999'999;
        QTest::newRow("the end of 2261") << endOf2261 << true << endOf2261;
        QTest::newRow("2262 in nanoseconds") << endOf2261 + 1 << false << qint64(0);
        QTest::newRow("1678 in nanoseconds") << -endOf2261 << true << -endOf2261;
        QTest::newRow("largest") << std::numeric_limits<qint64>::max() << false << qint64(0);
        QTest::newRow("smallest") << std::numeric_limits<qint64>::min() << false << qint64(0);
    }

    void tellsUnitsApart()
    {
        QFETCH(qint64, value);
        QFETCH(bool, possible);
        QFETCH(qint64, ns);

        const auto time = Timestamp::fromEpoch(value);

        QCOMPARE(time.has_value(), possible);
        QCOMPARE(time.value_or(Timestamp{}).ns, ns);
    }

    void computes()
    {
        using namespace std::chrono_literals;
        const Timestamp time = Timestamp::fromSeconds(100);

        QCOMPARE(time + 5ms, Timestamp::fromMilliseconds(100'005));
        QCOMPARE(Timestamp::fromMicroseconds(100'000'007) - time, 7us);
        QVERIFY(time < time + 1ns);
        QVERIFY(Timestamp{}.isNull());
        QVERIFY(Timestamp::now() > Timestamp::parse("2024-01-01T00:00:00Z").value());
    }
};

QTEST_GUILESS_MAIN(tst_Timestamp)

#include "tst_timestamp.moc"
