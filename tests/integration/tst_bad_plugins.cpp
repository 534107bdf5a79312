// SPDX-License-Identifier: Apache-2.0
#include "host/plugin_probe.h"
#include "programs.h"

#include <tidemill/testing.h>

#include <QElapsedTimer>

#include <utime.h>

#include <future>

using namespace tidemill;
using namespace tidemill::testing;
using host::PluginProbe;

namespace {

const QString misbehaving = QStringLiteral(TIDEMILL_BUILD_DIR "/tests/plugins/misbehaving");
const QString bad = QStringLiteral(TIDEMILL_BUILD_DIR "/tests/plugins/bad");

// Reads what ticks, through a transform, into a file.
QString pipeline(const QString &name, const QString &transform, const QString &source = {})
{
    return QStringLiteral("name: %1\n"
                          "sources:\n"
                          "  tick: { type: ticking%3 }\n"
                          "transforms:\n"
                          "  mid: { inputs: [tick], %2 }\n"
                          "sinks:\n"
                          "  out: { type: jsonl, inputs: [mid], path: %1.jsonl }\n")
        .arg(name, transform, source);
}

} // namespace

// Plugins that are not what they should be: the host says which and why, and everything else runs.
class tst_BadPlugins : public QObject
{
    Q_OBJECT

private:
    QTemporaryDir m_folder;
    QTemporaryDir m_cache; // one for all rows, as on a machine

    QString path(const QString &name) const { return m_folder.filePath(name); }

    void write(const QString &name, const QString &text)
    {
        QFile file(path(name));
        QVERIFY(file.open(QIODevice::WriteOnly | QIODevice::Truncate));
        file.write(text.toUtf8());
    }

    QByteArray read(const QString &name) const
    {
        QFile file(path(name));
        return file.open(QIODevice::ReadOnly) ? file.readAll() : QByteArray();
    }

    QStringList runArguments(const QStringList &files, const QStringList &more) const
    {
        return QStringList{"run"} + files +
               QStringList{"--http",  "off",   "--log-format",  "json",      "--state-dir",   "off",
                           "--drain", "200ms", "--plugin-path", misbehaving, "--plugin-path", bad} +
               more;
    }

    void prepare(Program &program)
    {
        program.setWorkingDirectory(m_folder.path());
        program.setEnvironment(QStringLiteral("XDG_CACHE_HOME"), m_cache.path());
    }

    PluginProbe::Settings probeSettings(const QString &cache) const
    {
        return {builtProgram("tidemill"), {QStringLiteral("probe-plugin")}, cache};
    }

private slots:
    void initTestCase() { QVERIFY(m_folder.isValid() && m_cache.isValid()); }

    void leavesOutOnlyWhatNeedsThePlugin_data()
    {
        QTest::addColumn<QString>("transform");
        QTest::addColumn<QString>("says");
        QTest::addColumn<int>("exitCode");

        const auto atLoad = [](const char *plugin, const char *says) {
            QTest::newRow(plugin)
                << QStringLiteral("type: %1").arg(QLatin1String(plugin))
                << QStringLiteral("left out.*plugin '%1'.*%2").arg(QLatin1String(plugin), QLatin1String(says))
                << 1;
        };
        atLoad("crashing_load", "loading it crashes \\(signal 6, Aborted\\)");
        atLoad("exiting_load", "loading it ends the process with exit code 0");
        atLoad("missing_symbol", "defined_nowhere");
        atLoad("old_generation", "was built for generation 0 of the SDK");
        atLoad("foreign", "is a Qt plugin, but not one of Tidemill's");
        atLoad("no_factory", "does not contain what its metadata says");
        atLoad("throwing_create", "creating a node threw: no licence found");
        atLoad("throwing_options", "threw while its options were checked: options are out");

        const auto later = [](const char *how, const char *says, int exitCode) {
            QTest::newRow(how) << QStringLiteral("type: misbehaving, how: %1").arg(QLatin1String(how))
                               << QString::fromLatin1(says) << exitCode;
        };
        later("nothing", "pipeline wrong started", 0);
        later("throws_in_validate",
              "left out.*'misbehaving' threw while its options were checked: out of order", 1);
        later("throws_in_start", "left out: wrong: mid: start\\(\\) threw: out of order", 1);
        later("throws_in_receive", "mid: receive\\(\\) threw: out of order", 0);
        later("throws_a_number", "mid: receive\\(\\) threw something that is no std::exception", 0);
        later("throws_in_stop", "mid: stop\\(\\) threw: out of order", 0);
        later("emits_undeclared",
              "mid emits gap, which its plugin's metadata does not name \\(emits: trade\\)", 0);
        later("stuck_in_stop", "wrong.mid \\(misbehaving\\) does not return from stop\\(\\)", 1);
        const QString startLeft = QStringLiteral("left out: wrong: mid: start\\(\\) did not return in 10 s");
        QTest::newRow("stuck_in_start") << "type: misbehaving, how: stuck_in_start" << startLeft << 1;
        QTest::newRow("stuck_in_start, in a thread of its own")
            << "type: misbehaving, how: stuck_in_start, thread: apart" << startLeft << 1;
        QTest::newRow("stuck_in_start, in what it calls the main thread")
            << "type: misbehaving, how: stuck_in_start, thread: main" << startLeft << 1;
        later("stuck_in_validate",
              "left out.*'misbehaving' did not return in 10 s while its options were checked", 1);
        later("stuck_in_second_validate", "left out: .*wrong.yaml: mid: creating it did not return in 10 s",
              1);
    }

    void leavesOutOnlyWhatNeedsThePlugin()
    {
        QFETCH(QString, transform);
        QFETCH(QString, says);
        QFETCH(int, exitCode);
        write("right.yaml", pipeline("right", "type: misbehaving"));
        write("wrong.yaml", pipeline("wrong", transform));
        QFile::remove(path("right.jsonl"));
        Program host;
        prepare(host);
        QVERIFY(host.start(builtProgram("tidemill"),
                           runArguments({"wrong.yaml", "right.yaml"}, {"--for", "300ms"})));

        QVERIFY2(host.waitForOutput(says, 30000).hasMatch(), host.output().constData());
        // At most: 10 s for start() to return, the time to run, and the watchdog's 10.2 s.
        QVERIFY2(host.waitForEnd(25000), host.output().constData());

        QCOMPARE(host.exitCode(), exitCode);
        QVERIFY(read("right.jsonl").count('\n') > 3);
        // The watchdog ends a host whose node never comes back from stop(), before there are last figures.
        if (!transform.contains(QLatin1String("stuck_in_stop")))
            QCOMPARE(finalFiguresThatDoNotAddUp(host.output()), QString());
    }

    void theOthersAnswerWhileOneHangs()
    {
        write("right.yaml", pipeline("right", "type: misbehaving"));
        write("wrong.yaml", pipeline("wrong", "type: misbehaving, how: stuck_in_start"));
        QFile::remove(path("right.jsonl"));
        Program host;
        prepare(host);
        QStringList arguments = runArguments({"wrong.yaml", "right.yaml"}, {});
        arguments[arguments.indexOf("off")] = QStringLiteral("127.0.0.1:0");
        QVERIFY(host.start(builtProgram("tidemill"), arguments));
        const QString http = host.waitForOutput(QStringLiteral("HTTP on (http://[0-9.:]*)/")).captured(1);
        QVERIFY2(host.waitForOutput(QStringLiteral("pipeline right started")).hasMatch(),
                 host.output().constData());

        // What is well works while the other is still being waited for.
        QTRY_VERIFY_WITH_TIMEOUT(read("right.jsonl").count('\n') > 3, 10000);
        QVERIFY(!host.output().contains("left out"));
        // And the one that hangs is named before it is given up, and after.
        QTRY_VERIFY_WITH_TIMEOUT(request(http + "/health/components/wrong/mid").status == 503, 15000);
        const QJsonObject mid = request(http + "/health/components/wrong/mid").json();
        QVERIFY2(mid["error"].toString().startsWith(QLatin1String("start() has not returned for ")),
                 qPrintable(mid["error"].toString()));
        QVERIFY2(host.waitForOutput(QStringLiteral("left out: wrong: mid: start"), 20000).hasMatch(),
                 host.output().constData());
        QCOMPARE(request(http + "/health").status, 503);
        QCOMPARE(request(http + "/health/components/right/mid").status, 200);
        QCOMPARE(request(http + "/health/live").status, 200);

        QElapsedTimer timer;
        timer.start();
        host.signal(SIGTERM);
        QVERIFY2(host.waitForEnd(20000), host.output().constData());
        QVERIFY2(timer.elapsed() < 15000, host.output().constData());
        QCOMPARE(host.exitCode(), 1);
        QCOMPARE(finalFiguresThatDoNotAddUp(host.output()), QString());
    }

    void endsByItselfWhenNothingElseRuns()
    {
        write("wrong.yaml", pipeline("wrong", "type: misbehaving, how: stuck_in_start"));
        Program host;
        prepare(host);
        QVERIFY(host.start(builtProgram("tidemill"), runArguments({"wrong.yaml"}, {})));

        QVERIFY2(host.waitForEnd(25000), host.output().constData());

        QCOMPARE(host.exitCode(), 1);
        QVERIFY2(host.output().contains("whose main thread has been held for 10 s: wrong.mid (misbehaving) "
                                        "does not return from start()"),
                 host.output().constData());
    }

    void aMistakeStillStartsNothing()
    {
        write("right.yaml", pipeline("right", "type: misbehaving"));
        write("wrong.yaml", pipeline("wrong", "type: misbehaving, hwo: nothing"));
        QFile::remove(path("right.jsonl"));
        Program host;
        prepare(host);
        QVERIFY(host.start(builtProgram("tidemill"), runArguments({"right.yaml", "wrong.yaml"}, {})));

        QVERIFY(host.waitForEnd());

        QCOMPARE(host.exitCode(), 2);
        QVERIFY2(host.output().contains("hwo: no such option"), host.output().constData());
        QVERIFY(!QFile::exists(path("right.jsonl")));
    }

    void endsAtOnceWhenNothingIsLeft()
    {
        write("wrong.yaml", pipeline("wrong", "type: crashing_load"));
        Program host;
        prepare(host);
        QVERIFY(host.start(builtProgram("tidemill"), runArguments({"wrong.yaml"}, {})));

        QVERIFY(host.waitForEnd());

        QCOMPARE(host.exitCode(), 1);
        QVERIFY2(host.output().contains("loading it crashes"), host.output().constData());
    }

    void endsThoughTheMainThreadNeverReturns()
    {
        write("wrong.yaml", pipeline("wrong", "type: misbehaving, how: stuck_in_start"));
        Program host;
        prepare(host);
        // The source in front of it starts last, so what shows that the start is under way is the sink's
        // file.
        QFile::remove(path("wrong.jsonl"));
        QVERIFY(host.start(builtProgram("tidemill"), runArguments({"wrong.yaml"}, {})));
        QTRY_VERIFY_WITH_TIMEOUT(QFile::exists(path("wrong.jsonl")), 10000);

        QElapsedTimer timer;
        timer.start();
        host.signal(SIGTERM);

        QVERIFY(host.waitForEnd(20000));
        QVERIFY2(timer.elapsed() < 15000, host.output().constData());
        QCOMPARE(host.exitCode(), 1);
        QVERIFY2(host.output().contains("wrong.mid (misbehaving) does not return from start()"),
                 host.output().constData());
    }

    void takesWhatIsEmittedWithinStopAndNothingAfterIt()
    {
        write("late.yaml", pipeline("late", "type: misbehaving", ", after_stop: true"));
        Program host;
        prepare(host);
        QVERIFY(host.start(builtProgram("tidemill"), runArguments({"late.yaml"}, {"--for", "300ms"})));

        QVERIFY(host.waitForEnd());

        QCOMPARE(host.exitCode(), 0);
        QCOMPARE(finalFiguresThatDoNotAddUp(host.output()), QString());
        QVERIFY(read("late.jsonl").contains("\"trade_id\":2,"));
        QVERIFY(read("late.jsonl").contains("999998"));
        QVERIFY(!read("late.jsonl").contains("999999"));
    }

    void listsThemWithTheirReasons()
    {
        Program host;
        prepare(host);
        QVERIFY(host.start(builtProgram("tidemill"),
                           {"plugins", "--plugin-path", misbehaving, "--plugin-path", bad}));

        QVERIFY(host.waitForEnd(30000));

        QCOMPARE(host.exitCode(), 0);
        for (const char *line :
             {"crashing_load.*CANNOT BE USED.*crashes", "exiting_load.*CANNOT BE USED.*exit code 0",
              "hanging_load.*CANNOT BE USED.*had not ended after 10000 ms",
              "missing_symbol.*CANNOT BE USED.*defined_nowhere", "ticking +Emit a trade"})
            QVERIFY2(QString::fromUtf8(host.output()).contains(QRegularExpression(QLatin1String(line))),
                     line);
    }

    void remembersWhatCameThrough()
    {
        QTemporaryDir folder;
        const QString cache = folder.filePath("made/on/demand");
        const QString plugin = folder.filePath("misbehaving.so");
        QVERIFY(QFile::copy(misbehaving + "/transforms/misbehaving.so", plugin));
        PluginProbe::Settings settings = probeSettings(cache);
        TIDEMILL_VERIFY(PluginProbe(settings)(plugin));
        QCOMPARE(QDir(cache).entryList(QDir::Files).size(), 1);

        // With arguments that no plugin comes through with, only what is remembered does.
        settings.arguments = {"version"};
        TIDEMILL_VERIFY(PluginProbe(settings)(plugin));
        // Whatever is in the entry: nothing is read from it.
        QFile entry(QDir(cache).filePath(QDir(cache).entryList(QDir::Files).first()));
        QVERIFY(entry.open(QIODevice::WriteOnly));
        entry.write("\xff\0garbage");
        entry.close();
        TIDEMILL_VERIFY(PluginProbe(settings)(plugin));

        const utimbuf older = {1000, 1000};
        QCOMPARE(utime(QFile::encodeName(plugin).constData(), &older), 0);
        QVERIFY(!PluginProbe(settings)(plugin)); // another file, another question
        TIDEMILL_VERIFY(PluginProbe(probeSettings(cache))(plugin));
        QCOMPARE(QDir(cache).entryList(QDir::Files).size(), 1); // the old entry has gone
    }

    void doesNotRememberFailures()
    {
        QTemporaryDir cache;
        const QString plugin = misbehaving + "/transforms/hanging_load.so";
        PluginProbe::Settings settings = probeSettings(cache.path());
        settings.limit = std::chrono::milliseconds(300);

        const auto loaded = PluginProbe(settings)(plugin);

        QVERIFY(!loaded);
        QCOMPARE(loaded.error().message, "loading it had not ended after 300 ms");
        QCOMPARE(QDir(cache.path()).entryList(QDir::Files).size(), 0);
    }

    void worksWithoutAFolderToRememberIn()
    {
        QTemporaryDir folder;
        QFile file(folder.filePath("file"));
        QVERIFY(file.open(QIODevice::WriteOnly));
        const QString plugin = misbehaving + "/transforms/misbehaving.so";

        TIDEMILL_VERIFY(PluginProbe(probeSettings(folder.filePath("file/below")))(plugin));
        TIDEMILL_VERIFY(PluginProbe(probeSettings(QString()))(plugin));
    }

    void letsPassWhatCannotBeTried()
    {
        QTemporaryDir cache;
        PluginProbe::Settings settings = probeSettings(cache.path());
        settings.program = QStringLiteral("/no/such/program");

        TIDEMILL_VERIFY(PluginProbe(settings)(misbehaving + "/transforms/crashing_load.so"));
        QCOMPARE(QDir(cache.path()).entryList(QDir::Files).size(), 0);
    }

    void severalMayAskAtOnce()
    {
        QTemporaryDir cache;
        const PluginProbe probe(probeSettings(cache.path()));
        std::vector<std::future<bool>> answers;
        for (int i = 0; i < 8; ++i)
            answers.push_back(std::async(std::launch::async, [&probe] {
                return bool(probe(misbehaving + "/transforms/misbehaving.so"));
            }));

        for (auto &answer : answers)
            QVERIFY(answer.get());
        QCOMPARE(QDir(cache.path()).entryList(QDir::Files).size(), 1);
    }
};

QTEST_GUILESS_MAIN(tst_BadPlugins)

#include "tst_bad_plugins.moc"
