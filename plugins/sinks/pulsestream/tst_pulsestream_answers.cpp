// SPDX-License-Identifier: Apache-2.0
#include "pulsestream_test.h"

using namespace tidemill;
using namespace tidemill::pulsestream;
using namespace std::chrono_literals;

namespace {

Response reply(int status, const QByteArray &body = "{}")
{
    return {.status = status, .body = body};
}

// What the service may say. Here, as moc stumbles over raw strings within a class.
const QByteArray resetInWindow = R"({"window_size_seconds":60,"reset_time":)";
const QByteArray resetFront = R"({"reset_time":)";
const QByteArray resetIso = "{\"reset_time\":\"";
const QByteArray resetPast = R"({"reset_time":1})";
const QByteArray resetAbsurd = R"({"reset_time":1e300,"window_size_seconds":-5})";
const QByteArray notFound = R"({"detail":"Not Found"})";
const QByteArray tooFewResults = R"({"results":[{"success":true}]})";
const QByteArray databaseTrouble =
    R"({"message":{"message":"Event ingestion failed","errors":["(OperationalError) gone"]}})";
const QByteArray eventsTrouble =
    R"({"results":[{"success":false,"message":"Event ingestion failed","errors":["connection was closed"]},)"
    R"({"success":false,"message":"Event ingestion failed","errors":["connection was closed"]}]})";
const QByteArray successful = R"({"success":true,"message":"Event ingested successfully"})";
const QByteArray maintenance = R"({"status":"maintenance"})";
const QByteArray successAsText = R"({"success":"true"})";
const QByteArray successAsNumber = R"({"success":1})";
const QByteArray alreadyExists = R"({"message":"Event already exists"})";
const QByteArray resultsFront = R"({"results":[)";
const QByteArray batchTooLarge = R"({"message":"Batch too large"})";

} // namespace

// What the sink makes of everything else than success: what is tried again, what never.
class tst_PulseStreamAnswers : public PulseStreamTest
{
    Q_OBJECT

private slots:
    void faultsOfAnEventAreFinal_data()
    {
        QTest::addColumn<bool>("together");
        QTest::newRow("in a batch") << true;
        QTest::newRow("alone") << false;
    }

    void faultsOfAnEventAreFinal()
    {
        QFETCH(bool, together);
        begin({{"events_per_request", together ? 100 : 1}});
        service().forbidden = {idOf(2)};
        Ticker future = exampleTicker(3);
        future.ts_event = Timestamp::now() + 1h;

        const BatchPtr batch = testing::batch({exampleTicker(1), exampleTicker(2), future, exampleTicker(4)});
        offer({batch});

        QTRY_COMPARE(m_partly->size(), 1);
        const QList<RowFailure> rows = failedRows(0);
        QCOMPARE(rows.size(), 2);
        QCOMPARE(rows[0].row, 1);
        QVERIFY(rows[0].isFinal && rows[1].isFinal);
        QVERIFY2(rows[0].error.message.contains("event coinbase-BTC-USD-2: "),
                 qPrintable(rows[0].error.message));
        QVERIFY2(rows[0].error.message.contains("forbidden by the test"), qPrintable(rows[0].error.message));
        QCOMPARE(rows[1].row, 2);
        QVERIFY2(rows[1].error.message.contains("5 minutes"), qPrintable(rows[1].error.message));
        QCOMPARE(service().storedIds(), (QList<QByteArray>{idOf(1), idOf(4)}));
        QVERIFY(m_failed->isEmpty() && m_delayed->isEmpty() && m_delivered->isEmpty());
    }

    void waitsForTheRateLimit_data()
    {
        QTest::addColumn<int>("perRequest");
        QTest::newRow("in batches") << 100;
        QTest::newRow("one by one") << 1;
    }

    void waitsForTheRateLimit()
    {
        QFETCH(int, perRequest);
        begin({{"events_per_request", perRequest}});
        service().limit = 5;
        service().windowMs = 3600000;

        offer({tickers(1, 12), tickers(13, 1)});

        QTRY_COMPARE(m_delayed->size(), 1);
        QCOMPARE(m_partly->size(), 1);
        QCOMPARE(m_partly->first().first().value<BatchPtr>()->rowCount(), 12);
        const QList<RowFailure> rows = failedRows(0);
        QCOMPARE(rows.size(), 7);
        QCOMPARE(rows.first().row, 5);
        QVERIFY(!rows.first().isFinal && !rows.last().isFinal);
        const QString cause = m_delayed->first().first().value<Error>().message;
        QVERIFY2(cause.contains("Rate limit exceeded"), qPrintable(cause));
        QVERIFY(delay(0) > 0ms && delay(0) <= 1h + 1s);
        QCOMPARE(service().questions, 1);
        QVERIFY(m_failed->isEmpty() && m_delivered->isEmpty());

        service().limit = 0;
        offer({tickers(6, 7), tickers(13, 1)});
        QTRY_COMPARE(m_delivered->size(), 2);
        QCOMPARE(service().storedIds(), idsOf(1, 13));
        QCOMPARE(service().repeated, 0);
    }

    void findsOutWhenToGoOn_data()
    {
        QTest::addColumn<int>("status");
        QTest::addColumn<QByteArray>("body");
        QTest::addColumn<int>("atMostMs");

        const QByteArray reset = QByteArray::number(QDateTime::currentSecsSinceEpoch() + 30);
        const QByteArray iso =
            QDateTime::currentDateTimeUtc().addSecs(30).toString("yyyy-MM-ddTHH:mm:ss").toUtf8();
        QTest::newRow("seconds") << 200 << resetInWindow + reset + '}' << 31200;
        QTest::newRow("a fraction") << 200 << resetFront + reset + ".5}" << 31200;
        QTest::newRow("ISO") << 200 << resetIso + iso + "\"}" << 31200;
        QTest::newRow("in the past") << 200 << QByteArray(resetPast) << 60200;
        QTest::newRow("absurd") << 200 << QByteArray(resetAbsurd) << 60200;
        QTest::newRow("no JSON") << 200 << QByteArray("<html>") << 60200;
        QTest::newRow("an error") << 500 << QByteArray("{}") << 60200;
    }

    void findsOutWhenToGoOn()
    {
        QFETCH(int, status);
        QFETCH(QByteArray, body);
        QFETCH(int, atMostMs);
        begin();
        service().limit = 1;
        service().limitScript = {reply(status, body)};

        offer({tickers(1, 2)});

        QTRY_COMPARE(m_delayed->size(), 1);
        QVERIFY2(delay(0) > 0ms && delay(0) <= std::chrono::milliseconds(atMostMs),
                 qPrintable(QString::number(delay(0).count())));
    }

    void aDatabaseOutageIsNoReasonToDrop()
    {
        begin();
        service().databaseIsDown = true;

        offer({tickers(1, 3)});
        QTRY_COMPARE(m_failed->size(), 1);
        QVERIFY2(failure(0).contains("401: Invalid API key"), qPrintable(failure(0)));
        QVERIFY(m_partly->isEmpty() && m_rejected->isEmpty());

        service().databaseIsDown = false;
        offer({tickers(1, 3)});
        QTRY_COMPARE(m_delivered->size(), 1);
    }

    void aLostRaceIsOfferedOnceMore_data()
    {
        QTest::addColumn<int>("times");
        QTest::addColumn<bool>("isDelivered");
        QTest::newRow("once") << 1 << true;
        QTest::newRow("again and again") << 9 << false;
    }

    void aLostRaceIsOfferedOnceMore()
    {
        QFETCH(int, times);
        QFETCH(bool, isDelivered);
        begin();
        service().uniqueViolations = times;

        offer({tickers(1, 1)});
        QTRY_COMPARE(m_partly->size(), 1);
        QVERIFY(!failedRows(0).first().isFinal);
        QCOMPARE(service().posts.size(), 1); // when to try again is the host's business
        offer({tickers(1, 1)});

        QTRY_COMPARE(m_delivered->size() + m_partly->size(), 2);
        QCOMPARE(m_delivered->size() == 1, isDelivered);
        if (!isDelivered)
            QVERIFY(failedRows(1).first().isFinal);
        QCOMPARE(service().posts.size(), 2);
        QCOMPARE(service().stored.size(), 1);
    }

    void onlyASuccessIsASuccess_data()
    {
        QTest::addColumn<int>("status");
        QTest::addColumn<QByteArray>("body");
        QTest::addColumn<bool>("isStored");

        QTest::newRow("200") << 200 << successful << true;
        QTest::newRow("201") << 201 << successful << true;
        QTest::newRow("202") << 202 << successful << true;
        QTest::newRow("another 2xx") << 204 << successful << false;
        QTest::newRow("nothing") << 200 << QByteArray() << false;
        QTest::newRow("an empty object") << 200 << QByteArray("{}") << false;
        QTest::newRow("null") << 200 << QByteArray("null") << false;
        QTest::newRow("a list") << 200 << QByteArray("[]") << false;
        QTest::newRow("maintenance") << 200 << maintenance << false;
        QTest::newRow("a text") << 200 << successAsText << false;
        QTest::newRow("a number") << 200 << successAsNumber << false;
        QTest::newRow("known, it says") << 200 << alreadyExists << false;
    }

    void onlyASuccessIsASuccess()
    {
        QFETCH(int, status);
        QFETCH(QByteArray, body);
        QFETCH(bool, isStored);
        begin({{"events_per_request", 1}});
        service().script = {reply(status, body)};

        offer({tickers(1, 1)});

        QTRY_COMPARE(m_delivered->size() + m_failed->size(), 1);
        QCOMPARE(m_delivered->size() == 1, isStored);
        QVERIFY(m_partly->isEmpty() && m_rejected->isEmpty());
    }

    void onlyASuccessIsASuccessInABatch_data()
    {
        QTest::addColumn<QByteArray>("result");

        QTest::newRow("null") << QByteArray("null");
        QTest::newRow("an empty object") << QByteArray("{}");
        QTest::newRow("a list") << QByteArray("[]");
        QTest::newRow("true") << QByteArray("true");
        QTest::newRow("maintenance") << maintenance;
        QTest::newRow("a text") << successAsText;
        QTest::newRow("no success") << alreadyExists;
    }

    void onlyASuccessIsASuccessInABatch()
    {
        QFETCH(QByteArray, result);
        begin();
        service().script = {reply(200, resultsFront + successful + ',' + result + ',' + successful + "]}")};

        offer({tickers(1, 3)});

        QTRY_COMPARE(m_failed->size(), 1);
        QVERIFY2(failure(0).contains("a result that says 'success', got " + result.left(9)),
                 qPrintable(failure(0)));
        QCOMPARE(m_partly->size(), 1); // the others are stored
        QCOMPARE(failedRows(0).size(), 1);
        QCOMPARE(failedRows(0).first().row, 1);
        QVERIFY(!failedRows(0).first().isFinal);
    }

    // The service cannot say yes to it any more, though it has it.
    void whatIsThereTwiceIsThere()
    {
        begin();
        service().addRow(idOf(1));
        service().addRow(idOf(1));

        offer({tickers(1, 1), tickers(1, 2)});

        QTRY_COMPARE(m_delivered->size(), 2);
        QCOMPARE(service().storedIds(), idsOf(2, 1));
    }

    void sendsPlainToAServiceWithoutGzip()
    {
        begin({{"compression", "gzip"}});

        offer({tickers(1, 50)});
        QTRY_COMPARE(m_delivered->size(), 1);
        offer({tickers(51, 50)});
        QTRY_COMPARE(m_delivered->size(), 2);

        QCOMPARE(service().storedIds(), idsOf(1, 100));
        QCOMPARE(service().posts.size(), 2); // the packed one was not let in
    }

    void packsForAServiceWithGzip()
    {
        begin({{"compression", "gzip"}});
        service().takesGzip = true;
        service().forbidden = {idOf(1)};

        offer({tickers(2, 50)});
        QTRY_COMPARE(m_delivered->size(), 1);
        offer({tickers(1, 1)}); // a fault of an event is not taken for one of gzip
        QTRY_COMPARE(m_partly->size(), 1);

        QCOMPARE(service().posts.size(), 2);
        QCOMPARE(service().posts.last().headers.value("content-encoding"), QByteArray("gzip"));
        QVERIFY(service().posts.first().body.size() < 10000);
    }

    void otherAnswers_data()
    {
        QTest::addColumn<int>("status");
        QTest::addColumn<QByteArray>("header");
        QTest::addColumn<QByteArray>("body");
        QTest::addColumn<QString>("message");
        QTest::addColumn<int>("waitMs");

        const auto row = [](const char *name, int status, const QByteArray &header, const QByteArray &body,
                            const char *message, int waitMs) {
            QTest::newRow(name) << status << header << body << QString(message) << waitMs;
        };
        row("429 with a time", 429, "7", "{}", "HTTP 429", 7000);
        row("503 with a time", 503, "2", "{}", "HTTP 503", 2000);
        row("503", 503, "", "<html>", "HTTP 503", -1);
        row("502", 502, "", "", "HTTP 502", -1);
        row("404", 404, "", notFound, "HTTP 404: Not Found", -1);
        row("415", 415, "", "{}", "HTTP 415", -1);
        row("307", 307, "", "", "HTTP 307: it is at another address", -1);
        row("a page of somebody in between", 200, "", "<html>", "expected 2 results", -1);
        row("too few results", 200, "", tooFewResults, "expected 2 results, one for each event, got 1", -1);
        row("a database in trouble", 400, "", databaseTrouble, "OperationalError", -1);
        row("events in trouble", 200, "", eventsTrouble, "connection was closed", -1);
    }

    void otherAnswers()
    {
        QFETCH(int, status);
        QFETCH(QByteArray, header);
        QFETCH(QByteArray, body);
        QFETCH(QString, message);
        QFETCH(int, waitMs);
        begin();
        Response scripted = reply(status, body);
        if (!header.isEmpty())
            scripted.headers.emplace_back("Retry-After", header);
        service().script = {scripted};

        offer({tickers(1, 2)});

        QTRY_COMPARE(m_failed->size() + m_delayed->size(), 1);
        QCOMPARE(m_delayed->size() == 1, waitMs >= 0);
        const QSignalSpy &spy = waitMs >= 0 ? *m_delayed : *m_failed;
        const QString said = spy.first().first().value<Error>().message;
        QVERIFY2(said.contains(message), qPrintable(said));
        if (waitMs >= 0)
            QCOMPARE(delay(0), std::chrono::milliseconds(waitMs));
        QVERIFY(m_partly->isEmpty() && m_rejected->isEmpty() && m_delivered->isEmpty());
    }

    void halvesWhatIsTooMuch()
    {
        begin();
        service().script = {reply(413), reply(400, batchTooLarge)};

        offer({tickers(1, 8)});

        QTRY_COMPARE(m_delivered->size(), 1);
        QCOMPARE(service().storedIds(), idsOf(1, 8));
    }

    // What was posted into a service that stands still is dealt with when it goes on: a second post at that
    // moment would be stored a second time.
    void nothingIsPostedIntoAFrozenServiceTwice()
    {
        begin({{"timeout", "200ms"}, {"connections", 4}, {"events_per_request", 5}});
        service().latency = 5ms;
        m_double->door.setFrozen(true);
        const QList<BatchPtr> batches{tickers(1, 40), tickers(41, 40)};

        offer(batches);
        QTRY_COMPARE(m_failed->size(), 1);
        offer(batches);
        QTRY_COMPARE(m_failed->size(), 2);
        QVERIFY2(failure(1).contains("no whole reply in 200 ms"), qPrintable(failure(1)));
        m_double->door.setFrozen(false);
        offer(batches);
        QTRY_COMPARE(m_delayed->size(), 1);
        QCOMPARE(delay(0), 50ms);
        QTRY_COMPARE(service().stored.size(), 20); // the four requests that it had
        offer(batches);
        QTRY_COMPARE(m_delivered->size(), 2);

        QCOMPARE(service().stored.size(), 80);
        QVERIFY(service().simultaneous.isEmpty());
    }

    void comesBackWhenTheServiceDoes()
    {
        begin();
        m_double->stop();

        offer({tickers(1, 5)});
        QTRY_COMPARE(m_failed->size(), 1);
        QVERIFY(m_double->start());
        offer({tickers(1, 5)});

        QTRY_COMPARE(m_delivered->size(), 1); // nothing was sent, so there is nothing to wait for
        QVERIFY(m_delayed->isEmpty());
        QCOMPARE(service().storedIds(), idsOf(1, 5));
    }

    // It dies within a request of which it has stored a part.
    void aRequestCutOffIsPostedAgain()
    {
        begin();
        service().latency = 5ms;
        offer({tickers(1, 40)});
        QTRY_VERIFY(service().stored.size() > 3);

        m_double->stop();
        QTRY_COMPARE(m_failed->size(), 1);
        QVERIFY(m_partly->isEmpty()); // it knows of none
        QVERIFY(m_double->start());
        QTRY_COMPARE(service().stored.size(), 40);
        offer({tickers(1, 40)});
        QTRY_COMPARE(m_delayed->size(), 1);
        offer({tickers(1, 40)});

        QTRY_COMPARE(m_delivered->size(), 1);
        QCOMPARE(service().stored.size(), 40);
        QCOMPARE(service().repeated, 40);
    }

    void saysNothingAfterItsStop()
    {
        begin();
        m_double->door.setFrozen(true);
        offer({tickers(1, 5)});
        QTRY_COMPARE(m_double->door.connections(), 1);

        m_sink->stop();
        m_double->door.setFrozen(false);
        QTRY_COMPARE(service().stored.size(), 5);

        QVERIFY(m_delivered->isEmpty() && m_failed->isEmpty() && m_partly->isEmpty());
    }
};

QTEST_GUILESS_MAIN(tst_PulseStreamAnswers)

#include "tst_pulsestream_answers.moc"
