// SPDX-License-Identifier: Apache-2.0
#include "host/dead_letters/letter_store.h"
#include "programs.h"

#include <tidemill/records.h>
#include <tidemill/testing.h>

using namespace tidemill;
using namespace tidemill::testing;

namespace {

// What the sink `out` can store depends on its fields.
constexpr auto pipelineText = R"(name: letters
sources:
  never: { type: binance, symbols: [BTCUSDT], streams: [trade] }
sinks:
  out:
    type: jsonl
    inputs: [never]
    path: %2
    batch: { linger: 1h }
%1)";

template<Record T>
host::DeadLetter letter(const T &record)
{
    return {Timestamp::now(),
            QStringLiteral("letters"),
            QStringLiteral("out"),
            "rejected",
            {{1, QStringLiteral("no such column")}},
            testing::batch({record})};
}

} // namespace

// `tidemill deadletter` as a person would use it.
class tst_DeadletterCommand : public QObject
{
    Q_OBJECT

    QString letters() const { return m_folder->filePath("state/letters/out/deadletters"); }

    QString pipeline(const QByteArray &more = {}) const
    {
        const QString path = m_folder->filePath("letters.yaml");
        QFile file(path);
        if (!file.open(QIODevice::WriteOnly | QIODevice::Truncate))
            return {};
        file.write(QString::fromLatin1(pipelineText)
                       .arg(QString::fromLatin1(more), m_folder->filePath("out.jsonl"))
                       .toUtf8());
        return path;
    }

    QByteArray command(const QStringList &words, int expected)
    {
        int exitCode = -1;
        const QByteArray output =
            outputOf(builtProgram("tidemill"), QStringList{QStringLiteral("deadletter")} + words, &exitCode);
        if (exitCode != expected)
            QTest::qFail(QByteArray("exit code " + QByteArray::number(exitCode) + ": " + output).constData(),
                         __FILE__, __LINE__);
        return output;
    }

    QByteArray replay(const QString &file, int expected, const QStringList &more = {})
    {
        return command(QStringList{"replay", file} + more + QStringList{"--state-dir", state()}, expected);
    }
    QString state() const { return m_folder->filePath("state"); }

private slots:
    void init()
    {
        m_folder = std::make_unique<QTemporaryDir>();
        host::LetterStore store(letters(), 1 << 20);
        TIDEMILL_VERIFY(store.write(
            letter(Trade{.symbol = Symbol("BTCUSDT"), .trade_id = 7, .price = *Decimal::parse("45123.50")})));
        TIDEMILL_VERIFY(store.write(letter(Quote{.symbol = Symbol("BTCUSDT"), .update_id = 9})));
    }

    void listsThem()
    {
        const QByteArray output = command({"ls", "--state-dir", state()}, 0);
        QVERIFY2(output.contains("state/letters/out/deadletters: 2 dead letters"), output.constData());
        QVERIFY2(output.contains("1 records  trade  rejected: no such column"), output.constData());
        QVERIFY2(output.contains("1 records  quote  rejected: no such column"), output.constData());
        QVERIFY(command({"ls", m_folder->path()}, 0).contains("2 dead letters"));
    }

    void showsTheirRecords()
    {
        const QByteArray output = command({"show", host::letterFiles(letters()).first()}, 0);
        const QJsonObject line = QJsonDocument::fromJson(output).object();
        QCOMPARE(line["sink"].toString(), QStringLiteral("out"));
        QCOMPARE(line["pipeline"].toString(), QStringLiteral("letters"));
        QCOMPARE(line["reason"].toString(), QStringLiteral("rejected"));
        QCOMPARE(line["error"].toString(), QStringLiteral("no such column"));
        QVERIFY(!line["time"].toString().isEmpty());
        QCOMPARE(line["record"]["type"].toString(), QStringLiteral("trade"));
        QCOMPARE(line["record"]["price"].toString(), QStringLiteral("45123.50"));
    }

    void offersThemAgain()
    {
        // The sink can store trades now, and quotes still not.
        QByteArray output = replay(pipeline("    fields: { id: trade_id }\n"), 1);
        QVERIFY2(output.contains("out: 2 dead letters: 1 records stored, 1 refused again, 0 letters"),
                 output.constData());
        QFile stored(m_folder->filePath("out.jsonl"));
        QVERIFY(stored.open(QIODevice::ReadOnly));
        QVERIFY(stored.readAll().contains("\"id\":7"));
        output = command({"ls", "--state-dir", state()}, 0);
        QVERIFY2(output.contains(": 1 dead letters") && output.contains("quote has no field 'trade_id'"),
                 output.constData());

        // Nor would this sink take it, if it were asked.
        output = replay(pipeline(), 2, {"ou"});
        QVERIFY2(output.contains("has no sink 'ou'; did you mean 'out'?"), output.constData());
        output = replay(pipeline(), 0, {"out"});
        QVERIFY2(output.contains("out: 1 dead letters: 1 records stored"), output.constData());
        QVERIFY(host::letterFiles(letters()).isEmpty());
        QVERIFY(replay(pipeline(), 0).contains("out: no dead letters"));
    }

    void leavesWhatCannotBeStoredNow()
    {
        QVERIFY(QDir().mkpath(m_folder->filePath("out.jsonl"))); // a folder where the file should be
        const QByteArray output =
            replay(pipeline("    retry: { initial: 10ms, max: 10ms }\n"), 1, {"--for", "300ms"});
        QCOMPARE(host::letterFiles(letters()).size(), 2);
        QVERIFY2(output.contains("out"), output.constData());
    }

    // Two of them would both offer the same records.
    void refusesASecondReplay()
    {
        QFile lock;
        TIDEMILL_VERIFY(host::lockReplay(lock, letters()));
        const QByteArray output = replay(pipeline(), 1);
        QVERIFY2(output.contains(letters().toUtf8() + ": another process replays these dead letters"),
                 output.constData());
        QCOMPARE(host::letterFiles(letters()).size(), 2);
        lock.close();
        QVERIFY(replay(pipeline(), 0).contains("out: 2 dead letters: 2 records stored"));
    }

    void saysWhatIsDamaged()
    {
        const QString path = host::letterFiles(letters()).first();
        QFile file(path);
        QVERIFY(file.open(QIODevice::ReadWrite));
        QVERIFY(file.seek(file.size() - 1) && file.putChar('\x7f'));
        file.close();

        QVERIFY(command({"ls", letters()}, 1).contains("DAMAGED"));
        QVERIFY(command({"show", path}, 1).contains("damaged: expected records"));
        const QByteArray output = replay(pipeline(), 1);
        QVERIFY2(output.contains(path.toUtf8()) && output.contains("1 letters not dealt with"),
                 output.constData());
        QCOMPARE(host::letterFiles(letters()), QStringList{path}); // the other one was stored
    }

    void refusesWrongUsage_data()
    {
        QTest::addColumn<QStringList>("words");
        QTest::addColumn<QByteArray>("message");

        QTest::newRow("no action") << QStringList{} << QByteArray("expected ls, show or replay");
        QTest::newRow("unknown action") << QStringList{"list"} << QByteArray("got 'list'");
        QTest::newRow("no folder") << QStringList{"ls", "/no/such"} << QByteArray("/no/such: no such folder");
        QTest::newRow("nothing to show") << QStringList{"show"} << QByteArray("at least one file");
        QTest::newRow("no file") << QStringList{"show", "/no/such"} << QByteArray("/no/such: no such file");
        QTest::newRow("no pipeline") << QStringList{"replay"} << QByteArray("expected a pipeline file");
        QTest::newRow("no such pipeline")
            << QStringList{"replay", "/no/such.yaml"} << QByteArray("/no/such.yaml: no such file");
        QTest::newRow("no state") << QStringList{"replay",
                                                 QStringLiteral(TIDEMILL_SOURCE_DIR
                                                                "/pipelines/quickstart.yaml"),
                                                 "--state-dir", "off"}
                                  << QByteArray("expected --state-dir");
        QTest::newRow("no time") << QStringList{"replay",
                                                QStringLiteral(TIDEMILL_SOURCE_DIR
                                                               "/pipelines/quickstart.yaml"),
                                                "--for", "soon"}
                                 << QByteArray("--for: expected a duration");
    }

    void refusesWrongUsage()
    {
        QFETCH(QStringList, words);
        QFETCH(QByteArray, message);
        const QByteArray output = command(words, 2);
        QVERIFY2(output.contains(message), output.constData());
    }

private:
    std::unique_ptr<QTemporaryDir> m_folder;
};

QTEST_GUILESS_MAIN(tst_DeadletterCommand)

#include "tst_deadletter_command.moc"
