// SPDX-License-Identifier: Apache-2.0
#include "sbe_peek.h"

#include <tidemill/testing.h>

using namespace tidemill;
using namespace tidemill::binance;

namespace {

// One trade, as the exchange's schema packs it.
const QByteArray tradeFrame = QByteArray::fromHex("12001027010000"
                                                  "00"
                                                  "00a0c0eeb5400600"
                                                  "389ec0eeb5400600"
                                                  "f8f8"
                                                  "190001000000"
                                                  "15bf613101000000"
                                                  "c00f60c0370a0000"
                                                  "60e3160000000000"
                                                  "01"
                                                  "0742544355534454");

QByteArray depthFrame(qint64 first, qint64 last)
{
    QByteArray frame = QByteArray::fromHex("1a00132701000000"
                                           "00a0c0eeb5400600");
    for (const qint64 id : {first, last})
        frame.append(reinterpret_cast<const char *>(&id), sizeof id); // all that we run on is little-endian
    return frame + QByteArray::fromHex("f8f8"
                                       "10000100"
                                       "0100000000000000"
                                       "0200000000000000"
                                       "10000000"
                                       "0742544355534454");
}

} // namespace

class tst_SbePeek : public QObject
{
    Q_OBJECT

private slots:
    void readsAFrameOfTrades()
    {
        const auto peek = SbePeek::read(tradeFrame);

        QVERIFY(peek);
        QCOMPARE(peek->kind(), StreamKind::Trade);
        QCOMPARE(peek->symbol(), std::string_view("BTCUSDT"));
        QCOMPARE(peek->tradeCount(), 1);
        QCOMPARE(peek->tradeId(0), Q_INT64_C(5123456789));
        Trade trade;
        peek->readTrade(0, trade);
        QCOMPARE(trade.price, (Decimal{Q_INT64_C(11234567000000), -8}));
        QCOMPARE(trade.quantity, (Decimal{Q_INT64_C(1500000), -8}));
        QCOMPARE(trade.side, Side::Sell);
    }

    void readsTheIdsOfABook()
    {
        const QByteArray frame = depthFrame(157, 160);
        const auto peek = SbePeek::read(frame);

        QVERIFY(peek);
        QCOMPARE(peek->kind(), StreamKind::Depth);
        QCOMPARE(peek->firstId(), 157);
        QCOMPARE(peek->lastId(), 160);
        QCOMPARE(peek->symbol(), std::string_view("BTCUSDT"));
    }

    void skipsWhatALaterVersionHasMore()
    {
        QByteArray frame = tradeFrame;
        frame[0] = 20; // two bytes more in the block
        frame.insert(8 + 18, 2, '\x7f');
        frame[8 + 20] = 26; // one more in the entry
        frame.insert(8 + 20 + 6 + 25, '\x7f');

        frame += "more";

        const auto peek = SbePeek::read(frame);

        QVERIFY(peek);
        QCOMPARE(peek->symbol(), std::string_view("BTCUSDT"));
        QCOMPARE(peek->tradeId(0), Q_INT64_C(5123456789));
    }

    void leavesAloneWhatIsNotWhole()
    {
        for (const QByteArray &frame : {tradeFrame, depthFrame(1, 2)}) {
            for (qsizetype size = 0; size < frame.size(); ++size) {
                const QByteArray cut = frame.first(size); // so that a sanitizer sees what lies behind
                QVERIFY2(!SbePeek::read(cut), qPrintable(QString::number(size)));
            }
        }
    }

    void leavesAloneWhatIsNoneOfIt_data()
    {
        QTest::addColumn<int>("offset");
        QTest::addColumn<QByteArray>("bytes");

        QTest::newRow("another template") << 2 << QByteArray::fromHex("0100");
        QTest::newRow("another schema") << 4 << QByteArray::fromHex("0300");
        QTest::newRow("a shorter block") << 0 << QByteArray::fromHex("0800");
        QTest::newRow("shorter entries") << 26 << QByteArray::fromHex("0800");
        QTest::newRow("more entries than bytes") << 28 << QByteArray::fromHex("ffffffff");
        QTest::newRow("a time that is none") << 16 << QByteArray::fromHex("1100000000000000");
        QTest::newRow("a longer symbol") << 57 << QByteArray::fromHex("ff");
    }

    void leavesAloneWhatIsNoneOfIt()
    {
        QFETCH(int, offset);
        QFETCH(QByteArray, bytes);
        QByteArray frame = tradeFrame;
        frame.replace(offset, bytes.size(), bytes);

        QVERIFY(!SbePeek::read(frame));
    }

    void readsTheCommonVectors()
    {
        QDir folder(QStringLiteral(TIDEMILL_SOURCE_DIR "/../shared/data/sbe/binance-stream-vectors"));
        if (!folder.exists())
            QSKIP("no vectors here");
        int good = 0;
        for (const QFileInfo &info : folder.entryInfoList({"*.bin"})) {
            if (info.fileName().startsWith(QLatin1String("bad-")))
                continue;
            QFile file(info.filePath());
            QVERIFY(file.open(QIODevice::ReadOnly));
            const QByteArray frame = file.readAll();
            const auto peek = SbePeek::read(frame);
            QVERIFY2(peek, qPrintable(info.fileName()));
            ++good;
        }
        QVERIFY(good > 5);
    }
};

QTEST_GUILESS_MAIN(tst_SbePeek)

#include "tst_sbe_peek.moc"
