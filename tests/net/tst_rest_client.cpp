// SPDX-License-Identifier: Apache-2.0
#include "exchange/fake_exchange.h"
#include "raw_peer.h"
#include "rest_budget.h"

#include <tidemill/net/rest_client.h>

#include <QSignalSpy>
#include <QTest>

using namespace tidemill;
using namespace tidemill::net;
using namespace std::chrono_literals;

namespace {

QByteArray reply(int status, const QByteArray &body, const QByteArray &headers = {})
{
    return "HTTP/1.1 " + QByteArray::number(status) + " X\r\nConnection: close\r\n" + headers +
           "Content-Length: " + QByteArray::number(body.size()) + "\r\n\r\n" + body;
}

RestSettings quickSettings()
{
    RestSettings settings;
    settings.backoff = {.initial = 10ms, .max = 50ms};
    settings.limits.blockingStatuses = {429, 418};
    settings.limits.usedWeightHeader = "X-MBX-USED-WEIGHT-1M";
    return settings;
}

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
    // --- the budget, with times of our own

    void slidesItsWindow()
    {
        RestBudget budget({.weight = 100, .window = 1000ms, .usable = 0.5});
        QCOMPARE(budget.tryTake(30, {0, 0}).wait, 0);
        QCOMPARE(budget.tryTake(20, {400, 0}).wait, 0);
        QCOMPARE(budget.tryTake(10, {500, 0}).wait, 500);
        QCOMPARE(budget.tryTake(40, {500, 0}).wait, 900);
        QCOMPARE(budget.tryTake(30, {1000, 0}).wait, 0);
    }

    void countsByTheMinuteOfTheClock()
    {
        RestBudget budget({.weight = 100, .window = 1000ms, .wallClock = true, .usable = 1});
        QCOMPARE(budget.tryTake(100, {0, 5900}).wait, 0);
        QCOMPARE(budget.tryTake(1, {10, 5950}).wait, 150); // and a little for clocks that differ
        QCOMPARE(budget.tryTake(100, {110, 6050}).wait, 0);
    }

    void givesTheTooHeavyAWindowOfTheirOwn()
    {
        RestBudget budget({.weight = 10, .window = 1000ms, .usable = 1});
        QCOMPARE(budget.tryTake(250, {0, 0}).wait, 0);
        QCOMPARE(budget.tryTake(1, {999, 0}).wait, 1);
        QCOMPARE(budget.tryTake(1, {1000, 0}).wait, 0);
    }

    void believesTheExchangesCount()
    {
        RestBudget sliding({.weight = 100, .window = 1000ms, .usable = 1});
        QCOMPARE(sliding.tryTake(10, {0, 0}).wait, 0);
        sliding.correct(95, 0, {100, 0});
        QVERIFY(sliding.tryTake(10, {200, 0}).wait > 0);
        sliding.correct(5, 0, {200, 0}); // never downwards
        QVERIFY(sliding.tryTake(10, {200, 0}).wait > 0);

        RestBudget minute({.weight = 100, .window = 1000ms, .wallClock = true, .usable = 1});
        const auto turn = minute.tryTake(10, {0, 5000});
        minute.correct(95, turn.window, {0, 6001}); // of the minute before
        QCOMPARE(minute.tryTake(90, {0, 6002}).wait, 0);
    }

    void keepsABan()
    {
        RestBudget budget({});
        budget.ban(2000, {0, 0});
        budget.ban(500, {0, 0}); // a later, shorter one does not end it
        QCOMPARE(budget.tryTake(1, {500, 0}).wait, 1500);
        QVERIFY(budget.tryTake(1, {500, 0}).isBanned);
        QCOMPARE(budget.tryTake(1, {2000, 0}).wait, 0);
    }

    void sharesABudgetByHost()
    {
        const RestLimits limits;
        const auto one = RestBudget::shared(QUrl("https://a.example/x"), limits);
        QCOMPARE(RestBudget::shared(QUrl("https://a.example:443/y?z"), limits), one);
        QVERIFY(RestBudget::shared(QUrl("https://a.example:444/x"), limits) != one);
        QVERIFY(RestBudget::shared(QUrl("http://a.example/x"), limits) != one);
    }

    // --- the client

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

    void oneBanStopsEveryClientOfTheHost()
    {
        RawPeer peer;
        RestClient one;
        RestClient other;
        QVERIFY(one.configure(quickSettings()));
        QVERIFY(other.configure(quickSettings()));
        QSignalSpy troubled(&one, &RestClient::troubled);
        QSignalSpy otherTroubled(&other, &RestClient::troubled);
        one.get({peer.url("http")}, this, [](const HttpReply &) {});
        auto socket = peer.accept();
        QVERIFY(socket);
        RawPeer::readRequest(*socket);
        socket->write(reply(418, "<html>", "Retry-After: 1\r\n"));
        socket->disconnectFromHost();
        QTRY_COMPARE(troubled.size(), 1);
        QElapsedTimer since;
        since.start();
        bool answered = false;
        other.get({peer.url("http", "/other")}, this, [&answered](const HttpReply &) { answered = true; });
        QCOMPARE(otherTroubled.size(), 1);
        while (!answered) {
            socket = peer.accept();
            QVERIFY(socket);
            QVERIFY2(since.elapsed() > 900, qPrintable(QString::number(since.elapsed())));
            RawPeer::readRequest(*socket);
            socket->write(reply(200, "{}"));
            socket->disconnectFromHost();
            QTRY_VERIFY(answered || peer.hasClient());
        }
    }

    void waitsForItsBudget()
    {
        exchange::Settings exchangeSettings;
        exchangeSettings.limits.weightPerMinute = 100;
        exchange::FakeExchange exchange(exchangeSettings);
        QString error;
        QVERIFY2(exchange.start(&error), qPrintable(error));
        exchange.generate({});
        RestSettings settings = quickSettings();
        settings.limits.weight = 100;
        settings.limits.window = 800ms;
        RestClient client;
        QVERIFY(client.configure(settings));
        QSignalSpy troubled(&client, &RestClient::troubled);
        QElapsedTimer timer;
        timer.start();
        QList<qint64> times;
        const QUrl url(exchange.restUrl().toString() + QStringLiteral("/api/v3/ping"));
        for (int request = 0; request < 3; ++request)
            client.get({.url = url, .weight = 40}, this, [&](const HttpReply &got) {
                QCOMPARE(got.status, 200);
                times.append(timer.elapsed());
            });
        QTRY_COMPARE(times.size(), 3);
        QVERIFY(times[2] >= 750);
        QVERIFY(troubled.isEmpty());
    }

    void comesThroughAnExchangesFaults_data()
    {
        QTest::addColumn<QString>("fault");
        QTest::newRow("429") << QStringLiteral("rest:429:1:1s");
        QTest::newRow("500") << QStringLiteral("rest:500:500ms");
        QTest::newRow("slow") << QStringLiteral("slow:2s:500ms");
        QTest::newRow("truncated") << QStringLiteral("truncate:2");
    }
    void comesThroughAnExchangesFaults()
    {
        QFETCH(QString, fault);
        exchange::FakeExchange exchange;
        QString error;
        QVERIFY2(exchange.start(&error), qPrintable(error));
        exchange.generate({});
        QVERIFY2(exchange.inject(fault, &error), qPrintable(error));
        RestSettings settings = quickSettings();
        settings.http.timeout = 300ms;
        RestClient client;
        QVERIFY(client.configure(settings));
        QSignalSpy troubled(&client, &RestClient::troubled);
        std::optional<HttpReply> got;
        client.get({QUrl(exchange.restUrl().toString() + QStringLiteral("/api/v3/exchangeInfo"))}, this,
                   [&got](const HttpReply &answer) { got = answer; });
        QTRY_VERIFY_WITH_TIMEOUT(got, 10000);
        QVERIFY(got->isSuccess());
        QVERIFY(got->body.endsWith('}'));
        QVERIFY(!troubled.isEmpty());
    }

    // Ignoring 429 gets an address banned: we are never answered 418.
    void isNeverBanned()
    {
        exchange::Settings exchangeSettings;
        exchangeSettings.limits.weightPerMinute = 3;
        exchangeSettings.limits.banTime = std::chrono::seconds(1);
        exchange::FakeExchange exchange(exchangeSettings);
        QString error;
        QVERIFY2(exchange.start(&error), qPrintable(error));
        exchange.generate({});
        RestClient client;
        QVERIFY(client.configure(quickSettings()));
        QSignalSpy troubled(&client, &RestClient::troubled);
        const QUrl url(exchange.restUrl().toString() + QStringLiteral("/api/v3/ping"));
        for (int request = 0; request < 20; ++request)
            client.get({url}, this, [](const HttpReply &) {});
        QTRY_VERIFY(!troubled.isEmpty());
        const auto cause = troubled.first().first().value<Error>();
        QVERIFY2(cause.message.contains("429"), qPrintable(cause.message));
        QVERIFY(client.waiting() > 0);
    }
};

QTEST_GUILESS_MAIN(tst_RestClient)
#include "tst_rest_client.moc"
