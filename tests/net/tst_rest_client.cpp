// SPDX-License-Identifier: Apache-2.0
#include "raw_peer.h"
#include "rest_test.h"

#include <QSignalSpy>
#include <QTest>

using namespace tidemill;
using namespace tidemill::net;
using namespace std::chrono_literals;

namespace {

std::optional<QString> unlessWell(const HttpReply &reply)
{
    if (reply.body == "well")
        return {};
    return QStringLiteral("it says '%1'").arg(QString::fromUtf8(reply.body));
}

} // namespace

class tst_RestClient : public QObject
{
    Q_OBJECT

private slots:
    void asksOneAfterTheOther()
    {
        RawPeer peer;
        RestClient client;
        QVERIFY(client.configure(quickSettings()));
        QByteArrayList bodies;
        for (const char *path : {"/1", "/2"})
            client.get({peer.url("http", path)}, this,
                       [&bodies](const HttpReply &got) { bodies.append(got.body); });
        for (const char *path : {"/1", "/2"}) {
            const auto socket = peer.accept();
            QVERIFY(socket);
            QVERIFY(RawPeer::readRequest(*socket).startsWith(QByteArray("GET ") + path + ' '));
            QVERIFY(!peer.hasClient());
            socket->write(reply(200, path));
            QTRY_VERIFY(bodies.contains(path));
        }
        QCOMPARE(client.waiting(), 0);
    }

    // What is refused again and again does not hold up the others, which keep their order.
    void letsOthersPassWhatFails()
    {
        RawPeer peer;
        RestClient client;
        RestSettings settings = quickSettings();
        settings.backoff = {.initial = 10s, .max = 10s, .jitter = Jitter::None};
        QVERIFY(client.configure(settings));
        QSignalSpy troubled(&client, &RestClient::troubled);
        QSignalSpy recovered(&client, &RestClient::recovered);
        QByteArrayList bodies;
        for (const char *path : {"/stuck", "/1", "/2"})
            client.get({.url = peer.url("http", path), .unusable = unlessWell}, this,
                       [&bodies, path](const HttpReply &) { bodies.append(path); });
        const auto serve = [&peer](const QByteArray &path, const QByteArray &answer) {
            const auto socket = peer.accept();
            if (!socket || !RawPeer::readRequest(*socket).startsWith("GET " + path + ' '))
                return false;
            socket->write(answer);
            return socket->waitForBytesWritten(1000);
        };
        QVERIFY(serve("/stuck", reply(200, "busy")));
        QVERIFY(serve("/1", reply(200, "well")));
        QVERIFY(serve("/2", reply(200, "well")));
        QTRY_COMPARE(bodies, (QByteArrayList{"/1", "/2"}));
        // And one that comes while only that waits.
        client.get({peer.url("http", "/3")}, this, [&bodies](const HttpReply &) { bodies.append("/3"); });
        QVERIFY(serve("/3", reply(200, "well")));
        QTRY_COMPARE(bodies.size(), 3);
        QCOMPARE(client.waiting(), 1);
        QCOMPARE(troubled.size(), 1);
        QVERIFY(recovered.isEmpty()); // that one is still not answered
    }

    void triesAgainInItsTurn()
    {
        RawPeer peer;
        RestClient client;
        QVERIFY(client.configure(quickSettings()));
        QSignalSpy recovered(&client, &RestClient::recovered);
        QByteArrayList bodies;
        for (const char *path : {"/0", "/1"})
            client.get({.url = peer.url("http", path), .unusable = unlessWell}, this,
                       [&bodies, path](const HttpReply &) { bodies.append(path); });
        for (const auto &[path, body] : std::initializer_list<std::pair<QByteArray, QByteArray>>{
                 {"/0", "busy"}, {"/1", "well"}, {"/0", "busy"}, {"/0", "well"}}) {
            QVERIFY(recovered.isEmpty());
            const auto socket = peer.accept();
            QVERIFY(socket);
            QVERIFY(RawPeer::readRequest(*socket).startsWith("GET " + path + ' '));
            socket->write(reply(200, body));
            QVERIFY(socket->waitForBytesWritten(1000));
        }
        QTRY_COMPARE(bodies, (QByteArrayList{"/1", "/0"}));
        QCOMPARE(recovered.size(), 1);
    }

    // Nobody is asked any faster because there is more to ask for.
    void pausesForAHostThatAnswersNothing()
    {
        RawPeer peer;
        RestClient client;
        RestSettings settings = quickSettings();
        settings.backoff = {.initial = 500ms, .max = 500ms, .jitter = Jitter::None};
        QVERIFY(client.configure(settings));
        QSignalSpy troubled(&client, &RestClient::troubled);
        for (const char *path : {"/0", "/1", "/2"})
            client.get({peer.url("http", path)}, this, [](const HttpReply &) {});
        QElapsedTimer since;
        for (int attempt = 0; attempt < 3; ++attempt) {
            const auto socket = peer.accept();
            QVERIFY(socket);
            QVERIFY(RawPeer::readRequest(*socket).startsWith("GET /" + QByteArray::number(attempt)));
            if (attempt == 2)
                QVERIFY2(since.elapsed() >= 450, qPrintable(QString::number(since.elapsed())));
            since.start();
            socket->write(reply(503, "down"));
            QTRY_COMPARE(troubled.size(), attempt + 1);
        }
    }

    void givesUpAfterTheAttemptsOfARequest()
    {
        RawPeer peer;
        RestClient client;
        QVERIFY(client.configure(quickSettings()));
        QSignalSpy troubled(&client, &RestClient::troubled);
        std::optional<HttpReply> got;
        client.get({.url = peer.url("http"), .attempts = 2}, this,
                   [&got](const HttpReply &answer) { got = answer; });
        for (int attempt = 0; attempt < 2; ++attempt) {
            const auto socket = peer.accept();
            QVERIFY(socket);
            RawPeer::readRequest(*socket);
            socket->write(reply(500, "broken"));
            QTRY_VERIFY(attempt == 0 ? troubled.size() == 1 : got.has_value());
        }
        QVERIFY(got->error);
        QCOMPARE(got->error->message, "127.0.0.1: HTTP 500 broken, after 2 tries");
        QCOMPARE(client.waiting(), 0);
    }

    void triesAgain_data()
    {
        QTest::addColumn<QByteArray>("first");
        QTest::newRow("server trouble") << reply(503, "<html>");
        QTest::newRow("hangs up") << QByteArray();
        QTest::newRow("half a body") << reply(200, "0123456789").chopped(5);
        QTest::newRow("asked to stop") << reply(429, "{}", "Retry-After: 0\r\n");
    }
    void triesAgain()
    {
        QFETCH(QByteArray, first);
        RawPeer peer;
        RestClient client;
        QVERIFY(client.configure(quickSettings()));
        QSignalSpy troubled(&client, &RestClient::troubled);
        QSignalSpy recovered(&client, &RestClient::recovered);
        QByteArray body;
        client.get({peer.url("http")}, this, [&body](const HttpReply &got) { body = got.body; });
        while (troubled.isEmpty()) { // Qt itself asks a second time where nothing came
            auto socket = peer.accept();
            QVERIFY(socket);
            QVERIFY(!RawPeer::readRequest(*socket).isEmpty());
            socket->write(first);
            socket->disconnectFromHost();
            QTRY_VERIFY(!troubled.isEmpty() || peer.hasClient());
        }
        QVERIFY(recovered.isEmpty());
        const auto socket = peer.accept();
        QVERIFY(socket);
        RawPeer::readRequest(*socket);
        socket->write(reply(200, "well"));
        QTRY_COMPARE(body, "well");
        QCOMPARE(recovered.size(), 1);
    }

    // Some exchanges say with 200 that they are busy.
    void triesAgainWhatIsUnusable()
    {
        RawPeer peer;
        RestClient client;
        QVERIFY(client.configure(quickSettings()));
        QByteArrayList heard;
        client.setObserver([&heard](const QUrl &, const QByteArray &body) { heard.append(body); });
        QSignalSpy troubled(&client, &RestClient::troubled);
        QSignalSpy recovered(&client, &RestClient::recovered);
        QByteArray body;
        client.get({.url = peer.url("http"), .unusable = unlessWell}, this,
                   [&body](const HttpReply &got) { body = got.body; });
        for (const char *answer : {"busy", "still busy", "well"}) {
            const auto socket = peer.accept();
            QVERIFY(socket);
            RawPeer::readRequest(*socket);
            QVERIFY(body.isEmpty());
            QVERIFY(recovered.isEmpty());
            socket->write(reply(200, answer));
            QTRY_VERIFY(heard.contains(answer));
        }
        QTRY_COMPARE(body, "well");
        QCOMPARE(troubled.size(), 2);
        const QString cause = troubled.last().first().value<Error>().message;
        QVERIFY2(cause.startsWith("127.0.0.1: it says 'still busy'; trying again in "), qPrintable(cause));
        QCOMPARE(recovered.size(), 1);
        QCOMPARE(client.waiting(), 0);
    }

    void givesUpOnWhatStaysUnusable()
    {
        RawPeer peer;
        RestClient client;
        RestSettings settings = quickSettings();
        settings.attempts = 2;
        QVERIFY(client.configure(settings));
        QSignalSpy troubled(&client, &RestClient::troubled);
        std::optional<HttpReply> got;
        client.get({.url = peer.url("http"), .unusable = unlessWell}, this,
                   [&got](const HttpReply &answer) { got = answer; });
        for (int attempt = 0; attempt < 2; ++attempt) {
            const auto socket = peer.accept();
            QVERIFY(socket);
            RawPeer::readRequest(*socket);
            socket->write(reply(200, "busy"));
            QTRY_VERIFY(attempt == 0 ? troubled.size() == 1 : got.has_value());
        }
        QVERIFY(!got->isSuccess());
        QCOMPARE(got->error->message, "127.0.0.1: it says 'busy', after 2 tries");
        QCOMPARE(troubled.size(), 1);
    }

    // What is no success is not shown to it, nor what nobody waits for any more.
    void asksNobodyWhetherARefusalIsUsable()
    {
        RawPeer peer;
        RestClient client;
        QVERIFY(client.configure(quickSettings()));
        int asked = 0;
        const auto unusable = [&asked](const HttpReply &) {
            ++asked;
            return std::optional(QStringLiteral("never"));
        };
        int status = 0;
        auto other = std::make_unique<QObject>();
        client.get({.url = peer.url("http"), .unusable = unusable}, this,
                   [&status](const HttpReply &got) { status = got.status; });
        client.get({.url = peer.url("http"), .unusable = unusable}, other.get(), [](const HttpReply &) {});
        const auto first = peer.accept();
        QVERIFY(first);
        RawPeer::readRequest(*first);
        first->write(reply(404, "{}"));
        QTRY_COMPARE(status, 404);
        const auto second = peer.accept();
        QVERIFY(second);
        RawPeer::readRequest(*second);
        other.reset();
        second->write(reply(200, "x"));
        QTRY_COMPARE(client.waiting(), 0);
        QCOMPARE(asked, 0);
    }

    void sendsTheHeadersOfARequest()
    {
        RawPeer peer;
        RestClient client;
        RestSettings settings = quickSettings();
        settings.headers = {{"X-Unit", "micro"}, {"X-Key", "abc"}};
        QVERIFY(client.configure(settings));
        std::optional<HttpReply> got;
        client.get({.url = peer.url("http"), .headers = {{"Range", "bytes=4-7"}, {"X-Unit", "milli"}}}, this,
                   [&got](const HttpReply &answer) { got = answer; });
        const auto socket = peer.accept();
        QVERIFY(socket);
        const QByteArray request = RawPeer::readRequest(*socket);
        QVERIFY2(request.contains("Range: bytes=4-7\r\n") && request.contains("X-Key: abc\r\n"), request);
        QVERIFY2(request.contains("X-Unit: milli\r\n") && !request.contains("micro"), request);
        socket->write(reply(206, "4567", "Content-Range: bytes 4-7/16\r\n"));
        QTRY_VERIFY(got);
        QCOMPARE(got->status, 206);
        QVERIFY(got->isSuccess());
        QCOMPARE(findHeader(got->headers, "Content-Range"), QByteArray("bytes 4-7/16"));
    }

    void handsOverARefusal()
    {
        RawPeer peer;
        RestClient client;
        QVERIFY(client.configure(quickSettings()));
        QSignalSpy troubled(&client, &RestClient::troubled);
        int status = 0;
        client.get({peer.url("http")}, this, [&status](const HttpReply &got) { status = got.status; });
        const auto socket = peer.accept();
        QVERIFY(socket);
        RawPeer::readRequest(*socket);
        socket->write(reply(400, "{\"code\":-1121}"));
        QTRY_COMPARE(status, 400);
        QVERIFY(troubled.isEmpty());
    }

    void givesUpAfterItsAttempts()
    {
        RawPeer peer;
        RestClient client;
        RestSettings settings = quickSettings();
        settings.attempts = 2;
        QVERIFY(client.configure(settings));
        QSignalSpy troubled(&client, &RestClient::troubled);
        std::optional<HttpReply> got;
        client.get({peer.url("http")}, this, [&got](const HttpReply &answer) { got = answer; });
        for (int attempt = 0; attempt < 2; ++attempt) {
            const auto socket = peer.accept();
            QVERIFY(socket);
            RawPeer::readRequest(*socket);
            socket->write(reply(500, "broken"));
            socket->disconnectFromHost();
            QTRY_VERIFY(attempt == 0 ? troubled.size() == 1 : got.has_value());
        }
        QVERIFY(got->error);
        QVERIFY2(got->error->message.contains("HTTP 500 broken, after 2 tries"),
                 qPrintable(got->error->message));
    }

    void anAddressThatIsNoneIsAnErrorAtOnce()
    {
        RestClient client;
        QVERIFY(client.configure(quickSettings()));
        std::optional<HttpReply> got;
        client.get({QUrl("ftp://a.example/")}, this, [&got](const HttpReply &answer) { got = answer; });
        QVERIFY(!got);
        QTRY_VERIFY(got);
        QVERIFY(got->error);
    }

    // Who asks for more than can be told apart from a mistake hears of it, and the others are not touched.
    void refusesWhatIsTooMuch()
    {
        RawPeer peer;
        RestClient client;
        RestSettings settings = quickSettings();
        settings.maxWaiting = 2;
        QVERIFY(client.configure(settings));
        QStringList answers;
        QObject other;
        const auto ask = [&](const char *path, QObject *context) {
            client.get({peer.url("http", path)}, context, [&answers, path](const HttpReply &got) {
                answers.append(QLatin1String(path) + ' ' +
                               (got.error ? got.error->message : QString::fromUtf8(got.body)));
            });
        };
        ask("/a", this);
        ask("/b", this);
        ask("/c", this);
        ask("/d", &other);
        QCOMPARE(client.waiting(), 4);
        client.cancel(&other);
        QVERIFY(answers.isEmpty());
        QTRY_COMPARE(answers, QStringList{"/c 127.0.0.1: more than 2 requests wait for it already"});
        QCOMPARE(client.waiting(), 2);
        answers.clear();
        for (const char *path : {"/a", "/b"}) {
            const auto socket = peer.accept();
            QVERIFY(socket);
            QVERIFY(RawPeer::readRequest(*socket).startsWith(QByteArray("GET ") + path + ' '));
            socket->write(reply(200, "x"));
            QTRY_VERIFY(answers.contains(QLatin1String(path) + QLatin1String(" x")));
        }
        ask("/e", this);
        const auto socket = peer.accept();
        QVERIFY(socket);
        QVERIFY(RawPeer::readRequest(*socket).startsWith("GET /e "));
        socket->write(reply(200, "x"));
        QTRY_COMPARE(answers.size(), 3);
    }

    void diesWhileItRefuses()
    {
        auto *client = new RestClient;
        RestSettings settings = quickSettings();
        settings.maxWaiting = 0;
        QVERIFY(client->configure(settings));
        int answers = 0;
        for (int i = 0; i < 2; ++i) {
            client->get({QUrl("http://127.0.0.1/")}, this, [&client, &answers](const HttpReply &) {
                ++answers;
                delete client;
                client = nullptr;
            });
        }
        QTRY_VERIFY(!client);
        QCOMPARE(answers, 1);
    }

    void forgetsACancelledContext()
    {
        RawPeer peer;
        RestClient client;
        QVERIFY(client.configure(quickSettings()));
        QObject other;
        bool called = false;
        QByteArray body;
        client.get({peer.url("http", "/a")}, &other, [&called](const HttpReply &) { called = true; });
        client.get({peer.url("http", "/b")}, this, [&body](const HttpReply &got) { body = got.body; });
        const auto first = peer.accept();
        QVERIFY(first);
        RawPeer::readRequest(*first);
        client.cancel(&other);
        QCOMPARE(client.waiting(), 1);
        const auto second = peer.accept();
        QVERIFY(second);
        QVERIFY(RawPeer::readRequest(*second).startsWith("GET /b"));
        second->write(reply(200, "b"));
        QTRY_COMPARE(body, "b");
        QVERIFY(!called);
    }

    void diesWithinItsOwnCallback()
    {
        RawPeer peer;
        auto *client = new RestClient;
        QVERIFY(client->configure(quickSettings()));
        client->get({peer.url("http")}, this, [&client](const HttpReply &) {
            delete client;
            client = nullptr;
        });
        const auto socket = peer.accept();
        QVERIFY(socket);
        RawPeer::readRequest(*socket);
        socket->write(reply(200, "x"));
        QTRY_VERIFY(!client);
    }
};

QTEST_GUILESS_MAIN(tst_RestClient)
#include "tst_rest_client.moc"
