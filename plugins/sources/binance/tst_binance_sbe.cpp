// SPDX-License-Identifier: Apache-2.0
#include "binance_test.h"

#include <QElapsedTimer>

using namespace tidemill;
using binance::Settings;

// The binary feed: frames go out as they are, once, and what is missing is noticed all the same.
class tst_BinanceSbe : public binance::BinanceTest
{
    Q_OBJECT

private slots:
    void init()
    {
        Settings settings;
        settings.sbe = true;
        settings.apiKey = "the key";
        open(settings);
        generate(100);
    }

    void cleanup()
    {
        m_decoder.reset();
        m_decoded.reset();
        close();
    }

    void passesFramesOnAsTheyAre()
    {
        collect({"trade", "bestBidAsk", "depth", "depth20"});

        QTRY_VERIFY(decoded<Trade>().size() > 5);
        QTRY_VERIFY(!decoded<Quote>().isEmpty());
        QTRY_VERIFY(!decoded<BookUpdate>().isEmpty());
        QTRY_VERIFY(!decoded<BookSnapshot>().isEmpty());
        const Frame frame = rows<Frame>().first();
        QCOMPARE(frame.exchange, Symbol("binance"));
        QCOMPARE(frame.stream, Symbol("sbe"));
        QVERIFY(!frame.text);
        QVERIFY(frame.sequence > 0);
        QVERIFY(rows<Trade>().isEmpty()); // these are the decoder's
        QVERIFY(areWhole());
        QCOMPARE(m_streams.size(), 4);
        QVERIFY(m_streams.first().lastDataNs->load() > 0);
    }

    void fillsWhatIsMissing_data()
    {
        QTest::addColumn<QString>("fault");

        QTest::newRow("frames left out") << QStringLiteral("gap:5");
        QTest::newRow("frames sent twice") << QStringLiteral("repeat:20");
        QTest::newRow("aborted") << QStringLiteral("abort");
        QTest::newRow("shutdown announced") << QStringLiteral("serverShutdown:2s");
    }

    void fillsWhatIsMissing()
    {
        QFETCH(QString, fault);
        collect({"trade"});
        QTRY_VERIFY(decoded<Trade>().size() > 20);

        inject(fault);
        const auto before = decoded<Trade>().size();
        QTRY_VERIFY_WITH_TIMEOUT(decoded<Trade>().size() > before + 300, 20000);

        QTRY_VERIFY_WITH_TIMEOUT(areWhole(), 5000);
        QVERIFY(rows<Gap>().isEmpty());
    }

    void takesEachFrameOnceFromTwoConnections()
    {
        collect({"trade", "bestBidAsk"}, {{"connections", QVariantMap{{"redundancy", 2}}}});
        QTRY_COMPARE_WITH_TIMEOUT(m_exchange->stats()["connections_now"].toInt(), 2, 10000);
        QTRY_VERIFY_WITH_TIMEOUT(decoded<Trade>().size() > 300, 15000);

        QVERIFY(areWhole());
    }

    void goesOnWhereTheRunBeforeStood()
    {
        collect({"trade"});
        QTRY_VERIFY(decoded<Trade>().size() > 20);
        m_source->stop();
        const auto positions = m_positions;
        QList<qint64> all = ids();
        m_source.reset();
        // Time in which nobody collects: the market goes by the clock.
        QElapsedTimer away;
        away.start();
        QTRY_VERIFY_WITH_TIMEOUT(away.hasExpired(1000), 5000);

        collect({"trade"}, {}, positions);
        QTRY_VERIFY_WITH_TIMEOUT(decoded<Trade>().size() > 250, 20000);

        QTRY_VERIFY_WITH_TIMEOUT(
            (m_all = all + ids(), std::sort(m_all.begin(), m_all.end()), areConsecutive(m_all)), 5000);
    }

    void recordsAHoleInABook()
    {
        collect({"depth"});
        QTRY_VERIFY(decoded<BookUpdate>().size() > 5);

        inject(QStringLiteral("gap:2"));

        QTRY_COMPARE_WITH_TIMEOUT(rows<Gap>().size(), 1, 10000);
        const Gap gap = rows<Gap>().first();
        QCOMPARE(gap.cause, GapCause::Sequence);
        QVERIFY(gap.last_missing >= gap.first_missing && gap.first_missing > 0);
    }

    void saysThatTheKeyIsWrong()
    {
        create({"trade"}, {{"format", "sbe"}, {"api_key", "another"}});
        QSignalSpy degraded(m_source.get(), &Node::degraded);
        TIDEMILL_VERIFY(m_source->start());

        QTRY_VERIFY(!degraded.isEmpty());
        const auto cause = degraded.first().first().value<Error>();
        QCOMPARE(cause.kind, Error::Kind::Config);
        QVERIFY2(cause.message.contains(QStringLiteral("400")), qPrintable(cause.message));
        // Nothing mends itself here, so it is not asked again at once.
        QVERIFY(!QTest::qWaitFor([&] { return degraded.size() > 1; }, 2000));
    }

private:
    void collect(const QStringList &streams, const QVariantMap &more = {},
                 const QHash<QByteArray, QByteArray> &positions = {})
    {
        QVariantMap options{{"format", "sbe"}, {"api_key", "the key"}};
        options.insert(more);
        create(streams, options, positions);
        auto decoder = testing::create<Transform>("sbe_decoder", {});
        TIDEMILL_VERIFY(decoder);
        m_decoder = *std::move(decoder);
        TIDEMILL_VERIFY(m_decoder->start());
        m_decoded = std::make_unique<QSignalSpy>(m_decoder.get(), &Transform::emitted);
        connect(m_source.get(), &Source::emitted, m_decoder.get(), &Transform::receive);
        TIDEMILL_VERIFY(m_source->start());
    }

    template<typename Record>
    QList<Record> decoded() const
    {
        return testing::rows<Record>(*m_decoded);
    }

    QList<qint64> ids() const
    {
        QList<qint64> ids;
        for (const Trade &trade : decoded<Trade>())
            ids.append(trade.trade_id);
        return ids;
    }

    // What comes from history comes behind what was live, so the order is another.
    bool areWhole() const
    {
        QList<qint64> sorted = ids();
        std::sort(sorted.begin(), sorted.end());
        return areConsecutive(sorted);
    }

    NodePtr<Transform> m_decoder;
    std::unique_ptr<QSignalSpy> m_decoded;
    QList<qint64> m_all;
};

QTEST_GUILESS_MAIN(tst_BinanceSbe)

#include "tst_binance_sbe.moc"
