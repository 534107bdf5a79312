// SPDX-License-Identifier: Apache-2.0
#include "exchange_test.h"

#include <QCryptographicHash>
#include <QProcess>
#include <QStandardPaths>
#include <QTemporaryDir>

#include <algorithm>

using namespace tidemill::exchange;
using namespace tidemill::exchange::testing;
using namespace std::chrono_literals;

// What a backfill and a choice of pairs by market cap need: crowded instants, listings, archives, coins.
class tst_ExchangeBackfill : public QObject
{
    Q_OBJECT

private slots:
    void init()
    {
        m_settings = {};
        m_settings.limits.weightPerMinute = 100000;
    }

    // More than a page of trades in one instant: only paging by id gets them all.
    void aThousandTradesCanShareAnInstant()
    {
        FakeExchange exchange(m_settings);
        start(exchange, {.warmupUs = 3000000, .burst = 1500});
        const QString base = QStringLiteral("/api/v3/aggTrades?symbol=BTCUSDT&limit=1000");

        QHash<qint64, int> perTime;
        QJsonArray page = get(exchange, base + QStringLiteral("&startTime=1")).array();
        QCOMPARE(page.size(), 1000);
        qint64 next = page.first()[u"a"].toInteger();
        while (!page.isEmpty()) {
            for (const QJsonValue &row : std::as_const(page)) {
                QCOMPARE(row[u"a"].toInteger(), next++);
                ++perTime[row[u"T"].toInteger()];
            }
            page = get(exchange, base + QStringLiteral("&fromId=%1").arg(next)).array();
        }

        const auto counts = perTime.values();
        const int most = *std::max_element(counts.begin(), counts.end());
        QVERIFY2(most >= 1500, qPrintable(QString::number(most)));
        const QString crowded = QString::number(perTime.key(most));
        QCOMPARE(get(exchange, base + QStringLiteral("&startTime=%1&endTime=%1").arg(crowded)).array().size(),
                 1000);
    }

    void quietMinutesHaveCandlesWithoutTrades()
    {
        FakeExchange exchange(m_settings);
        start(exchange, {.eventsPerSecond = 10, .warmupUs = 600000000, .quietEvery = 3});

        const QJsonArray rows =
            get(exchange, QStringLiteral("/api/v3/klines?symbol=BTCUSDT&interval=1m")).array();

        int empty = 0;
        for (const QJsonValue &row : rows) {
            const bool quiet = row[0].toInteger() / 60000 % 3 == 0;
            QCOMPARE(row[8].toInteger() == 0, quiet);
            if (quiet)
                QCOMPARE(row[1].toString(), row[4].toString());
            empty += quiet ? 1 : 0;
        }
        QVERIFY(empty >= 3);
    }

    void manySymbolsAreListed()
    {
        m_settings.symbolsCount = 400;
        FakeExchange exchange(m_settings);
        start(exchange, {});

        const QJsonArray symbols =
            get(exchange, QStringLiteral("/api/v3/exchangeInfo")).object()[u"symbols"].toArray();

        QVERIFY(symbols.size() >= 400);
        int halted = 0;
        int others = 0;
        int noSpot = 0;
        for (const QJsonValue &symbol : symbols) {
            QCOMPARE(symbol[u"symbol"].toString(),
                     symbol[u"baseAsset"].toString() + symbol[u"quoteAsset"].toString());
            halted += symbol[u"status"].toString() == u"HALT" ? 1 : 0;
            others += symbol[u"quoteAsset"].toString() == u"USDT" ? 0 : 1;
            noSpot += symbol[u"isSpotTradingAllowed"].toBool() ? 0 : 1;
        }
        QVERIFY(halted > 10 && others > 50 && noSpot > 3);
        QVERIFY(get(exchange, QStringLiteral("/api/v3/exchangeInfo?symbolStatus=HALT"))
                    .object()[u"symbols"]
                    .toArray()
                    .size() == halted);
    }

    void coinsComeByMarketCapWithTheirAwkwardness()
    {
        FakeExchange exchange(m_settings);
        start(exchange, {});
        const QString base = QStringLiteral("/api/v3/coins/markets?vs_currency=usd");

        const Answer first = get(exchange, base + QStringLiteral("&per_page=50&page=1"));
        const QJsonArray second = get(exchange, base + QStringLiteral("&per_page=50&page=2")).array();

        QCOMPARE(first.array().size(), 50);
        QCOMPARE(first.array().first()[u"symbol"].toString(), QStringLiteral("btc"));
        QVERIFY(first.array().first() != second.first());
        QVERIFY(first.body.contains("\"current_price\":null"));
        QVERIFY(first.body.contains("e-06"));
        QSet<QString> symbols;
        for (const QJsonValue &coin : first.array())
            symbols.insert(coin[u"symbol"].toString());
        QVERIFY(symbols.size() < 50); // some share theirs
        QVERIFY(symbols.contains(QStringLiteral("usdt")));
        QVERIFY(get(exchange, base + QStringLiteral("&page=99")).array().isEmpty());
        QCOMPARE(get(exchange, QStringLiteral("/api/v3/coins/markets")).status, 422);
        QCOMPARE(get(exchange, base + QStringLiteral("&per_page=251")).status, 400);
    }

    void theListCanBeReplaced()
    {
        FakeExchange exchange(m_settings);
        start(exchange, {});
        QNetworkAccessManager manager;
        QNetworkRequest request(QUrl(exchange.restUrl().toString() + QStringLiteral("/__coins")));
        request.setHeader(QNetworkRequest::ContentTypeHeader, "application/json");

        QCOMPARE(await(manager.post(request, "[\"eth\",{\"id\":\"x\",\"symbol\":\"xyz\"}]")).status, 200);

        const QJsonArray coins =
            get(exchange, QStringLiteral("/api/v3/coins/markets?vs_currency=usd")).array();
        QCOMPARE(coins.size(), 2);
        QCOMPARE(coins[0][u"symbol"].toString(), QStringLiteral("eth"));
        QCOMPARE(coins[1][u"id"].toString(), QStringLiteral("x"));
    }

    void keysOfCoinsHaveToFitThePlan_data()
    {
        QTest::addColumn<bool>("pro");
        QTest::addColumn<QString>("parameter");
        QTest::addColumn<int>("code");

        QTest::newRow("demo key") << false << "x_cg_demo_api_key=CG-1" << 0;
        QTest::newRow("pro key at the demo address") << false << "x_cg_pro_api_key=CG-1" << 10010;
        QTest::newRow("no key at the demo address") << false << "page=1" << 0;
        QTest::newRow("pro key") << true << "x_cg_pro_api_key=CG-1" << 0;
        QTest::newRow("demo key at the pro address") << true << "x_cg_demo_api_key=CG-1" << 10011;
        QTest::newRow("no key at the pro address") << true << "page=1" << 10002;
    }

    void keysOfCoinsHaveToFitThePlan()
    {
        QFETCH(bool, pro);
        QFETCH(QString, parameter);
        m_settings.coinsKey = "CG-1";
        m_settings.coinsPro = pro;
        FakeExchange exchange(m_settings);
        start(exchange, {});

        const Answer answer =
            get(exchange, QStringLiteral("/api/v3/coins/markets?vs_currency=usd&") + parameter);

        QTEST(answer.object()[u"status"][u"error_code"].toInt(), "code");
    }

    void coinsAreLimited()
    {
        m_settings.limits.coinsPerMinute = 0;
        FakeExchange exchange(m_settings);
        start(exchange, {});

        const Answer answer = get(exchange, QStringLiteral("/api/v3/coins/markets?vs_currency=usd"));

        QCOMPARE(answer.status, 429);
        QVERIFY(answer.retryAfter.toInt() > 0);
    }

    void archives_data()
    {
        QTest::addColumn<qint64>("midnight"); // ms
        QTest::addColumn<QString>("day");
        QTest::addColumn<int>("digits");

        QTest::newRow("milliseconds") << qint64(1735603200000) << "2024-12-30" << 13;
        QTest::newRow("microseconds") << qint64(1735776000000) << "2025-01-01" << 16;
    }

    // Around a midnight, so that the day before it is over.
    void archives()
    {
        QFETCH(qint64, midnight);
        QFETCH(QString, day);
        QFETCH(int, digits);
        const QString python = QStandardPaths::findExecutable(QStringLiteral("python3"));
        if (python.isEmpty())
            QSKIP("nobody here to open the archive");
        FakeExchange exchange(m_settings);
        start(exchange, {.epochUs = (midnight - 10000) * 1000, .warmupUs = 20000000});
        const QString path =
            QStringLiteral("/data/spot/daily/aggTrades/BTCUSDT/BTCUSDT-aggTrades-%1.zip").arg(day);

        const QByteArray zip = get(exchange, path).body;
        const QByteArray checksum = get(exchange, path + QStringLiteral(".CHECKSUM")).body;

        QCOMPARE(checksum, QCryptographicHash::hash(zip, QCryptographicHash::Sha256).toHex() +
                               "  BTCUSDT-aggTrades-" + day.toLatin1() + ".zip\n");
        QTemporaryDir folder;
        QFile file(folder.filePath(QStringLiteral("a.zip")));
        QVERIFY(file.open(QIODevice::WriteOnly) && file.write(zip) == zip.size());
        file.close();
        QProcess process;
        process.start(python, {QStringLiteral("-c"),
                               QStringLiteral("import sys,zipfile\nz=zipfile.ZipFile(sys.argv[1])\n"
                                              "assert z.testzip() is None\nprint(z.namelist()[0])\n"
                                              "sys.stdout.write(z.read(z.namelist()[0]).decode())"),
                               file.fileName()});
        QVERIFY(process.waitForFinished() && process.exitCode() == 0);
        const QList<QByteArray> lines = process.readAllStandardOutput().trimmed().split('\n');
        QCOMPARE(lines[0], "BTCUSDT-aggTrades-" + day.toLatin1() + ".csv");
        QVERIFY(lines.size() > 100);
        qint64 id = lines[1].split(',')[0].toLongLong();
        for (const QByteArray &line : lines.mid(1)) {
            const QList<QByteArray> columns = line.split(',');
            QCOMPARE(columns.size(), 8);
            QCOMPARE(columns[0].toLongLong(), id++);
            QCOMPARE(columns[5].size(), digits);
            QVERIFY(columns[6] == "True" || columns[6] == "False");
        }
        const QJsonArray next =
            get(exchange,
                QStringLiteral("/api/v3/aggTrades?symbol=BTCUSDT&startTime=%1&limit=1").arg(midnight))
                .array();
        QCOMPARE(next.first()[u"a"].toInteger(), id);
    }

    void unfinishedDaysHaveNoArchive_data()
    {
        QTest::addColumn<QString>("path");

        QTest::newRow("today") << "daily/trades/BTCUSDT/BTCUSDT-trades-2023-11-14.zip";
        QTest::newRow("month") << "monthly/klines/BTCUSDT/1m/BTCUSDT-1m-2023-11.zip";
        QTest::newRow("names differ") << "daily/trades/BTCUSDT/ETHUSDT-trades-2023-11-13.zip";
        QTest::newRow("before the market opened") << "daily/trades/BTCUSDT/BTCUSDT-trades-2023-11-13.zip";
    }

    void unfinishedDaysHaveNoArchive()
    {
        QFETCH(QString, path);
        FakeExchange exchange(m_settings);
        start(exchange, {.warmupUs = 1000000});

        QCOMPARE(get(exchange, QStringLiteral("/data/spot/") + path).status, 404);
    }

    void onePathCanBeSlowAndAnotherBroken()
    {
        FakeExchange exchange(m_settings);
        start(exchange, {.warmupUs = 1000000});
        QString error;
        QVERIFY2(exchange.inject(QStringLiteral("slow:300ms:1m:/api/v3/depth"), &error), qPrintable(error));
        QElapsedTimer clock;

        clock.start();
        QCOMPARE(get(exchange, QStringLiteral("/api/v3/depth?symbol=BTCUSDT")).status, 200);
        QVERIFY(clock.elapsed() >= 290);
        exchange.inject(QStringLiteral("slow:1m:1m:/api/v3/klines"), &error);
        exchange.inject(QStringLiteral("rest:503:1m:/api/v3/coins"), &error);
        QCOMPARE(get(exchange, QStringLiteral("/api/v3/coins/markets?vs_currency=usd")).status, 503);
        QCOMPARE(get(exchange, QStringLiteral("/api/v3/trades?symbol=BTCUSDT")).status, 200);
    }

private:
    static void start(FakeExchange &exchange, const GeneratorOptions &options)
    {
        QString error;
        QVERIFY2(exchange.start(&error), qPrintable(error));
        exchange.generate(options);
    }

    Settings m_settings;
};

QTEST_GUILESS_MAIN(tst_ExchangeBackfill)

#include "tst_exchange_backfill.moc"
