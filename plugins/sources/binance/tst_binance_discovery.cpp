// SPDX-License-Identifier: Apache-2.0
#include "binance_test.h"
#include "exchange/catalogue.h"

#include <QJsonArray>
#include <QJsonDocument>
#include <QNetworkAccessManager>
#include <QNetworkReply>

using namespace tidemill;
using binance::Settings;

namespace {

class FailureCount final : public Metrics
{
public:
    Counter counter(const QByteArray &name, const QByteArray &, const Labels &) override
    {
        return name == "tidemill_discovery_failures_total" ? Counter(&count) : Counter();
    }
    Gauge gauge(const QByteArray &, const QByteArray &, const Labels &) override { return {}; }
    Histogram histogram(const QByteArray &, const QByteArray &, const Labels &,
                        const QList<double> &) override
    {
        return {};
    }

    std::atomic<quint64> count{0};
};

} // namespace

// The pairs of the largest coins, looked up while the source runs.
class tst_BinanceDiscovery : public binance::BinanceTest
{
    Q_OBJECT

private slots:
    void init()
    {
        Settings settings;
        settings.symbolsCount = 50; // what exchangeInfo lists
        open(settings);
        generate(50, {"BTCUSDT", "ETHUSDT", "SOLUSDT", "XRPUSDT"});
    }
    void cleanup() { close(); }

    void collectsThePairsOfTheLargestCoins()
    {
        setCoins({"btc", "usdt", "eth", "nonesuch", "sol", "xrp"});
        discover({{"top", 3}});

        QTRY_COMPARE_WITH_TIMEOUT(pairs(), (QStringList{"BTCUSDT", "ETHUSDT", "SOLUSDT"}), 10000);
        QTRY_VERIFY_WITH_TIMEOUT(!tradeIds("SOLUSDT").isEmpty(), 10000);
        QVERIFY(tradeIds("XRPUSDT").isEmpty());
    }

    void followsAListThatChangesWhileItRuns()
    {
        setCoins({"btc", "eth"});
        discover({{"top", 2}, {"fallback", QStringList{"BTCUSDT"}}});
        QTRY_COMPARE_WITH_TIMEOUT(pairs(), (QStringList{"BTCUSDT", "ETHUSDT"}), 10000);
        QTRY_VERIFY_WITH_TIMEOUT(tradeIds("ETHUSDT").size() > 5, 10000);

        setCoins({"sol", "xrp"});
        QTRY_COMPARE_WITH_TIMEOUT(pairs(), (QStringList{"BTCUSDT", "SOLUSDT", "XRPUSDT"}), 15000);
        QTRY_VERIFY_WITH_TIMEOUT(tradeIds("XRPUSDT").size() > 5, 10000);
        const qint64 ethereum = tradeIds("ETHUSDT").size();
        const auto others = tradeIds("BTCUSDT").size();
        QTRY_VERIFY_WITH_TIMEOUT(tradeIds("BTCUSDT").size() > others + 50, 10000);
        QCOMPARE(tradeIds("ETHUSDT").size(), ethereum); // it is really unsubscribed

        setCoins({"eth", "sol"});
        QTRY_COMPARE_WITH_TIMEOUT(pairs(), (QStringList{"BTCUSDT", "ETHUSDT", "SOLUSDT"}), 15000);
        QTRY_VERIFY_WITH_TIMEOUT(tradeIds("ETHUSDT").size() > ethereum + 5, 10000);

        // What stayed was not disturbed, and what came back has no hole and nothing twice.
        QTRY_VERIFY_WITH_TIMEOUT(areConsecutive(tradeIds("ETHUSDT")), 5000);
        QVERIFY(areConsecutive(tradeIds("BTCUSDT")));
        QVERIFY(rows<Gap>().isEmpty());
        QCOMPARE(m_exchange->stats()["connections_ever"].toInt(), 1);
        QCOMPARE(m_exchange->stats()["violations"].toArray().size(), 0);
    }

    void collectsTwoHundredPairsOverFourConnections()
    {
        close();
        Settings settings;
        settings.symbolsCount = symbolsCount;
        open(settings);
        const QStringList listed = listedCoins();
        QVERIFY(listed.size() >= 220);
        const QStringList coins = listed.first(220);
        QByteArrayList symbols;
        for (const QString &coin : coins)
            symbols.append((coin + "USDT").toUtf8());
        generate(2, symbols);
        setCoins(coins.first(200));
        discover({{"top", 200}}, {{"connections", QVariantMap{{"streams", 50}}}});

        QTRY_COMPARE_WITH_TIMEOUT(pairs().size(), 200, 20000);
        const auto heard = [this] {
            QSet<QString> names;
            for (const Trade &trade : rows<Trade>())
                names.insert(QString::fromUtf8(trade.symbol.name()));
            return names.size();
        };
        QTRY_COMPARE_WITH_TIMEOUT(heard(), 200, 30000);
        QCOMPARE(m_exchange->stats()["connections_now"].toInt(), 4);

        // Twenty go and twenty come, and then the other way round.
        setCoins(coins.sliced(20));
        QTRY_VERIFY_WITH_TIMEOUT(!pairs().contains(coins.first() + "USDT"), 15000);
        QTRY_COMPARE_WITH_TIMEOUT(heard(), 220, 30000);
        QCOMPARE(pairs().size(), 200);
        setCoins(coins.first(200));
        QTRY_VERIFY_WITH_TIMEOUT(pairs().contains(coins.first() + "USDT"), 15000);
        QCOMPARE(pairs().size(), 200);
        QCOMPARE(m_exchange->stats()["connections_now"].toInt(), 4);
        QCOMPARE(m_exchange->stats()["violations"].toArray().size(), 0);
        for (const QString &coin : {coins.at(50), coins.at(199)})
            QVERIFY(areConsecutive(tradeIds((coin + "USDT").toUtf8())));
    }

    void beginsWithTheFallbackWhileTheAnswerIsSlow()
    {
        setCoins({"eth", "sol"});
        inject(QStringLiteral("slow:3s:4s:/api/v3/coins"));
        QElapsedTimer time;
        time.start();
        discover({{"top", 2}, {"fallback", QStringList{"BTCUSDT"}}});

        QTRY_VERIFY(!tradeIds("BTCUSDT").isEmpty());
        QVERIFY(time.elapsed() < 2500);
        QCOMPARE(pairs(), QStringList{"BTCUSDT"});
        QTRY_COMPARE_WITH_TIMEOUT(pairs(), (QStringList{"BTCUSDT", "ETHUSDT", "SOLUSDT"}), 10000);
        QVERIFY(areConsecutive(tradeIds("BTCUSDT")));
    }

    void keepsItsListWhenNobodyAnswers_data()
    {
        QTest::addColumn<QString>("fault");

        QTest::newRow("too many requests") << QStringLiteral("rest:429:1:3s:/api/v3/coins");
        QTest::newRow("server trouble") << QStringLiteral("rest:503:0:3s:/api/v3/coins");
        QTest::newRow("refused") << QStringLiteral("rest:403:0:3s:/api/v3/coins");
        QTest::newRow("Binance is in trouble") << QStringLiteral("rest:500:0:3s:/api/v3/exchangeInfo");
    }

    void keepsItsListWhenNobodyAnswers()
    {
        QFETCH(QString, fault);
        setCoins({"btc", "eth"});
        discover({{"top", 2}});
        QTRY_COMPARE_WITH_TIMEOUT(pairs(), (QStringList{"BTCUSDT", "ETHUSDT"}), 10000);

        inject(fault);
        setCoins({"btc", "sol"});
        QVERIFY(!QTest::qWaitFor([this] { return pairs() != QStringList{"BTCUSDT", "ETHUSDT"}; }, 2500));

        QTRY_COMPARE_WITH_TIMEOUT(pairs(), (QStringList{"BTCUSDT", "SOLUSDT"}), 30000);
    }

    // And collects meanwhile: books begin with a snapshot from the same address.
    void countsWhatBinanceDoesNotAnswer()
    {
        inject(QStringLiteral("rest:500:0:60s:/api/v3/exchangeInfo"));
        setCoins({"btc", "eth"});
        discover({{"top", 2}, {"fallback", QStringList{"BTCUSDT"}}}, {}, {"depth@100ms"});

        QTRY_VERIFY_WITH_TIMEOUT(!rows<BookSnapshot>().isEmpty(), 15000);
        QTRY_VERIFY_WITH_TIMEOUT(m_failures.count > 0, 15000);
        QCOMPARE(pairs(), QStringList{"BTCUSDT"});
    }

    void keepsItsListWhenTheAnswerIsNone()
    {
        setCoins({"btc", "eth"});
        discover({{"top", 2}});
        QTRY_COMPARE_WITH_TIMEOUT(pairs(), (QStringList{"BTCUSDT", "ETHUSDT"}), 10000);

        setCoins({});
        QVERIFY(!QTest::qWaitFor([this] { return pairs() != QStringList{"BTCUSDT", "ETHUSDT"}; }, 2500));
    }

    void bringsTheKeyOfItsPlan_data()
    {
        QTest::addColumn<bool>("isPro");
        QTest::newRow("demo") << false;
        QTest::newRow("pro") << true;
    }

    void bringsTheKeyOfItsPlan()
    {
        QFETCH(bool, isPro);
        close();
        Settings settings;
        settings.symbolsCount = 50;
        settings.coinsKey = "CG-test";
        settings.coinsPro = isPro;
        open(settings);
        generate(50, {"BTCUSDT"});
        setCoins({"btc", "eth"});

        discover({{"top", 2}, {"coingecko_key", "CG-test"}, {"plan", isPro ? "pro" : "demo"}});

        QTRY_COMPARE_WITH_TIMEOUT(pairs(), (QStringList{"BTCUSDT", "ETHUSDT"}), 10000);
    }

private:
    void discover(const QVariantMap &more, const QVariantMap &others = {},
                  const QStringList &streams = {"trade"})
    {
        QVariantMap options{{"refresh", "1s"},
                            {"fallback", QStringList{}},
                            {"coingecko_url", m_exchange->restUrl().toString() + "/api/v3"}};
        options.insert(more);
        QVariantMap all{{"symbols", QStringList{}}, {"discover", options}};
        all.insert(others);
        create(streams, all);
        QVERIFY(m_source);
        m_failures.count = 0;
        NodeContext context = m_source->context();
        context.metrics = &m_failures;
        m_source->setContext(context);
        TIDEMILL_VERIFY(m_source->start());
    }

    // What can be traded against USDT, but for what discovery leaves out.
    static QStringList listedCoins()
    {
        QStringList coins;
        for (const exchange::ListedSymbol &symbol : exchange::listedSymbols(symbolsCount)) {
            const bool isDollar = symbol.base == "USDC" || symbol.base == "DAI";
            if (symbol.status == "TRADING" && symbol.spot && symbol.quote == "USDT" && !isDollar)
                coins.append(QString::fromLatin1(symbol.base));
        }
        return coins;
    }

    QStringList pairs() const
    {
        QStringList names;
        for (const Source::Stream &stream : m_streams)
            names.append(QString::fromUtf8(stream.symbol));
        names.sort();
        return names;
    }

    void setCoins(const QStringList &coins)
    {
        QUrl url = m_exchange->restUrl();
        url.setPath(QStringLiteral("/__coins"));
        QNetworkRequest request(url);
        request.setHeader(QNetworkRequest::ContentTypeHeader, "application/json");
        const std::unique_ptr<QNetworkReply> reply(
            m_manager.post(request, QJsonDocument(QJsonArray::fromStringList(coins)).toJson()));
        QSignalSpy finished(reply.get(), &QNetworkReply::finished);
        QVERIFY(finished.wait());
        QCOMPARE(reply->error(), QNetworkReply::NoError);
    }

    static constexpr int symbolsCount = 400;

    QNetworkAccessManager m_manager;
    FailureCount m_failures;
};

QTEST_GUILESS_MAIN(tst_BinanceDiscovery)

#include "tst_binance_discovery.moc"
