// SPDX-License-Identifier: Apache-2.0
// sma_crossover against tests/exact/sma.py, on series of our own and on recordings where there are any.

#include <tidemill/testing.h>

#include <QProcess>
#include <QRandomGenerator>
#include <QTemporaryDir>

using namespace tidemill;

namespace {

Wap wapAt(qint64 id, const Decimal &price)
{
    return {.exchange = "test"_sym,
            .symbol = "BTCUSDT"_sym,
            .ts_event = {id},
            .ts_recv = {id + 1},
            .update_id = id,
            .levels = 5,
            .price = price,
            .provenance = Provenance::Replay};
}

// What came out, as tests/exact/sma.py prints it.
QByteArray report(const QSignalSpy &emitted)
{
    const auto signalsMade = testing::rows<Signal>(emitted);
    const auto ordersMade = testing::rows<Order>(emitted);
    QByteArray text;
    for (qsizetype i = 0; i < signalsMade.size(); ++i) {
        const Signal &s = signalsMade[i];
        text += "signal\t" + QByteArray::number(s.update_id) +
                (s.action == SignalAction::Open ? "\topen\t" : "\tclose\t") + s.price.toString() + '\t' +
                s.sma_short.toString() + '\t' + s.sma_long.toString() + '\n';
        if (i < ordersMade.size()) {
            const Order &o = ordersMade[i];
            text += "order\t" + QByteArray::number(o.order_id) +
                    (o.status == OrderStatus::Open ? "\topen\t" : "\tclosed\t") + o.price.toString() + '\t' +
                    o.close_price.toString() + '\n';
        }
    }
    return text;
}

QString sourcePath(const QString &path)
{
    return QStringLiteral(TIDEMILL_SOURCE_DIR "/") + path;
}

// What tests/exact/sma.py says.
Result<QByteArray> computed(const QString &prices, int shortWindow, int longWindow)
{
    QProcess python;
    python.start(QStringLiteral("python3"),
                 {QStringLiteral("-B"), sourcePath(QStringLiteral("tests/exact/sma.py")), prices,
                  QStringLiteral("--short"), QString::number(shortWindow), QStringLiteral("--long"),
                  QString::number(longWindow)});
    if (!python.waitForFinished(60'000) || python.exitCode() != 0)
        return Error{Error::Kind::Internal,
                     python.errorString() + QString::fromUtf8(python.readAllStandardError())};
    return python.readAllStandardOutput();
}

// Lines `id TAB price`.
BatchPtr wapsFrom(const QByteArray &lines)
{
    BatchBuilder<Wap> builder;
    for (const QByteArray &line : lines.trimmed().split('\n')) {
        const QList<QByteArray> columns = line.split('\t');
        builder.append(wapAt(columns[0].toLongLong(), Decimal::parse(columns[1]).value()));
    }
    return builder.finish();
}

} // namespace

class tst_SmaCrossoverExact : public QObject
{
    Q_OBJECT

private:
    // What the plugin makes of prices.
    static Result<QByteArray> made(const BatchPtr &prices, int shortWindow, int longWindow)
    {
        auto node =
            testing::create<Transform>("sma_crossover", {{"short", shortWindow}, {"long", longWindow}});
        if (!node)
            return node.error();
        const QSignalSpy emitted(node->get(), &Transform::emitted);
        if (const auto started = (*node)->start(); !started)
            return started.error();
        (*node)->receive(prices);
        return report(emitted);
    }

private slots:
    void initTestCase()
    {
        // Thousands of lines say no more than ten.
        QLoggingCategory::setFilterRules(QStringLiteral("tidemill.transform.sma_crossover.info=false"));
    }

    void agreesWithTheSmallSeries()
    {
        const QString path = sourcePath(QStringLiteral("tests/golden/sma_small.prices.tsv"));
        QFile prices(path);
        QVERIFY2(prices.open(QIODevice::ReadOnly), qPrintable(prices.errorString()));
        QFile expected(sourcePath(QStringLiteral("tests/golden/sma_small.expected.tsv")));
        QVERIFY2(expected.open(QIODevice::ReadOnly), qPrintable(expected.errorString()));

        const auto lines = made(wapsFrom(prices.readAll()), 3, 8);

        TIDEMILL_VERIFY(lines);

        QCOMPARE(*lines, expected.readAll());
        const auto python = computed(path, 3, 8);
        TIDEMILL_VERIFY(python);
        QCOMPARE(*lines, *python);
    }

    void agreesWithRandomPrices_data()
    {
        QTest::addColumn<int>("shortWindow");
        QTest::addColumn<int>("longWindow");
        QTest::addColumn<int>("digits"); // of the step, behind the point
        QTest::newRow("1 and 2") << 1 << 2 << 1;
        QTest::newRow("few steps, many ties") << 5 << 20 << 1;
        QTest::newRow("50 and 200, 18 digits") << 50 << 200 << 18;
    }

    void agreesWithRandomPrices()
    {
        QFETCH(int, shortWindow);
        QFETCH(int, longWindow);
        QFETCH(int, digits);
        QRandomGenerator random{quint32(shortWindow)};
        QByteArray text;
        qint64 price = 5'000'000'000'000'000'000 / (digits == 18 ? 1 : 1'000'000'000'000'000);
        for (int id = 1; id <= 4000; ++id) {
            price +=
                digits == 18 ? qint64(random.generate64() >> 13) - (qint64(1) << 50) : random.bounded(-2, 3);
            text += QByteArray::number(id) + '\t' + Decimal{price, qint8(-digits)}.toString() + '\n';
        }
        const QTemporaryDir folder;
        QFile file(folder.filePath("prices.tsv"));
        QVERIFY(file.open(QIODevice::WriteOnly));
        file.write(text);
        file.close();

        const auto lines = made(wapsFrom(text), shortWindow, longWindow);

        TIDEMILL_VERIFY(lines);

        const auto python = computed(file.fileName(), shortWindow, longWindow);
        TIDEMILL_VERIFY(python);
        QVERIFY(python->count("signal") > 10);
        QCOMPARE(*lines, *python);
    }

    void agreesWithRecordedCandles_data()
    {
        QTest::addColumn<QString>("path");
        QTest::newRow("NEARUSDT 1m") << "binance-usdm-1m/dev_NEARUSDT-1m-2024-11_head15000.csv";
        QTest::newRow("ETHUSDT 1h 2024") << "binance-spot-1h/dev_ETHUSDT-1h-2024-12.csv";
        QTest::newRow("ETHUSDT 1h 2025, microseconds") << "binance-spot-1h/dev_ETHUSDT-1h-2025-05.csv";
    }

    void agreesWithRecordedCandles()
    {
        QFETCH(QString, path);
        QFile file(sourcePath(QStringLiteral("../shared/data/klines/") + path));
        if (!file.open(QIODevice::ReadOnly))
            QSKIP("no recordings here");

        BatchBuilder<Candle> candles;
        for (const QByteArray &line : file.readAll().trimmed().split('\n')) {
            const QList<QByteArray> columns = line.split(',');
            if (columns[0] == "open_time")
                continue;
            candles.append({.exchange = "test"_sym,
                            .symbol = "TEST"_sym,
                            .ts_open = Timestamp::fromEpoch(columns[0].toLongLong()).value(),
                            .close = Decimal::parse(columns[4]).value(),
                            .closed = true});
        }
        const auto lines = made(candles.finish(), 10, 30);

        TIDEMILL_VERIFY(lines);

        const auto python = computed(file.fileName(), 10, 30);
        TIDEMILL_VERIFY(python);
        QVERIFY(python->count("signal") > 3);
        QCOMPARE(*lines, *python);
    }
};

QTEST_GUILESS_MAIN(tst_SmaCrossoverExact)

#include "tst_sma_crossover_exact.moc"
