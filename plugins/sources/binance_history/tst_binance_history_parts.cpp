// SPDX-License-Identifier: Apache-2.0
#include "archive_files.h"
#include "archive_rows.h"
#include "rows.h"
#include "test_files.h"

#include <tidemill/testing.h>

#include <QTemporaryDir>

using namespace tidemill;
using namespace tidemill::binance_history;

namespace {

Series seriesOf(const QString &kind)
{
    Series series = *parseKind(kind);
    series.symbol = Symbol("BTCUSDT");
    return series;
}

Timestamp at(const char *text)
{
    return *Timestamp::parse(text);
}

} // namespace

// The parts that need no network: names, positions, rows as JSON and CSV, and ZIP archives, hostile ones too.
class tst_BinanceHistoryParts : public QObject
{
    Q_OBJECT

private slots:
    void opensTheNextCandle_data()
    {
        QTest::addColumn<QByteArray>("interval");
        QTest::addColumn<QByteArray>("open");
        QTest::addColumn<QByteArray>("next");

        QTest::newRow("second") << QByteArray("1s") << QByteArray("2024-02-28T23:59:59Z")
                                << QByteArray("2024-02-29T00:00:00Z");
        QTest::newRow("minute") << QByteArray("1m") << QByteArray("2023-12-31T23:59:00Z")
                                << QByteArray("2024-01-01T00:00:00Z");
        QTest::newRow("week") << QByteArray("1w") << QByteArray("2024-02-26T00:00:00Z")
                              << QByteArray("2024-03-04T00:00:00Z");
        QTest::newRow("a leap year's February")
            << QByteArray("1M") << QByteArray("2024-02-01T00:00:00Z") << QByteArray("2024-03-01T00:00:00Z");
        QTest::newRow("December") << QByteArray("1M") << QByteArray("2023-12-01T00:00:00Z")
                                  << QByteArray("2024-01-01T00:00:00Z");
    }

    void opensTheNextCandle()
    {
        QFETCH(QByteArray, interval);
        QFETCH(QByteArray, open);
        QFETCH(QByteArray, next);

        QCOMPARE(nextOpen(interval, *Timestamp::parse(open)).toString(), next);
    }

    void readsTimes_data()
    {
        QTest::addColumn<QString>("text");
        QTest::addColumn<QByteArray>("time"); // empty: none

        QTest::newRow("RFC 3339") << "2024-01-01T01:00:00+01:00" << QByteArray("2024-01-01T00:00:00Z");
        QTest::newRow("date") << "2024-02-29" << QByteArray("2024-02-29T00:00:00Z");
        QTest::newRow("seconds") << "1704067200" << QByteArray("2024-01-01T00:00:00Z");
        QTest::newRow("milliseconds") << "1704067200001" << QByteArray("2024-01-01T00:00:00.001Z");
        QTest::newRow("no such day") << "2023-02-29" << QByteArray();
        QTest::newRow("a word") << "yesterday" << QByteArray();
    }

    void readsTimes()
    {
        QFETCH(QString, text);
        QFETCH(QByteArray, time);

        const auto parsed = parseTime(text);

        QCOMPARE(parsed ? parsed->toString() : QByteArray(), time);
    }

    void positionHoldsForItsBeginningOnly()
    {
        const Position position{13520807, at("2019-10-11T04:44:12.778Z")};
        const QByteArray text = position.toText("2019-10-11T00:00:00Z");

        QCOMPARE(Position::parse(text, "2019-10-11T00:00:00Z"), std::optional(position));
        QVERIFY(!Position::parse(text, "2019-10-10T00:00:00Z"));
        QVERIFY(!Position::parse({}, "2019-10-11T00:00:00Z"));
        QVERIFY(!Position::parse("next=x time=2019-10-11T00:00:00Z from=a", "a"));
    }

    void choosesFiles_data()
    {
        QTest::addColumn<QString>("kind");
        QTest::addColumn<QByteArray>("from");
        QTest::addColumn<QByteArray>("to");
        QTest::addColumn<bool>("monthly");
        QTest::addColumn<QByteArray>("path"); // empty: none

        QTest::newRow("month") << "agg_trades" << QByteArray("2024-01-01T00:00:00Z")
                               << QByteArray("2024-02-01T00:00:00Z") << true
                               << QByteArray(
                                      "data/spot/monthly/aggTrades/BTCUSDT/BTCUSDT-aggTrades-2024-01.zip");
        QTest::newRow("part of a month")
            << "trades" << QByteArray("2024-01-01T00:00:00Z") << QByteArray("2024-01-31T00:00:00Z") << true
            << QByteArray("data/spot/daily/trades/BTCUSDT/BTCUSDT-trades-2024-01-01.zip");
        QTest::newRow("there is none of the month")
            << "agg_trades" << QByteArray("2024-01-01T00:00:00Z") << QByteArray("2024-02-01T00:00:00Z")
            << false << QByteArray("data/spot/daily/aggTrades/BTCUSDT/BTCUSDT-aggTrades-2024-01-01.zip");
        QTest::newRow("months are 1mo")
            << "klines_1M" << QByteArray("2024-01-01T00:00:00Z") << QByteArray("2025-01-01T00:00:00Z") << true
            << QByteArray("data/spot/monthly/klines/BTCUSDT/1mo/BTCUSDT-1mo-2024-01.zip");
        QTest::newRow("within a day")
            << "klines_1m" << QByteArray("2024-01-05T13:00:00Z") << QByteArray("2024-02-01T00:00:00Z") << true
            << QByteArray("data/spot/daily/klines/BTCUSDT/1m/BTCUSDT-1m-2024-01-05.zip");
        QTest::newRow("the day is not wanted to its end")
            << "agg_trades" << QByteArray("2024-01-05T00:00:00Z") << QByteArray("2024-01-05T23:00:00Z")
            << true << QByteArray();
        QTest::newRow("the day is not over") << "agg_trades" << QByteArray("2024-06-15T00:00:00Z")
                                             << QByteArray("2024-06-17T00:00:00Z") << true << QByteArray();
    }

    void choosesFiles()
    {
        QFETCH(QString, kind);
        QFETCH(QByteArray, from);
        QFETCH(QByteArray, to);
        QFETCH(bool, monthly);
        QFETCH(QByteArray, path);

        const auto file = archiveFileFor(seriesOf(kind), *Timestamp::parse(from), *Timestamp::parse(to),
                                         at("2024-06-15T12:00:00Z"), monthly);

        QCOMPARE(file ? file->path : QByteArray(), path);
    }

    void readsCsv_data()
    {
        QTest::addColumn<QString>("kind");
        QTest::addColumn<QByteArray>("line");
        QTest::addColumn<QByteArray>("time"); // of the row; empty: it must be refused

        const QByteArray agg = "26129,0.01633102,4.70443515,27781,27782,1498793709153,True,True";
        QTest::newRow("aggregate trade") << "agg_trades" << agg << QByteArray("2017-06-30T03:35:09.153Z");
        QTest::newRow("microseconds")
            << "agg_trades" << QByteArray("1,2.50,3,4,4,1735689600000001,false,true")
            << QByteArray("2025-01-01T00:00:00.000001Z");
        QTest::newRow("without the last column")
            << "agg_trades" << QByteArray("1,2,3,4,4,1498793709153,False")
            << QByteArray("2017-06-30T03:35:09.153Z");
        QTest::newRow("trade") << "trades" << QByteArray("7,1.5,2,3.0,1498793709153,TRUE,True")
                               << QByteArray("2017-06-30T03:35:09.153Z");
        QTest::newRow("candle") << "klines_1h"
                                << QByteArray(
                                       "1730419200000,2518.61000000,2533.25,2517.21,2524.61,9848.77940000,"
                                       "1730422799999,24884583.37812200,90326,5687.5,14374092.1,0")
                                << QByteArray("2024-11-01T00:00:00Z");
        QTest::newRow("empty") << "agg_trades" << QByteArray() << QByteArray();
        QTest::newRow("too few columns") << "agg_trades" << QByteArray("1,2,3,4") << QByteArray();
        QTest::newRow("too many columns") << "agg_trades" << QByteArray(agg + ",1,1,1,1,1") << QByteArray();
        QTest::newRow("a price that is none")
            << "agg_trades" << QByteArray("1,2x,3,4,4,1498793709153,True,True") << QByteArray();
        QTest::newRow("ids the wrong way round")
            << "agg_trades" << QByteArray("1,2,3,5,4,1498793709153,True,True") << QByteArray();
        QTest::newRow("negative id") << "trades" << QByteArray("-7,1.5,2,3.0,1498793709153,True,True")
                                     << QByteArray();
        QTest::newRow("a time of no age")
            << "trades" << QByteArray("7,1.5,2,3.0,12,True,True") << QByteArray();
        QTest::newRow("a flag that is none")
            << "trades" << QByteArray("7,1.5,2,3.0,1498793709153,maybe,True") << QByteArray();
        QTest::newRow("bytes") << "trades" << QByteArray("\xff\0\x01,,,,,,", 9) << QByteArray();
    }

    void readsCsv()
    {
        QFETCH(QString, kind);
        QFETCH(QByteArray, line);
        QFETCH(QByteArray, time);

        const auto row = rowFromCsv(line, seriesOf(kind), at("2024-01-01T00:00:00Z"));

        QCOMPARE(row ? timeOf(*row).toString() : QByteArray(), time);
    }

    void csvKeepsEveryDigitAndTheTakersSide()
    {
        const auto row = rowFromCsv("26129,0.01633100,4.70443515,27781,27782,1498793709153,True,True",
                                    seriesOf("agg_trades"), at("2024-01-01T00:00:00Z"));
        TIDEMILL_VERIFY(row);

        const AggTrade trade = std::get<AggTrade>(*row);
        QCOMPARE(trade.price.toString(), QByteArray("0.01633100"));
        QCOMPARE(trade.quantity.toString(), QByteArray("4.70443515"));
        QCOMPARE(trade.first_trade_id, 27781);
        QCOMPARE(trade.last_trade_id, 27782);
        QCOMPARE(trade.side, Side::Sell); // the buyer made the order that the seller took
        QCOMPARE(trade.provenance, Provenance::Backfill);
    }

    void readsPages_data()
    {
        QTest::addColumn<QString>("kind");
        QTest::addColumn<QByteArray>("body");
        QTest::addColumn<int>("rows"); // -1: refused by the exchange; -2: not usable

        const QByteArray agg = R"({"a":1,"p":"0.1","q":"2","f":1,"l":1,"T":1498793709153,"m":true,"M":true})";
        const QByteArray second =
            R"({"a":2,"p":"0.1","q":"2","f":2,"l":2,"T":1498793709153,"m":true,"M":true})";
        QTest::newRow("none") << "agg_trades" << QByteArray("[]") << 0;
        QTest::newRow("two") << "agg_trades" << QByteArray('[' + agg + ',' + second + ']') << 2;
        QTest::newRow("trade")
            << "trades"
            << QByteArray(R"([{"id":28457,"price":"4.00000100","qty":"12.00000000","quoteQty":"48.000012",)"
                          R"("time":1499865549590,"isBuyerMaker":true,"isBestMatch":true}])")
            << 1;
        QTest::newRow("candle")
            << "klines_1m"
            << QByteArray(R"([[1499040000000,"0.1","0.8","0.01","0.2","148976.1",1499644799999,"2434.1",308,)"
                          R"("1756.8","28.4","0"]])")
            << 1;
        QTest::newRow("the same twice") << "agg_trades" << QByteArray('[' + agg + ',' + agg + ']') << -2;
        QTest::newRow("backwards") << "agg_trades" << QByteArray('[' + second + ',' + agg + ']') << -2;
        QTest::newRow("cut off") << "agg_trades" << QByteArray('[' + agg + ",{\"a\":2,\"p\":") << -2;
        QTest::newRow("a member is missing") << "agg_trades" << QByteArray(R"([{"a":1,"p":"0.1"}])") << -2;
        QTest::newRow("of another kind") << "trades" << QByteArray('[' + agg + ']') << -2;
        QTest::newRow("HTML") << "agg_trades" << QByteArray("<html><body>hello</body></html>") << -2;
        QTest::newRow("nothing") << "agg_trades" << QByteArray() << -2;
        QTest::newRow("refused") << "agg_trades" << QByteArray(R"({"code":-1121,"msg":"Invalid symbol."})")
                                 << -1;
        QTest::newRow("busy") << "agg_trades" << QByteArray(R"({"code":-1007,"msg":"Timeout."})") << -2;
    }

    void readsPages()
    {
        QFETCH(QString, kind);
        QFETCH(QByteArray, body);
        QFETCH(int, rows);

        const auto page = rowsFromJson(body, seriesOf(kind), at("2024-01-01T00:00:00Z"));

        if (rows >= 0)
            TIDEMILL_VERIFY(page);
        QCOMPARE(page ? int(page->size()) : page.error().kind == Error::Kind::Config ? -1 : -2, rows);
    }

    // Written by somebody else's ZIP library.
    void readsGoodZips_data()
    {
        QTest::addColumn<QByteArray>("write");

        QTest::newRow("deflated") << QByteArray("zipfile.ZipFile(p,'w',zipfile.ZIP_DEFLATED).writestr(n,d)");
        QTest::newRow("stored") << QByteArray("zipfile.ZipFile(p,'w').writestr(n,d)");
        QTest::newRow("zip64") << QByteArray("z=zipfile.ZipFile(p,'w',zipfile.ZIP_DEFLATED)\n"
                                             "with z.open(n,'w',force_zip64=True) as f: f.write(d.encode())\n"
                                             "z.close()");
        QTest::newRow("with a comment") << QByteArray("z=zipfile.ZipFile(p,'w',zipfile.ZIP_DEFLATED)\n"
                                                      "z.comment=b'PK comment'\nz.writestr(n,d)\nz.close()");
    }

    void readsGoodZips()
    {
        QFETCH(QByteArray, write);
        const QString path = m_folder.filePath("good.zip");
        QFile::remove(path);
        testing::python(
            "import sys,zipfile\np,n=sys.argv[1:]\n"
            "d='a_id,p,q,f,l,T,m,M\\r\\n'+''.join(f'{i},1.50,2,{i},{i},1704067200000,True,True\\r\\n' "
            "for i in range(5000))\n" +
                write,
            {path, "x.csv"});
        auto rows = ArchiveRows::open(path, "x.csv", seriesOf("agg_trades"));
        TIDEMILL_VERIFY(rows);

        qint64 count = 0;
        while (true) {
            const auto some = (*rows)->next(999);
            TIDEMILL_VERIFY(some);
            if (some->empty())
                break;
            for (const Row &row : *some)
                QCOMPARE(keyOf(row), count++);
        }

        QCOMPARE(count, 5000);
    }

    void refusesBadZips_data()
    {
        QTest::addColumn<QByteArray>("zip");
        QTest::addColumn<QString>("message");

        QByteArray csv;
        for (int i = 0; i < 3000; ++i)
            csv += QByteArray::number(i) + ",1.5," + QByteArray::number(i * 7919 % 1009) +
                   ",1,1,1704067200000,True,True\n";
        const QByteArray good = exchange::zipFile("x.csv", csv);
        const qsizetype directory = good.lastIndexOf("PK\1\2");
        const auto patched = [&good](qsizetype where, const QByteArray &with) {
            return QByteArray(good).replace(where, with.size(), with);
        };
        const auto both = [&](qsizetype offset, const QByteArray &with) {
            QByteArray zip = patched(4 + offset, with);
            return zip.replace(directory + 6 + offset, with.size(), with);
        };

        QTest::newRow("empty file") << QByteArray() << "no ZIP archive";
        QTest::newRow("HTML") << QByteArray("<html><body>not found</body></html>") << "no ZIP archive";
        QTest::newRow("cut off in the data") << good.left(good.size() / 2) << "no ZIP archive";
        QTest::newRow("cut off in the directory") << good.left(directory + 20) << "no ZIP archive";
        QTest::newRow("the beginning is missing") << good.mid(100) << "ZIP archive";
        QTest::newRow("another name")
            << exchange::zipFile("y.csv", csv) << "expected x.csv in it, found y.csv";
        QTest::newRow("a name that leads elsewhere")
            << exchange::zipFile("../x.csv", csv) << "expected x.csv in it, found ../x.csv";
        QTest::newRow("encrypted") << both(2, QByteArray("\x01\x00", 2)) << "encrypted";
        QTest::newRow("an unknown method") << both(4, QByteArray("\x0e\x00", 2)) << "packed with method 14";
        QTest::newRow("wrong checksum") << both(10, QByteArray("\1\2\3\4")) << "CRC error";
        QTest::newRow("claims to be shorter") << both(18, QByteArray("\x10\x00\x00\x00", 4)) << "ZIP archive";
        QTest::newRow("claims to be longer") << both(18, QByteArray("\xff\xff\x10\x00", 4)) << "ZIP archive";
        QTest::newRow("claims to be huge") << both(18, QByteArray("\xfe\xff\xff\xff", 4)) << "claims to hold";
        QTest::newRow("a bomb") << exchange::zipFile("x.csv", QByteArray(50000000, '\n')) << "claims to hold";
        QTest::newRow("damaged data") << patched(directory / 2, QByteArray(64, '\xaa')) << "line ";
        QTest::newRow("directory points beyond the file")
            << patched(directory + 42, QByteArray("\xff\xff\xff\x7f", 4)) << "ZIP archive";
        QTest::newRow("directory at a wrong place")
            << patched(good.size() - 6, QByteArray("\xff\xff\xff\x7f", 4)) << "ZIP archive";
        QTest::newRow("65535 entries claimed")
            << patched(good.size() - 14, QByteArray("\xff\xff\xff\xff", 4)) << "ZIP archive";
        QTest::newRow("a line without an end")
            << exchange::zipFile("x.csv", QByteArray(100000, '1') + csv) << "longer than";
        QTest::newRow("no CSV") << exchange::zipFile("x.csv", "1,2,3\n") << "line 1: expected the columns";
        QTest::newRow("backwards") << exchange::zipFile("x.csv", "2,1.5,2,1,1,1704067200000,True,True\n"
                                                                 "1,1.5,2,1,1,1704067200000,True,True\n")
                                   << "line 2 does not come after";
    }

    void refusesBadZips()
    {
        QFETCH(QByteArray, zip);
        QFETCH(QString, message);
        const QString path = m_folder.filePath("bad.zip");
        QVERIFY(testing::writeFile(path, zip));

        QString error;
        auto rows = ArchiveRows::open(path, "x.csv", seriesOf("agg_trades"));
        if (!rows)
            error = rows.error().message;
        for (bool more = bool(rows); more;) {
            const auto some = (*rows)->next(1000);
            more = some && !some->empty();
            if (!some)
                error = some.error().message;
        }

        QVERIFY2(error.contains(message), qPrintable(error));
    }

    void refusesASecondFileInTheZip()
    {
        const QString path = m_folder.filePath("two.zip");
        testing::python("import sys,zipfile\nz=zipfile.ZipFile(sys.argv[1],'w')\n"
                        "z.writestr('x.csv','1')\nz.writestr('y.csv','1')\nz.close()",
                        {path});

        const auto rows = ArchiveRows::open(path, "x.csv", seriesOf("agg_trades"));

        QVERIFY(!rows);
        QVERIFY2(rows.error().message.contains("expected one file"), qPrintable(rows.error().message));
    }

private:
    QTemporaryDir m_folder;
};

QTEST_GUILESS_MAIN(tst_BinanceHistoryParts)

#include "tst_binance_history_parts.moc"
