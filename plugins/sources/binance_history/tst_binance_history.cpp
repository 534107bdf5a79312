// SPDX-License-Identifier: Apache-2.0
#include "history_test.h"

#include <tidemill/net/testing.h>

#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>

using namespace tidemill;
using namespace tidemill::exchange;
using testing::PastMarket;

// What comes by REST alone.
class tst_BinanceHistory : public testing::HistoryTest
{
    Q_OBJECT

private slots:
    void init() { setUp(); }
    void cleanup() { tearDown(); }

    void collectsEveryTrade_data()
    {
        QTest::addColumn<QString>("data");
        QTest::addColumn<int>("inOneMillisecond");
        QTest::addColumn<int>("count");

        for (const QByteArray data : {"agg_trades", "trades"}) {
            QTest::addRow("%s, one each millisecond", data.constData())
                << QString::fromLatin1(data) << 1 << 2500;
            QTest::addRow("%s, a page splits a millisecond", data.constData())
                << QString::fromLatin1(data) << 3 << 4500;
            QTest::addRow("%s, 2500 in one millisecond", data.constData())
                << QString::fromLatin1(data) << 2500 << 6000;
            QTest::addRow("%s, whole pages", data.constData()) << QString::fromLatin1(data) << 1 << 3000;
            QTest::addRow("%s, few", data.constData()) << QString::fromLatin1(data) << 1 << 7;
            QTest::addRow("%s, none", data.constData()) << QString::fromLatin1(data) << 1 << 0;
        }
    }

    void collectsEveryTrade()
    {
        QFETCH(QString, data);
        QFETCH(int, inOneMillisecond);
        QFETCH(int, count);
        layDown(0, count, inOneMillisecond);

        start({{"data", QStringList{data}}, {"from", "2024-03-01"}});

        QTRY_COMPARE(m_finished->size(), 1);
        QCOMPARE(collected(), idsFrom(data == "trades" ? 100 : 0, count));
        QVERIFY(m_exchange->stats()["violations"].toArray().isEmpty());
        for (const AggTrade &trade : testing::rows<AggTrade>(*m_spies.back()))
            QCOMPARE(trade.provenance, Provenance::Backfill);
    }

    void keepsToItsBounds_data()
    {
        QTest::addColumn<QString>("data");
        QTest::addColumn<QVariantMap>("range");
        QTest::addColumn<int>("first");
        QTest::addColumn<int>("count");

        const QString from = QStringLiteral("2024-03-01T00:00:01.500Z");
        const QString to = QStringLiteral("2024-03-01T00:00:03Z");
        for (const QByteArray data : {"agg_trades", "trades"}) {
            const int shift = data == "trades" ? 100 : 0;
            QTest::addRow("%s from a time to a time", data.constData())
                << QString::fromLatin1(data) << QVariantMap{{"from", from}, {"to", to}} << 1500 + shift
                << 1500;
            QTest::addRow("%s up to a time to come", data.constData())
                << QString::fromLatin1(data) << QVariantMap{{"from", from}, {"to", "2099-01-01"}}
                << 1500 + shift << 2500;
            QTest::addRow("%s from an id", data.constData())
                << QString::fromLatin1(data) << QVariantMap{{"from_id", 1700 + shift}, {"to", to}}
                << 1700 + shift << 1300;
        }
    }

    void keepsToItsBounds()
    {
        QFETCH(QString, data);
        QFETCH(QVariantMap, range);
        QFETCH(int, first);
        QFETCH(int, count);
        layDown(0, 4000, 1);

        range["data"] = QStringList{data};
        start(range);

        QTRY_COMPARE(m_finished->size(), 1);
        QCOMPARE(collected(), idsFrom(first, count));
    }

    void leavesTheRunningCandle()
    {
        const qint64 begin = PastMarket::us("2024-03-04T00:00:00Z");
        for (qint64 minute = 0; minute <= 36 * 60; ++minute) // the last one opens now
            m_market->candle(begin + minute * 60000000, 60000000);

        start({{"data", QStringList{"klines_1m"}}, {"from", "2024-03-04"}});

        QTRY_COMPARE(m_finished->size(), 1);
        const QList<Candle> candles = testing::rows<Candle>(*m_spies.back());
        QCOMPARE(candles.size(), 36 * 60);
        for (qsizetype i = 0; i < candles.size(); ++i)
            QCOMPARE(candles[i].ts_open.ns, (begin + i * 60000000) * 1000);
        QVERIFY(candles.last().closed);
        QCOMPARE(candles.last().interval, Symbol("1m"));
    }

    // What happens while a live source gets going.
    void goesOnForAWhileWithoutAnEnd_data()
    {
        QTest::addColumn<QString>("data");
        QTest::addColumn<int>("before");
        QTest::newRow("agg_trades") << "agg_trades" << 5;
        QTest::newRow("agg_trades, none before") << "agg_trades" << 0;
        QTest::newRow("trades, none before") << "trades" << 0;
    }

    void goesOnForAWhileWithoutAnEnd()
    {
        QFETCH(QString, data);
        QFETCH(int, before);
        layDown(0, before, 1);
        start({{"data", QStringList{data}}, {"from", "2024-03-01"}, {"overlap", "1500ms"}});
        QTRY_VERIFY(m_exchange->stats()["rest_requests"].toInt() >= 2 + (before > 0 ? 1 : 0));
        QVERIFY(!m_finished->wait(500));

        for (qint64 id = before; id < before + 3; ++id)
            m_market->trade(id, m_market->now + id);

        QTRY_COMPARE(m_finished->size(), 1);
        QCOMPARE(collected(), idsFrom(data == "trades" ? 100 : 0, before + 3));
    }

    void closesTheCandleThatRunsAtTheEnd()
    {
        for (qint64 second = -5; second < 60; ++second)
            m_market->candle(m_market->now + second * 1000000, 1000000);

        start({{"data", QStringList{"klines_1s"}}, {"from", "2024-03-05T11:59:55Z"}, {"overlap", "1s"}});

        QTRY_COMPARE(m_finished->size(), 1);
        const QList<Candle> candles = testing::rows<Candle>(*m_spies.back());
        QVERIFY(candles.size() >= 5 + 2); // those of the overlap, and the one behind
        for (qsizetype i = 0; i < candles.size(); ++i) {
            QVERIFY(candles[i].closed);
            QCOMPARE(candles[i].ts_open.ns, (m_market->now + (i - 5) * 1000000) * 1000);
        }
    }

    // The first one gives way when it has reached "now"; they wait for the moment that the overlap ends once.
    void bringsThePastOfAllSeriesBeforeItWaits()
    {
        layDown(0, 3, 1);
        create({{"data", QStringList{"agg_trades", "trades"}}, {"from", "2024-03-01"}, {"overlap", "1s"}},
               {});
        QList<int> asked;      // until each turn began, and until the last one ended
        QList<QByteArray> had; // by then
        connect(m_source.get(), &Source::streamsChanged, this, [&](const QList<Source::Stream> &streams) {
            asked.append(m_exchange->stats()["rest_requests"].toInt());
            had.append(QByteArray::number(collected().size()) + ' ' +
                       (streams.isEmpty() ? "end" : streams.first().stream));
            // Something happens while the second one is followed.
            if (asked.size() == 2)
                m_market->trade(3, m_market->now);
            m_market->now += 2000000; // its clock stands still otherwise
        });
        TIDEMILL_VERIFY(m_source->start());

        QTRY_COMPARE(m_finished->size(), 1);
        QCOMPARE(had, (QList<QByteArray>{"0 agg_trades", "3 trades", "7 agg_trades", "8 end"}));
        QCOMPARE(collected(), idsFrom(0, 3) + idsFrom(100, 4) + idsFrom(3, 1));
        QCOMPARE(asked[1], 3);            // the time, two pages
        QCOMPARE(asked[2] - asked[1], 4); // the time, the first id, two pages
        QCOMPARE(asked[3] - asked[2], 3); // the time, two pages
    }

    void followsTheCalendar()
    {
        for (int month = 0; month < 14; ++month) {
            const QDateTime open = QDateTime(QDate(2023, 1, 1), QTime(0, 0), Qt::UTC).addMonths(month);
            m_market->candle(open.toMSecsSinceEpoch() * 1000, open.msecsTo(open.addMonths(1)) * 1000);
        }

        start({{"data", QStringList{"klines_1M"}}, {"from", "2023-01-01"}});

        QTRY_COMPARE(m_finished->size(), 1);
        QCOMPARE(testing::rows<Candle>(*m_spies.back()).size(), 14);
    }

    void survivesTrouble_data()
    {
        QTest::addColumn<QString>("fault");

        QTest::newRow("too many requests") << "rest:429:1:300ms";
        QTest::newRow("banned") << "rest:418:1:300ms";
        QTest::newRow("firewall") << "rest:403:1:300ms";
        QTest::newRow("server error") << "rest:502:0:300ms";
        QTest::newRow("slow") << "slow:200ms:1s";
        QTest::newRow("answers cut in half") << "truncate:2";
    }

    void survivesTrouble()
    {
        QFETCH(QString, fault);
        layDown(0, 3500, 5);
        QString error;
        QVERIFY2(m_exchange->inject(fault, &error), qPrintable(error));

        start({{"data", QStringList{"agg_trades"}}, {"from", "2024-03-01"}});

        QTRY_COMPARE_WITH_TIMEOUT(m_finished->size(), 1, 20000);
        QCOMPARE(collected(), idsFrom(0, 3500));
    }

    void asksAgainWhenAPageIsNone()
    {
        QSet<int> wrong{2, 3};
        int asked = 0;
        layDown(0, 10, 1);
        HttpServer server([&](const HttpRequest &request) {
            HttpResponse response;
            if (request.path.endsWith("/time")) {
                response.body = "{\"serverTime\":1709640000000}";
            } else if (wrong.contains(++asked)) {
                response.body = asked == 2 ? "<html><body>please log in</body></html>" : "[{\"a\":1";
            } else {
                const qint64 from = request.parameter("fromId").toLongLong();
                QByteArrayList rows;
                for (qint64 id = from; id < qMin<qint64>(from + 1000, 1500); ++id)
                    rows.append("{\"a\":" + QByteArray::number(id) +
                                ",\"p\":\"1\",\"q\":\"1\",\"f\":1,\"l\":1,\"T\":1709251200000,\"m\":true}");
                response.body = '[' + rows.join(',') + ']';
            }
            return response;
        });
        QVERIFY(server.listen(QHostAddress::LocalHost));
        const QString url = QStringLiteral("http://127.0.0.1:%1").arg(server.serverPort());

        create({{"data", QStringList{"agg_trades"}}, {"from_id", 0}, {"rest_url", url}}, {});
        QSignalSpy degraded(m_source.get(), &Node::degraded);
        QSignalSpy recovered(m_source.get(), &Node::recovered);
        TIDEMILL_VERIFY(m_source->start());

        QTRY_COMPARE_WITH_TIMEOUT(m_finished->size(), 1, 20000);
        QCOMPARE(collected(), idsFrom(0, 1500));
        QCOMPARE(degraded.size(), 2);
        QCOMPARE(recovered.size(), 1);
        m_source.reset(); // before the server it talks to
    }

    void namesWhatTheExchangeRefuses()
    {
        layDown(0, 1500, 1);
        create({{"symbols", QStringList{"NOSUCH", "BTCUSDT"}},
                {"data", QStringList{"agg_trades", "klines_1d"}},
                {"from", "2024-03-01"}},
               {});
        QSignalSpy failed(m_source.get(), &Node::failed);
        TIDEMILL_VERIFY(m_source->start());

        QTRY_COMPARE(m_finished->size(), 1);

        QCOMPARE(collected(), idsFrom(0, 1500)); // the rest went on
        QCOMPARE(failed.size(), 3);
        const QString message = failed.last().first().value<Error>().message;
        QVERIFY2(message.contains("3 of 4 series failed"), qPrintable(message));
        QVERIFY2(message.contains("NOSUCH agg_trades: Invalid symbol. (code -1121)"), qPrintable(message));
        QVERIFY2(message.contains("BTCUSDT klines_1d: Invalid interval. (code -1120)"), qPrintable(message));
    }

    // Gone after every second page; the next one has what was kept, and no other memory.
    void goesOnAfterAKill()
    {
        layDown(0, 7300, 4);
        QList<qint64> all;
        QHash<QByteArray, QByteArray> kept;
        for (int run = 0; run < 4; ++run) {
            create({{"data", QStringList{"agg_trades"}}, {"from", "2024-03-01"}}, kept);
            QSignalSpy moved(m_source.get(), &Source::positionReached);
            connect(m_source.get(), &Source::positionReached, m_source.get(), [this, &moved, run] {
                if (moved.size() == 2 && run < 3)
                    m_source->setPaused(true);
            });
            TIDEMILL_VERIFY(m_source->start());
            if (run < 3)
                QTRY_COMPARE(moved.size(), 2);
            else
                QTRY_COMPARE(m_finished->size(), 1);
            kept = testing::positions(moved);
            all += collected();
            m_source.reset();
        }

        QCOMPARE(all, idsFrom(0, 7300));
    }

    void beginsAnewForAnotherBeginning()
    {
        layDown(0, 1500, 1);
        const QHash<QByteArray, QByteArray> kept{
            {"BTCUSDT agg_trades", "next=1200 time=2024-03-01T00:00:01.200Z from=2024-03-01T00:00:01Z"}};

        start({{"data", QStringList{"agg_trades"}}, {"from", "2024-03-01"}}, kept);

        QTRY_COMPARE(m_finished->size(), 1);
        QCOMPARE(collected(), idsFrom(0, 1500));
    }

    void standsStillWhilePaused()
    {
        layDown(0, 8000, 4);
        create({{"data", QStringList{"agg_trades"}}, {"from", "2024-03-01"}}, {});
        connect(m_source.get(), &Source::emitted, m_source.get(), [this] {
            if (m_spies.back()->size() == 1)
                m_source->setPaused(true);
        });
        TIDEMILL_VERIFY(m_source->start());
        QTRY_COMPARE(m_spies.back()->size(), 1);

        QVERIFY(!m_finished->wait(300));
        QVERIFY(collected().size() <= 2000); // one page ahead at the most
        m_source->setPaused(false);

        QTRY_COMPARE(m_finished->size(), 1);
        QCOMPARE(collected(), idsFrom(0, 8000));
    }

    void saysWhatTheExchangeItselfLacks()
    {
        layDown(0, 500, 1);
        layDown(510, 500, 1);
        layDown(1015, 500, 1);

        start({{"data", QStringList{"agg_trades"}}, {"from", "2024-03-01"}});

        QTRY_COMPARE(m_finished->size(), 1);
        QCOMPARE(collected(), idsFrom(0, 500) + idsFrom(510, 500) + idsFrom(1015, 500));
        const QList<Gap> gaps = testing::rows<Gap>(*m_spies.back());
        QCOMPARE(gaps.size(), 2);
        QCOMPARE(gaps[0].first_missing, 500);
        QCOMPARE(gaps[0].last_missing, 509);
        QCOMPARE(gaps[1].first_missing, 1010);
        QCOMPARE(gaps[1].last_missing, 1014);
        const Timestamp begin = Timestamp::fromMicroseconds(PastMarket::us("2024-03-01T00:00:00Z"));
        QCOMPARE(gaps[0].ts_from, begin + std::chrono::milliseconds(499));
        QCOMPARE(gaps[1].ts_from, begin + std::chrono::milliseconds(1009));
    }

    void tellsHolesOfOneMomentApart()
    {
        for (const qint64 id : {1, 3, 5, 7})
            m_market->trade(id, PastMarket::us("2024-03-01T00:00:00Z"));
        net::CountingMetrics metrics;

        create({{"data", QStringList{"agg_trades"}}, {"from", "2024-03-01"}}, {});
        NodeContext context = m_source->context();
        context.metrics = &metrics;
        m_source->setContext(context);
        TIDEMILL_VERIFY(m_source->start());

        QTRY_COMPARE(m_finished->size(), 1);
        const QList<Gap> gaps = testing::rows<Gap>(*m_spies.back());
        QCOMPARE(gaps.size(), 3);
        QVERIFY(gaps[0].ts_from < gaps[1].ts_from && gaps[1].ts_from < gaps[2].ts_from);
        QCOMPARE(metrics["tidemill_gap_records_total binance BTCUSDT aggTrade open"], 3);
        m_source.reset(); // before what it counts in
    }

    void sumsOfRealTradesAreExact()
    {
        const QString folder = recording("rest/binance/aggTrades_XRPETH_2019-10-11");
        if (folder.isEmpty())
            QSKIP("the recordings are not here");
        qint64 lastUs = 0;
        for (const QString &name : QDir(folder).entryList({"*.json"}, QDir::Files, QDir::Name)) {
            QFile page(folder + '/' + name);
            QVERIFY(page.open(QIODevice::ReadOnly));
            for (const QJsonValue &row : QJsonDocument::fromJson(page.readAll()).array()) {
                lastUs = row["T"].toInteger() * 1000;
                m_market->rows().append(
                    AggTradeRow{row["a"].toInteger(), *Number::parse(row["p"].toString().toLatin1()),
                                *Number::parse(row["q"].toString().toLatin1()), row["f"].toInteger(),
                                row["l"].toInteger(), lastUs, row["m"].toBool()});
            }
        }
        m_market->now = lastUs + 1000000;

        start({{"data", QStringList{"agg_trades"}}, {"from", "2019-10-11"}});

        QTRY_COMPARE(m_finished->size(), 1);
        DecimalSum quantity;
        DecimalSum notional;
        qint64 ids = 0;
        const QList<AggTrade> trades = testing::rows<AggTrade>(*m_spies.back());
        for (const AggTrade &trade : trades) {
            quantity.add(trade.quantity);
            notional.addProduct(trade.price, trade.quantity);
            ids += trade.agg_trade_id;
        }
        const QList<QByteArray> expected =
            testing::python(
                "import glob,json,sys\nfrom decimal import *\n"
                "r=[x for f in sorted(glob.glob(sys.argv[1]+'/*.json')) for x in json.load(open(f))]\n"
                "r=[x for x in r if x['T']>=1570752000000]\n"
                "q=sum(Decimal(x['q']) for x in r)\n"
                "n=sum(Decimal(x['p'])*Decimal(x['q']) for x in r)\n"
                "print(len(r),q,n.normalize(),sum(x['a'] for x in r))",
                {folder})
                .split(' ');
        QCOMPARE(expected.size(), 4);
        QCOMPARE(trades.size(), expected[0].toLongLong());
        QVERIFY(isSum(quantity, expected[1]));
        QVERIFY(isSum(notional, expected[2]));
        QCOMPARE(ids, expected[3].toLongLong());
    }

    void refusesBadOptions_data()
    {
        QTest::addColumn<QVariantMap>("options");
        QTest::addColumn<QString>("message");

        QTest::newRow("kind") << QVariantMap{{"data", QStringList{"klines_7m"}}} << "got 'klines_7m'";
        QTest::newRow("no beginning") << QVariantMap{{"from", ""}} << "expected either from or from_id";
        QTest::newRow("two beginnings") << QVariantMap{{"from_id", 5}} << "expected either from or from_id";
        QTest::newRow("ids of candles")
            << QVariantMap{{"from", ""}, {"from_id", 5}, {"data", QStringList{"klines_1m"}}}
            << "ids belong to one symbol";
        QTest::newRow("time") << QVariantMap{{"from", "yesterday"}} << "got 'yesterday'";
        QTest::newRow("backwards") << QVariantMap{{"to", "2024-01-01"}} << "must be later than from";
        QTest::newRow("a path for a symbol")
            << QVariantMap{{"symbols", QStringList{"../etc"}}} << "got '../etc'";
        QTest::newRow("archive") << QVariantMap{{"archive", "ftp://x"}} << "expected https://... or a folder";
    }

    void refusesBadOptions()
    {
        QFETCH(QVariantMap, options);
        QFETCH(QString, message);
        QVariantMap all{
            {"symbols", QStringList{"BTCUSDT"}}, {"data", QStringList{"agg_trades"}}, {"from", "2024-03-01"}};
        all.insert(options);

        const auto node = testing::create<Source>("binance_history", all);

        QVERIFY(!node);
        QVERIFY2(node.error().message.contains(message), qPrintable(node.error().message));
    }
};

QTEST_GUILESS_MAIN(tst_BinanceHistory)

#include "tst_binance_history.moc"
