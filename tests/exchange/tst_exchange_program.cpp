// SPDX-License-Identifier: Apache-2.0
#include "exchange_test.h"

#include <QProcess>
#include <QTemporaryFile>

#include <signal.h>

#include <algorithm>
#include <csignal>

using namespace tidemill::exchange;
using namespace tidemill::exchange::testing;

// The program itself: its command line, what it prints, how it ends.
class tst_ExchangeProgram : public QObject
{
    Q_OBJECT

private slots:
    void printsItsAddressesAndEndsOnASignal_data()
    {
        QTest::addColumn<int>("signal");

        QTest::newRow("SIGTERM") << SIGTERM;
        QTest::newRow("SIGINT") << SIGINT;
    }

    void printsItsAddressesAndEndsOnASignal()
    {
        QFETCH(int, signal);
        QProcess program;
        const QJsonObject addresses = start(program, {QStringLiteral("--generate"), QStringLiteral("1")});
        Client client(QUrl(addresses[u"ws"].toString() + QStringLiteral("/ws/btcusdt@trade")));
        QVERIFY(client.waitFrames(3));

        ::kill(pid_t(program.processId()), signal);

        QVERIFY(program.waitForFinished(2000));
        QCOMPARE(program.exitCode(), 0);
    }

    void speaksItsProtocols_data()
    {
        QTest::addColumn<QString>("options");
        QTest::addColumn<QString>("path");
        QTest::addColumn<QString>("request");
        QTest::addColumn<QByteArray>("answer");

        QTest::newRow("coinbase_exchange")
            << "--protocol coinbase_exchange --generate 1"
            << ""
            << "{\"type\":\"subscribe\",\"product_ids\":[\"BTC-USD\"],\"channels\":[\"matches\"]}"
            << QByteArray("\"type\":\"subscriptions\"");
        QTest::newRow("coinbase_advanced")
            << "--protocol coinbase_advanced --generate 1 --client-id"
            << ""
            << "{\"type\":\"subscribe\",\"channel\":\"heartbeats\"}" << QByteArray("\"client_id\":\"\"");
        QTest::newRow("kraken") << "--protocol kraken --generate 1"
                                << "/v2"
                                << "{\"method\":\"ping\",\"req_id\":1}" << QByteArray("\"method\":\"pong\"");
        QTest::newRow("many symbols")
            << "--generate 1 --symbols-count 30 --rate 5"
            << "/ws/solusdt@depth@100ms"
            << "{\"method\":\"LIST_SUBSCRIPTIONS\",\"id\":1}" << QByteArray("solusdt@depth@100ms");
    }

    void speaksItsProtocols()
    {
        QFETCH(QString, options);
        QFETCH(QString, path);
        QFETCH(QString, request);
        QFETCH(QByteArray, answer);
        QProcess program;
        const QJsonObject addresses = start(program, options.split(u' '));
        Client client(QUrl(addresses[u"ws"].toString() + path));
        QVERIFY(client.waitOpen());

        client.socket.sendTextMessage(request);

        const auto answered = [&] {
            return std::any_of(client.frames.cbegin(), client.frames.cend(),
                               [&](const QByteArray &frame) { return frame.contains(answer); });
        };
        QVERIFY(QTest::qWaitFor(answered));
        program.kill();
        program.waitForFinished();
    }

    void generatedDataEqualTheTruth()
    {
        QProcess program;
        const QJsonObject addresses = start(
            program, QStringLiteral("--generate 3 --symbols BTCUSDT,ETHUSDT --flood --fault gap:5@data+0ms")
                         .split(u' '));
        Client client(QUrl(addresses[u"ws"].toString() + QStringLiteral("/ws/ethusdt@trade")));
        QVERIFY(client.waitFrames(50'000, 20'000));
        client.socket.abort();

        QNetworkAccessManager manager;
        const QUrl url(addresses[u"rest"].toString() + QStringLiteral("/__truth/trades?symbol=ETHUSDT"));
        const QByteArrayList truth = await(manager.get(QNetworkRequest(url))).body.split('\n');
        const qsizetype gap = truth.indexOf(client.frames.first());
        QVERIFY(gap >= 0);
        qsizetype skipped = gap;
        qsizetype next = gap;
        for (const QByteArray &frame : std::as_const(client.frames)) {
            for (; next < truth.size() && truth[next] != frame; ++next)
                ++skipped;
            ++next;
        }
        QVERIFY(next <= truth.size());
        QCOMPARE(skipped, 5);
        program.kill();
        program.waitForFinished();
    }

    void endsWithTheTapeWhenToldSo()
    {
        QTemporaryFile tape;
        QVERIFY(tape.open());
        for (qint64 id = 0; id < 10'000; ++id)
            tape.write("-\trecv\tws\t" + trade(id) + '\n');
        tape.flush();
        QProcess program;
        const QJsonObject addresses =
            start(program, {QStringLiteral("--tape"), tape.fileName(), QStringLiteral("--speed"),
                            QStringLiteral("max"), QStringLiteral("--exit-at-end")});
        Client client(QUrl(addresses[u"ws"].toString() + QStringLiteral("/ws/btcusdt@trade")));

        QVERIFY(client.waitClosed(20'000));
        QCOMPARE(client.frames.size(), 10'000);
        QCOMPARE(int(client.socket.closeCode()), 1001);
        QVERIFY(program.state() == QProcess::NotRunning || program.waitForFinished(3000));
        QCOMPARE(program.readAllStandardOutput(), "{\"event\":\"tape_end\"}\n");
        QCOMPARE(program.exitCode(), 0);
    }

    void wrongOptionsAreReported_data()
    {
        QTest::addColumn<QString>("arguments");
        QTest::addColumn<QString>("message");

        QTest::newRow("rate") << "--generate 1 --rate lots"
                              << "--rate: expected a number, got 'lots'";
        QTest::newRow("speed") << "--tape x --speed fast"
                               << "--speed: expected a number above 0, or 'max', got 'fast'";
        QTest::newRow("duration") << "--ping-interval 5"
                                  << "--ping-interval: expected a duration such as 250ms or 5s, got '5'";
        QTest::newRow("fault") << "--fault abort"
                               << "fault 'abort': expected SPEC@TIME with a time such as 5s or data+5s";
        QTest::newRow("both sources") << "--tape x --generate 1"
                                      << "--tape and --generate: only one of them";
        QTest::newRow("half of TLS") << "--tls-cert x"
                                     << "--tls-cert and --tls-key: one needs the other";
        QTest::newRow("unknown") << "--nonsense"
                                 << "Unknown option 'nonsense'.";
    }

    void wrongOptionsAreReported()
    {
        QFETCH(QString, arguments);
        QFETCH(QString, message);
        QProcess program;
        program.start(path(), arguments.split(u' '));

        QVERIFY(program.waitForFinished());
        QCOMPARE(program.exitCode(), 2);
        QCOMPARE(QString::fromUtf8(program.readAllStandardError()),
                 QStringLiteral("tidemill-exchange: %1\n").arg(message));
    }

    void missingTapeIsReported()
    {
        QProcess program;
        program.start(path(), {QStringLiteral("--tape"), QStringLiteral("/nowhere/x.tape")});

        QVERIFY(program.waitForFinished());
        QCOMPARE(program.exitCode(), 1);
        QVERIFY(program.readAllStandardError().startsWith("tidemill-exchange: /nowhere/x.tape: "));
    }

private:
    static QString path() { return QStringLiteral(TIDEMILL_BUILD_DIR "/bin/tidemill-exchange"); }

    // Starts it and reads the one line that it prints.
    static QJsonObject start(QProcess &program, const QStringList &arguments)
    {
        program.start(path(), arguments);
        if (!QTest::qWaitFor([&program] { return program.canReadLine(); }))
            qWarning("no address from the program: %s", program.readAllStandardError().constData());
        return json(program.readLine());
    }
};

QTEST_GUILESS_MAIN(tst_ExchangeProgram)

#include "tst_exchange_program.moc"
