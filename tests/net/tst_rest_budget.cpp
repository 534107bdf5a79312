// SPDX-License-Identifier: Apache-2.0
#include "exchange/fake_exchange.h"
#include "raw_peer.h"
#include "rest_budget.h"
#include "rest_test.h"

#include <QSignalSpy>
#include <QTest>

using namespace tidemill;
using namespace tidemill::net;
using namespace std::chrono_literals;

// The limits of a host: counted, and kept against an exchange that enforces them.
class tst_RestBudget : public QObject
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

QTEST_GUILESS_MAIN(tst_RestBudget)
#include "tst_rest_budget.moc"
