// SPDX-License-Identifier: Apache-2.0
#include "host/json_log.h"

#include <QJsonDocument>
#include <QJsonObject>
#include <QLoggingCategory>
#include <QTemporaryFile>
#include <QTest>
#include <QThread>

#include <thread>
#include <vector>

using namespace tidemill;
using namespace tidemill::host;

Q_LOGGING_CATEGORY(lcTest, "tidemill.source.test")

class tst_JsonLog : public QObject
{
    Q_OBJECT

private:
    // What is logged goes to a file of the test's own.
    void install(LogFormat format, LogLevel level = LogLevel::Debug)
    {
        m_file = std::make_unique<QTemporaryFile>();
        QVERIFY(m_file->open());
        installLog({format, level, m_file->handle()});
    }

    QByteArrayList logged()
    {
        m_file->seek(0);
        const QByteArray all = m_file->readAll();
        return all.isEmpty() ? QByteArrayList() : all.chopped(1).split('\n');
    }

    std::unique_ptr<QTemporaryFile> m_file;

private slots:
    void cleanup()
    {
        qInstallMessageHandler(nullptr);
        setSecrets({});
        m_file.reset();
    }

    void formatsLines_data()
    {
        QTest::addColumn<QByteArray>("message");
        QTest::addColumn<QByteArray>("json");
        QTest::addColumn<QByteArray>("text");

        QTest::newRow("plain") << QByteArray("Signal open") << QByteArray("Signal open")
                               << QByteArray("Signal open");
        QTest::newRow("quotes") << QByteArray("a \"b\" \\c") << QByteArray("a \\\"b\\\" \\\\c")
                                << QByteArray("a \"b\" \\c");
        QTest::newRow("lines") << QByteArray("one\ntwo") << QByteArray("one\\ntwo")
                               << QByteArray("one\n    two");
        QTest::newRow("a forged line")
            << QByteArray("x\r{\"level\":\"info\"}") << QByteArray("x\\r{\\\"level\\\":\\\"info\\\"}")
            << QByteArray("x\\x0d{\"level\":\"info\"}");
        QTest::newRow("terminal control")
            << QByteArray("\x1b[2J") << QByteArray("\\u001b[2J") << QByteArray("\\x1b[2J");
        QTest::newRow("C1 control") << QByteArray("\xc2\x9b"
                                                  "2J")
                                    << QByteArray("\xc2\x9b"
                                                  "2J")
                                    << QByteArray("\\xc2\x9b"
                                                  "2J");
        QTest::newRow("other letters")
            << QByteArray("\xc3\xa9\xe2\x82\xac") << QByteArray("\xc3\xa9\xe2\x82\xac")
            << QByteArray("\xc3\xa9\xe2\x82\xac");
    }

    void formatsLines()
    {
        QFETCH(QByteArray, message);
        QFETCH(QByteArray, json);
        QFETCH(QByteArray, text);
        const LogLine line{Timestamp::fromMilliseconds(1'723'161'255'000), QtInfoMsg,
                           "tidemill.transform.signals", message, "db"};

        QByteArray out;
        appendLogLine(out, line, LogFormat::Json);
        QCOMPARE(out, "{\"ts\":\"2024-08-08T23:54:15.000Z\",\"level\":\"info\","
                      "\"category\":\"tidemill.transform.signals\",\"message\":\"" +
                          json + "\",\"thread\":\"db\"}\n");

        out.clear();
        appendLogLine(out, line, LogFormat::Text);
        QCOMPARE(out, "23:54:15.000 INFO  signals     " + text + "  [db]\n"); // the test runs in UTC
    }

    void namesLevels_data()
    {
        QTest::addColumn<int>("type");
        QTest::addColumn<QString>("json");
        QTest::addColumn<QByteArray>("text");

        QTest::newRow("debug") << int(QtDebugMsg) << "debug" << QByteArray(" DEBUG host");
        QTest::newRow("info") << int(QtInfoMsg) << "info" << QByteArray(" INFO  host");
        QTest::newRow("warning") << int(QtWarningMsg) << "warning" << QByteArray(" WARN  host");
        QTest::newRow("critical") << int(QtCriticalMsg) << "critical" << QByteArray(" ERROR host");
        QTest::newRow("fatal") << int(QtFatalMsg) << "fatal" << QByteArray(" FATAL host");
    }

    void namesLevels()
    {
        QFETCH(int, type);
        QFETCH(QString, json);
        QFETCH(QByteArray, text);
        const LogLine line{Timestamp::now(), QtMsgType(type), "tidemill.host", "x", {}};

        QByteArray out;
        appendLogLine(out, line, LogFormat::Json);
        const QJsonObject object = QJsonDocument::fromJson(out).object();
        QCOMPARE(object.value("level").toString(), json);
        QVERIFY(!object.contains("thread"));
        out.clear();
        appendLogLine(out, line, LogFormat::Text);
        QVERIFY2(out.contains(text), out.constData());
    }

    void leavesOutLowerLevels_data()
    {
        QTest::addColumn<int>("level");
        QTest::addColumn<int>("lines");

        QTest::newRow("debug") << int(LogLevel::Debug) << 4;
        QTest::newRow("info") << int(LogLevel::Info) << 3;
        QTest::newRow("warning") << int(LogLevel::Warning) << 2;
        QTest::newRow("critical") << int(LogLevel::Critical) << 1;
    }

    void leavesOutLowerLevels()
    {
        QFETCH(int, level);
        QFETCH(int, lines);
        install(LogFormat::Auto, LogLevel(level)); // a file is no terminal, so JSON

        qCDebug(lcTest) << "a";
        qCInfo(lcTest) << "b";
        qCWarning(lcTest) << "c";
        qCCritical(lcTest) << "d";

        const QByteArrayList found = logged();
        QCOMPARE(found.size(), lines);
        const QJsonObject last = QJsonDocument::fromJson(found.last()).object();
        QCOMPARE(last.value("category").toString(), QStringLiteral("tidemill.source.test"));
        QCOMPARE(last.value("message").toString(), QStringLiteral("d"));
        QVERIFY(Timestamp::parse(last.value("ts").toString().toLatin1()));
    }

    void masksSecrets_data()
    {
        QTest::addColumn<QStringList>("secrets");
        QTest::addColumn<QString>("message");
        QTest::addColumn<QString>("printed");

        QTest::newRow("everywhere") << QStringList{"hunter2"} << "hunter2 and hunter2!"
                                    << "*** and ***!";
        QTest::newRow("too short") << QStringList{"abc"} << "abcd"
                                   << "abcd";
        QTest::newRow("just long enough") << QStringList{"abcd"} << "abcde"
                                          << "***e";
        QTest::newRow("one within another") << QStringList{"pass", "password"} << "password pass"
                                            << "*** ***";
        QTest::newRow("in a URL") << QStringList{"p@ss/word"} << "postgres://me:p%40ss%2Fword@db"
                                  << "postgres://me:***@db";
        QTest::newRow("escaped") << QStringList{"say \"x\" \\"} << "\"say \\\"x\\\" \\\\\""
                                 << "\"***\"";
        QTest::newRow("of several lines") << QStringList{"-----BEGIN\nabc"} << "key -----BEGIN\nabc!"
                                          << "key ***!";
        QTest::newRow("not ASCII") << QStringList{QStringLiteral("gr\u00fc\u00dfe")}
                                   << QStringLiteral("<gr\u00fc\u00dfe>") << "<***>";
        QTest::newRow("none") << QStringList{} << "plain"
                              << "plain";
        QTest::newRow("empty") << QStringList{""} << "plain"
                               << "plain";
    }

    void masksSecrets()
    {
        QFETCH(QStringList, secrets);
        QFETCH(QString, message);
        QFETCH(QString, printed);
        install(LogFormat::Json);
        setSecrets(secrets);

        qCInfo(lcTest).noquote() << message;

        const QByteArrayList found = logged();
        QCOMPARE(found.size(), 1);
        QCOMPARE(QJsonDocument::fromJson(found.first()).object().value("message").toString(), printed);
    }

    void boundsMessages()
    {
        install(LogFormat::Json);

        qCInfo(lcTest).noquote() << QString(100'000, QChar(0x20ac));

        const QString message =
            QJsonDocument::fromJson(logged().first()).object().value("message").toString();
        QCOMPARE(message.count(QChar(0x20ac)), 16 * 1024 / 3);
        QVERIFY(message.endsWith(QStringLiteral("... (%1 bytes more)").arg(300'000 - 16'383)));
        QVERIFY(!message.contains(QChar::ReplacementCharacter));
    }

    void namesOtherThreads()
    {
        install(LogFormat::Json);
        const std::unique_ptr<QThread> thread(QThread::create([] { qCInfo(lcTest) << "x"; }));
        thread->setObjectName(QStringLiteral("db"));

        thread->start();
        QVERIFY(thread->wait(5'000));

        QCOMPARE(QJsonDocument::fromJson(logged().first()).object().value("thread").toString(), "db");
    }

    void linesOfManyThreadsStayWhole()
    {
        constexpr int perThread = 500;
        install(LogFormat::Json);
        std::vector<std::thread> threads;
        threads.reserve(4);
        for (int i = 0; i < 4; ++i) {
            threads.emplace_back([i] {
                for (int n = 0; n < perThread; ++n)
                    qCInfo(lcTest).noquote() << QString(n % 200, QChar('a' + i));
            });
        }
        for (std::thread &thread : threads)
            thread.join();

        const QByteArrayList found = logged();
        QCOMPARE(found.size(), 4 * perThread);
        for (const QByteArray &line : found)
            QVERIFY2(QJsonDocument::fromJson(line).isObject(), line.constData());
    }

    void aClosedOutputIsNoTrouble()
    {
        installLog({LogFormat::Json, LogLevel::Debug, -1});

        qCInfo(lcTest) << "nobody hears this";

        install(LogFormat::Json);
        qCInfo(lcTest) << "but this";
        QCOMPARE(logged().size(), 1);
    }
};

QTEST_GUILESS_MAIN(tst_JsonLog)

#include "tst_json_log.moc"
