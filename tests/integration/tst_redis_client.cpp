// SPDX-License-Identifier: Apache-2.0
#include "redis/redis_server.h"

#include <tidemill/redis/client.h>
#include <tidemill/redis/reconnector.h>
#include <tidemill/testing.h>

#include <QTcpServer>
#include <QTcpSocket>

using namespace tidemill;
using namespace tidemill::redis;
using tidemill::testing::RedisServer;
using namespace std::chrono_literals;

// The client against real servers, and against one that says nothing.
class tst_RedisClient : public QObject
{
    Q_OBJECT

private slots:
    void initTestCase()
    {
        if (!RedisServer::isInstalled())
            QSKIP("no redis-server is installed");
        qRegisterMetaType<Failure>();
    }

    void answersInOrder()
    {
        RedisServer server;
        QVERIFY(server.start());
        Client client(settingsFor(server));
        QStringList answers;
        // Given before it is open, they wait.
        client.open();
        for (int i = 0; i < 3000; ++i) {
            client.send(Command("INCR").key("n"),
                        [&answers](const Reply &reply) { answers.append(QString::number(reply.integer())); });
        }
        client.send(Command("LPUSH").key("n").add("x"), [&answers](const Reply &reply) {
            answers.append(reply.error() == ErrorKind::WrongType ? QStringLiteral("wrong")
                                                                 : QStringLiteral("?"));
        });
        QTRY_COMPARE(answers.size(), qsizetype(3001));
        for (int i = 0; i < 3000; ++i)
            QCOMPARE(answers[i], QString::number(i + 1));
        QCOMPARE(answers.last(), QStringLiteral("wrong"));
        QCOMPARE(client.unanswered(), qsizetype(0));
        QVERIFY(!client.isCluster());
        QVERIFY(server.call({"CLIENT", "LIST"}).contains("name=tidemill "));
    }

    void carriesOutAllOrNothing()
    {
        RedisServer server;
        QVERIFY(server.start());
        Client client(settingsFor(server));
        client.open();
        const auto run = [&client](int commands) {
            Transaction transaction;
            for (int i = 0; i < commands; ++i)
                transaction.append(Command("RPUSH").key("list").add(qint64(i)));
            QString answer;
            client.send(std::move(transaction), [&answer](const Reply &reply) {
                answer = reply.isError() ? QString::fromUtf8(reply.text().first(3))
                                         : QString::number(reply.elements().back().integer());
            });
            return QTest::qWaitFor([&answer] { return !answer.isEmpty(); }) ? answer : QString();
        };
        QCOMPARE(run(10), QStringLiteral("10"));
        QCOMPARE(server.call({"CONFIG", "SET", "maxmemory", "1"}), QByteArray("OK"));
        QCOMPARE(run(10), QStringLiteral("OOM")); // not EXECABORT, which follows from it
        QCOMPARE(server.call({"CONFIG", "SET", "maxmemory", "0"}), QByteArray("OK"));
        QCOMPARE(run(5), QStringLiteral("15"));
    }

    void authenticatesAndSelects_data()
    {
        QTest::addColumn<QString>("user");
        QTest::addColumn<ErrorKind>("expected");

        QTest::newRow("password") << ":se%40cret@" << ErrorKind::None;
        QTest::newRow("user and password") << "writer:pw@" << ErrorKind::None;
        QTest::newRow("nothing") << "" << ErrorKind::NoAuth;
        QTest::newRow("wrong") << ":other@" << ErrorKind::WrongPass;
    }

    void authenticatesAndSelects()
    {
        QFETCH(QString, user);
        QFETCH(ErrorKind, expected);
        RedisServer server;
        QVERIFY(server.start({"--requirepass", "se@cret", "--user", "writer", "on", ">pw", "~*", "+@all"}));
        Settings settings;
        settings.url =
            *Url::parse(QStringLiteral("redis://%1%2:%3/3")
                            .arg(user, QStringLiteral("127.0.0.1"), QString::number(server.port())));
        Client client(settings);
        QSignalSpy connected(&client, &Client::connected);
        QSignalSpy failed(&client, &Client::failed);
        client.open();
        QTRY_VERIFY(connected.size() + failed.size() == 1);
        if (expected != ErrorKind::None) {
            QCOMPARE(failed.size(), 1);
            const auto failure = failed[0][0].value<Failure>();
            QCOMPARE(failure.kind, expected);
            QVERIFY2(failure.error.message.contains(QStringLiteral("password")),
                     qPrintable(failure.error.message));
            QVERIFY(!failure.error.message.contains(QStringLiteral("other")));
            return;
        }
        QByteArray info;
        client.send(Command("CLIENT").add("INFO"),
                    [&info](const Reply &reply) { info = reply.text().toByteArray(); });
        QTRY_VERIFY(!info.isEmpty());
        QVERIFY2(info.contains(" db=3 "), info.constData());
    }

    void tellsOfALostConnection()
    {
        RedisServer server;
        QVERIFY(server.start());
        Client client(settingsFor(server));
        QSignalSpy failed(&client, &Client::failed);
        client.open();
        QTRY_VERIFY(client.isOpen());
        QList<bool> lost;
        const auto note = [&lost](const Reply &reply) { lost.append(reply.isLost()); };
        client.send(Command("PING"), note);
        QTRY_COMPARE(lost, QList<bool>{false});
        server.freeze();
        for (int i = 0; i < 5; ++i)
            client.send(Command("PING"), note);
        server.kill();
        QTRY_COMPARE(failed.size(), 1);
        QCOMPARE(lost.mid(1), QList<bool>(5, true));
        QVERIFY(!client.isOpen());

        // Closed, it still answers; and opens again when it is told to.
        client.send(Command("PING"), note);
        QCOMPARE(lost.size(), qsizetype(6));
        QTRY_COMPARE(lost.size(), qsizetype(7));
        client.open();
        QTRY_COMPARE(failed.size(), 2);
        QVERIFY(server.restart());
        client.open();
        QTRY_VERIFY(client.isOpen());
    }

    void givesUpOnAServerThatSaysNothing()
    {
        RedisServer server;
        QVERIFY(server.start());
        Settings settings = settingsFor(server);
        settings.replyTimeout = 300ms;
        Client client(settings);
        QSignalSpy failed(&client, &Client::failed);
        client.open();
        QTRY_VERIFY(client.isOpen());
        // A command that may block has its time on top.
        bool isNil = false;
        client.send(Command("BLPOP").key("none").add("1").mayBlock(1s),
                    [&isNil](const Reply &reply) { isNil = reply.isNil(); });
        QTRY_VERIFY(isNil);
        QCOMPARE(failed.size(), 0);

        server.freeze();
        client.send(Command("PING"), {});
        QTRY_COMPARE(failed.size(), 1);
        QVERIFY(failed[0][0].value<Failure>().error.message.contains(QStringLiteral("no answer")));
        server.thaw();
    }

    void givesUpOnAPortThatIsNoRedis()
    {
        QTcpServer mute;
        QVERIFY(mute.listen(QHostAddress::LocalHost));
        Settings settings;
        settings.connectTimeout = 300ms;
        settings.url = *Url::parse(QStringLiteral("redis://127.0.0.1:%1").arg(mute.serverPort()));
        Client client(settings);
        QSignalSpy failed(&client, &Client::failed);
        client.open();
        QTRY_COMPARE(failed.size(), 1);
        QVERIFY(failed[0][0].value<Failure>().error.message.contains(QStringLiteral("answered nothing")));

        connect(&mute, &QTcpServer::newConnection, this, [&mute] {
            while (QTcpSocket *socket = mute.nextPendingConnection())
                socket->write("HTTP/1.1 400 Bad Request\r\n\r\n");
        });
        client.open();
        QTRY_COMPARE(failed.size(), 2);
        QCOMPARE(failed[1][0].value<Failure>().error.kind, Error::Kind::Protocol);
    }

    void saysWhenToAskAgain()
    {
        RedisServer server;
        QVERIFY(server.start());
        Client client(settingsFor(server));
        Reconnector link(client);
        QSignalSpy askAgain(&link, &Reconnector::askAgain);
        link.start();
        QTRY_VERIFY(client.isOpen());
        link.noteRefusal();
        QVERIFY(link.isWaitingToAsk());
        QTRY_COMPARE(askAgain.size(), 1);
        QVERIFY(!link.isWaitingToAsk());
        link.noteRefusal();
        link.stop();
        QVERIFY(!link.isWaitingToAsk());
    }

    // From within its callbacks it may be closed, opened again and deleted.
    void standsItsOwner()
    {
        RedisServer server;
        QVERIFY(server.start());
        auto client = std::make_unique<Client>(settingsFor(server));
        client->open();
        int calls = 0;
        for (int i = 0; i < 10; ++i) {
            client->send(Command("PING"), [&](const Reply &) {
                if (++calls == 3) {
                    client->close();
                    client->open();
                }
            });
        }
        QTRY_VERIFY(calls == 3 && client->isOpen());
        QCOMPARE(client->unanswered(), qsizetype(0));
        client->send(Command("PING"), [&](const Reply &) {
            ++calls;
            client.reset();
        });
        QTRY_COMPARE(calls, 4);
        QVERIFY(!client);
    }

    void usesASocket()
    {
        RedisServer server;
        QTemporaryDir folder;
        const QString path = folder.filePath(QStringLiteral("redis.sock"));
        QVERIFY(server.start({"--unixsocket", path}));
        // It listens on its port before there is a socket, and answers when there is one.
        QCOMPARE(server.call({"PING"}), QByteArray("PONG"));
        Settings settings;
        settings.url = *Url::parse(QStringLiteral("unix://%1?db=1").arg(path));
        Client client(settings);
        client.open();
        QByteArray answer;
        client.send(Command("PING"), [&answer](const Reply &reply) { answer = reply.text().toByteArray(); });
        QTRY_COMPARE(answer, QByteArray("PONG"));
    }

    void verifiesTls()
    {
        RedisServer server;
        QVERIFY2(server.startTls(), server.log().constData());
        Settings settings;
        settings.url = *Url::parse(server.tlsUrl());
        Client strict(settings);
        QSignalSpy failed(&strict, &Client::failed);
        strict.open();
        QTRY_COMPARE(failed.size(), 1); // nobody vouches for it
        settings.caFile = server.caFile();
        Client client(settings);
        client.open();
        QByteArray answer;
        client.send(Command("PING"), [&answer](const Reply &reply) { answer = reply.text().toByteArray(); });
        QTRY_COMPARE(answer, QByteArray("PONG"));
    }

private:
    static Settings settingsFor(const RedisServer &server)
    {
        Settings settings;
        settings.url = *Url::parse(server.url());
        return settings;
    }
};

QTEST_GUILESS_MAIN(tst_RedisClient)

#include "tst_redis_client.moc"
