// SPDX-License-Identifier: Apache-2.0
#include "redis/redis_server.h"

#include <tidemill/counting_metrics.h>
#include <tidemill/json.h>
#include <tidemill/testing.h>

#include <set>

using namespace tidemill;
using tidemill::testing::RedisServer;

// The source as the host drives it, against a real server. A batch that the spy holds is one that the sinks
// have not confirmed yet.
class tst_RedisStreamSource : public QObject
{
    Q_OBJECT

private slots:
    void initTestCase()
    {
        if (!RedisServer::isInstalled())
            QSKIP("no redis-server is installed");
        QVERIFY(m_server.start({"--appendonly", "yes", "--appendfsync", "always"}));
    }

    void cleanup()
    {
        m_emitted.reset();
        m_source.reset();
        m_server.call({"FLUSHALL"});
    }

    void readsWhatTheSinkWrites()
    {
        BatchBuilder<Trade> trades;
        for (int id = 1; id <= 3; ++id)
            trades.append({.exchange = "binance"_sym,
                           .symbol = id == 3 ? "ETHUSDT"_sym : "BTCUSDT"_sym,
                           .ts_event = {1700000000123456000 + id * 1000},
                           .trade_id = id,
                           .price = "45123.50000000"_dec,
                           .quantity = "0.00100"_dec,
                           .side = id == 1 ? Side::Sell : Side::Buy});
        const BatchPtr written = trades.finish();
        write(written);
        start({{"streams", QStringList{"trades:*"}}});
        QTRY_COMPARE(rows<Trade>().size(), 3);
        const auto read = rows<Trade>();
        for (qsizetype row = 0; row < 3; ++row) {
            Trade expected = written->rows<Trade>()[std::size_t(row)];
            expected.ts_recv = read[row].ts_recv; // when Redis took it, by its clock
            QVERIFY(
                sameRecord(*testing::batch<Trade>({expected}), 0, *testing::batch<Trade>({read[row]}), 0));
            QVERIFY(std::chrono::abs(Timestamp::now() - read[row].ts_recv) < std::chrono::minutes(5));
        }
    }

    void readsEveryRecordType()
    {
        const std::vector<Level> levels{{"1.50"_dec, "2"_dec}, {"1.4"_dec, "0"_dec}};
        BatchBuilder<BookUpdate> updates;
        updates.append({.exchange = "x"_sym,
                        .symbol = "A"_sym,
                        .ts_event = {1700000000123456789},
                        .ts_recv = {1700000000123456790},
                        .first_update_id = 1,
                        .last_update_id = 2,
                        .bids = updates.levels(levels),
                        .provenance = Provenance::Backfill});
        BatchBuilder<Gap> gaps;
        gaps.append({.exchange = "x"_sym,
                     .symbol = "A"_sym,
                     .stream = "trade"_sym,
                     .ts_recv = {5},
                     .first_missing = 3,
                     .reason = gaps.text("a \"reason\"\nwith \xc3\xa4"),
                     .cause = GapCause::Sequence});
        BatchBuilder<Frame> frames;
        frames.append({.exchange = "x"_sym,
                       .stream = "s"_sym,
                       .ts_recv = {7},
                       .connection = 1,
                       .sequence = 2,
                       .payload = frames.bytes(QByteArray("\0\1\xff", 3)),
                       .text = true});
        BatchBuilder<Ticker> tickers; // with values that are missing
        tickers.append(
            {.exchange = "x"_sym, .symbol = "A"_sym, .ts_recv = {9}, .sequence = 4, .price = "1.10"_dec});
        for (const BatchPtr &written : {updates.finish(), gaps.finish(), frames.finish(), tickers.finish()}) {
            const QString type = QString::fromUtf8(written->schema().name());
            write(written);
            start({{"streams", QStringList{type + "*"}}, {"record", type}});
            QTRY_COMPARE(testing::recordCount(*m_emitted), 1);
            QCOMPARE(testing::printed(testing::batches(*m_emitted)), testing::printed({written}));
            cleanup();
        }
    }

    void acknowledgesWhatSinksHaveConfirmed()
    {
        addTrades("trades:A", 1, 3);
        start({{"streams", QStringList{"trades:A"}}, {"count", 2}});
        QTRY_COMPARE(rows<Trade>().size(), 3);
        QCOMPARE(pending("trades:A"), 3);
        m_emitted->takeFirst();
        QTRY_COMPARE(pending("trades:A"), 1);
        m_emitted->clear();
        QTRY_COMPARE(pending("trades:A"), 0);
        QCOMPARE(m_server.call({"XLEN", "trades:A"}), QByteArray("3"));
    }

    void acknowledgesNothingThatWasAbandoned()
    {
        addTrades("trades:A", 1, 2);
        start({{"streams", QStringList{"trades:A"}}, {"count", 1}});
        QTRY_COMPARE(rows<Trade>().size(), 2);
        testing::batches(*m_emitted).first()->delivery()->abandon();
        m_emitted->clear();
        QTRY_COMPARE(pending("trades:A"), 1);
        QVERIFY(m_server.call({"XPENDING", "trades:A", "tidemill", "-", "+", "9"}).startsWith("1-0"));
    }

    // What was confirmed while the graph drains is told, although nothing is read any more.
    void acknowledgesAfterItWasStopped()
    {
        addTrades("trades:A", 1, 2);
        start({{"streams", QStringList{"trades:A"}}});
        QTRY_COMPARE(rows<Trade>().size(), 2);
        m_source->stop();
        m_emitted->clear();
        QTRY_COMPARE(pending("trades:A"), 0);
    }

    void beginsWithWhatItHadBefore()
    {
        addTrades("trades:A", 1, 2);
        start({{"streams", QStringList{"trades:A"}}});
        QTRY_COMPARE(rows<Trade>().size(), 2);
        const QSignalSpy unconfirmed(m_source.get(), &Source::emitted);
        const auto held = testing::batches(*m_emitted);
        m_emitted.reset();
        m_source.reset(); // the process ends with these in hand
        addTrades("trades:A", 3, 1);

        start({{"streams", QStringList{"trades:A"}}});
        QTRY_COMPARE(rows<Trade>().size(), 3);
        QCOMPARE(ids(), QList<qint64>({1, 2, 3}));
    }

    void takesOverFromTheDead()
    {
        addTrades("trades:A", 1, 4);
        m_server.call({"XGROUP", "CREATE", "trades:A", "tidemill", "0"});
        m_server.call({"XREADGROUP", "GROUP", "tidemill", "dead", "COUNT", "3", "STREAMS", "trades:A", ">"});
        start({{"streams", QStringList{"trades:A"}}, {"min_idle", "200ms"}, {"count", 2}});
        QTRY_COMPARE(distinctIds(), (std::set<qint64>{1, 2, 3, 4}));
        m_emitted->clear();
        QTRY_COMPARE(pending("trades:A"), 0);
    }

    // Slow sinks are no death: the idle time of what is in their hands starts again and again.
    void keepsWhatItsSinksWorkOn()
    {
        addTrades("trades:A", 1, 1);
        start({{"streams", QStringList{"trades:A"}}, {"min_idle", "600ms"}, {"consumer", "slow"}});
        QTRY_COMPARE(rows<Trade>().size(), 1);
        auto other =
            make({{"streams", QStringList{"trades:A"}}, {"min_idle", "600ms"}, {"consumer", "other"}});
        const QSignalSpy stolen(other.get(), &Source::emitted);
        TIDEMILL_VERIFY(other->start());
        int last = 0;
        int renewed = 0;
        for (QDeadlineTimer deadline(10000); renewed < 4 && !deadline.hasExpired();) {
            const QList<QByteArray> entry =
                m_server.call({"XPENDING", "trades:A", "tidemill", "-", "+", "9"}).split('\n');
            QCOMPARE(entry.value(1), QByteArray("slow"));
            QCOMPARE(entry.value(3), QByteArray("1")); // it was given out once
            renewed += entry.value(2).toInt() < last ? 1 : 0;
            last = entry.value(2).toInt();
            QCoreApplication::processEvents();
        }
        QCOMPARE(renewed, 4);
        QCOMPARE(stolen.size(), 0);
    }

    void saysWhatWasTrimmed()
    {
        addTrades("trades:A", 1, 5);
        m_server.call({"XGROUP", "CREATE", "trades:A", "tidemill", "0"});
        m_server.call({"XREADGROUP", "GROUP", "tidemill", "me", "COUNT", "3", "STREAMS", "trades:A", ">"});
        m_server.call({"XTRIM", "trades:A", "MAXLEN", "=", "3"}); // 1-0 and 2-0 go
        start({{"streams", QStringList{"trades:A"}}, {"consumer", "me"}}, {.metrics = &m_metrics});
        QTRY_COMPARE(rows<Trade>().size(), 3);
        QTRY_COMPARE(rows<Gap>().size(), 1);
        QCOMPARE(m_metrics["tidemill_gap_records_total redis trades:A entries open"], 1U);
        QCOMPARE(m_metrics["tidemill_redis_trimmed_total"], 2U);
        BatchPtr gap = batchOf(schemaOf<Gap>());
        QCOMPARE(gap->text(gap->rows<Gap>()[0].reason).toByteArray(),
                 QByteArray("2 entries from 1-0 to 2-0 were trimmed before they were dealt with"));
        QCOMPARE(gap->rows<Gap>()[0].symbol, "trades:A"_sym);
        gap.reset();
        m_emitted->clear();
        QTRY_COMPARE(pending("trades:A"), 0);
    }

    void saysWhatWasTrimmedFromTheDead()
    {
        addTrades("trades:A", 1, 3);
        m_server.call({"XGROUP", "CREATE", "trades:A", "tidemill", "0"});
        m_server.call({"XREADGROUP", "GROUP", "tidemill", "dead", "STREAMS", "trades:A", ">"});
        m_server.call({"XTRIM", "trades:A", "MAXLEN", "=", "1"});
        start({{"streams", QStringList{"trades:A"}}, {"min_idle", "200ms"}});
        QTRY_COMPARE(rows<Gap>().size(), 1);
        QTRY_COMPARE(ids(), QList<qint64>({3}));
        m_emitted->clear();
        QTRY_COMPARE(pending("trades:A"), 0);
    }

    void refusesWhatItCannotRead()
    {
        m_server.call({"XADD", "trades:A", "1-0", "hello", "world"});
        m_server.call({"XADD", "trades:A", "2-0", "exchange", "binance", "pair", "A", "price", "no number",
                       "qty", "1", "ts", "", "side", "buy", "trade_id", "2"});
        addTrades("trades:A", 3, 1);
        QTest::ignoreMessage(QtWarningMsg, QRegularExpression("rejected input: missing_field"));
        start({{"streams", QStringList{"trades:A"}}});
        QTRY_COMPARE(ids(), QList<qint64>({3}));
        // They are not done before it is known what became of them.
        QTRY_COMPARE(reasons().size(), 2);
        QVERIFY2(reasons()[0].startsWith("entry 2-0 cannot be read: bad_value: "), reasons()[0].constData());
        QVERIFY2(reasons()[1].startsWith("entry 1-0 cannot be read: missing_field: "),
                 reasons()[1].constData());
        QCOMPARE(pending("trades:A"), 3);
        m_emitted->clear();
        QTRY_COMPARE(pending("trades:A"), 0);
    }

    // Longer answers than are taken: less is asked for, and one that is too long even alone is let go of.
    void asksForLessIfAnswersAreTooLong_data()
    {
        QTest::addColumn<bool>("isClaimed");

        QTest::newRow("new") << false;
        QTest::newRow("of the dead") << true;
    }

    void asksForLessIfAnswersAreTooLong()
    {
        QFETCH(bool, isClaimed);
        const auto add = [this](int first, int last, const QString &size) {
            m_server.call({"EVAL",
                           "for id = ARGV[1], ARGV[2] do redis.call('XADD', KEYS[1], id .. '-0', 'exchange', "
                           "'binance', 'pair', 'A', 'price', '1', 'qty', '1', 'ts', '2023-11-14T22:13:20', "
                           "'side', 'buy', 'trade_id', id, 'more', string.rep('x', ARGV[3])) end",
                           "1", "trades:A", QString::number(first), QString::number(last), size});
        };
        add(1, 3, "30000000");
        add(4, 4, "70000000");
        add(5, 6, "1");
        QCOMPARE(m_server.call({"XLEN", "trades:A"}), QByteArray("6"));
        m_server.call({"XGROUP", "CREATE", "trades:A", "tidemill", "0"});
        if (isClaimed) {
            for (int id = 1; id <= 6; ++id)
                m_server.call(
                    {"XREADGROUP", "GROUP", "tidemill", "dead", "COUNT", "1", "STREAMS", "trades:A", ">"});
        }
        start({{"streams", QStringList{"trades:A"}}, {"count", 4}, {"min_idle", "1s"}});
        QTRY_COMPARE_WITH_TIMEOUT(distinctIds(), (std::set<qint64>{1, 2, 3, 5, 6}), 40000);
        QTRY_COMPARE_WITH_TIMEOUT(
            reasons(), (QByteArrayList{"entry 4-0 is let go of: longer than an answer may be (64 MiB)"}),
            10000);
        m_emitted->clear();
        QTRY_COMPARE_WITH_TIMEOUT(pending("trades:A"), 0, 10000);
    }

    void letsGoOfWhatNobodyGetsDone()
    {
        addTrades("trades:A", 1, 2);
        m_server.call({"XGROUP", "CREATE", "trades:A", "tidemill", "0"});
        for (const char *from : {">", "0", "0"})
            m_server.call(
                {"XREADGROUP", "GROUP", "tidemill", "me", "COUNT", "1", "STREAMS", "trades:A", from});
        QTest::ignoreMessage(QtWarningMsg,
                             QRegularExpression("max_deliveries .* trades:A 1-0: given out 3 times"));
        start({{"streams", QStringList{"trades:A"}}, {"consumer", "me"}, {"max_deliveries", 3}});
        QTRY_COMPARE(ids(), QList<qint64>({2}));
        QTRY_COMPARE(reasons(),
                     QByteArrayList{"entry 1-0 is let go of: given out 3 times and never done with"});
        QCOMPARE(pending("trades:A"), 2);
        m_emitted->clear();
        QTRY_COMPARE(pending("trades:A"), 0);
    }

    void letsGoOfWhatNobodyElseGotDone()
    {
        addTrades("trades:A", 1, 2);
        m_server.call({"XGROUP", "CREATE", "trades:A", "tidemill", "0"});
        for (const char *from : {">", "0", "0"})
            m_server.call(
                {"XREADGROUP", "GROUP", "tidemill", "dead", "COUNT", "1", "STREAMS", "trades:A", from});
        start({{"streams", QStringList{"trades:A"}}, {"min_idle", "200ms"}, {"max_deliveries", 3}});
        QTRY_COMPARE(ids(), QList<qint64>({2}));
        QTRY_COMPARE(reasons().size(), 1);
        m_emitted->clear();
        QTRY_COMPARE(pending("trades:A"), 0);
    }

    void readsNothingWhilePaused()
    {
        m_source = make({{"streams", QStringList{"trades:A"}}});
        m_emitted = std::make_unique<QSignalSpy>(m_source.get(), &Source::emitted);
        m_source->setPaused(true);
        TIDEMILL_VERIFY(m_source->start());
        QTRY_COMPARE(m_server.call({"CLIENT", "LIST"}).count("name=tidemill"), 2);
        addTrades("trades:A", 1, 2);
        QCOMPARE(m_emitted->size(), 0);
        m_source->setPaused(false);
        QTRY_COMPARE(rows<Trade>().size(), 2);
    }

    void makesItsGroupAgain()
    {
        addTrades("trades:A", 1, 1);
        start({{"streams", QStringList{"trades:A"}}, {"from", "$"}, {"block", "20ms"}});
        QTRY_VERIFY(m_server.call({"XINFO", "GROUPS", "trades:A"}).contains("tidemill"));
        m_server.call({"XGROUP", "DESTROY", "trades:A", "tidemill"});
        addTrades("trades:A", 2, 1);
        QTRY_VERIFY(ids().contains(2));
        m_server.call({"FLUSHALL"});
        addTrades("trades:A", 3, 1);
        QTRY_VERIFY(ids().contains(3));
    }

    void asksAgainAfterARefusal()
    {
        addTrades("trades:A", 1, 1);
        start({{"streams", QStringList{"trades:A"}}, {"block", "20ms"}});
        QSignalSpy degraded(m_source.get(), &Node::degraded);
        QSignalSpy recovered(m_source.get(), &Node::recovered);
        QTRY_COMPARE(ids(), QList<qint64>({1}));
        m_server.call({"ACL", "SETUSER", "default", "-xreadgroup"});
        QTRY_COMPARE(degraded.size(), 1);
        QVERIFY(degraded[0][0].value<Error>().message.contains("NOPERM"));
        addTrades("trades:A", 2, 1);
        m_server.call({"ACL", "SETUSER", "default", "+xreadgroup"});
        QTRY_COMPARE(ids(), QList<qint64>({1, 2}));
        QTRY_COMPARE(recovered.size(), 1);
    }

    void comesBackAfterTheServerDid()
    {
        addTrades("trades:A", 1, 1);
        start({{"streams", QStringList{"trades:A"}}});
        QSignalSpy degraded(m_source.get(), &Node::degraded);
        QSignalSpy recovered(m_source.get(), &Node::recovered);
        QTRY_COMPARE(rows<Trade>().size(), 1);
        m_server.kill();
        QTRY_VERIFY(degraded.size() > 0);
        m_emitted->clear(); // confirmed while nobody can be told
        QVERIFY(m_server.restart());
        QTRY_VERIFY_WITH_TIMEOUT(recovered.size() > 0, 20000);
        QTRY_COMPARE(pending("trades:A"), 0);
        addTrades("trades:A", 2, 1);
        QTRY_COMPARE(ids(), QList<qint64>({2})); // and not 1 again
    }

    void verifiesTls()
    {
        RedisServer server;
        QVERIFY2(server.startTls(), server.log().constData());
        server.call({"XADD", "trades:A", "1-0", "exchange", "binance", "pair", "A", "price", "1", "qty", "1",
                     "ts", "2023-11-14T22:13:20", "side", "buy", "trade_id", "1"});
        RedisServer other;
        QVERIFY2(other.startTls(), other.log().constData());
        QVariantMap options{{"url", server.tlsUrl()}, {"streams", QStringList{"trades:A"}}};
        options["ca_file"] = other.caFile();
        auto distrustful = make(options);
        QSignalSpy degraded(distrustful.get(), &Node::degraded);
        TIDEMILL_VERIFY(distrustful->start());
        QTRY_VERIFY(degraded.size() > 0);
        const QString why = degraded[0][0].value<Error>().message;
        QVERIFY2(why.contains("certificate") && why.contains(other.caFile()), qPrintable(why));
        QVERIFY(!server.call({"XINFO", "GROUPS", "trades:A"}).contains("tidemill"));

        options["ca_file"] = server.caFile();
        start(options);
        QTRY_COMPARE(ids(), QList<qint64>({1}));
    }

    void findsStreamsThatCome()
    {
        addTrades("trades:A", 1, 1);
        start({{"streams", QStringList{"trades:*"}}, {"refresh", "100ms"}, {"from", "$"}, {"block", "50ms"}});
        QSignalSpy streams(m_source.get(), &Source::streamsChanged);
        QTRY_VERIFY(m_server.call({"XINFO", "GROUPS", "trades:A"}).contains("tidemill"));
        addTrades("trades:B", 5, 2); // all of it is new, also what came before it was found
        QTRY_COMPARE(ids(), QList<qint64>({5, 6}));
        QTRY_VERIFY(!streams.isEmpty());
        QTRY_COMPARE(streams.last().first().value<QList<Source::Stream>>().size(), 2);
        m_server.call({"DEL", "trades:B"}); // and it is not made again
        addTrades("trades:A", 2, 1);
        QTRY_VERIFY(ids().contains(2));
        QCOMPARE(m_server.call({"EXISTS", "trades:B"}), QByteArray("0"));
    }

    void goesOnWithoutAGroup()
    {
        addTrades("trades:A", 1, 3);
        const QVariantMap options{{"streams", QStringList{"trades:A"}}, {"group", ""}};
        m_source = make(options);
        QSignalSpy positions(m_source.get(), &Source::positionReached);
        m_emitted = std::make_unique<QSignalSpy>(m_source.get(), &Source::emitted);
        TIDEMILL_VERIFY(m_source->start());
        QTRY_COMPARE(ids(), QList<qint64>({1, 2, 3}));
        const auto reached = testing::positions(positions);
        QCOMPARE(reached, (QHash<QByteArray, QByteArray>{{"trades:A", "3-0"}}));
        m_emitted.reset();
        m_source.reset();

        addTrades("trades:A", 4, 2);
        NodeContext context;
        context.positions = reached;
        start(options, context);
        QTRY_COMPARE(ids(), QList<qint64>({4, 5}));
        QVERIFY(!m_server.call({"XINFO", "GROUPS", "trades:A"}).contains("tidemill"));
    }

private:
    NodePtr<Source> make(QVariantMap options, const NodeContext &context = {})
    {
        if (!options.contains("url"))
            options.insert("url", m_server.url());
        auto source = testing::create<Source>("redis_stream", options, context);
        if (!source)
            qFatal("%s", qPrintable(source.error().message));
        return std::move(*source);
    }

    void start(const QVariantMap &options, const NodeContext &context = {})
    {
        m_source = make(options, context);
        m_emitted = std::make_unique<QSignalSpy>(m_source.get(), &Source::emitted);
        TIDEMILL_VERIFY(m_source->start());
    }

    void write(const BatchPtr &batch)
    {
        auto sink = testing::create<Sink>("redis_stream", {{"url", m_server.url()}});
        TIDEMILL_VERIFY(sink);
        QSignalSpy delivered(sink->get(), &Sink::delivered);
        TIDEMILL_VERIFY((*sink)->start());
        (*sink)->receive(batch);
        (*sink)->flush();
        // It connects when it is offered the first batch, and wants it offered again.
        for (QDeadlineTimer deadline(10000); delivered.isEmpty() && !deadline.hasExpired();) {
            if (!delivered.wait(300)) {
                (*sink)->receive(batch);
                (*sink)->flush();
            }
        }
        QVERIFY(!delivered.isEmpty());
    }

    void addTrades(const QString &stream, int first, int count)
    {
        for (int id = first; id < first + count; ++id)
            m_server.call({"XADD", stream, QString("%1-0").arg(id), "exchange", "binance", "pair", "A",
                           "price", "1.50", "qty", "2", "ts", "2023-11-14T22:13:20", "side", "buy",
                           "trade_id", QString::number(id)});
    }

    int pending(const QString &stream) const
    {
        return m_server.call({"XPENDING", stream, "tidemill"}).split('\n').value(0).toInt();
    }

    template<Record T>
    QList<T> rows() const
    {
        return testing::rows<T>(*m_emitted);
    }

    QList<qint64> ids() const
    {
        QList<qint64> all;
        for (const Trade &trade : rows<Trade>())
            all.append(trade.trade_id);
        return all;
    }

    // Of all gaps.
    QByteArrayList reasons() const
    {
        QByteArrayList all;
        for (const BatchPtr &batch : testing::batches(*m_emitted)) {
            if (batch->schema() != schemaOf<Gap>())
                continue;
            for (const Gap &gap : batch->rows<Gap>())
                all.append(batch->text(gap.reason).toByteArray());
        }
        return all;
    }

    std::set<qint64> distinctIds() const
    {
        const QList<qint64> all = ids();
        return {all.begin(), all.end()};
    }

    BatchPtr batchOf(const Schema &schema) const
    {
        for (const BatchPtr &batch : testing::batches(*m_emitted)) {
            if (batch->schema() == schema)
                return batch;
        }
        return {};
    }

    RedisServer m_server;
    testing::CountingMetrics m_metrics;
    NodePtr<Source> m_source;
    std::unique_ptr<QSignalSpy> m_emitted;
};

QTEST_GUILESS_MAIN(tst_RedisStreamSource)

#include "tst_redis_stream_source.moc"
