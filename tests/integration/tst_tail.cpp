// SPDX-License-Identifier: Apache-2.0
#include "programs.h"
#include "redis/redis_server.h"

using namespace tidemill::testing;

// `tidemill tail` as a person uses it, on a real server.
class tst_Tail : public QObject
{
    Q_OBJECT

private slots:
    void initTestCase()
    {
        if (!RedisServer::isInstalled())
            QSKIP("no redis-server is installed");
        QVERIFY(m_server.start());
        m_server.call({"XADD", "trades:ETHUSDT", "5-0", "price", "2"});
        for (int id = 1; id <= 3; ++id)
            m_server.call({"XADD", "trades:BTCUSDT", QString("%1-0").arg(id), "price", QString::number(id),
                           "note", "a b=\"c\"\n", "raw_json", "{}"});
        m_server.call({"SET", "no-stream", "1"});
    }

    void lists()
    {
        QCOMPARE(tail({m_server.url()}), QByteArray("STREAM             ENTRIES  LAST ID\n"
                                                    "trades:BTCUSDT           3  3-0\n"
                                                    "trades:ETHUSDT           1  5-0\n"));
        QCOMPARE(tail({m_server.url(), "--match", "*ETH*", "--json"}),
                 QByteArray("{\"stream\":\"trades:ETHUSDT\",\"entries\":1,\"last_id\":\"5-0\"}\n"));
        QCOMPARE(tail({m_server.url(), "--match", "none*"}), QByteArray("no streams match none*\n"));
    }

    void printsEntries()
    {
        QCOMPARE(
            tail({m_server.url(), "trades:BTCUSDT", "--from", "0", "--count", "2"}),
            QByteArray("1-0 price=1 note=\"a b=\\\"c\\\"\\n\"\n2-0 price=2 note=\"a b=\\\"c\\\"\\n\"\n"));
        QCOMPARE(tail({m_server.url(), "trades:BTCUSDT", "--from", "2-0", "-n", "1", "--raw"}),
                 QByteArray("3-0 price=3 note=\"a b=\\\"c\\\"\\n\" raw_json={}\n"));
        QCOMPARE(tail({m_server.url(), "trades:ETHUSDT", "--from", "0", "--count", "1", "--json"}),
                 QByteArray("{\"id\":\"5-0\",\"price\":\"2\"}\n"));
    }

    // Whoever may write to a stream does not thereby write to terminals.
    void printsNothingThatTerminalsObey()
    {
        RedisServer server;
        QVERIFY(server.start());
        const QString name = QStringLiteral("a\u001b[31m\u009b\u007f");
        server.call({"XADD", name, "1-0", name, name});
        const QByteArray shown("\"a\\u001b[31m\\u009b\\u007f\"");
        const QByteArray list = tail({server.url()});
        QVERIFY2(list.contains('\n' + shown + "   "), list.constData());
        QCOMPARE(tail({server.url(), name, "--from", "0", "--count", "1"}),
                 "1-0 " + shown + '=' + shown + '\n');
    }

    // Everything behind the newest one at the start, and nothing is missed between two reads.
    void follows()
    {
        Program program;
        QVERIFY(program.start(builtProgram("tidemill"), {"tail", m_server.url(), "follow:me", "-n", "300"}));
        QTRY_VERIFY(m_server.call({"CLIENT", "LIST"}).contains("cmd=xread"));
        for (int id = 1; id <= 300; ++id)
            m_server.call({"XADD", "follow:me", QString("%1-0").arg(id), "n", QString::number(id)});
        QVERIFY(program.waitForEnd());
        QCOMPARE(program.exitCode(), 0);
        QByteArray expected;
        for (int id = 1; id <= 300; ++id)
            expected += QByteArray::number(id) + "-0 n=" + QByteArray::number(id) + '\n';
        QCOMPARE(program.output(), expected);
    }

    void endsWithTheServer()
    {
        RedisServer server;
        QVERIFY(server.start());
        Program program;
        QVERIFY(program.start(builtProgram("tidemill"), {"tail", server.url(), "a"}));
        QTRY_VERIFY(server.call({"CLIENT", "LIST"}).contains("cmd=xread"));
        server.kill();
        QVERIFY(program.waitForEnd());
        QCOMPARE(program.exitCode(), 1);
        QVERIFY2(program.output().startsWith("tidemill tail: Redis at 127.0.0.1"),
                 program.output().constData());
    }

    void saysWhatIsWrong_data()
    {
        QTest::addColumn<QStringList>("arguments");
        QTest::addColumn<int>("exitCode");
        QTest::addColumn<QString>("says");

        const QString url = m_server.url();
        QTest::newRow("nothing") << QStringList{} << 2 << "expected an address";
        QTest::newRow("no address") << QStringList{"http://:hunter2@h"} << 2 << "expected redis://";
        QTest::newRow("too much") << QStringList{url, "a", "b"} << 2
                                  << "expected an address and perhaps a stream";
        QTest::newRow("count") << QStringList{url, "a", "--count", "0"} << 2
                               << "--count: expected a number from 1";
        QTest::newRow("from") << QStringList{url, "a", "--from", "now"} << 2
                              << "--from: expected 0, $ or the id";
        QTest::newRow("no stream") << QStringList{url, "--count", "1"} << 2 << "name one";
        QTest::newRow("option") << QStringList{url, "--cuont", "1"} << 2 << "cuont";
        QTest::newRow("away") << QStringList{"redis://:hunter2@127.0.0.1:1"} << 1 << "Redis at 127.0.0.1:1";
        QTest::newRow("password") << QStringList{QString(url).replace("//", "//:hunter2@")} << 1
                                  << "Redis at 127.0.0.1";
        QTest::newRow("no stream of that name")
            << QStringList{url, "no-stream", "--from", "0"} << 1 << "WRONGTYPE";
        QTest::newRow("help") << QStringList{"--help"} << 0 << "Lists the streams";
    }

    void saysWhatIsWrong()
    {
        QFETCH(QStringList, arguments);
        QFETCH(int, exitCode);
        QFETCH(QString, says);
        int code = -1;
        const QByteArray output = outputOf(builtProgram("tidemill"), QStringList{"tail"} + arguments, &code);
        QCOMPARE(code, exitCode);
        QVERIFY2(output.contains(says.toUtf8()), output.constData());
        QVERIFY(!output.contains("hunter2"));
    }

    void verifiesTls()
    {
        RedisServer server;
        QVERIFY2(server.startTls(), server.log().constData());
        server.call({"XADD", "trades:A", "1-0", "price", "1"});
        QCOMPARE(
            tail({server.tlsUrl(), "trades:A", "--from", "0", "--count", "1", "--ca-file", server.caFile()}),
            QByteArray("1-0 price=1\n"));
        RedisServer other;
        QVERIFY2(other.startTls(), other.log().constData());
        const QByteArray refused = tail({server.tlsUrl(), "--ca-file", other.caFile()});
        QVERIFY2(refused.startsWith("exit code 1: ") && refused.contains("certificate") &&
                     refused.contains(other.caFile().toUtf8()),
                 refused.constData());
    }

    void takesTheAddressFromTheEnvironment()
    {
        Program program;
        program.setEnvironment("TIDEMILL_REDIS_URL", m_server.url());
        QVERIFY(program.start(builtProgram("tidemill"), {"tail", "-", "--match", "*ETH*"}));
        QVERIFY(program.waitForEnd());
        QVERIFY2(program.output().contains("trades:ETHUSDT"), program.output().constData());
    }

private:
    static QByteArray tail(const QStringList &arguments)
    {
        int code = -1;
        const QByteArray output = outputOf(builtProgram("tidemill"), QStringList{"tail"} + arguments, &code);
        return code == 0 ? output : "exit code " + QByteArray::number(code) + ": " + output;
    }

    RedisServer m_server;
};

QTEST_GUILESS_MAIN(tst_Tail)

#include "tst_tail.moc"
