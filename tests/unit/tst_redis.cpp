// SPDX-License-Identifier: Apache-2.0
#include "reply_reader.h"

#include <tidemill/redis/client.h>
#include <tidemill/testing.h>

using namespace tidemill;
using namespace tidemill::redis;

// A literal with its NUL characters.
template<std::size_t size>
static QByteArray whole(const char (&text)[size])
{
    return {text, qsizetype(size) - 1};
}

class tst_Redis : public QObject
{
    Q_OBJECT

private slots:
    void parsesAddresses_data()
    {
        QTest::addColumn<QString>("text");
        QTest::addColumn<QString>("place");
        QTest::addColumn<QByteArray>("user");
        QTest::addColumn<QByteArray>("password");
        QTest::addColumn<int>("database");
        QTest::addColumn<bool>("isSecure");

        QTest::newRow("host alone") << "redis://redis"
                                    << "redis:6379" << QByteArray() << QByteArray() << 0 << false;
        QTest::newRow("all") << "redis://me:pw@h.example:7000/3"
                             << "h.example:7000" << QByteArray("me") << QByteArray("pw") << 3 << false;
        QTest::newRow("slash, no number") << "redis://h/"
                                          << "h:6379" << QByteArray() << QByteArray() << 0 << false;
        QTest::newRow("password alone") << "redis://:secret@h/0"
                                        << "h:6379" << QByteArray() << QByteArray("secret") << 0 << false;
        QTest::newRow("percent") << "redis://u%40x:a%3Ab%25c%2F@h"
                                 << "h:6379" << QByteArray("u@x") << QByteArray("a:b%c/") << 0 << false;
        QTest::newRow("at sign") << "redis://:p@ss@h"
                                 << "h:6379" << QByteArray() << QByteArray("p@ss") << 0 << false;
        QTest::newRow("TLS") << "rediss://h:1"
                             << "h:1" << QByteArray() << QByteArray() << 0 << true;
        QTest::newRow("IPv6") << "redis://[::1]:7"
                              << "[::1]:7" << QByteArray() << QByteArray() << 0 << false;
        QTest::newRow("IPv6, no port") << "redis://[::1]"
                                       << "[::1]:6379" << QByteArray() << QByteArray() << 0 << false;
        QTest::newRow("socket") << "unix:///run/redis.sock"
                                << "/run/redis.sock" << QByteArray() << QByteArray() << 0 << false;
        QTest::newRow("socket, user")
            << "unix://me:s%40%2Fcret@/run/a@b.sock?db=2"
            << "/run/a@b.sock" << QByteArray("me") << QByteArray("s@/cret") << 2 << false;
        QTest::newRow("socket, database") << "unix:///run/redis.sock?db=2"
                                          << "/run/redis.sock" << QByteArray() << QByteArray() << 2 << false;
    }

    void parsesAddresses()
    {
        QFETCH(QString, text);
        const auto url = Url::parse(text);
        TIDEMILL_VERIFY(url);
        QTEST((*url).place(), "place");
        QTEST((*url).user, "user");
        QTEST((*url).password, "password");
        QTEST((*url).database, "database");
        QTEST((*url).isSecure, "isSecure");
    }

    void refusesAddresses_data()
    {
        QTest::addColumn<QString>("text");
        QTest::addColumn<QString>("expected");

        QTest::newRow("nothing") << ""
                                 << "expected redis://";
        QTest::newRow("other scheme") << "http://h"
                                      << "expected redis://";
        QTest::newRow("no host") << "redis://:hunter2@/0"
                                 << "expected a host";
        QTest::newRow("port") << "redis://:hunter2@h:99999"
                              << "port";
        QTest::newRow("port 0") << "redis://:hunter2@h:0"
                                << "port";
        QTest::newRow("database") << "redis://:hunter2@h/x"
                                  << "number of a database";
        QTest::newRow("user alone") << "redis://hunter2@h"
                                    << "user:password@";
        QTest::newRow("no password") << "redis://hunter2:@h"
                                     << "without a password";
        QTest::newRow("percent") << "redis://:hunter2%4@h"
                                 << "hexadecimal";
        QTest::newRow("query") << "redis://:hunter2@h/0?x=1"
                               << "behind";
        QTest::newRow("socket, user only") << "unix://me@/r.sock"
                                           << "user:password@";
        QTest::newRow("relative socket") << "unix://redis.sock"
                                         << "unix:///";
        QTest::newRow("socket's query") << "unix:///r.sock?timeout=1"
                                        << "db=";
    }

    void refusesAddresses()
    {
        QFETCH(QString, text);
        QFETCH(QString, expected);
        const auto url = Url::parse(text);
        QVERIFY(!url);
        QVERIFY2(url.error().message.contains(expected), qPrintable(url.error().message));
        QVERIFY(!url.error().message.contains(QStringLiteral("hunter2")));
    }

    void encodesWhateverTheBytes()
    {
        Command command("SET");
        command.key(whole("k\0\r\n")).add("").add(qint64(-12));
        QCOMPARE(command.bytes(), whole("*4\r\n$3\r\nSET\r\n$4\r\nk\0\r\n\r\n$0\r\n\r\n$3\r\n-12\r\n"));

        Transaction transaction;
        transaction.append(Command("PING"));
        QCOMPARE(transaction.count(), qsizetype(1));
        QCOMPARE(std::move(transaction).take(),
                 QByteArray("*1\r\n$5\r\nMULTI\r\n*1\r\n$4\r\nPING\r\n*1\r\n$4\r\nEXEC\r\n"));
    }

    void knowsTheSlotOfAKey()
    {
        QCOMPARE(crc16("123456789"), quint16(0x31c3));
        QCOMPARE(slotOf("foo"), 12182);
        QCOMPARE(slotOf("trades:BTCUSDT"), 4308);
        QCOMPARE(slotOf("trades:ETHUSDT"), 9583);
        QCOMPARE(slotOf("{foo}bar"), 12182);
        QCOMPARE(slotOf("a{foo}{bar}"), 12182);
        QCOMPARE(slotOf("{}foo"), int(crc16("{}foo") % slotCount));
        QCOMPARE(slotOf("{foo"), int(crc16("{foo") % slotCount));
        QCOMPARE(slotOf(""), 0);
        QCOMPARE(Command("XADD").key("foo").key("bar").slot(), 12182);
        QCOMPARE(Command("PING").slot(), anySlot);
    }

    void saysWhatToDoAboutErrors_data()
    {
        QTest::addColumn<QByteArray>("text");
        QTest::addColumn<ErrorKind>("kind");
        QTest::addColumn<Advice>("advice");

        const auto row = [](const char *text, ErrorKind kind, Advice advice) {
            QTest::newRow(text) << QByteArray(text) << kind << advice;
        };
        row("NOAUTH Authentication required.", ErrorKind::NoAuth, Advice::Configure);
        row("WRONGPASS invalid username-password pair", ErrorKind::WrongPass, Advice::Configure);
        row("ERR invalid password", ErrorKind::WrongPass, Advice::Configure);
        row("NOPERM this user has no permissions", ErrorKind::NoPerm, Advice::Configure);
        row("LOADING Redis is loading the dataset in memory", ErrorKind::Loading, Advice::Wait);
        row("READONLY You can't write against a read only replica.", ErrorKind::ReadOnly, Advice::Reconnect);
        row("MASTERDOWN Link with MASTER is down", ErrorKind::MasterDown, Advice::Wait);
        row("NOREPLICAS Not enough good replicas to write.", ErrorKind::NoReplicas, Advice::Retry);
        row("OOM command not allowed when used memory > 'maxmemory'.", ErrorKind::Oom, Advice::Retry);
        row("BUSY Redis is busy running a script.", ErrorKind::Busy, Advice::Wait);
        row("MISCONF Redis is configured to save RDB snapshots", ErrorKind::Misconf, Advice::Retry);
        row("CLUSTERDOWN The cluster is down", ErrorKind::ClusterDown, Advice::Wait);
        row("TRYAGAIN Multiple keys request during rehashing of slot", ErrorKind::TryAgain, Advice::Wait);
        row("MOVED 3999 127.0.0.1:6381", ErrorKind::Moved, Advice::Redirect);
        row("ASK 3999 127.0.0.1:6381", ErrorKind::Ask, Advice::Redirect);
        row("CROSSSLOT Keys in request don't hash to the same slot", ErrorKind::CrossSlot, Advice::Final);
        row("WRONGTYPE Operation against a key", ErrorKind::WrongType, Advice::Final);
        row("BUSYGROUP Consumer Group name already exists", ErrorKind::BusyGroup, Advice::Nothing);
        row("NOGROUP No such key 'x'", ErrorKind::NoGroup, Advice::Final);
        row("EXECABORT Transaction discarded", ErrorKind::ExecAbort, Advice::Retry);
        row("ERR syntax error", ErrorKind::Err, Advice::Final);
        row("ERR", ErrorKind::Err, Advice::Final);
        row("NEWWORD what may come", ErrorKind::Other, Advice::Retry);
        row("", ErrorKind::Other, Advice::Retry);
    }

    void saysWhatToDoAboutErrors()
    {
        QFETCH(QByteArray, text);
        QTEST(errorKind(text), "kind");
        QTEST(adviceFor(errorKind(text)), "advice");
        QCOMPARE(Reply::ofText(Reply::Kind::Error, text).error(), errorKind(text));
        QCOMPARE(Reply::ofText(Reply::Kind::Text, text).error(), ErrorKind::None);
    }

    void describesErrorsForAnOperator()
    {
        const Error error = describe("OOM command not\nallowed", QStringLiteral("h:1"));
        QVERIFY(error.message.startsWith(QStringLiteral("Redis at h:1: OOM command not allowed (")));
        QVERIFY(error.message.contains(QStringLiteral("maxmemory")));
        QCOMPARE(describe("NOAUTH x", {}).kind, Error::Kind::Config);
    }

    void followsRedirections()
    {
        auto there = Redirection::parse("MOVED 3999 127.0.0.1:6381");
        TIDEMILL_VERIFY(there);
        QCOMPARE((*there).slot, 3999);
        QCOMPARE((*there).host, QStringLiteral("127.0.0.1"));
        QCOMPARE((*there).port, quint16(6381));
        there = Redirection::parse("ASK 1 :7");
        TIDEMILL_VERIFY(there);
        QVERIFY((*there).host.isEmpty());
        there = Redirection::parse("MOVED 1 ::1:7");
        TIDEMILL_VERIFY(there);
        QCOMPARE((*there).host, QStringLiteral("::1"));
        for (const char *bad :
             {"MOVED", "MOVED x h:1", "MOVED 16384 h:1", "MOVED -1 h:1", "MOVED 1 h", "MOVED 1 h:0"})
            QVERIFY2(!Redirection::parse(bad), bad);
    }

    void readsRepliesInAnyPieces()
    {
        const QByteArray bytes = whole("+OK\r\n-ERR no\r\n:-42\r\n$-1\r\n*-1\r\n$3\r\na\0b\r\n$0\r\n\r\n"
                                       "+QUEUED\r\n+QUEUED\r\n"
                                       "*3\r\n$1\r\nx\r\n*2\r\n:1\r\n*0\r\n$-1\r\n:7\r\n"
                                       "+QUEUED\r\n*1\r\n+QUEUED\r\n");
        for (qsizetype piece = 1; piece <= bytes.size(); ++piece) {
            ReplyReader reader(1 << 20);
            QStringList seen;
            for (qsizetype at = 0; at < bytes.size(); at += piece) {
                TIDEMILL_VERIFY(
                    reader.feed(QByteArrayView(bytes).sliced(at, qMin(piece, bytes.size() - at))));
                for (;;) {
                    const auto reply = reader.next();
                    TIDEMILL_VERIFY(reply);
                    if (!*reply)
                        break;
                    seen.append(printed(**reply));
                }
            }
            QCOMPARE(seen.join(u' '), QStringLiteral("+OK -ERR_no -42 nil nil 'a.b' '' +QUEUED +QUEUED "
                                                     "['x',[1,[]],nil] 7 +QUEUED [+QUEUED]"));
        }
    }

    void boundsWhatAServerSends_data()
    {
        QTest::addColumn<QByteArray>("bytes");

        QTest::newRow("a long text") << "$5000\r\n" + QByteArray(5000, 'x') + "\r\n";
        QTest::newRow("many elements") << QByteArray("*2000000000\r\n");
        QTest::newRow("a line without an end") << '+' + QByteArray(5000, 'x');
        QTest::newRow("deep") << QByteArray("*1\r\n").repeated(100) + ":1\r\n";
        QTest::newRow("no RESP") << QByteArray("HTTP/1.1 400 Bad Request\r\n");
        QTest::newRow("many small ones") << "*600\r\n" + QByteArray("$1\r\nx\r\n").repeated(600);
    }

    void boundsWhatAServerSends()
    {
        QFETCH(QByteArray, bytes);
        ReplyReader reader(4096);
        bool refused = false;
        for (qsizetype at = 0; at < bytes.size() && !refused; at += 1000) {
            refused =
                !reader.feed(QByteArrayView(bytes).sliced(at, qMin<qsizetype>(1000, bytes.size() - at)));
            if (!refused) {
                const auto reply = reader.next();
                QVERIFY(!reply || !*reply);
                refused = !reply;
            }
        }
        QVERIFY(refused);
    }

    void givesNilForWhatIsNotThere()
    {
        const Reply reply = Reply::ofInteger(1);
        QVERIFY(reply[0].isNil());
        QVERIFY(reply[-1][3].text().isEmpty());
        QVERIFY(Reply::lost("why").isLost());
    }

private:
    static QString printed(const Reply &reply)
    {
        const QString text =
            QString::fromLatin1(reply.text().toByteArray().replace('\0', '.').replace(' ', '_'));
        switch (reply.kind()) {
        case Reply::Kind::Status:
            return u'+' + text;
        case Reply::Kind::Error:
            return u'-' + text;
        case Reply::Kind::Integer:
            return QString::number(reply.integer());
        case Reply::Kind::Text:
            return u'\'' + text + u'\'';
        case Reply::Kind::Array: {
            QStringList all;
            for (const Reply &element : reply.elements())
                all.append(printed(element));
            return u'[' + all.join(u',') + u']';
        }
        default:
            return QStringLiteral("nil");
        }
    }
};

Q_DECLARE_METATYPE(tidemill::redis::ErrorKind)
Q_DECLARE_METATYPE(tidemill::redis::Advice)

QTEST_GUILESS_MAIN(tst_Redis)

#include "tst_redis.moc"
