// SPDX-License-Identifier: Apache-2.0
#include "binance_test.h"

#include <tidemill/order_book.h>

using namespace tidemill;
using binance::Settings;

// What the source asks for, what it makes of it, and how it copes with an exchange that does not answer.
// Losses of connections are in tst_binance_continuity.
class tst_Binance : public binance::BinanceTest
{
    Q_OBJECT

private slots:
    void init() { open(); }
    void cleanup() { close(); }

    void collectsAllKindsOfStreams()
    {
        generate();
        start({"trade", "aggTrade", "ticker", "bookTicker", "kline_1s", "depth@100ms", "depth5@100ms"},
              {{"combined", true}});

        QTRY_VERIFY(!rows<Trade>().isEmpty());
        QTRY_VERIFY(!rows<AggTrade>().isEmpty());
        QTRY_VERIFY(!rows<Quote>().isEmpty());
        QTRY_VERIFY(rows<Ticker>().size() > 1);
        QVERIFY(!rows<Ticker>().first().bid_price.isNull());
        QTRY_VERIFY(!rows<Candle>().isEmpty());
        QTRY_VERIFY(!rows<BookUpdate>().isEmpty());
        QTRY_VERIFY(rows<BookSnapshot>().size() > 1);
        QVERIFY(rows<Gap>().isEmpty());
    }

    void collectsFromARawConnection()
    {
        generate();
        start({"trade", "depth5@100ms", "miniTicker"}, {{"combined", false}});

        QTRY_VERIFY(!rows<Trade>().isEmpty());
        QTRY_VERIFY(!rows<Ticker>().isEmpty());
        QTRY_VERIFY(!rows<BookSnapshot>().isEmpty());
    }

    void keepsABookThatFollowsTheExchange()
    {
        generate();
        start({"depth@100ms"});

        QTRY_COMPARE(rows<BookSnapshot>().size(), 1);
        QTRY_VERIFY(rows<BookUpdate>().size() > 10);

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

    void saysThatItIsAwayAndComesBack()
    {
        generate();
        start({"trade"});
        QSignalSpy degraded(m_source.get(), &Node::degraded);
        QSignalSpy recovered(m_source.get(), &Node::recovered);
        QTRY_VERIFY(rows<Trade>().size() > 5);

        inject(QStringLiteral("abort"));

        QTRY_COMPARE(degraded.size(), 1);
        QTRY_COMPARE_WITH_TIMEOUT(recovered.size(), 1, 10000);
    }

    void saysWhenThereWereNoQuotes()
    {
        generate();
        start({"bookTicker"});
        QTRY_VERIFY(rows<Quote>().size() > 5);

        inject(QStringLiteral("abort"));

        QTRY_COMPARE_WITH_TIMEOUT(rows<Gap>().size(), 1, 10000);
        QCOMPARE(rows<Gap>().first().cause, GapCause::Disconnect);
        QCOMPARE(rows<Gap>().first().stream, Symbol("bookTicker"));
        QVERIFY(rows<Gap>().first().ts_from < rows<Gap>().first().ts_to);
    }

    void fetchesANewSnapshotAfterAHoleInTheDepthIds()
    {
        generate();
        start({"depth@100ms"});
        QTRY_COMPARE(rows<BookSnapshot>().size(), 1);

        inject(QStringLiteral("gap:2:btcusdt@depth@100ms"));

        QTRY_COMPARE_WITH_TIMEOUT(rows<BookSnapshot>().size(), 2, 10000);
        QCOMPARE(rows<Gap>().size(), 1);
    }

    void asksAgainWhenTheSnapshotIsTooOld()
    {
        generate();
        inject(QStringLiteral("stale:1"));
        start({"depth@100ms"});

        QTRY_COMPARE_WITH_TIMEOUT(rows<BookSnapshot>().size(), 1, 10000);
        QVERIFY(rows<Gap>().isEmpty());
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

        QTRY_COMPARE_WITH_TIMEOUT(rows<BookSnapshot>().size(), 1, 15000);
    }

    void emitsWhatItHeldBackWhenItStops()
    {
        generate();
        inject(QStringLiteral("slow:60s:60s"));
        start({"depth@100ms"});
        QTRY_VERIFY(m_lastData->load() != 0);
        QVERIFY(rows<BookUpdate>().isEmpty());

        m_source->stop();

        QVERIFY(!rows<BookUpdate>().isEmpty());
    }

    void stopsReadingWhilePaused()
    {
        generate(2000);
        start({"trade"});
        QTRY_VERIFY(rows<Trade>().size() > 5);

        m_source->setPaused(true);
        QCoreApplication::processEvents(); // what was read already may still come
        const auto before = rows<Trade>().size();
        QVERIFY(!QTest::qWaitFor([&] { return rows<Trade>().size() > before; }, 300));
        m_source->setPaused(false);

        QTRY_VERIFY(rows<Trade>().size() > before + 100);
        QVERIFY(rows<Gap>().isEmpty());
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

    void spreadsStreamsOverConnections()
    {
        QStringList symbols;
        for (int i = 0; i < 200; ++i)
            symbols.append(QStringLiteral("SYM%1USDT").arg(i));
        generate();
        start({"trade"}, {{"symbols", symbols}, {"connections", QVariantMap{{"streams", 50}}}});

        QTRY_COMPARE_WITH_TIMEOUT(m_exchange->stats()["connections_now"].toInt(), 4, 15000);
        QTRY_COMPARE_WITH_TIMEOUT(m_exchange->stats()["messages_received"].toInt(), 4, 10000);
        QCOMPARE(m_exchange->stats()["violations"].toArray().size(), 0);
    }

    void tellsWhyASubscriptionWasRefused()
    {
        Settings settings;
        settings.limits.maxStreams = 1;
        open(settings);
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
                                    << "symbols: must not be empty without discover.top";
        QTest::newRow("empty symbols")
            << with("symbols", QStringList{}) << "symbols: must not be empty without discover.top";
        QTest::newRow("a symbol twice")
            << with("symbols", QStringList{"BTCUSDT", "BTCUSDT"}) << "symbols: a symbol stands there twice";
        QTest::newRow("an unknown stream")
            << with("streams", QStringList{"trades"})
            << "streams: expected trade, aggTrade, ticker, miniTicker, bookTicker, kline_1m (or another "
               "interval), depth, depth@100ms, depth5, "
               "depth10 or depth20 (also with @100ms), got 'trades'; case matters";
        QTest::newRow("two tickers") << with("streams", QStringList{"ticker", "miniTicker"})
                                     << "streams: ticker says all that miniTicker does: choose one";
        QTest::newRow("a web address")
            << with("url", "https://example.org")
            << "url: expected an address that begins with wss:// (or ws://), got 'https://example.org'";
        QTest::newRow("a misspelt option") << with("symbol", "X") << "symbol: no such option";
        QTest::newRow("not a duration")
            << with("silence", QVariantMap{{"floor", "soon"}})
            << "silence.floor: expected a duration such as '250ms', '5s' or '1m30s', got 'soon'";
        QTest::newRow("too many on a connection") << with("connections", QVariantMap{{"streams", 1025}})
                                                  << "connections.streams: must be at most 1024";
        QTest::newRow("binary without a key")
            << with("format", "sbe") << "api_key: is required with format sbe";
        QTest::newRow("a stream that binary feeds lack")
            << QVariantMap{{"symbols", QStringList{"BTCUSDT"}},
                           {"streams", QStringList{"aggTrade"}},
                           {"format", "sbe"},
                           {"api_key", "key"}}
            << "streams: expected trade, bestBidAsk, depth or depth20 with format sbe, got 'aggTrade'; case "
               "matters";
    }

    void rejectsBadOptions()
    {
        QFETCH(QVariantMap, options);
        QFETCH(QString, message);

        const auto node = testing::create<Source>("binance", options);

        QVERIFY(!node);
        QCOMPARE(node.error().message, message);
    }
};

QTEST_GUILESS_MAIN(tst_Binance)

#include "tst_binance.moc"
