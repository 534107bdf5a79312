// SPDX-License-Identifier: Apache-2.0
#include "candle_fill.h"

#include <tidemill/testing.h>

using namespace tidemill;
using namespace tidemill::binance;

namespace {

constexpr qint64 minute = 60;

// The candle of the nth minute as of so many seconds into it.
Candle candle(qint64 n, qint64 second, bool closed = false)
{
    Candle candle;
    candle.ts_open = Timestamp::fromSeconds(n * minute);
    candle.ts_close = candle.ts_open + std::chrono::milliseconds(minute * 1000 - 1);
    candle.ts_event = candle.ts_open + std::chrono::seconds(second);
    candle.closed = closed;
    return candle;
}

QString described(const CandleFill::Verdict &verdict)
{
    if (!verdict.isNew)
        return QStringLiteral("old");
    if (!verdict.hole)
        return QStringLiteral("new");
    return QStringLiteral("new, %1 to %2 missing")
        .arg(verdict.hole->from.ns / 1'000'000'000 / minute)
        .arg(verdict.hole->to.ns / 1'000'000'000 / minute);
}

} // namespace

class tst_CandleFill : public QObject
{
    Q_OBJECT

private slots:
    void tellsWhatIsMissing_data()
    {
        QTest::addColumn<QString>("script");
        QTest::addColumn<QStringList>("expected");

        // "7@30" is the candle of minute 7 after 30 s, "7!" its close, "X" a lost connection.
        QTest::newRow("nothing") << "7@2 7@4 7! 8@2 8! 9@2"
                                 << QStringList{"new", "new", "new", "new", "new", "new"};
        QTest::newRow("a close was missed") << "7@2 X 8@2" << QStringList{"new", "new, 7 to 8 missing"};
        QTest::newRow("hours away") << "7! X 68@2" << QStringList{"new", "new, 8 to 68 missing"};
        QTest::newRow("away within a candle")
            << "7@2 X 7@30 7! 8@1" << QStringList{"new", "new", "new", "new"};
        QTest::newRow("behind a close") << "7! X 8@30" << QStringList{"new", "new"};
        QTest::newRow("two connections bring the same")
            << "7@2 7@2 7@4 7@2 7! 7! 7@4 8@2"
            << QStringList{"new", "old", "new", "old", "new", "old", "old", "new"};
        QTest::newRow("one of them brings the close late")
            << "7@58 8@2 7!" << QStringList{"new", "new, 7 to 8 missing", "old"};
    }

    void tellsWhatIsMissing()
    {
        QFETCH(QString, script);
        QFETCH(QStringList, expected);
        CandleFill fill;
        QStringList verdicts;

        for (const QString &word : script.split(QLatin1Char(' '))) {
            const QStringList parts = word.split(QLatin1Char('@'));
            if (word == QLatin1String("X"))
                fill.interrupted();
            else if (word.endsWith(QLatin1Char('!')))
                verdicts.append(described(fill.take(candle(word.chopped(1).toInt(), 60, true))));
            else
                verdicts.append(described(fill.take(candle(parts[0].toInt(), parts[1].toInt()))));
        }

        QCOMPARE(verdicts, expected);
    }

    void isCompleteUpToTheFirstOpenHole()
    {
        CandleFill fill;
        QVERIFY(fill.completeTo().isNull());
        fill.take(candle(7, 60, true));
        QCOMPARE(fill.completeTo(), candle(8, 0).ts_open);

        QVERIFY(fill.take(candle(20, 2)).hole);
        fill.take(candle(20, 60, true));
        QCOMPARE(fill.completeTo(), candle(8, 0).ts_open);
        const auto second = fill.take(candle(30, 60, true)).hole;
        QVERIFY(second);
        QCOMPARE(fill.completeTo(), candle(8, 0).ts_open);
        fill.filled(second->from);
        QCOMPARE(fill.completeTo(), candle(21, 0).ts_open);
        fill.filled();

        QCOMPARE(fill.completeTo(), candle(31, 0).ts_open);
    }

    void goesOnWhereAnEarlierRunStood()
    {
        CandleFill fill;
        fill.resume(candle(3, 0).ts_open);

        QCOMPARE(described(fill.take(candle(5, 2))), QStringLiteral("new, 3 to 5 missing"));
    }

    void knowsWhatComesBehindAMonth()
    {
        Candle february;
        february.ts_close = *Timestamp::parse("2026-02-28T23:59:59.999Z");
        QCOMPARE(CandleFill::nextOpen(february), *Timestamp::parse("2026-03-01T00:00:00Z"));
        february.ts_close = *Timestamp::parse("2026-02-28T23:59:59.999999Z");
        QCOMPARE(CandleFill::nextOpen(february), *Timestamp::parse("2026-03-01T00:00:00Z"));
    }
};

QTEST_GUILESS_MAIN(tst_CandleFill)

#include "tst_candle_fill.moc"
