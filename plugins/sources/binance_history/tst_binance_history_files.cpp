// SPDX-License-Identifier: Apache-2.0
#include "history_test.h"

using namespace tidemill;
using namespace tidemill::exchange;

// What comes from bulk files, joined with REST.
class tst_BinanceHistoryFiles : public testing::HistoryTest
{
    Q_OBJECT

private slots:
    void init() { setUp(); }
    void cleanup() { tearDown(); }

    // Two days and a bit: whole days from files, the rest by REST, joined by id.
    void joinsFilesAndRest_data()
    {
        QTest::addColumn<QString>("data");

        QTest::newRow("aggregate trades") << "agg_trades";
        QTest::newRow("trades") << "trades";
    }

    void joinsFilesAndRest()
    {
        QFETCH(QString, data);
        layDown(0, 9000, 1, 25000); // 25 s apart: 2.6 days

        start({{"data", QStringList{data}},
               {"from", "2024-03-01T06:00:00Z"},
               {"to", "2024-03-03T12:00:00Z"},
               {"archive", m_exchange->restUrl().toString()}});

        QTRY_COMPARE_WITH_TIMEOUT(m_finished->size(), 1, 10000);
        const int first = 6 * 3600 / 25;
        const int end = 60 * 3600 / 25;
        QCOMPARE(collected(), idsFrom(first + (data == "trades" ? 100 : 0), end - first));
        const QString left = QDir(m_files->path()).entryList(QDir::Files).join(u' ');
        QVERIFY2(left.isEmpty(), qPrintable(left)); // the temporary file is gone
    }

    void usesNoFileThatIsNotWhole_data()
    {
        QTest::addColumn<int>("damage");

        QTest::newRow("checksum of another file") << 0;
        QTest::newRow("cut in half") << 1;
        QTest::newRow("a line that is none, in the middle") << 2;
        QTest::newRow("trades are missing in the middle") << 3;
        QTest::newRow("trades are missing at the end") << 4;
    }

    void usesNoFileThatIsNotWhole()
    {
        QFETCH(int, damage);
        layDown(0, 9000, 1, 25000);
        const int perDay = 86400 / 25;
        QByteArray csv;
        for (int id = 0; id < perDay; ++id) {
            if ((damage == 3 && id >= 1200 && id < 2400) || (damage == 4 && id >= 2000))
                continue;
            csv += damage == 2 && id == 1700 ? QByteArray("not,a,trade\n") : csvLine(id);
        }
        const QString stem = QStringLiteral("BTCUSDT-aggTrades-2024-03-01");
        const QString folder = QStringLiteral("daily/aggTrades/BTCUSDT");
        QVERIFY(testing::writeArchive(m_files->path(), folder, stem, csv));
        const QString zip = m_files->path() + "/data/spot/" + folder + '/' + stem + ".zip";
        if (damage == 0)
            QVERIFY(testing::writeFile(zip + ".CHECKSUM", QByteArray(64, 'a') + "  x.zip\n"));
        if (damage == 1) {
            QFile file(zip);
            QVERIFY(file.resize(file.size() / 2));
            QVERIFY(QFile::remove(zip + ".CHECKSUM"));
        }

        start({{"data", QStringList{"agg_trades"}},
               {"from", "2024-03-01"},
               {"to", "2024-03-02T12:00:00Z"},
               {"archive", m_files->path()}});

        QTRY_COMPARE_WITH_TIMEOUT(m_finished->size(), 1, 10000);
        QCOMPARE(collected(), idsFrom(0, 36 * 3600 / 25));
        QVERIFY(testing::rows<Gap>(*m_spies.back()).isEmpty());
    }

    // Files in pieces, from a server that knows Range and fails now and then.
    void loadsFilesInPieces()
    {
        QByteArray csv;
        quint32 noise = 1;
        const auto random = [&noise] {
            noise = noise * 1664525 + 1013904223;
            return QByteArray::number(noise % 100000000) + '.' +
                   QByteArray::number((noise * 2654435761U) % 100000000);
        };
        for (int id = 0; id < 700000; ++id) // does not pack well: more than one piece
            csv += QByteArray::number(id) + ',' + random() + ',' + random() + ",1,1," +
                   QByteArray::number(1709251200000 + id) + ",True,True\n";
        const QString stem = QStringLiteral("BTCUSDT-aggTrades-2024-03-01");
        QVERIFY(testing::writeArchive(m_files->path(), QStringLiteral("daily/aggTrades/BTCUSDT"), stem, csv));
        int pieces = 0;
        HttpServer server([&](const HttpRequest &request) {
            HttpResponse response;
            QFile file(m_files->path() + QString::fromUtf8(request.path));
            if (request.path.startsWith("/api/")) {
                response.body = request.path.endsWith("/time") ? "{\"serverTime\":1709640000000}" : "[]";
            } else if (!file.open(QIODevice::ReadOnly)) {
                response.status = 404;
            } else if (request.headers.contains("range")) {
                const qint64 begin = request.headers["range"].mid(6).split('-')[0].toLongLong();
                file.seek(begin);
                response.status = ++pieces == 2 ? 503 : 206;
                response.body = response.status == 206 ? file.read(8 << 20) : QByteArray();
                response.headers.append({"Content-Range", "bytes " + QByteArray::number(begin) + "-/" +
                                                              QByteArray::number(file.size())});
            } else {
                response.body = file.readAll();
            }
            return response;
        });
        QVERIFY(server.listen(QHostAddress::LocalHost));
        const QString url = QStringLiteral("http://127.0.0.1:%1").arg(server.serverPort());

        start({{"data", QStringList{"agg_trades"}},
               {"from", "2024-03-01"},
               {"to", "2024-03-02"},
               {"rest_url", url},
               {"archive", url}});

        QTRY_COMPARE_WITH_TIMEOUT(m_finished->size(), 1, 30000);
        QCOMPARE(collected().size(), 700000);
        QVERIFY2(pieces > 2, qPrintable(QString::number(pieces)));
        m_source.reset();
    }

    // A month of real hours as a bulk file, the years when times were milliseconds and microseconds; sums as
    // Python's decimals have them.
    void sumsOfRealCandlesAreExact_data()
    {
        QTest::addColumn<QString>("file");
        QTest::addColumn<QString>("from");
        QTest::addColumn<QString>("to");

        QTest::newRow("milliseconds") << "dev_ETHUSDT-1h-2024-11.csv"
                                      << "2024-11-01"
                                      << "2024-12-01";
        QTest::newRow("milliseconds, December") << "dev_ETHUSDT-1h-2024-12.csv"
                                                << "2024-12-01"
                                                << "2025-01-01";
        QTest::newRow("microseconds") << "dev_ETHUSDT-1h-2025-05.csv"
                                      << "2025-05-01"
                                      << "2025-06-01";
    }

    void sumsOfRealCandlesAreExact()
    {
        QFETCH(QString, file);
        QFETCH(QString, from);
        QFETCH(QString, to);
        const QString path = recording("klines/binance-spot-1h/" + file);
        QFile csv(path);
        if (path.isEmpty() || !csv.open(QIODevice::ReadOnly))
            QSKIP("the recordings are not here");
        QVERIFY(testing::writeArchive(m_files->path(), QStringLiteral("monthly/klines/ETHUSDT/1h"),
                                      "ETHUSDT-1h-" + from.left(7), csv.readAll()));

        start({{"symbols", QStringList{"ETHUSDT"}},
               {"data", QStringList{"klines_1h"}},
               {"from", from},
               {"to", to},
               {"archive", m_files->path()},
               {"rest_url", "http://127.0.0.1:1"}}); // nobody there: it must not be needed

        QTRY_COMPARE_WITH_TIMEOUT(m_finished->size(), 1, 10000);
        DecimalSum volume;
        qint64 trades = 0;
        const QList<Candle> candles = testing::rows<Candle>(*m_spies.back());
        for (const Candle &candle : candles) {
            volume.add(candle.volume);
            trades += candle.trades;
        }
        const QList<QByteArray> expected =
            testing::python("import csv,sys\nfrom decimal import *\n"
                            "r=[x for x in csv.reader(open(sys.argv[1])) if x[0].isdigit()]\n"
                            "print(len(r),sum(Decimal(x[5]) for x in r),sum(int(x[8]) for x in r))",
                            {path})
                .split(' ');
        QCOMPARE(expected.size(), 3);
        QCOMPARE(candles.size(), expected[0].toLongLong());
        QVERIFY(isSum(volume, expected[1]));
        QCOMPARE(trades, expected[2].toLongLong());
    }
};

QTEST_GUILESS_MAIN(tst_BinanceHistoryFiles)

#include "tst_binance_history_files.moc"
