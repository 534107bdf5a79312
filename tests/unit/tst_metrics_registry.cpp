// SPDX-License-Identifier: Apache-2.0
#include "host/metrics_registry.h"
#include "host/process_stats.h"

#include <QProcess>
#include <QStandardPaths>
#include <QTest>

#include <cmath>
#include <limits>
#include <thread>

using namespace tidemill;
using namespace tidemill::host;
using namespace std::chrono_literals;

// Counts what is logged as critical, and swallows it.
static std::atomic<int> criticals{0};

static void countCriticals(QtMsgType type, const QMessageLogContext &, const QString &)
{
    if (type == QtCriticalMsg)
        ++criticals;
}

class tst_MetricsRegistry : public QObject
{
    Q_OBJECT

private slots:
    void printsTextFormat()
    {
        MetricsRegistry metrics;
        metrics.counter("b_total", "Of \\ and\nlines.", {{"node", "x"}}).add(18'446'744'073'709'551'615ULL);
        metrics.counter("b_total", "Another help.", {{"node", "a\"b\\c\nd"}}).add(2);
        metrics.gauge("a", "Say \"a\".").set(-1.5);

        QCOMPARE(metrics.print(), QByteArray("# HELP a Say \"a\".\n"
                                             "# TYPE a gauge\n"
                                             "a -1.5\n"
                                             "# HELP b_total Of \\\\ and\\nlines.\n"
                                             "# TYPE b_total counter\n"
                                             "b_total{node=\"a\\\"b\\\\c\\nd\"} 2\n"
                                             "b_total{node=\"x\"} 18446744073709551615\n"));
    }

    void printsOpenMetrics()
    {
        MetricsRegistry metrics;
        metrics.counter("b_total", "Say \"b\".").add(2);
        metrics.gauge("b_created", "When.").set(7); // in OpenMetrics the name is b's own
        metrics.gauge("c_created", "No counter of that name.").set(8);

        QCOMPARE(metrics.print(true), QByteArray("# HELP b Say \\\"b\\\".\n"
                                                 "# TYPE b counter\n"
                                                 "b_total 2\n"
                                                 "# HELP c_created No counter of that name.\n"
                                                 "# TYPE c_created gauge\n"
                                                 "c_created 8\n"
                                                 "# EOF\n"));
        QVERIFY(metrics.print().contains("b_created 7\n"));
    }

    void printsHistogram()
    {
        MetricsRegistry metrics;
        const Histogram histogram = metrics.histogram("h_seconds", "H.", {{"node", "x"}}, {1, 0.25});
        histogram.observe(250ms);
        histogram.observe(250'000'001ns);
        histogram.observe(1h, 3);

        QCOMPARE(metrics.print(), QByteArray("# HELP h_seconds H.\n"
                                             "# TYPE h_seconds histogram\n"
                                             "h_seconds_bucket{node=\"x\",le=\"0.25\"} 1\n"
                                             "h_seconds_bucket{node=\"x\",le=\"1.0\"} 2\n"
                                             "h_seconds_bucket{node=\"x\",le=\"+Inf\"} 5\n"
                                             "h_seconds_sum{node=\"x\"} 10800.500000001\n"
                                             "h_seconds_count{node=\"x\"} 5\n"));
    }

    void defaultBucketsAreThePythonClients()
    {
        MetricsRegistry metrics;
        (void)metrics.histogram("h_seconds", "H.");

        QByteArrayList bounds;
        for (const QByteArray &line : metrics.print().split('\n')) {
            if (line.startsWith("h_seconds_bucket"))
                bounds << line.split('"').value(1);
        }
        QCOMPARE(bounds.join(' '),
                 QByteArray("0.005 0.01 0.025 0.05 0.075 0.1 0.25 0.5 0.75 1.0 2.5 5.0 7.5 10.0 +Inf"));
    }

    void printsNumbers_data()
    {
        QTest::addColumn<double>("value");
        QTest::addColumn<QByteArray>("text");

        QTest::newRow("zero") << 0.0 << QByteArray("0");
        QTest::newRow("whole") << 1795164458.0 << QByteArray("1795164458");
        QTest::newRow("shortest") << 0.1 << QByteArray("0.1");
        QTest::newRow("all digits") << 1.0 / 3 << QByteArray("0.3333333333333333");
        QTest::newRow("large") << 1e300 << QByteArray("1e+300");
        QTest::newRow("not a number") << std::nan("") << QByteArray("NaN");
        QTest::newRow("infinite") << std::numeric_limits<double>::infinity() << QByteArray("+Inf");
        QTest::newRow("below") << -std::numeric_limits<double>::infinity() << QByteArray("-Inf");
    }

    void printsNumbers()
    {
        QFETCH(double, value);
        QFETCH(QByteArray, text);
        MetricsRegistry metrics;

        metrics.gauge("g", "G.").set(value);

        QVERIFY2(metrics.print().endsWith("\ng " + text + '\n'), metrics.print().constData());
    }

    void sameNameAndLabelsAreOneCell()
    {
        MetricsRegistry metrics;

        metrics.counter("c_total", "C.", {{"a", "1"}, {"b", "2"}}).add(1);
        metrics.counter("c_total", "C.", {{"b", "2"}, {"a", "1"}}).add(2);
        metrics.counter("c", "Without its end.", {{"a", "1"}, {"b", "2"}}).add(4);
        metrics.counter("c_total", "C.", {{"a", "1,b=2"}}).add(8);

        QCOMPARE(metrics.counter("c_total", "C.", {{"a", "1"}, {"b", "2"}}).value(), 7U);
        QCOMPARE(metrics.counterTotal("c_total"), 15U);
        QCOMPARE(metrics.counterTotal("c", {{"b", "2"}}), 7U);
        QCOMPARE(metrics.counterTotal("c_total", {{"a", "2"}}), 0U);
        QCOMPARE(metrics.counterTotal("unknown"), 0U);
    }

    void badUtf8DoesNotSpoilThePage()
    {
        MetricsRegistry metrics;

        metrics.gauge("g", "G.", {{"symbol", "\xff\xfe"}}).set(1);

        QVERIFY(metrics.print().endsWith("g{symbol=\"\xef\xbf\xbd\xef\xbf\xbd\"} 1\n"));
    }

    void refusesWhatCannotBePrinted_data()
    {
        QTest::addColumn<QByteArray>("name");
        QTest::addColumn<QByteArray>("label");

        QTest::newRow("empty name") << QByteArray() << QByteArray("a");
        QTest::newRow("digit first") << QByteArray("1a") << QByteArray("a");
        QTest::newRow("space") << QByteArray("a b") << QByteArray("a");
        QTest::newRow("line") << QByteArray("a\nb") << QByteArray("a");
        QTest::newRow("empty label") << QByteArray("a") << QByteArray();
        QTest::newRow("label with dash") << QByteArray("a") << QByteArray("a-b");
        QTest::newRow("label with colon") << QByteArray("a") << QByteArray("a:b");
        QTest::newRow("reserved label") << QByteArray("a") << QByteArray("__name__");
        QTest::newRow("bucket label") << QByteArray("a") << QByteArray("le");
    }

    void refusesWhatCannotBePrinted()
    {
        QFETCH(QByteArray, name);
        QFETCH(QByteArray, label);
        MetricsRegistry metrics;
        criticals = 0;
        const auto previous = qInstallMessageHandler(countCriticals);

        metrics.histogram(name, "H.", {{label, "x"}}).observe(1s);
        metrics.histogram(name, "H.", {{label, "x"}}).observe(1s);

        qInstallMessageHandler(previous);
        QCOMPARE(criticals.load(), 1);
        QCOMPARE(metrics.histogramTotal(name).count, 0U);
        QVERIFY(!metrics.print().contains(" 1"));
    }

    void firstTypeOfANameIsKept()
    {
        MetricsRegistry metrics;
        criticals = 0;
        const auto previous = qInstallMessageHandler(countCriticals);

        metrics.gauge("a_total", "A.").set(5);
        metrics.counter("a", "A.").add(3);
        metrics.counter("a", "A.").add(3);
        metrics.realCounter("a_total", "A.").set(3);

        qInstallMessageHandler(previous);
        QCOMPARE(criticals.load(), 1);
        QVERIFY(metrics.print().endsWith("# TYPE a_total gauge\na_total 5\n"));
    }

    void labelSetsAreBounded()
    {
        MetricsRegistry metrics;
        criticals = 0;
        const auto previous = qInstallMessageHandler(countCriticals);

        for (int i = 0; i < 20'010; ++i)
            metrics.counter("a_total", "A.", {{"i", QByteArray::number(i)}}).add();

        qInstallMessageHandler(previous);
        QCOMPARE(criticals.load(), 1);
        QCOMPARE(metrics.counterTotal("a_total"), 20'000U);
    }

    void aScopesLabelsWin()
    {
        MetricsRegistry metrics;
        ScopedMetrics scope(metrics, {{"pipeline", "p"}, {"node", "n"}});

        scope.counter("c_total", "C.", {{"node", "other"}, {"kind", "x"}}).add();
        scope.gauge("g", "G.").set(1);
        scope.histogram("h_seconds", "H.", {}, {1}).observe(2s);

        const QByteArray page = metrics.print();
        QVERIFY(page.contains("c_total{pipeline=\"p\",node=\"n\",kind=\"x\"} 1\n"));
        QVERIFY(page.contains("g{pipeline=\"p\",node=\"n\"} 1\n"));
        QVERIFY(page.contains("h_seconds_bucket{pipeline=\"p\",node=\"n\",le=\"+Inf\"} 1\n"));
    }

    void collectorsRunBeforeEachPage()
    {
        MetricsRegistry metrics;
        int runs = 0;
        metrics.addCollector([&] { metrics.gauge("runs", "Asked for while printing.").set(++runs); });

        QVERIFY(metrics.print().endsWith("runs 1\n"));
        QVERIFY(metrics.print().endsWith("runs 2\n"));
    }

    void totalsOfHistograms()
    {
        MetricsRegistry metrics;
        metrics.histogram("h_seconds", "H.", {{"a", "1"}}).observe(2s, 3);
        metrics.histogram("h_seconds", "H.", {{"a", "2"}}).observe(-1s);

        QCOMPARE(metrics.histogramTotal("h_seconds").count, 4U);
        QCOMPARE(metrics.histogramTotal("h_seconds").sum, 6s);
        QCOMPARE(metrics.histogramTotal("h_seconds", {{"a", "2"}}).count, 1U);
    }

    void countsFromManyThreadsWhilePrinting()
    {
        constexpr int perThread = 20'000;
        MetricsRegistry metrics;
        std::vector<std::thread> threads;
        threads.reserve(4);
        for (int i = 0; i < 4; ++i) {
            threads.emplace_back([&metrics, i] {
                const Counter counter = metrics.counter("c_total", "C.");
                const Counter own = metrics.counter("own_total", "O.", {{"i", QByteArray::number(i)}});
                const Histogram histogram = metrics.histogram("h_seconds", "H.");
                for (int n = 0; n < perThread; ++n) {
                    counter.add();
                    own.add();
                    histogram.observe(1ms);
                }
            });
        }
        for (int i = 0; i < 50; ++i)
            QVERIFY(metrics.print(true).endsWith("# EOF\n"));
        for (std::thread &thread : threads)
            thread.join();

        QCOMPARE(metrics.counterTotal("c_total"), 4U * perThread);
        QCOMPARE(metrics.counterTotal("own_total", {{"i", "3"}}), quint64(perThread));
        QCOMPARE(metrics.histogramTotal("h_seconds").count, 4U * perThread);
        QCOMPARE(metrics.histogramTotal("h_seconds").sum, 80s);
    }

    void exportsTheProcess()
    {
        MetricsRegistry metrics;
        exportProcessMetrics(metrics, QStringLiteral("1.2.3"));

        const QByteArray page = metrics.print();
        QVERIFY(page.contains("tidemill_build_info{version=\"1.2.3\",qt=\"" + QByteArray(qVersion()) +
                              "\"} 1\n"));
#ifdef Q_OS_LINUX
        const ProcessStats stats = processStats();
        QVERIFY(stats.residentBytes > 1'000'000);
        QVERIFY(stats.openFds >= 3);
        QVERIFY(Timestamp::now() - stats.started < 10min);
        QVERIFY(Timestamp::now() - stats.started > -1s);
        QVERIFY(machineMemoryPercent() > 0);
        for (const QByteArray name : {"process_resident_memory_bytes", "process_open_fds",
                                      "process_start_time_seconds", "process_cpu_seconds_total"}) {
            const QByteArray value = page.mid(page.indexOf('\n' + name + ' ') + name.size() + 2);
            QVERIFY2(value.left(value.indexOf('\n')).toDouble() > 0 || name.contains("cpu"),
                     name.constData());
        }
#endif
    }

    void machineCpuIsAShare()
    {
        MachineCpu cpu;

        const double percent = cpu.percent();

        QVERIFY(percent >= 0 && percent <= 100);
    }

    void promtoolAccepts()
    {
        const QString promtool = QStandardPaths::findExecutable(QStringLiteral("promtool"));
        if (promtool.isEmpty())
            QSKIP("promtool is not installed");
        MetricsRegistry metrics;
        exportProcessMetrics(metrics, QStringLiteral("1.2.3"));
        metrics.counter("tidemill_x_total", "X \\ \"x\"\nx.", {{"a", "\\ \" \n \xff"}}).add();
        metrics.gauge("tidemill_y", "Y.").set(std::nan(""));
        metrics.histogram("tidemill_z_seconds", "Z.").observe(1s);

        QProcess process;
        process.start(promtool, {QStringLiteral("check"), QStringLiteral("metrics")});
        QVERIFY(process.waitForStarted());
        process.write(metrics.print());
        process.closeWriteChannel();
        QVERIFY(process.waitForFinished());

        QCOMPARE(process.readAllStandardError() + process.readAllStandardOutput(), QByteArray());
        QCOMPARE(process.exitCode(), 0);
    }
};

QTEST_GUILESS_MAIN(tst_MetricsRegistry)

#include "tst_metrics_registry.moc"
