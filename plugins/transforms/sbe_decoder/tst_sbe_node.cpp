// SPDX-License-Identifier: Apache-2.0
#include "test_binance.h"

#include <tidemill/testing.h>

using namespace tidemill;
using namespace tidemill::sbe;

namespace {

BatchPtr frames(const QByteArrayList &payloads)
{
    BatchBuilder<Frame> builder;
    qint64 sequence = 0;
    for (const QByteArray &payload : payloads)
        builder.append({.exchange = "binance"_sym,
                        .stream = "sbe"_sym,
                        .ts_recv = Timestamp::fromSeconds(5),
                        .connection = 3,
                        .sequence = ++sequence,
                        .payload = builder.bytes(payload),
                        .text = payload.startsWith('{'),
                        .provenance = Provenance::Replay});
    return builder.finish();
}

// What the node counts as dropped, by reason.
class Figures final : public Metrics
{
public:
    Counter counter(const QByteArray &name, const QByteArray &, const Labels &labels) override
    {
        return Counter(&m_cells[labels.isEmpty() ? name : name + ' ' + labels.first().second]);
    }
    Gauge gauge(const QByteArray &, const QByteArray &, const Labels &) override { return {}; }
    Histogram histogram(const QByteArray &, const QByteArray &, const Labels &,
                        const QList<double> &) override
    {
        return {};
    }
    quint64 dropped(const QByteArray &reason) { return m_cells["tidemill_dropped_total " + reason]; }
    quint64 rejected(const QByteArray &reason) { return m_cells["tidemill_rejected_total " + reason]; }

private:
    std::map<QByteArray, std::atomic<quint64>> m_cells;
};

} // namespace

class tst_SbeNode : public QObject
{
    Q_OBJECT

private slots:
    void decodesBinanceOutOfTheBox()
    {
        auto node = testing::create<Transform>("sbe_decoder");
        TIDEMILL_VERIFY(node);
        TIDEMILL_VERIFY((*node)->start());
        QSignalSpy emitted(node->get(), &Transform::emitted);

        (*node)->receive(
            frames({tradeFrame("BTCUSDT", {{1, 2, 3, 1}, {2, 2, 3, 0}}), quoteFrame("ETHUSDT")}));

        const auto trades = testing::rows<Trade>(emitted);
        QCOMPARE(trades.size(), 2);
        QCOMPARE(trades[0].exchange, "binance"_sym);
        QCOMPARE(trades[0].symbol, "BTCUSDT"_sym);
        QCOMPARE(trades[0].side, Side::Sell);
        QCOMPARE(trades[0].ts_recv, Timestamp::fromSeconds(5));
        QCOMPARE(trades[0].provenance, Provenance::Replay);
        QCOMPARE(testing::rows<Quote>(emitted).size(), 1);
    }

    void countsWhatItCannotUse()
    {
        Figures figures;
        std::atomic<quint64> dropped = 0;
        auto node = testing::create<Transform>("sbe_decoder", {}, {.metrics = &figures, .dropped = &dropped});
        TIDEMILL_VERIFY(node);
        TIDEMILL_VERIFY((*node)->start());
        QSignalSpy emitted(node->get(), &Transform::emitted);

        (*node)->receive(frames({"{\"result\":null,\"id\":1}", tradeFrame("BTCUSDT", {{1}}).chopped(3),
                                 tradeFrame("", {{1}}), tradeFrame("BTCUSDT", {{7}})}));

        QCOMPARE(testing::rows<Trade>(emitted).size(), 1);
        QCOMPARE(figures.dropped("text_frame"), 1U);
        QCOMPARE(figures.dropped("short_data"), 1U);
        QCOMPARE(figures.rejected("short_data"), 1U);
        QCOMPARE(figures.dropped("bad_text"), 1U);
        QCOMPARE(dropped.load(), 3U);
    }

    void carriesTheDeliveryOn()
    {
        auto node = testing::create<Transform>("sbe_decoder");
        TIDEMILL_VERIFY(node);
        TIDEMILL_VERIFY((*node)->start());
        QSignalSpy emitted(node->get(), &Transform::emitted);
        BatchPtr batch = frames({tradeFrame("BTCUSDT", {{1}})});
        const auto delivery = std::make_shared<const Delivery>();
        batch->attachDelivery(delivery);

        (*node)->receive(batch);

        QCOMPARE(testing::batches(emitted).first()->delivery(), delivery);
    }

    void readsTheSchemaBesideThePipelineFile()
    {
        const QString folder = QStringLiteral(TIDEMILL_SOURCE_DIR "/plugins/transforms/sbe_decoder");
        auto node =
            testing::create<Transform>("sbe_decoder", {{"schema", "testdata/venue.xml"}, {"prefix", "Venue"}},
                                       {.baseDirectory = folder});
        TIDEMILL_VERIFY(node);
        TIDEMILL_VERIFY((*node)->start());
        QSignalSpy emitted(node->get(), &Transform::emitted);

        (*node)->receive(frames({QByteArray::fromHex("0000010"
                                                     "04d080002"
                                                     "07ea"
                                                     "0006000000"
                                                     "0000"
                                                     "0003"
                                                     "6e7973")}));

        QCOMPARE(testing::batches(emitted).size(), 1);
        QCOMPARE(testing::batches(emitted).first()->schema().name(), QByteArrayView("venue_deals_of_day"));
    }

    void dropsUnmappedMessagesWhenToldTo()
    {
        Figures figures;
        const QString folder = QStringLiteral(TIDEMILL_SOURCE_DIR "/plugins/transforms/sbe_decoder");
        auto node = testing::create<Transform>("sbe_decoder",
                                               {{"schema", "testdata/venue.xml"}, {"unmapped", "drop"}},
                                               {.baseDirectory = folder, .metrics = &figures});
        TIDEMILL_VERIFY(node);
        TIDEMILL_VERIFY((*node)->start());
        QSignalSpy emitted(node->get(), &Transform::emitted);

        (*node)->receive(frames({QByteArray::fromHex("0000010"
                                                     "04d080002"
                                                     "07ea"
                                                     "0006000000"
                                                     "0000"
                                                     "0003"
                                                     "6e7973")}));

        QCOMPARE(emitted.size(), 0);
        QCOMPARE(figures.dropped("unmapped"), 1U);
    }

    void saysWhyItCannotStart_data()
    {
        QTest::addColumn<QString>("schema");
        QTest::addColumn<QString>("message");
        QTest::newRow("no file") << "nowhere.xml"
                                 << "nowhere.xml: ";
        QTest::newRow("no schema") << "sbe_decoder.qrc"
                                   << "sbe_decoder.qrc:1: expected <messageSchema>, got <RCC>";
    }

    void saysWhyItCannotStart()
    {
        QFETCH(QString, schema);
        QFETCH(QString, message);
        const QString folder = QStringLiteral(TIDEMILL_SOURCE_DIR "/plugins/transforms/sbe_decoder");
        auto node =
            testing::create<Transform>("sbe_decoder", {{"schema", schema}}, {.baseDirectory = folder});
        TIDEMILL_VERIFY(node);

        const auto started = (*node)->start();

        QVERIFY(!started);
        QVERIFY2(started.error().message.contains(message), qPrintable(started.error().message));
    }
};

QTEST_GUILESS_MAIN(tst_SbeNode)

#include "tst_sbe_node.moc"
