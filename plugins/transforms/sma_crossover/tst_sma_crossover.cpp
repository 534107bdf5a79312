// SPDX-License-Identifier: Apache-2.0
#include <tidemill/testing.h>

#include <QDir>
#include <QRegularExpression>
#include <QTemporaryDir>

using namespace tidemill;

namespace {

constexpr qint64 startSeconds = 1'700'000'000;

Wap wapAt(qint64 id, const Decimal &price, const char *symbol = "BTCUSDT")
{
    return {.exchange = "test"_sym,
            .symbol = Symbol(symbol),
            .ts_event = Timestamp::fromSeconds(startSeconds + id),
            .ts_recv = Timestamp::fromSeconds(startSeconds + id + 1),
            .update_id = id,
            .levels = 5,
            .price = price,
            .provenance = Provenance::Replay};
}

// Prices with ids counting from `firstId`.
BatchPtr waps(const QList<int> &prices, qint64 firstId = 1)
{
    BatchBuilder<Wap> builder;
    for (const int price : prices)
        builder.append(wapAt(firstId++, {price, 0}));
    return builder.finish();
}

BatchPtr gap(const char *symbol, GapState state = GapState::Open)
{
    return testing::batch({Gap{.exchange = "test"_sym, .symbol = Symbol(symbol), .state = state}});
}

// "open 7, close 9": action and id of each signal.
QString actions(const QSignalSpy &emitted)
{
    QStringList texts;
    for (const Signal &s : testing::rows<Signal>(emitted))
        texts.append((s.action == SignalAction::Open ? QStringLiteral("open %1") : QStringLiteral("close %1"))
                         .arg(s.update_id));
    return texts.join(QLatin1String(", "));
}

} // namespace

class tst_SmaCrossover : public QObject
{
    Q_OBJECT

private:
    NodePtr<Transform> m_node;
    std::unique_ptr<QSignalSpy> m_emitted;

    void create(const QVariantMap &options, const NodeContext &context = {})
    {
        m_emitted.reset();
        m_node.reset(); // stops, and so saves, the one before
        auto node = testing::create<Transform>("sma_crossover", options, context);
        TIDEMILL_VERIFY(node);
        m_node = *std::move(node);
        m_emitted = std::make_unique<QSignalSpy>(m_node.get(), &Transform::emitted);
        TIDEMILL_VERIFY(m_node->start());
    }

private slots:
    void cleanup()
    {
        m_emitted.reset();
        m_node.reset();
    }

    void opensAndCloses_data()
    {
        QTest::addColumn<QList<int>>("prices");
        QTest::addColumn<QString>("expected");

        // Averages of 2 and 4.
        QTest::newRow("too few prices") << QList<int>{1, 2, 3} << "";
        QTest::newRow("first possible one: with the fourth price") << QList<int>{10, 10, 5, 20} << "open 4";
        QTest::newRow("above from the start is no crossing") << QList<int>{1, 40, 41, 42, 43, 44} << "";
        // Short 7.5, then 9.5; long 9.25, which counts as the one before as well.
        QTest::newRow("with four prices the long one before is the same")
            << QList<int>{10, 8, 7, 12} << "open 4";
        QTest::newRow("closes") << QList<int>{10, 10, 5, 20, 20, 1, 1} << "open 4, close 6";
        QTest::newRow("touching is not crossing") << QList<int>{5, 5, 5, 5, 5} << "";
        QTest::newRow("from equal upwards") << QList<int>{5, 5, 5, 5, 5, 6} << "open 6";
        QTest::newRow("no close without an order") << QList<int>{5, 5, 5, 5, 5, 4} << "";
        QTest::newRow("a second one after a close")
            << QList<int>{5, 5, 5, 5, 6, 1, 1, 1, 1, 1, 9} << "open 5, close 6, open 11";
    }

    void opensAndCloses()
    {
        QFETCH(QList<int>, prices);
        QFETCH(QString, expected);
        create({{"short", 2}, {"long", 4}});

        m_node->receive(waps(prices));

        QCOMPARE(actions(*m_emitted), expected);
    }

    void saysWhatItDid()
    {
        create({{"short", 2}, {"long", 4}});
        QTest::ignoreMessage(QtInfoMsg, "Signal open BTCUSDT at 6 (SMA 2 5.5 above SMA 4 5.25)");
        QTest::ignoreMessage(QtInfoMsg, "Signal close BTCUSDT at 1 (SMA 2 3.5 below SMA 4 4.25)");
        const BatchPtr batch = waps({5, 5, 5, 5, 6, 1});
        batch->attachDelivery(std::make_shared<Delivery>());

        m_node->receive(batch);

        const auto made = testing::batches(*m_emitted);
        QCOMPARE(made.size(), 2);
        QCOMPARE(made[0]->delivery(), batch->delivery());
        QCOMPARE(made[1]->delivery(), batch->delivery());
        const auto signalsMade = made[0]->rows<Signal>();
        QCOMPARE(signalsMade.size(), 2U);
        QCOMPARE(made[0]->text(signalsMade[0].details), "Opened on SMA crossover");
        QCOMPARE(made[0]->text(signalsMade[1].details), "Closed on SMA crossover");
        QCOMPARE(signalsMade[0].short_window, 2);
        QCOMPARE(signalsMade[0].long_window, 4);
        QCOMPARE(signalsMade[0].ts_event, Timestamp::fromSeconds(startSeconds + 5));
        QCOMPARE(signalsMade[0].ts_recv, Timestamp::fromSeconds(startSeconds + 6));
        QCOMPARE(signalsMade[0].provenance, Provenance::Replay);
        const auto ordersMade = made[1]->rows<Order>();
        QCOMPARE(ordersMade.size(), 2U);
        const Order &opened = ordersMade[0];
        QCOMPARE(opened.status, OrderStatus::Open);
        QCOMPARE(opened.order_id, 5);
        QCOMPARE(opened.ts_open, Timestamp::fromSeconds(startSeconds + 5));
        QVERIFY(opened.ts_close.isNull());
        QVERIFY(opened.close_price.isNull());
        const Order &closed = ordersMade[1];
        QCOMPARE(closed.status, OrderStatus::Closed);
        QCOMPARE(closed.order_id, 5);
        QCOMPARE(closed.price, 6_dec);
        QCOMPARE(closed.close_price, 1_dec);
        QCOMPARE(closed.ts_open, opened.ts_open);
        QCOMPARE(closed.ts_event, Timestamp::fromSeconds(startSeconds + 6));
        QCOMPARE(closed.ts_close, Timestamp::fromSeconds(startSeconds + 6));
        QCOMPARE(made[1]->text(closed.details), "Opened on SMA crossover");
        QCOMPARE(closed.side, OrderSide::Long);
    }

    void takesClosedCandlesOnly()
    {
        create({{"short", 1}, {"long", 2}});
        BatchBuilder<Candle> candles;
        for (const int close : {5, 5, 6}) {
            const qint64 minute = candles.size() / 2;
            Candle candle{.exchange = "test"_sym,
                          .symbol = "BTCUSDT"_sym,
                          .ts_open = Timestamp::fromSeconds(60 * minute)};
            candle.close = 1_dec;
            candles.append(candle);
            candle.close = {close, 0};
            candle.closed = true;
            candles.append(candle);
        }

        m_node->receive(candles.finish());

        QCOMPARE(actions(*m_emitted), "open 120000");
    }

    void takesTrades()
    {
        create({{"short", 1}, {"long", 2}});

        m_node->receive(
            testing::batch({Trade{.trade_id = 7, .price = 5_dec}, Trade{.trade_id = 8, .price = 5_dec},
                            Trade{.trade_id = 9, .price = 6_dec}}));

        QCOMPARE(actions(*m_emitted), "open 9");
    }

    void keepsSymbolsApart()
    {
        create({{"short", 1}, {"long", 2}});

        m_node->receive(testing::batch({wapAt(1, 5_dec, "A"), wapAt(1, 50_dec, "B"), wapAt(2, 5_dec, "A"),
                                        wapAt(2, 50_dec, "B"), wapAt(3, 4_dec, "A"), wapAt(3, 51_dec, "B")}));

        QCOMPARE(actions(*m_emitted), "open 3");
        QCOMPARE(testing::rows<Order>(*m_emitted).first().symbol, "B"_sym);
    }

    void leavesOutPricesThatAreNone_data()
    {
        QTest::addColumn<Decimal>("price");
        QTest::newRow("zero") << 0_dec;
        QTest::newRow("negative") << "-5"_dec;
        QTest::newRow("missing") << Decimal::null();
        QTest::newRow("too large") << Decimal{1, 12};
        QTest::newRow("too fine") << Decimal{1, -19};
    }

    void leavesOutPricesThatAreNone()
    {
        QFETCH(Decimal, price);
        create({{"short", 1}, {"long", 2}});

        m_node->receive(testing::batch({wapAt(1, 5_dec), wapAt(2, price), wapAt(3, 5_dec), wapAt(4, 6_dec)}));

        QCOMPARE(actions(*m_emitted), "open 4");
    }

    void countsARepeatOnce()
    {
        create({{"short", 1}, {"long", 3}});

        m_node->receive(testing::batch({wapAt(1, 5_dec), wapAt(2, 5_dec), wapAt(2, 5_dec), wapAt(2, 9_dec)}));
        QCOMPARE(actions(*m_emitted), "");
        m_node->receive(testing::batch({wapAt(3, 6_dec)}));
        QCOMPARE(actions(*m_emitted), "open 3");
    }

    void startsAnewBehindAGap_data()
    {
        QTest::addColumn<QString>("onGap");
        QTest::addColumn<BatchPtr>("between");
        QTest::addColumn<QString>("expected");

        QTest::newRow("reset") << "reset" << gap("BTCUSDT") << "";
        QTest::newRow("keep") << "keep" << gap("BTCUSDT") << "open 5";
        QTest::newRow("of another symbol") << "reset" << gap("ETHUSDT") << "open 5";
        QTest::newRow("of the whole exchange") << "reset" << gap("") << "";
        QTest::newRow("filled") << "reset" << gap("BTCUSDT", GapState::Filled) << "open 5";
    }

    void startsAnewBehindAGap()
    {
        QFETCH(QString, onGap);
        QFETCH(BatchPtr, between);
        QFETCH(QString, expected);
        create({{"short", 2}, {"long", 4}, {"on_gap", onGap}});

        m_node->receive(waps({5, 5, 5, 5}));
        m_node->receive(between);
        m_node->receive(waps({6, 6, 6}, 5));

        QCOMPARE(actions(*m_emitted), expected);
    }

    void keepsTheOrderOverAGap()
    {
        create({{"short", 2}, {"long", 4}});
        m_node->receive(waps({5, 5, 5, 5, 6}));
        QCOMPARE(actions(*m_emitted), "open 5");

        m_node->receive(gap("BTCUSDT"));
        m_node->receive(waps({5, 5, 5, 9}, 10)); // crosses upwards, but an order is open
        m_node->receive(waps({1, 1}, 20));

        QCOMPARE(actions(*m_emitted), "open 5, close 21");
        QCOMPARE(testing::rows<Order>(*m_emitted).last().order_id, 5);
    }

    void resumesAfterARestart()
    {
        const QTemporaryDir folder;
        const NodeContext context{.stateDirectory = folder.filePath("deep/node")};
        const QVariantMap options{{"short", 2}, {"long", 4}};
        create(options, context);
        m_node->receive(waps({5, 5, 5, 5, 6}));

        create(options, context); // the window goes on where it was
        m_node->receive(waps({1}, 6));
        QCOMPARE(actions(*m_emitted), "close 6");
        QCOMPARE(testing::rows<Order>(*m_emitted).first().order_id, 5);
        QCOMPARE(testing::rows<Order>(*m_emitted).first().price, 6_dec);
        QCOMPARE(testing::rows<Order>(*m_emitted).first().ts_open, Timestamp::fromSeconds(startSeconds + 5));
        QCOMPARE(testing::rows<Signal>(*m_emitted).first().sma_long.toString(), "4.25");
    }

    void keepsOnlyTheOrderOfLongAgo_data()
    {
        QTest::addColumn<QString>("onGap");
        QTest::addColumn<qint64>("firstId");
        QTest::addColumn<QString>("expected");

        QTest::newRow("longer away than the window spans") << "reset" << qint64(100) << "close 104";
        QTest::newRow("kept over gaps") << "keep" << qint64(100) << "close 100";
        QTest::newRow("time goes back") << "keep" << qint64(1) << "close 5";
    }

    void keepsOnlyTheOrderOfLongAgo()
    {
        QFETCH(QString, onGap);
        QFETCH(qint64, firstId);
        QFETCH(QString, expected);
        const QTemporaryDir folder;
        const NodeContext context{.stateDirectory = folder.path()};
        const QVariantMap options{{"short", 2}, {"long", 4}, {"on_gap", onGap}};
        create(options, context);
        m_node->receive(waps({5, 5, 5, 5, 6}));

        create(options, context);
        m_node->receive(waps({1, 1, 9, 1, 1}, firstId));

        QCOMPARE(actions(*m_emitted).section(QLatin1Char(','), 0, 0), expected);
        QCOMPARE(testing::rows<Order>(*m_emitted).first().order_id, 5);
    }

    void startsEmptyIfTheStateDoesNotFit_data()
    {
        QTest::addColumn<QByteArray>("content");
        QTest::addColumn<QString>("warning");

        const QByteArray market = R"({"exchange":"test","symbol":"BTCUSDT","last_update_id":5,)";
        const auto file = [](const QByteArray &markets) {
            return QByteArray(R"({"version":1,"short":2,"long":4,"markets":[)" + markets + "]}");
        };
        QTest::newRow("not JSON") << QByteArray("{\"version\":1,") << "no JSON";
        QTest::newRow("empty") << QByteArray() << "no JSON";
        QTest::newRow("another version") << QByteArray(R"({"version":2})") << "expected version 1, got '2'";
        QTest::newRow("a list") << QByteArray("[]") << "expected version 1, got ''";
        QTest::newRow("other windows")
            << QByteArray(R"({"version":1,"short":3,"long":4,"markets":[)" + market + R"("prices":[]}]})")
            << "of windows 3 and 4, not 2 and 4";
        QTest::newRow("price is no number")
            << file(market + R"("prices":[["x",1]]})") << "missing or impossible";
        QTest::newRow("price is zero") << file(market + R"("prices":[["0",1]]})") << "missing or impossible";
        QTest::newRow("price without time")
            << file(market + R"("prices":[["1"]]})") << "missing or impossible";
        QTest::newRow("impossible time")
            << file(market + R"("prices":[["1",-9223372036854775807]]})") << "missing or impossible";
        QTest::newRow("order without price")
            << file(market + R"("prices":[],"order":{"id":1,"opened":1}})") << "missing or impossible";
        QTest::newRow("market without name")
            << file(R"({"last_update_id":5,"prices":[]})") << "missing or impossible";
    }

    void startsEmptyIfTheStateDoesNotFit()
    {
        QFETCH(QByteArray, content);
        QFETCH(QString, warning);
        const QTemporaryDir folder;
        QFile file(folder.filePath("sma_crossover.json"));
        QVERIFY(file.open(QIODevice::WriteOnly));
        file.write(content);
        file.close();

        QTest::ignoreMessage(QtWarningMsg, QRegularExpression(QRegularExpression::escape(warning)));
        create({{"short", 2}, {"long", 4}}, {.stateDirectory = folder.path()});
        m_node->receive(waps({5, 5, 5, 6}));

        QCOMPARE(actions(*m_emitted), "open 4");
    }

    void keepsNoStateUnlessToldTo()
    {
        const QTemporaryDir folder;
        const NodeContext context{.stateDirectory = folder.path()};
        create({{"short", 2}, {"long", 4}, {"resume", false}}, context);
        m_node->receive(waps({5, 5, 5, 6}));
        m_node.reset();

        QVERIFY(QDir(folder.path()).isEmpty());
    }

    void hasAnOpenOrderOnDiskWithoutAnOrderlyEnd()
    {
        const QTemporaryDir folder;
        create({{"short", 2}, {"long", 4}}, {.stateDirectory = folder.path()});

        m_node->receive(waps({5, 5, 5, 6}));

        QTRY_VERIFY(QFileInfo::exists(folder.filePath("sma_crossover.json")));
    }

    void rejectsBadOptions_data()
    {
        QTest::addColumn<QVariantMap>("options");
        QTest::addColumn<QString>("message");

        QTest::newRow("short too long")
            << QVariantMap{{"short", 300}} << "short: must be less than long, which is 200, got 300";
        QTest::newRow("long too short")
            << QVariantMap{{"long", 50}} << "long: must be more than short, which is 50, got 50";
        QTest::newRow("both") << QVariantMap{{"short", 30}, {"long", 10}}
                              << "short: must be less than long, which is 10, got 30";
        QTest::newRow("none") << QVariantMap{{"short", 0}} << "short: must be at least 1";
        QTest::newRow("too many") << QVariantMap{{"long", 10001}} << "long: must be at most 10000";
        QTest::newRow("misspelt") << QVariantMap{{"on_gap", "rest"}}
                                  << "on_gap: expected one of reset, keep, got 'rest'";
    }

    void rejectsBadOptions()
    {
        QFETCH(QVariantMap, options);
        QFETCH(QString, message);

        const auto node = testing::create<Transform>("sma_crossover", options);

        QVERIFY(!node);
        QCOMPARE(node.error().message, message);
    }
};

QTEST_GUILESS_MAIN(tst_SmaCrossover)

#include "tst_sma_crossover.moc"
