// SPDX-License-Identifier: Apache-2.0
#include "exchange/fake_exchange.h"

#include <tidemill/net/rest_client.h>
#include <tidemill/testing.h>

#include <QDir>
#include <QElapsedTimer>
#include <QTemporaryDir>

#ifdef Q_OS_UNIX
#include <sys/resource.h>

#include <csignal>
#endif

using namespace tidemill;
using namespace tidemill::exchange;
using namespace std::chrono_literals;

namespace {

QString recording(const char *name)
{
#ifdef TIDEMILL_SHARED_DATA
    return QStringLiteral(TIDEMILL_SHARED_DATA "/ws/") + QLatin1String(name);
#else
    return QStringLiteral(TIDEMILL_SOURCE_DIR "/../shared/data/ws/") + QLatin1String(name);
#endif
}

// What a source has emitted, and how it went.
struct Run
{
    explicit Run(Source &source)
        : emitted(&source, &Source::emitted)
        , finished(&source, &Source::finished)
        , failed(&source, &Node::failed)
        , degraded(&source, &Node::degraded)
        , positions(&source, &Source::positionReached)
    {}

    QByteArray lines() const { return testing::printed(testing::batches(emitted)); }
    // As a replay tells it.
    QByteArray linesAsReplay() const
    {
        return lines()
            .replace("\"provenance\":\"live\"", "\"provenance\":\"replay\"")
            .replace("\"provenance\":\"backfill\"", "\"provenance\":\"replay\"");
    }
    QString troubles() const
    {
        QStringList all;
        for (const QSignalSpy *spy : {&failed, &degraded}) {
            for (const auto &arguments : *spy)
                all.append(arguments.first().value<Error>().message);
        }
        return all.join('\n');
    }

    QSignalSpy emitted;
    QSignalSpy finished;
    QSignalSpy failed;
    QSignalSpy degraded;
    QSignalSpy positions;
};

} // namespace

// Whole sources: what they capture is what they replay.
class tst_Replay : public QObject
{
    Q_OBJECT

private slots:
    void initTestCase()
    {
        qRegisterMetaType<Error>();
#ifdef Q_OS_UNIX
        std::signal(SIGXFSZ, SIG_IGN); // as the program does
#endif
    }

    void init()
    {
        m_folder = std::make_unique<QTemporaryDir>();
        m_batches = 0;
    }

    void captureReplaysAsItWas_data()
    {
        QTest::addColumn<QString>("plugin");
        QTest::addColumn<int>("protocol");
        QTest::addColumn<QString>("symbol");
        QTest::addColumn<QStringList>("streams");
        QTest::addColumn<QString>("fault");
        QTest::addColumn<int>("redundancy");

        const auto kraken = int(ProtocolName::Kraken);
        const auto exchange = int(ProtocolName::CoinbaseExchange);
        const auto advanced = int(ProtocolName::CoinbaseAdvanced);
        const QStringList all{"trade", "ticker", "book_10", "ohlc_1"};
        QTest::newRow("kraken") << "kraken" << kraken << "BTC/USD" << all << "" << 1;
        QTest::newRow("kraken, lost") << "kraken" << kraken << "BTC/USD" << all << "abort" << 1;
        QTest::newRow("kraken, twice") << "kraken" << kraken << "BTC/USD" << all << "abort" << 2;
        QTest::newRow("kraken, a wrong book")
            << "kraken" << kraken << "BTC/USD" << all << "corrupt:1:BTC/USD@book-10" << 1;
        QTest::newRow("coinbase_exchange, lost") << "coinbase_exchange" << exchange << "BTC-USD"
                                                 << QStringList{"ticker", "matches"} << "abort" << 1;
        QTest::newRow("coinbase_advanced, lost")
            << "coinbase_advanced" << advanced << "BTC-USD"
            << QStringList{"ticker", "market_trades", "level2", "candles"} << "abort" << 1;
        // Its books begin with snapshots that were asked for over REST.
        const auto binance = int(ProtocolName::Binance);
        const QStringList kinds{"trade", "aggTrade", "ticker", "bookTicker", "depth@100ms", "kline_1s"};
        QTest::newRow("binance") << "binance" << binance << "BTCUSDT" << kinds << "" << 1;
        QTest::newRow("binance, lost") << "binance" << binance << "BTCUSDT" << kinds << "abort" << 1;
        QTest::newRow("binance, twice") << "binance" << binance << "BTCUSDT" << kinds << "abort" << 2;
        QTest::newRow("binance, lost, and a snapshot too old")
            << "binance" << binance << "BTCUSDT" << kinds << "stale:1 abort" << 1;
    }

    void captureReplaysAsItWas()
    {
        QFETCH(QString, plugin);
        QFETCH(int, protocol);
        QFETCH(QString, symbol);
        QFETCH(QStringList, streams);
        QFETCH(QString, fault);
        QFETCH(int, redundancy);
        FakeExchange exchange({.protocol = ProtocolName(protocol)});
        startExchange(exchange, symbol);
        QVariantMap options{{"symbols", QStringList{symbol}}, {"streams", streams}};
        QByteArray live;
        {
            QVariantMap online = options;
            online["url"] = exchange.wsUrl().toString() + path(plugin);
            online["rest_url"] = exchange.restUrl().toString();
            online["backfill"] = false;
            online["connections"] = QVariantMap{{"redundancy", redundancy}};
            online["capture"] = "captures";
            const auto source = make(plugin, online);
            QVERIFY(source);
            Run run(*source);
            TIDEMILL_VERIFY(source->start());
            QTRY_VERIFY_WITH_TIMEOUT(testing::recordCount(run.emitted) > 50, 20000);
            if (plugin == "binance")
                QTRY_VERIFY_WITH_TIMEOUT(!testing::rows<BookSnapshot>(run.emitted).isEmpty(), 20000);
            for (const QString &one : fault.split(u' ', Qt::SkipEmptyParts)) {
                QString error;
                QVERIFY2(exchange.inject(one, &error), qPrintable(error));
            }
            const int before = testing::recordCount(run.emitted);
            QTRY_VERIFY_WITH_TIMEOUT(testing::recordCount(run.emitted) > before + 100, 20000);
            if (plugin == "binance" && redundancy == 1)
                QTRY_COMPARE_WITH_TIMEOUT(testing::rows<BookSnapshot>(run.emitted).size(),
                                          fault.isEmpty() ? 1 : 2, 20000);
            if (fault.endsWith("abort"))
                QTRY_VERIFY_WITH_TIMEOUT(run.lines().contains("\"type\":\"gap\"") ||
                                             !testing::rows<Gap>(run.emitted).isEmpty() || redundancy > 1,
                                         20000);
            source->stop();
            live = run.linesAsReplay();
        }

        options["replay"] = "captures";
        options["replay_speed"] = "max";
        const QByteArray first = replay(plugin, options);
        const QByteArray second = replay(plugin, options);

        QVERIFY(first.count('\n') > 100);
        QCOMPARE(first.count('\n'), live.count('\n'));
        QVERIFY2(withoutAnswerTimes(first) == withoutAnswerTimes(live), difference(first, live));
        QVERIFY(first == second);
        QCOMPARE(m_troubles, QString());
        QCOMPARE(m_positions, 0); // those of what is live are left alone
    }

    void tapeOfKrakenIsPlayed()
    {
        const QString tape = recording("kraken/dev_v2_btc-eth_book10-trade_2026-07-07_head1000.tape");
        if (!QFile::exists(tape))
            QSKIP("the recordings are not here");
        const QByteArray text = contentOf(tape);
        const QVariantMap options{{"symbols", QStringList{"BTC/USD", "ETH/USD"}},
                                  {"streams", QStringList{"trade", "book_10"}},
                                  {"replay", tape},
                                  {"replay_speed", "max"}};
        const auto source = make("kraken", options);
        QVERIFY(source);
        Run run(*source);
        TIDEMILL_VERIFY(source->start());
        QTRY_COMPARE_WITH_TIMEOUT(run.finished.size(), 1, 20000);

        QCOMPARE(testing::rows<Trade>(run.emitted).size(), text.count("\"trade_id\":"));
        QCOMPARE(testing::rows<BookSnapshot>(run.emitted).size(), 2);
        const auto updates = text.count("\"channel\":\"book\",\"type\":\"update\"");
        QCOMPARE(testing::rows<BookUpdate>(run.emitted).size(), updates);
        QVERIFY(testing::rows<Gap>(run.emitted).isEmpty()); // all checksums are right
        for (const Trade &trade : testing::rows<Trade>(run.emitted))
            QCOMPARE(trade.provenance, Provenance::Replay);
    }

    void tapeOfCoinbaseIsPlayed()
    {
        const QString tape =
            recording("coinbase-exchange/dev_10products_level2-ticker-matches_2021-04-17_head10s.tape");
        if (!QFile::exists(tape))
            QSKIP("the recordings are not here");
        const QByteArray text = contentOf(tape);
        const QVariantMap options{
            {"symbols", QStringList{"SKL-USD", "SKL-BTC", "BAND-GBP", "NMR-EUR", "BAND-BTC", "YFI-BTC",
                                    "DASH-BTC", "NU-GBP", "CRV-EUR", "SKL-GBP"}},
            {"streams", QStringList{"ticker", "matches", "level2_batch"}},
            {"replay", tape},
            {"replay_speed", "max"}};
        const auto source = make("coinbase_exchange", options);
        QVERIFY(source);
        Run run(*source);
        TIDEMILL_VERIFY(source->start());
        QTRY_COMPARE_WITH_TIMEOUT(run.finished.size(), 1, 20000);

        QCOMPARE(testing::rows<Trade>(run.emitted).size(),
                 text.count("\"type\":\"match\"") + text.count("\"type\":\"last_match\""));
        QCOMPARE(testing::rows<BookUpdate>(run.emitted).size(), text.count("\"type\":\"l2update\""));
        QCOMPARE(testing::rows<BookSnapshot>(run.emitted).size(), text.count("\"type\":\"snapshot\""));
        QCOMPARE(testing::rows<Ticker>(run.emitted).size(), text.count("\"type\":\"ticker\""));
        const auto updates = testing::rows<BookUpdate>(run.emitted);
        QVERIFY(updates.first().ts_recv > Timestamp::fromSeconds(1618677816));
        QVERIFY(updates.last().ts_recv < Timestamp::fromSeconds(1618677840));
    }

    void tapeOfAdvancedIsPlayedTheSameTwice()
    {
        const QString tape = recording("coinbase-advanced/dev_btc-eth_2026-08-09_head450.tape");
        if (!QFile::exists(tape))
            QSKIP("the recordings are not here");
        const QVariantMap options{{"symbols", QStringList{"BTC-USD", "ETH-USD"}},
                                  {"streams", QStringList{"candles", "ticker", "market_trades", "level2"}},
                                  {"replay", tape},
                                  {"replay_speed", "max"}};
        const QByteArray first = replay("coinbase_advanced", options);
        QVERIFY(first.count('\n') > 400);
        QVERIFY(first.contains("frames of the connection were lost")); // the tape lacks two
        QVERIFY(first == replay("coinbase_advanced", options));
    }

    void pausedReplayWaits()
    {
        const QVariantMap options = tapeOptions(2000, 1);
        const QByteArray whole = replay("kraken", options);
        QCOMPARE(whole.count('\n'), 2000);

        const auto source = make("kraken", options);
        Run run(*source);
        // As an edge that is full does it: from within.
        connect(source.get(), &Source::emitted, source.get(), [&source, this] {
            if (++m_batches % 500 == 0)
                source->setPaused(true);
        });
        TIDEMILL_VERIFY(source->start());
        for (int stop = 1; stop <= 4; ++stop) {
            QTRY_COMPARE(run.emitted.size(), 500 * stop);
            for (int turn = 0; turn < 200; ++turn)
                QCoreApplication::processEvents();
            QCOMPARE(run.emitted.size(), 500 * stop);
            QCOMPARE(run.finished.size(), 0);
            source->setPaused(false);
        }
        QTRY_COMPARE(run.finished.size(), 1);
        QVERIFY(run.lines() == whole);
    }

    void stoppedReplayIsSilent()
    {
        const auto source = make("kraken", tapeOptions(2000, 1));
        Run run(*source);
        connect(source.get(), &Source::emitted, source.get(), [&source, this] {
            if (++m_batches == 100)
                source->stop();
        });
        TIDEMILL_VERIFY(source->start());
        QTRY_VERIFY(m_batches >= 100);
        for (int turn = 0; turn < 200; ++turn)
            QCoreApplication::processEvents();
        QCOMPARE(run.emitted.size(), 100);
        QCOMPARE(run.finished.size(), 0);
    }

    // Two seconds of recording.
    void tenTimesAsFastTakesATenth()
    {
        QVariantMap options = tapeOptions(201, 10);
        options["replay_speed"] = "10";
        QElapsedTimer timer;
        timer.start();
        QCOMPARE(replay("kraken", options).count('\n'), 201);
        QVERIFY2(timer.elapsed() >= 199, qPrintable(QString::number(timer.elapsed())));
        QVERIFY2(timer.elapsed() < 1500, qPrintable(QString::number(timer.elapsed())));
    }

    void clockOfNowStampsAnew()
    {
        QVariantMap options = tapeOptions(3, 1);
        options["replay_clock"] = "now";
        const Timestamp before = Timestamp::now();
        const auto source = make("kraken", options);
        Run run(*source);
        TIDEMILL_VERIFY(source->start());
        QTRY_COMPARE(run.finished.size(), 1);
        for (const Trade &trade : testing::rows<Trade>(run.emitted))
            QVERIFY(trade.ts_recv >= before);
    }

    // Behind a hole in the recording nothing is taken for granted, and it is said.
    void damagedCaptureIsPlayedWithGaps()
    {
        captureKraken(20);
        const QDir folder(m_folder->filePath("captures"));
        const QString name = folder.filePath(folder.entryList({"*.tmcap"}).first());
        QByteArray bytes = contentOf(name);
        QVERIFY(bytes.count("TMCB") >= 3);
        const qsizetype second = bytes.indexOf("TMCB", bytes.indexOf("TMCB") + 4);
        bytes[second + 40] = char(bytes[second + 40] ^ 1);
        QFile file(name);
        QVERIFY(file.open(QIODevice::WriteOnly));
        file.write(bytes);
        file.close();

        const QVariantMap options{{"symbols", QStringList{"BTC/USD"}},
                                  {"streams", QStringList{"trade", "ticker", "book_10"}},
                                  {"replay", "captures"},
                                  {"replay_speed", "max"}};
        const QByteArray first = replay("kraken", options);
        QVERIFY2(m_troubles.contains("bytes of the capture are damaged"), qPrintable(m_troubles));
        QVERIFY2(m_troubles.contains("a part of the recording could not be played"), qPrintable(m_troubles));
        QVERIFY(first.contains("a part of the recording is missing"));
        QVERIFY(first == replay("kraken", options));
    }

#ifdef Q_OS_UNIX
    void fullDiskDoesNotHoldUpTheFeed()
    {
        rlimit before{};
        getrlimit(RLIMIT_FSIZE, &before);
        rlimit limit = before;
        limit.rlim_cur = 10000;
        FakeExchange exchange({.protocol = ProtocolName::Kraken});
        startExchange(exchange, "BTC/USD");
        const auto source = make("kraken", online(exchange));
        QVERIFY(source);
        Run run(*source);
        TIDEMILL_VERIFY(source->start());
        setrlimit(RLIMIT_FSIZE, &limit);
        const bool isTold = QTest::qWaitFor(
            [&run] { return run.troubles().contains("capturing has stopped, the feed goes on"); }, 20000);
        setrlimit(RLIMIT_FSIZE, &before);
        QVERIFY2(isTold, qPrintable(run.troubles()));
        const int count = testing::recordCount(run.emitted);
        QTRY_VERIFY_WITH_TIMEOUT(testing::recordCount(run.emitted) > count + 50, 20000);
        source->stop();
    }
#endif

    // What was tried again then is waited for now: the answer that was one is in the recording as well.
    void unusableRecordedAnswersAreNone()
    {
        net::RestClient client;
        client.beginReplay();
        QByteArrayList answers;
        const auto unusable = [](const net::HttpReply &reply) {
            return reply.body == "busy" ? std::optional(QStringLiteral("it is busy")) : std::nullopt;
        };
        const QUrl url(QStringLiteral("https://a.example/trades?pair=A"));
        client.get({.url = url, .unusable = unusable}, this,
                   [&answers](const net::HttpReply &reply) { answers.append(reply.body); });
        client.replayAnswer(url, "busy");
        client.replayAnswer(url, "busy");
        QVERIFY(answers.isEmpty());
        QCOMPARE(client.waiting(), 1);
        client.replayAnswer(url, "well");
        QCOMPARE(answers, QByteArrayList{"well"});
        QCOMPARE(client.waiting(), 0);
    }

    // Of as many tries as there were.
    void anAnswerThatStaysUnusableIsAnErrorInAReplayToo()
    {
        net::RestClient client;
        net::RestSettings settings;
        settings.attempts = 2;
        QVERIFY(client.configure(settings));
        client.beginReplay();
        std::optional<net::HttpReply> got;
        const auto unusable = [](const net::HttpReply &) { return std::optional(QStringLiteral("busy")); };
        const QUrl url(QStringLiteral("https://a.example/trades?pair=A"));
        client.get({.url = url, .unusable = unusable}, this,
                   [&got](const net::HttpReply &reply) { got = reply; });
        client.replayAnswer(url, "busy");
        QVERIFY(!got);
        client.replayAnswer(url, "busy");
        QVERIFY(got && got->error);
        QCOMPARE(got->error->message, "a.example: busy, after 2 tries");
    }

    // Nobody is asked; what was answered then is given to who asks for it now.
    void recordedAnswersAreGiven()
    {
        net::RestClient client;
        client.beginReplay();
        QObject asker;
        QStringList answers;
        const auto ask = [&](const char *url, QObject *context) {
            client.get({QUrl(QLatin1String(url))}, context, [&answers](const net::HttpReply &reply) {
                answers.append(QString::number(reply.status) + ' ' + QString::fromUtf8(reply.body));
            });
        };
        {
            QObject gone;
            ask("https://new.example/api/v3/depth?symbol=A&limit=5000", &gone);
        }
        ask("https://new.example/api/v3/depth?symbol=A&limit=5000", &asker);
        ask("https://new.example/api/v3/depth?symbol=A&limit=5000", &asker);
        client.replayAnswer(QUrl("https://old.example/api/v1/depth?limit=100&symbol=B"), "b");
        client.replayAnswer(QUrl("https://old.example/api/v1/trades?symbol=A"), "t");
        QCOMPARE(answers, QStringList());
        client.replayAnswer(QUrl("https://old.example/api/v1/depth?limit=100&symbol=A"), "a");
        QCOMPARE(answers, QStringList{"200 a"});
        client.cancel(&asker);
        client.replayAnswer(QUrl("https://old.example/api/v1/depth?limit=100&symbol=A"), "a");
        QCOMPARE(answers, QStringList{"200 a"});
    }

    void wrongOptionsAreNamed_data()
    {
        QTest::addColumn<QVariantMap>("options");
        QTest::addColumn<QString>("message");
        QTest::newRow("speed") << QVariantMap{{"replay_speed", "fast"}}
                               << "replay_speed: expected a number from 0.001 to 1000000, or max, got 'fast'";
        QTest::newRow("clock") << QVariantMap{{"replay_clock", "mine"}} << "replay_clock";
        QTest::newRow("both") << QVariantMap{{"replay", "a"}, {"capture", "b"}}
                              << "capture: is not for use together with replay";
        QTest::newRow("budget") << QVariantMap{{"capture_max_bytes", "1MiB"}}
                                << "capture_max_bytes: must be at least twice capture_max_file";
    }

    void wrongOptionsAreNamed()
    {
        QFETCH(QVariantMap, options);
        QFETCH(QString, message);
        options["symbols"] = QStringList{"BTC/USD"};
        options["streams"] = QStringList{"trade"};
        const auto source = testing::create<Source>("kraken", options);
        QVERIFY(!source);
        QVERIFY2(source.error().message.contains(message), qPrintable(source.error().message));
    }

    void missingRecordingIsAnErrorAtTheStart()
    {
        const auto source = make("kraken", {{"symbols", QStringList{"BTC/USD"}},
                                            {"streams", QStringList{"trade"}},
                                            {"replay", "nowhere.tape"}});
        const auto started = source->start();
        QVERIFY(!started);
        QVERIFY(started.error().message.contains("nowhere.tape"));
    }

private:
    static QString path(const QString &plugin)
    {
        return plugin == "kraken" ? QStringLiteral("/v2") : QString();
    }

    static QByteArray contentOf(const QString &name)
    {
        QFile file(name);
        return file.open(QIODevice::ReadOnly) ? file.readAll() : QByteArray();
    }

    // Without what the clock said when the answer to a question was dealt with: when it had come is what the
    // recording knows, and that is a little earlier.
    static QByteArray withoutAnswerTimes(const QByteArray &lines)
    {
        static const QRegularExpression time(
            "(\"type\":\"book_snapshot\",\"exchange\":\"binance\"[^\\[]*\"ts_recv\":)\"[^\"]*\"");
        return QString::fromUtf8(lines).replace(time, "\\1null").toUtf8();
    }

    static const char *difference(const QByteArray &a, const QByteArray &b)
    {
        static QByteArray text;
        const QByteArrayList left = a.split('\n');
        const QByteArrayList right = b.split('\n');
        for (qsizetype i = 0; i < std::min(left.size(), right.size()); ++i) {
            if (left[i] != right[i]) {
                text = "line " + QByteArray::number(i) + ": " + left[i] + "\n instead of " + right[i];
                break;
            }
        }
        return text.constData();
    }

    static void startExchange(FakeExchange &exchange, const QString &symbol)
    {
        QString error;
        QVERIFY2(exchange.start(&error), qPrintable(error));
        exchange.generate({.seed = 7, .symbols = {symbol.toUtf8()}, .eventsPerSecond = 200});
    }

    NodePtr<Source> make(const QString &plugin, const QVariantMap &options)
    {
        NodeContext context;
        context.pipeline = "p";
        context.name = plugin;
        context.baseDirectory = m_folder->path();
        auto source = testing::create<Source>(plugin, options, context);
        if (!source) {
            qWarning("%s", qPrintable(source.error().message));
            return {};
        }
        return std::move(*source);
    }

    QVariantMap online(const FakeExchange &exchange) const
    {
        return {{"symbols", QStringList{"BTC/USD"}},
                {"streams", QStringList{"trade", "ticker", "book_10"}},
                {"url", exchange.wsUrl().toString() + "/v2"},
                {"rest_url", exchange.restUrl().toString()},
                {"backfill", false},
                {"capture", "captures"}};
    }

    // At least so many blocks.
    void captureKraken(int records)
    {
        FakeExchange exchange({.protocol = ProtocolName::Kraken});
        startExchange(exchange, "BTC/USD");
        const auto source = make("kraken", online(exchange));
        Run run(*source);
        TIDEMILL_VERIFY(source->start());
        const QDir folder(m_folder->filePath("captures"));
        const auto hasBlocks = [&folder] {
            const QStringList files = folder.entryList({"*.tmcap"});
            return !files.isEmpty() && contentOf(folder.filePath(files.first())).count("TMCB") >= 3;
        };
        QTRY_VERIFY_WITH_TIMEOUT(hasBlocks() && testing::recordCount(run.emitted) > records, 20000);
        source->stop();
    }

    QByteArray replay(const QString &plugin, const QVariantMap &options)
    {
        const auto source = make(plugin, options);
        if (!source)
            return "no source";
        Run run(*source);
        if (const auto started = source->start(); !started)
            return started.error().message.toUtf8();
        if (!QTest::qWaitFor([&run] { return run.finished.size() == 1; }, 30000))
            return "not finished";
        m_troubles = run.troubles();
        m_positions = int(run.positions.size());
        source->stop();
        return run.lines();
    }

    // One trade each so many milliseconds.
    QVariantMap tapeOptions(int trades, int milliseconds)
    {
        QFile file(m_folder->filePath("trades.tape"));
        if (!file.open(QIODevice::WriteOnly))
            return {};
        for (int i = 0; i < trades; ++i) {
            const int at = i * milliseconds;
            file.write(QByteArray::number(1700000000 + at / 1000) + '.' +
                       QByteArray::number(at % 1000).rightJustified(3, '0') +
                       "\trecv\tws\t{\"channel\":\"trade\",\"type\":\"update\",\"data\":[{\"symbol\":"
                       "\"BTC/USD\",\"side\":\"buy\",\"price\":64000.1,\"qty\":0.5,\"ord_type\":\"market\","
                       "\"trade_id\":" +
                       QByteArray::number(i + 1) + ",\"timestamp\":\"2023-11-14T22:13:20.000000Z\"}]}\n");
        }
        return {{"symbols", QStringList{"BTC/USD"}},
                {"streams", QStringList{"trade"}},
                {"replay", "trades.tape"},
                {"replay_speed", "max"}};
    }

    std::unique_ptr<QTemporaryDir> m_folder;
    QString m_troubles;
    int m_positions = 0;
    int m_batches = 0;
};

QTEST_GUILESS_MAIN(tst_Replay)

#include "tst_replay.moc"
