// SPDX-License-Identifier: Apache-2.0
#include "exchange/control.h"
#include "exchange/faults.h"
#include "exchange/frame_scanner.h"
#include "exchange/number.h"
#include "exchange/order_book.h"
#include "exchange/weight_meter.h"
#include "exchange_test.h"

using namespace tidemill::exchange;
using namespace tidemill::exchange::testing;
using namespace std::chrono_literals;

class tst_ExchangeParts : public QObject
{
    Q_OBJECT

private slots:
    void numberPrintsAsItWasWritten_data()
    {
        QTest::addColumn<QByteArray>("text");
        QTest::addColumn<bool>("readable");

        QTest::newRow("eight decimals") << QByteArray("61234.02000000") << true;
        QTest::newRow("below one") << QByteArray("0.00010000") << true;
        QTest::newRow("integer") << QByteArray("45123") << true;
        QTest::newRow("zero") << QByteArray("0.00000000") << true;
        QTest::newRow("eighteen digits") << QByteArray("9999999999.99999999") << true;
        QTest::newRow("too many digits") << QByteArray("99999999999.99999999") << false;
        QTest::newRow("empty") << QByteArray("") << false;
        QTest::newRow("point alone") << QByteArray(".") << false;
        QTest::newRow("no fraction") << QByteArray("1.") << false;
        QTest::newRow("exponent") << QByteArray("1e5") << false;
        QTest::newRow("two points") << QByteArray("1.2.3") << false;
    }

    void numberPrintsAsItWasWritten()
    {
        QFETCH(QByteArray, text);
        QFETCH(bool, readable);

        const auto number = Number::parse(text);

        QCOMPARE(number.has_value(), readable);
        if (readable)
            QCOMPARE(number->text(), text);
    }

    void productIsExact()
    {
        QCOMPARE(product(*Number::parse("60650.01000000"), *Number::parse("0.00082000")), "49.73300820");
        QCOMPARE(product(*Number::parse("4.00000100"), *Number::parse("12.00000000")), "48.00001200");
        QCOMPARE(product(*Number::parse("0.00000001"), *Number::parse("0.50000000")), "0.00000000");
    }

    void sortKeyOrdersAsNumbersDo()
    {
        QVERIFY(sortKey("9.5") < sortKey("10.0"));
        QVERIFY(sortKey("0.00009381") < sortKey("0.0000939"));
        QCOMPARE(sortKey("1.50"), sortKey("01.5"));
        QVERIFY(sortKey("x").isEmpty());
        QVERIFY(sortKey("-1").isEmpty());
    }

    void bookFollowsTheDifferences()
    {
        OrderBook book;
        QVERIFY(book.load(
            json(R"({"lastUpdateId":10,"bids":[["9.9","1.0"],["10.1","2.00"]],"asks":[["10.2","3"]]})")));

        QCOMPARE(book.apply(json(R"({"U":5,"u":10,"b":[["10.1","0.00"]],"a":[]})")),
                 OrderBook::Applied::Stale);
        QCOMPARE(
            book.apply(json(R"({"U":9,"u":11,"b":[["10.10","0.000"],["10.0","7"]],"a":[["10.2","4.50"]]})")),
            OrderBook::Applied::Applied);
        QCOMPARE(book.apply(json(R"({"U":13,"u":13,"b":[],"a":[["99","1"]]})")), OrderBook::Applied::Gap);
        QCOMPARE(book.apply(json(R"({"result":null})")), OrderBook::Applied::Unread);

        QCOMPARE(
            book.toJson(10),
            R"({"lastUpdateId":13,"bids":[["10.0","7"],["9.9","1.0"]],"asks":[["10.2","4.50"],["99","1"]]})");
        QCOMPARE(book.toJson(1), R"({"lastUpdateId":13,"bids":[["10.0","7"]],"asks":[["10.2","4.50"]]})");
    }

    void scannerSeesFramesInPiecesOfAnySize_data()
    {
        QTest::addColumn<int>("piece");

        QTest::newRow("byte by byte") << 1;
        QTest::newRow("three bytes") << 3;
        QTest::newRow("all at once") << 100'000;
    }

    void scannerSeesFramesInPiecesOfAnySize()
    {
        QFETCH(int, piece);
        const QByteArray head = "GET / HTTP/1.1\r\n\r\n";
        const QByteArray text = RawClient::frame(FrameScanner::Text, QByteArray(300, 'x'));
        const QByteArray ping = RawClient::frame(FrameScanner::Ping, "abc");
        const QByteArray pong = RawClient::frame(FrameScanner::Pong, {}, false);
        QList<int> seen;
        FrameScanner scanner(head.size(),
                             [&](FrameScanner::Frame f) { seen.append(f.masked ? f.opcode : -f.opcode); });
        scanner.setDropPings(true);

        const QByteArray all = head + ping + text + ping + pong;
        QByteArray passed;
        for (qsizetype start = 0; start < all.size(); start += piece)
            passed += scanner.pass(all.mid(start, piece));

        QCOMPARE(seen, (QList<int>{9, 1, 9, -10}));
        QCOMPARE(passed, head + text + pong);
    }

    void targetSaysWhatIsWanted_data()
    {
        QTest::addColumn<QByteArray>("target");
        QTest::addColumn<bool>("combined");
        QTest::addColumn<bool>("microseconds");
        QTest::addColumn<QByteArrayList>("streams");

        QTest::newRow("raw") << QByteArray("/ws/btcusdt@trade") << false << false
                             << QByteArrayList{"btcusdt@trade"};
        QTest::newRow("raw, several")
            << QByteArray("/ws/a@trade/b@depth") << false << false << QByteArrayList{"a@trade", "b@depth"};
        QTest::newRow("raw, none") << QByteArray("/ws") << false << false << QByteArrayList{};
        QTest::newRow("combined") << QByteArray("/stream?streams=a@trade/b@trade&timeUnit=MICROSECOND")
                                  << true << true << QByteArrayList{"a@trade", "b@trade"};
        QTest::newRow("combined, none") << QByteArray("/stream") << true << false << QByteArrayList{};
        QTest::newRow("percent-encoded") << QByteArray("/stream?streams=%E5%B8%81%40trade") << true << false
                                         << QByteArrayList{"\xe5\xb8\x81@trade"};
    }

    void targetSaysWhatIsWanted()
    {
        QFETCH(QByteArray, target);

        const auto parsed = Target::parse(target);

        QVERIFY(parsed);
        QTEST(parsed->combined, "combined");
        QTEST(parsed->microseconds, "microseconds");
        QTEST(parsed->streams, "streams");
    }

    void targetElsewhereIsRefused() { QVERIFY(!Target::parse("/api/v3/ping")); }

    void faultsAreReadStrictly_data()
    {
        QTest::addColumn<QString>("spec");
        QTest::addColumn<QString>("message");

        QTest::newRow("close") << "close:1001"
                               << "";
        QTest::newRow("status with both") << "status:503:7:5s"
                                          << "";
        QTest::newRow("status with duration only") << "status:503:5s"
                                                   << "";
        QTest::newRow("gap of one stream") << "gap:3:btcusdt@trade"
                                           << "";
        QTest::newRow("no code") << "close"
                                 << "fault 'close': expected close:CODE";
        QTest::newRow("too much") << "abort:1"
                                  << "fault 'abort:1': expected abort";
        QTest::newRow("no unit") << "refuse:5"
                                 << "fault 'refuse:5': expected refuse:DURATION";
    }

    void faultsAreReadStrictly()
    {
        QFETCH(QString, spec);
        QString error;

        const auto fault = Fault::parse(spec, &error);

        QCOMPARE(fault.has_value(), error.isEmpty());
        QTEST(error, "message");
    }

    void unknownFaultNamesTheKnownOnes()
    {
        QString error;
        QVERIFY(!Fault::parse(QStringLiteral("explode"), &error));
        QVERIFY2(error.contains(QStringLiteral("expected one of close:CODE, abort")), qPrintable(error));
    }

    void plannedFaultsHaveATime()
    {
        QString error;
        const auto planned = PlannedFault::parse(QStringLiteral("gap:2:btcusdt@trade@data+1500ms"), &error);
        QVERIFY2(planned, qPrintable(error));
        QCOMPARE(planned->fault.stream, "btcusdt@trade");
        QCOMPARE(planned->at, 1500ms);
        QVERIFY(planned->afterData);
        QVERIFY(!PlannedFault::parse(QStringLiteral("abort"), &error));
    }

    void weightsRunOverIntoAWaitAndThenABan()
    {
        Limits limits;
        limits.weightPerMinute = 10;
        limits.banTime = 120s;
        WeightMeter meter(limits);
        const qint64 minute = 60'000;

        QCOMPARE(meter.charge(5, minute + 1000).used, 5);
        QCOMPARE(meter.charge(5, minute + 2000).used, 10);
        const auto first = meter.charge(1, minute + 30'000);
        QCOMPARE(first.status, 429);
        QCOMPARE(first.retryAfter, 30);
        for (int ignored = 0; ignored < 4; ++ignored)
            QCOMPARE(meter.charge(1, minute + 31'000).status, 429);
        const auto banned = meter.charge(1, minute + 31'000);
        QCOMPARE(banned.status, 418);
        QCOMPARE(banned.retryAfter, 120);
        QCOMPARE(meter.charge(1, 2 * minute + 1000).status, 418); // the next minute does not end a ban
        QCOMPARE(meter.charge(1, minute + 31'000 + 120'000).status, 200);
    }
};

QTEST_GUILESS_MAIN(tst_ExchangeParts)

#include "tst_exchange_parts.moc"
