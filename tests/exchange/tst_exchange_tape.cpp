// SPDX-License-Identifier: Apache-2.0
#include "exchange/tape.h"
#include "exchange_test.h"

#include <QDir>
#include <QTemporaryFile>

using namespace tidemill::exchange;
using namespace tidemill::exchange::testing;
using namespace std::chrono_literals;

namespace {

QByteArray wrapped(const QByteArray &stream, const QByteArray &data)
{
    return "{\"stream\":\"" + stream + "\",\"data\":" + data + '}';
}

QByteArray depthEvent(qint64 first, qint64 last, const QByteArray &bids, const QByteArray &asks = "[]")
{
    return "{\"e\":\"depthUpdate\",\"E\":1700000000000,\"s\":\"BTCUSDT\",\"U\":" + QByteArray::number(first) +
           ",\"u\":" + QByteArray::number(last) + ",\"b\":" + bids + ",\"a\":" + asks + '}';
}

QByteArray line(const QByteArray &time, const QByteArray &event, const QByteArray &payload)
{
    return time + '\t' + event + "\tws\t" + payload + '\n';
}

// Two symbols, a snapshot in the middle, a control reply, 400 ms long.
QByteArray smallTape()
{
    return line("1700000000.000000001", "connect",
                "wss://stream.example/stream?streams=btcusdt@depth@100ms") +
           line("1700000000", "recv", "{\"result\":null,\"id\":1}") +
           line("1700000000.0", "recv",
                wrapped("btcusdt@depth@100ms", depthEvent(101, 103, R"([["9.00","1"]])"))) +
           line("1700000000.1", "recv", wrapped("btcusdt@trade", trade(7))) +
           line("1700000000.2", "recv",
                R"({"lastUpdateId":105,"bids":[["9.00","1"],["8.50","2"]],"asks":[["9.50","3"]]})") +
           line("1700000000.3", "recv",
                wrapped("btcusdt@depth@100ms", depthEvent(104, 106, R"([["8.50","0.00"]])"))) +
           line("-", "recv", wrapped("btcusdt@trade", trade(8))) +
           line("1700000000.4", "recv",
                wrapped("btcusdt@depth@100ms",
                        depthEvent(107, 107, R"([["8.70","4.0"]])", R"([["9.50","5"]])")));
}

QString sharedTapes()
{
#ifdef TIDEMILL_SHARED_DATA
    const QString data = QStringLiteral(TIDEMILL_SHARED_DATA);
#else
    const QString data = QStringLiteral(TIDEMILL_SOURCE_DIR "/../shared/data");
#endif
    return data + QStringLiteral("/ws/binance-spot");
}

} // namespace

class tst_ExchangeTape : public QObject
{
    Q_OBJECT

private slots:
    void readsWhatWasRecorded()
    {
        QString error;
        const auto tape = Tape::parse(smallTape(), &error);
        QVERIFY2(tape, qPrintable(error));

        QCOMPARE(tape->frames().size(), 5u);
        QCOMPARE(tape->frames()[1].timeNs, 1'700'000'000'100'000'000);
        QCOMPARE(tape->frames()[1].stream, "btcusdt@trade");
        QCOMPARE(tape->frames()[1].payload, trade(7));
        QCOMPARE(tape->frames()[1].wrapped, wrapped("btcusdt@trade", trade(7)));
        QCOMPARE(tape->frames()[3].timeNs, tape->frames()[2].timeNs); // '-': as the one before
        QCOMPARE(tape->snapshots().size(), 1);
        QCOMPARE(tape->snapshots().first().symbol, "BTCUSDT");
        QCOMPARE(tape->snapshots().first().position, 2);
        QCOMPARE(tape->ignoredLines(), 1);
    }

    void namesRawFrames_data()
    {
        QTest::addColumn<QByteArray>("payload");
        QTest::addColumn<QByteArray>("stream");

        QTest::newRow("trade") << trade(1) << QByteArray("btcusdt@trade");
        QTest::newRow("depth") << depthEvent(1, 2, "[]") << QByteArray("btcusdt@depth");
        QTest::newRow("candle") << QByteArray(R"({"e":"kline","s":"BTCUSDT","k":{"i":"1m"}})")
                                << QByteArray("btcusdt@kline_1m");
        QTest::newRow("ticker") << QByteArray(R"({"e":"24hrTicker","s":"BTCUSDT"})")
                                << QByteArray("btcusdt@ticker");
        QTest::newRow("best prices") << QByteArray(R"({"u":1,"s":"BNBUSDT","b":"1","B":"1","a":"1","A":"1"})")
                                     << QByteArray("bnbusdt@bookTicker");
    }

    void namesRawFrames()
    {
        QFETCH(QByteArray, payload);
        QString error;

        const auto tape = Tape::parse(line("-", "recv", payload), &error);

        QVERIFY2(tape, qPrintable(error));
        QCOMPARE(tape->frames().size(), 1u);
        QTEST(tape->frames().front().stream, "stream");
        QCOMPARE(tape->frames().front().payload, payload);
    }

    void addressNamesARawStream()
    {
        QString error;
        const auto tape = Tape::parse(line("-", "connect", "wss://x/ws/btcusdt@depth@100ms") +
                                          line("-", "recv", depthEvent(1, 2, "[]")),
                                      &error);
        QVERIFY2(tape, qPrintable(error));
        QCOMPARE(tape->frames().front().stream, "btcusdt@depth@100ms");
    }

    void reportsWhatItCannotRead_data()
    {
        QTest::addColumn<QByteArray>("bytes");
        QTest::addColumn<QString>("message");

        QTest::newRow("no tabs") << QByteArray("-\trecv\tws\t{}\nnonsense\n")
                                 << "line 2: expected time, event, connection and payload between tabs";
        QTest::newRow("time") << QByteArray("soon\trecv\tws\t{}\n")
                              << "line 1: expected unix seconds or '-', got 'soon'";
        QTest::newRow("event") << QByteArray("-\tgot\tws\t{}\n")
                               << "line 1: expected connect, send, recv or http, got 'got'";
    }

    void reportsWhatItCannotRead()
    {
        QFETCH(QByteArray, bytes);
        QString error;

        QVERIFY(!Tape::parse(bytes, &error));
        QTEST(error, "message");
    }

    void playsToEachClientWhatItAskedFor()
    {
        FakeExchange exchange;
        TapeOptions options;
        options.asFastAsTaken = true;
        options.startClients = 2;
        play(exchange, smallTape(), options);
        QSignalSpy ended(&exchange, &FakeExchange::dataEnded);
        Client combined(at(exchange, QStringLiteral("/stream?streams=btcusdt@trade/btcusdt@depth@100ms")));
        QVERIFY(combined.waitOpen());
        QCOMPARE(ended.size(), 0);
        Client raw(at(exchange, QStringLiteral("/ws/btcusdt@trade")));

        QVERIFY(ended.wait());
        QVERIFY(combined.waitFrames(5) && raw.waitFrames(2));
        QCOMPARE(raw.frames, (QByteArrayList{trade(7), trade(8)}));
        QCOMPARE(combined.frames[1], wrapped("btcusdt@trade", trade(7)));
        QCOMPARE(
            combined.frames[4],
            wrapped("btcusdt@depth@100ms", depthEvent(107, 107, R"([["8.70","4.0"]])", R"([["9.50","5"]])")));
        QVERIFY(raw.socket.isValid()); // the end of the tape is not the end of the connection
        const QJsonObject stats = exchange.stats();
        QCOMPARE(stats[u"streams"][u"btcusdt@trade"][u"sent"].toInt(), 4);
        QCOMPARE(stats[u"position"][u"ended"].toBool(), true);
    }

    void keepsTheRecordedPace()
    {
        FakeExchange exchange;
        TapeOptions options;
        options.speed = 2;
        play(exchange, smallTape(), options);
        QSignalSpy ended(&exchange, &FakeExchange::dataEnded);
        QElapsedTimer clock;
        clock.start();
        Client client(at(exchange, QStringLiteral("/ws/btcusdt@trade")));

        QVERIFY(ended.wait());
        QVERIFY2(clock.elapsed() >= 190, qPrintable(QString::number(clock.elapsed()))); // 400 ms of tape
    }

    void goesOnWhileNobodyListens()
    {
        FakeExchange exchange;
        play(exchange, smallTape(), {});
        QSignalSpy ended(&exchange, &FakeExchange::dataEnded);
        {
            Client client(at(exchange, QStringLiteral("/ws/btcusdt@trade")));
            QVERIFY(client.waitOpen());
        }

        QVERIFY(ended.wait());
        QCOMPARE(exchange.server().connectionCount(), 0);
    }

    void waitsForListenersWhenPlayedAsFastAsTaken()
    {
        QByteArray bytes;
        for (qint64 id = 0; id < 20'000; ++id)
            bytes += line("-", "recv", wrapped("btcusdt@trade", trade(id)));
        FakeExchange exchange;
        TapeOptions options;
        options.asFastAsTaken = true;
        play(exchange, bytes, options);
        QSignalSpy ended(&exchange, &FakeExchange::dataEnded);
        QByteArrayList first;
        {
            Client client(at(exchange, QStringLiteral("/ws/btcusdt@trade")));
            QVERIFY(client.waitFrames(1));
            client.socket.abort();
            QTRY_COMPARE(exchange.server().connectionCount(), 0);
            first = client.frames;
        }
        QCOMPARE(ended.size(), 0);
        const qint64 position = exchange.stats()[u"position"][u"frame"].toInteger();
        QVERIFY(position < 20'000);

        Client second(at(exchange, QStringLiteral("/ws/btcusdt@trade")));
        QVERIFY(second.waitFrames(20'000 - position));

        QCOMPARE(second.frames.first(), trade(position));
        QCOMPARE(second.frames.last(), trade(19'999));
        QCOMPARE(second.frames.size(), 20'000 - position);
    }

    void depthAnswersTheBookOfTheMoment()
    {
        FakeExchange exchange;
        TapeOptions options;
        options.asFastAsTaken = true;
        play(exchange, smallTape(), options);
        const QString target = QStringLiteral("/api/v3/depth?symbol=BTCUSDT");

        // Before anything was played: the tape's own snapshot, ahead of the stream.
        QCOMPARE(get(exchange, target).body,
                 R"({"lastUpdateId":105,"bids":[["9.00","1"],["8.50","2"]],"asks":[["9.50","3"]]})");
        QSignalSpy ended(&exchange, &FakeExchange::dataEnded);
        Client client(at(exchange, QStringLiteral("/ws/btcusdt@trade")));
        QVERIFY(ended.wait());

        QCOMPARE(get(exchange, target).body,
                 R"({"lastUpdateId":107,"bids":[["9.00","1"],["8.70","4.0"]],"asks":[["9.50","5"]]})");
        QCOMPARE(get(exchange, QStringLiteral("/api/v3/trades?symbol=BTCUSDT")).array().size(), 2);
        QCOMPARE(get(exchange, QStringLiteral("/__truth/trades?symbol=BTCUSDT")).body,
                 trade(7) + '\n' + trade(8) + '\n');
        QCOMPARE(get(exchange, QStringLiteral("/__truth/depth?symbol=BTCUSDT")).body.count('\n'), 3);
    }

    void bookIsMadeOfEventsWhenThereIsNoSnapshot()
    {
        QByteArray bytes = line(
            "-", "recv", wrapped("btcusdt@depth", depthEvent(5, 6, R"([["9","1"]])", R"([["10","2"]])")));
        FakeExchange exchange;
        TapeOptions options;
        options.asFastAsTaken = true;
        play(exchange, bytes, options);
        QSignalSpy ended(&exchange, &FakeExchange::dataEnded);
        Client client(at(exchange, QStringLiteral("/ws/btcusdt@depth")));
        QVERIFY(ended.wait());

        QCOMPARE(get(exchange, QStringLiteral("/api/v3/depth?symbol=BTCUSDT")).body,
                 R"({"lastUpdateId":6,"bids":[["9","1"]],"asks":[["10","2"]]})");
    }

    void recordedSessionsPlayWhole_data()
    {
        QTest::addColumn<QString>("file");

        const QFileInfoList files =
            QDir(sharedTapes()).entryInfoList({QStringLiteral("*.tape")}, QDir::Files);
        if (files.isEmpty())
            QSKIP("no recorded tapes here");
        for (const QFileInfo &file : files)
            QTest::newRow(qPrintable(file.completeBaseName())) << file.filePath();
    }

    // Every frame arrives byte for byte, and a book kept by the documented rule equals the one that REST
    // gives at the end.
    void recordedSessionsPlayWhole()
    {
        QFETCH(QString, file);
        QString error;
        const auto tape = Tape::load(file, &error);
        QVERIFY2(tape, qPrintable(error));
        QByteArrayList expected;
        QSet<QByteArray> streams;
        for (const TapeFrame &frame : tape->frames()) {
            expected.append(frame.wrapped);
            streams.insert(frame.stream);
        }
        FakeExchange exchange;
        TapeOptions options;
        options.asFastAsTaken = true;
        QVERIFY2(exchange.start(&error), qPrintable(error));
        QVERIFY2(exchange.playTape(file, options, &error), qPrintable(error));

        Client client(
            at(exchange, QStringLiteral("/stream?streams=") +
                             QString::fromUtf8(QByteArrayList(streams.cbegin(), streams.cend()).join('/'))));
        QVERIFY(client.waitFrames(expected.size(), 30'000));
        QCOMPARE(client.frames, expected);

        for (const TapeSnapshot &snapshot : tape->snapshots()) {
            OrderBook book;
            QVERIFY(book.load(json(snapshot.body)));
            for (const QByteArray &frame : std::as_const(client.frames)) {
                const QJsonObject data = json(frame)[u"data"].toObject();
                if (data[u"e"].toString() == u"depthUpdate" &&
                    data[u"s"].toString().toUtf8() == snapshot.symbol)
                    QVERIFY(book.apply(data) != OrderBook::Applied::Gap);
            }
            const auto answer = get(exchange, QStringLiteral("/api/v3/depth?limit=5000&symbol=") +
                                                  QString::fromUtf8(snapshot.symbol));
            QCOMPARE(answer.body, book.toJson(5000));
        }
    }

private:
    static void play(FakeExchange &exchange, const QByteArray &bytes, const TapeOptions &options)
    {
        QTemporaryFile file;
        QVERIFY(file.open());
        file.write(bytes);
        file.flush();
        QString error;
        QVERIFY2(exchange.start(&error), qPrintable(error));
        QVERIFY2(exchange.playTape(file.fileName(), options, &error), qPrintable(error));
    }
};

QTEST_GUILESS_MAIN(tst_ExchangeTape)

#include "tst_exchange_tape.moc"
