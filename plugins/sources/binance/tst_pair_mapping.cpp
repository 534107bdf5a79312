// SPDX-License-Identifier: Apache-2.0
#include "pair_mapping.h"

#include <tidemill/testing.h>

using namespace tidemill;
using namespace tidemill::binance;

namespace {

QByteArray listing(const char *base, const char *quote, const char *status = "TRADING", bool spot = true)
{
    return QByteArray("{\"symbol\":\"") + base + quote + "\",\"status\":\"" + status + "\",\"baseAsset\":\"" +
           base + "\",\"quoteAsset\":\"" + quote + "\",\"filters\":[{\"filterType\":\"LOT_SIZE\"}]," +
           "\"isSpotTradingAllowed\":" + (spot ? "true" : "false") + "}";
}

QByteArray exchangeInfo(const QByteArrayList &listings)
{
    return "{\"timezone\":\"UTC\",\"rateLimits\":[],\"symbols\":[" + listings.join(',') + "]}";
}

// Of a recording that is not everywhere.
QByteArray recorded(const char *name)
{
    QFile file(QStringLiteral(TIDEMILL_SOURCE_DIR "/../shared/data/rest/") + QLatin1String(name));
    return file.open(QIODevice::ReadOnly) ? file.readAll() : QByteArray();
}

} // namespace

class tst_PairMapping : public QObject
{
    Q_OBJECT

private slots:
    void knowsWhatCanBeTraded()
    {
        const auto pairs = decodeExchangeInfo(
            exchangeInfo({listing("BTC", "USDT"), listing("ETH", "USDT", "BREAK"), listing("SOL", "USDC"),
                          listing("ADA", "USDT", "TRADING", false), listing("DOGE", "USDT")}),
            QStringLiteral("USDT"));

        TIDEMILL_VERIFY(pairs);
        QCOMPARE(*pairs, (TradablePairs{{"BTC", "BTCUSDT"}, {"DOGE", "DOGEUSDT"}}));
    }

    void readsCoinsInTheirOrder()
    {
        const auto coins =
            decodeCoins(QByteArray("[{'id':'bitcoin','symbol':'btc','current_price':8.36e-06,'roi':null},"
                                   "{'id':'x','symbol':null},{'symbol':'eth','roi':{'times':1.5}}]")
                            .replace('\'', '"'));

        TIDEMILL_VERIFY(coins);
        QCOMPARE(*coins, (QStringList{"BTC", "", "ETH"}));
    }

    void refusesWhatIsNoAnswer_data()
    {
        QTest::addColumn<QByteArray>("body");

        QTest::newRow("empty") << QByteArray();
        QTest::newRow("HTML") << QByteArray("<html><body>429</body></html>");
        QTest::newRow("an error") << QByteArray("{\"status\":{\"error_code\":429}}");
        QTest::newRow("cut off") << QByteArray("[{\"id\":\"bitcoin\",\"symbol\":\"btc\",\"name\":\"Bit");
        QTest::newRow("not of coins") << QByteArray("[1,2]");
        QTest::newRow("symbols that are none") << QByteArray("{\"symbols\":[1]}");
    }

    void refusesWhatIsNoAnswer()
    {
        QFETCH(QByteArray, body);

        QVERIFY(!decodeCoins(body));
        QVERIFY(!decodeExchangeInfo(body, QStringLiteral("USDT")));
    }

    void choosesByMarketCap_data()
    {
        QTest::addColumn<QStringList>("coins");
        QTest::addColumn<int>("limit");
        QTest::addColumn<QStringList>("pairs");

        const QStringList coins{"BTC", "USDT", "ETH", "XRP", "ZEC", "ADA"};
        QTest::newRow("all") << coins << 10 << QStringList{"BTCUSDT", "ETHUSDT", "ZECUSDT", "ADAUSDT"};
        QTest::newRow("cut by size, not by name")
            << coins << 3 << QStringList{"BTCUSDT", "ETHUSDT", "ZECUSDT"};
        QTest::newRow("two coins of one symbol")
            << QStringList{"ETH", "BTC", "ETH"} << 10 << QStringList{"ETHUSDT", "BTCUSDT"};
        QTest::newRow("a coin without a symbol") << QStringList{"", "BTC"} << 10 << QStringList{"BTCUSDT"};
        QTest::newRow("none") << coins << 0 << QStringList{};
    }

    void choosesByMarketCap()
    {
        QFETCH(QStringList, coins);
        QFETCH(int, limit);
        QFETCH(QStringList, pairs);
        const TradablePairs tradable{{"BTC", "BTCUSDT"},
                                     {"ETH", "ETHUSDT"},
                                     {"ZEC", "ZECUSDT"},
                                     {"ADA", "ADAUSDT"},
                                     {"USDT", "USDTUSDT"}};

        QCOMPARE(choosePairs(coins, tradable, {.limit = limit, .excluded = {"USDT"}}), pairs);
    }

    void theLimitDoesNotRemoveWhatIsAlwaysThere()
    {
        QCOMPARE(withAlways({"BTCUSDT", "ETHUSDT"}, {"XRPUSDT", "BTCUSDT", "XRPUSDT"}),
                 (QStringList{"BTCUSDT", "ETHUSDT", "XRPUSDT"}));
    }

    void readsRecordedAnswers()
    {
        const QByteArray info = recorded("binance/dev_exchangeInfo_spot_2021-04-17.json");
        const QByteArray list = recorded("coingecko/dev_coins_markets_usd_57_2022-01.json");
        if (info.isEmpty() || list.isEmpty())
            QSKIP("no recordings here");
        const auto tradable = decodeExchangeInfo(info, QStringLiteral("USDT"));
        const auto coins = decodeCoins(list);
        TIDEMILL_VERIFY(tradable);
        TIDEMILL_VERIFY(coins);
        QVERIFY(tradable->size() > 100);
        QCOMPARE(coins->size(), 57);

        const QStringList pairs =
            choosePairs(*coins, *tradable, {.limit = 20, .excluded = {"USDT", "USDC", "BUSD"}});

        QCOMPARE(pairs.size(), 20);
        QCOMPARE(pairs.first(), QStringLiteral("BTCUSDT"));
        QCOMPARE(pairs[1], QStringLiteral("ETHUSDT"));
        QVERIFY(!pairs.contains(QStringLiteral("USDCUSDT")));
    }
};

QTEST_GUILESS_MAIN(tst_PairMapping)

#include "tst_pair_mapping.moc"
