// SPDX-License-Identifier: Apache-2.0
#include "exchange/fake_exchange.h"

#include <tidemill/order_book.h>
#include <tidemill/testing.h>

using namespace tidemill;
using namespace tidemill::exchange;

// The source against an exchange that enforces the rules, over real sockets.
class tst_Binance : public QObject
{
    Q_OBJECT

private slots:
    void init()
    {
        m_exchange = std::make_unique<FakeExchange>();
        QString error;
        QVERIFY2(m_exchange->start(&error), qPrintable(error));
    }

    void cleanup()
    {
        m_source.reset();
        m_spy.reset();
        m_exchange.reset();
    }

    void collectsAllKindsOfStreams()
    {
        generate();
        start({"trade", "aggTrade", "bookTicker", "kline_1s", "depth@100ms", "depth5@100ms"},
              {{"combined", true}});

        QTRY_VERIFY(!testing::rows<Trade>(*m_spy).isEmpty());
        QTRY_VERIFY(!testing::rows<AggTrade>(*m_spy).isEmpty());
        QTRY_VERIFY(!testing::rows<Quote>(*m_spy).isEmpty());
        QTRY_VERIFY(!testing::rows<Candle>(*m_spy).isEmpty());
        QTRY_VERIFY(!testing::rows<BookUpdate>(*m_spy).isEmpty());
        QTRY_VERIFY(testing::rows<BookSnapshot>(*m_spy).size() > 1);
        QVERIFY(testing::rows<Gap>(*m_spy).isEmpty());
    }

    void collectsFromARawConnection()
    {
        generate();
        start({"trade", "depth5@100ms"}, {{"combined", false}});

        QTRY_VERIFY(!testing::rows<Trade>(*m_spy).isEmpty());
        QTRY_VERIFY(!testing::rows<BookSnapshot>(*m_spy).isEmpty());
    }

    void keepsABookThatFollowsTheExchange()
    {
        generate();
        start({"depth@100ms"});

        QTRY_COMPARE(testing::rows<BookSnapshot>(*m_spy).size(), 1);
        QTRY_VERIFY(testing::rows<BookUpdate>(*m_spy).size() > 10);

        // What came out must be usable as it stands: every update continues what was before it.
        tidemill::OrderBook book;
        qint64 at = 0;
        for (const BatchPtr &batch : testing::batches(*m_spy)) {
            for (const BookSnapshot &snapshot : batch->rows<BookSnapshot>()) {
                book.replace(batch->levels(snapshot.bids), batch->levels(snapshot.asks));
                at = snapshot.last_update_id;
            }
            for (const BookUpdate &update : batch->rows<BookUpdate>()) {
                if (at == 0)
                    continue;
                QVERIFY(update.first_update_id <= at + 1);
                QVERIFY(update.last_update_id > at);
                book.apply(batch->levels(update.bids), batch->levels(update.asks));
                at = update.last_update_id;
                QVERIFY(!book.isCrossed());
            }
        }
        QVERIFY(!book.isEmpty());
    }

    void comesBackAfterEveryKindOfLoss_data()
    {
        QTest::addColumn<QString>("fault");

        QTest::newRow("closed by plan") << QStringLiteral("close:1000");
        QTest::newRow("the server goes away") << QStringLiteral("close:1001");
        QTest::newRow("policy") << QStringLiteral("close:1008");
        QTest::newRow("aborted") << QStringLiteral("abort");
        QTest::newRow("shutdown announced") << QStringLiteral("serverShutdown");
    }

    void comesBackAfterEveryKindOfLoss()
    {
        QFETCH(QString, fault);
        generate();
        start({"trade"});
        QSignalSpy degraded(m_source.get(), &Node::degraded);
        QSignalSpy recovered(m_source.get(), &Node::recovered);
        QTRY_VERIFY(testing::rows<Trade>(*m_spy).size() > 5);

        inject(fault);

        QTRY_COMPARE(degraded.size(), 1);
        QTRY_COMPARE_WITH_TIMEOUT(recovered.size(), 1, 10000);
        // The time away is on record, to the id.
        QTRY_COMPARE(testing::rows<Gap>(*m_spy).size(), 1);
        const Gap gap = testing::rows<Gap>(*m_spy).first();
        QCOMPARE(gap.cause, GapCause::Disconnect);
        QCOMPARE(gap.stream, Symbol("trade"));
        QVERIFY(gap.ts_from < gap.ts_to);
        verifyOnlyMissing(gap);
    }

    void recordsAHoleInTheIds()
    {
        generate();
        start({"trade"});
        QTRY_VERIFY(testing::rows<Trade>(*m_spy).size() > 5);

        inject(QStringLiteral("gap:5:btcusdt@trade"));

        QTRY_COMPARE(testing::rows<Gap>(*m_spy).size(), 1);
        const Gap gap = testing::rows<Gap>(*m_spy).first();
        QCOMPARE(gap.cause, GapCause::Sequence);
        QCOMPARE(gap.last_missing - gap.first_missing + 1, 5);
        verifyOnlyMissing(gap);
    }

    void fetchesANewSnapshotAfterAHoleInTheDepthIds()
    {
        generate();
        start({"depth@100ms"});
        QTRY_COMPARE(testing::rows<BookSnapshot>(*m_spy).size(), 1);

        inject(QStringLiteral("gap:2:btcusdt@depth@100ms"));

        QTRY_COMPARE_WITH_TIMEOUT(testing::rows<BookSnapshot>(*m_spy).size(), 2, 10000);
        QCOMPARE(testing::rows<Gap>(*m_spy).size(), 1);
    }

    void asksAgainWhenTheSnapshotIsTooOld()
    {
        generate();
        inject(QStringLiteral("stale:1"));
        start({"depth@100ms"});

        QTRY_COMPARE_WITH_TIMEOUT(testing::rows<BookSnapshot>(*m_spy).size(), 1, 10000);
        QVERIFY(testing::rows<Gap>(*m_spy).isEmpty());
    }

    void goesOnWithoutASnapshot_data()
    {
        QTest::addColumn<QString>("fault");

        QTest::newRow("rate limited") << QStringLiteral("rest:429:1:500ms");
        QTest::newRow("server trouble") << QStringLiteral("rest:503:0:500ms");
        QTest::newRow("cut-off answer") << QStringLiteral("truncate:1");
    }

    void goesOnWithoutASnapshot()
    {
        QFETCH(QString, fault);
        generate();
        inject(fault);
        start({"depth@100ms"});

        QTRY_COMPARE_WITH_TIMEOUT(testing::rows<BookSnapshot>(*m_spy).size(), 1, 15000);
    }

    void emitsWhatItHeldBackWhenItStops()
    {
        generate();
        inject(QStringLiteral("slow:60s:60s"));
        start({"depth@100ms"});
        QTRY_VERIFY(m_lastData->load() != 0);
        QVERIFY(testing::rows<BookUpdate>(*m_spy).isEmpty());

        m_source->stop();

        QVERIFY(!testing::rows<BookUpdate>(*m_spy).isEmpty());
    }

    void stopsReadingWhilePaused()
    {
        generate(2000);
        start({"trade"});
        QTRY_VERIFY(testing::rows<Trade>(*m_spy).size() > 5);

        m_source->setPaused(true);
        QCoreApplication::processEvents(); // what was read already may still come
        const auto before = testing::rows<Trade>(*m_spy).size();
        QVERIFY(!QTest::qWaitFor([&] { return testing::rows<Trade>(*m_spy).size() > before; }, 300));
        m_source->setPaused(false);

        QTRY_VERIFY(testing::rows<Trade>(*m_spy).size() > before + 100);
        QVERIFY(testing::rows<Gap>(*m_spy).isEmpty());
    }

    void respectsTheLimitOfControlMessages()
    {
        QStringList symbols;
        for (int i = 0; i < 600; ++i)
            symbols.append(QStringLiteral("SYM%1USDT").arg(i));
        generate();
        start({"trade"}, {{"symbols", symbols}});

        // 600 streams are six messages; a seventh would break the rule if they came at once.
        QTRY_COMPARE_WITH_TIMEOUT(m_exchange->stats()["messages_received"].toInt(), 6, 10000);
        QVERIFY(
            !QTest::qWaitFor([this] { return m_exchange->stats()["connections_ever"].toInt() > 1; }, 500));
        QCOMPARE(m_exchange->stats()["violations"].toArray().size(), 0);
    }

    void tellsWhyASubscriptionWasRefused()
    {
        Settings settings;
        settings.limits.maxStreams = 1;
        m_exchange = std::make_unique<FakeExchange>(settings);
        QString error;
        QVERIFY2(m_exchange->start(&error), qPrintable(error));
        generate();
        create({"trade", "bookTicker"});
        QSignalSpy degraded(m_source.get(), &Node::degraded);
        TIDEMILL_VERIFY(m_source->start());

        QTRY_VERIFY(!degraded.isEmpty());
        const auto cause = degraded.first().first().value<Error>();
        QVERIFY2(cause.message.contains(QStringLiteral("Too many subscriptions")), qPrintable(cause.message));
    }

    void rejectsBadOptions_data()
    {
        QTest::addColumn<QVariantMap>("options");
        QTest::addColumn<QString>("message");

        const QVariantMap good{{"symbols", QStringList{"BTCUSDT"}}, {"streams", QStringList{"trade"}}};
        const auto with = [&good](const char *key, const QVariant &value) {
            QVariantMap options = good;
            options[QLatin1String(key)] = value;
            return options;
        };
        QTest::newRow("no symbols") << QVariantMap{{"streams", QStringList{"trade"}}}
                                    << "symbols: is required: Symbols in the exchange's spelling.";
        QTest::newRow("empty symbols") << with("symbols", QStringList{}) << "symbols: must not be empty";
        QTest::newRow("a symbol twice")
            << with("symbols", QStringList{"BTCUSDT", "BTCUSDT"}) << "symbols: a symbol stands there twice";
        QTest::newRow("an unknown stream")
            << with("streams", QStringList{"trades"})
            << "streams: expected trade, aggTrade, bookTicker, kline_1m (or another interval), depth, "
               "depth@100ms, depth5, "
               "depth10 or depth20 (also with @100ms), got 'trades'; case matters";
        QTest::newRow("a web address")
            << with("url", "https://example.org")
            << "url: expected an address that begins with wss:// (or ws://), got 'https://example.org'";
        QTest::newRow("a misspelt option") << with("symbol", "X") << "symbol: no such option";
        QTest::newRow("not a duration")
            << with("silence", "soon")
            << "silence: expected a duration such as '250ms', '5s' or '1m30s', got 'soon'";
        QTest::newRow("too short") << with("silence", "10ms") << "silence: must be at least 1s";
    }

    void rejectsBadOptions()
    {
        QFETCH(QVariantMap, options);
        QFETCH(QString, message);

        const auto node = testing::create<Source>("binance", options);

        QVERIFY(!node);
        QCOMPARE(node.error().message, message);
    }

private:
    void generate(int rate = 50)
    {
        GeneratorOptions options;
        options.seed = 7;
        options.symbols = {"BTCUSDT"};
        options.eventsPerSecond = rate;
        m_exchange->generate(options);
    }

    void create(const QStringList &streams, const QVariantMap &more = {})
    {
        QVariantMap options{{"url", m_exchange->wsUrl().toString()},
                            {"rest_url", m_exchange->restUrl().toString()},
                            {"symbols", QStringList{"BTCUSDT"}},
                            {"streams", streams}};
        options.insert(more);
        auto node = testing::create<Source>("binance", options);
        TIDEMILL_VERIFY(node);
        m_source = *std::move(node);
        m_spy = std::make_unique<QSignalSpy>(m_source.get(), &Source::emitted);
        connect(m_source.get(), &Source::streamsChanged, this,
                [this](const QList<Source::Stream> &list) { m_lastData = list.first().lastDataNs; });
    }

    void start(const QStringList &streams, const QVariantMap &more = {})
    {
        create(streams, more);
        TIDEMILL_VERIFY(m_source->start());
    }

    void inject(const QString &fault)
    {
        QString error;
        QVERIFY2(m_exchange->inject(fault, &error), qPrintable(error));
    }

    // The trades that came are consecutive but for what the gap says.
    void verifyOnlyMissing(const Gap &gap)
    {
        qint64 last = 0;
        for (const Trade &trade : testing::rows<Trade>(*m_spy)) {
            if (trade.trade_id == gap.last_missing + 1)
                QCOMPARE(last, gap.first_missing - 1);
            else if (last != 0)
                QCOMPARE(trade.trade_id, last + 1);
            last = trade.trade_id;
        }
        QVERIFY(last > gap.last_missing);
    }

    std::unique_ptr<FakeExchange> m_exchange;
    NodePtr<Source> m_source;
    std::unique_ptr<QSignalSpy> m_spy;
    std::shared_ptr<std::atomic<qint64>> m_lastData;
};

QTEST_GUILESS_MAIN(tst_Binance)

#include "tst_binance.moc"
