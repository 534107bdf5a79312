// SPDX-License-Identifier: Apache-2.0
#include "history.h"

#include <tidemill/testing.h>

using namespace tidemill;
using namespace tidemill::binance;

namespace {

const auto tradePage =
    R"([{"id":7,"price":"1.5","qty":"2","quoteQty":"3","time":1772442900000,"isBuyerMaker":true}])";
const auto aggTradePage = R"([{"a":7,"p":"1.5","q":"2","f":70,"l":71,"T":1772442900000,"m":true,"M":true}])";
const auto candlePage = R"([[1772442900000,"1","2","1","2","5",1772442959999,"9",3,"1","1","0"]])";

} // namespace

// What comes with status 200 and cannot be read is no answer: it is asked for again, and no hole.
class tst_BinanceRestPages : public QObject
{
    Q_OBJECT

private slots:
    void init()
    {
        m_rest = std::make_unique<net::RestClient>();
        m_rest->beginReplay();
        m_history = std::make_unique<History>(*m_rest, *m_rest, this);
        m_history->setUrls(QUrl("https://api.example"), QUrl("https://api.example"));
        m_answers = 0;
        m_ids.clear();
    }

    void asksAgainForWhatCannotBeRead_data()
    {
        QTest::addColumn<QByteArray>("endpoint");
        QTest::addColumn<QByteArray>("body");
        QTest::addColumn<QByteArray>("unreadable");
        for (const auto &[endpoint, page] : std::initializer_list<std::pair<const char *, const char *>>{
                 {"historicalTrades", tradePage}, {"aggTrades", aggTradePage}, {"klines", candlePage}}) {
            const QByteArray body(page);
            const QByteArray name(endpoint);
            QTest::newRow(name + ": truncated body, then whole")
                << name << body << body.first(body.size() / 2);
            QTest::newRow(name + ": a proxy's page, then its own") << name << body << QByteArray("<html>");
            QTest::newRow(name + ": nothing, then its own") << name << body << QByteArray();
        }
    }
    void asksAgainForWhatCannotBeRead()
    {
        QFETCH(QByteArray, endpoint);
        QFETCH(QByteArray, body);
        QFETCH(QByteArray, unreadable);
        const QUrl url = ask(endpoint);

        for (int attempt = 0; attempt < 3; ++attempt) {
            m_rest->replayAnswer(url, unreadable);
            QCOMPARE(m_answers, 0);
            QCOMPARE(m_rest->waiting(), 1);
        }
        m_rest->replayAnswer(url, body);

        QCOMPARE(m_answers, 1);
        QCOMPARE(m_ids, QList<qint64>{endpoint == "klines" ? 1772442900 : 7});
        QCOMPARE(m_rest->waiting(), 0);
    }

private:
    template<typename R>
    auto note()
    {
        return [this](const Result<net::HistoryPage<R>> &page) {
            ++m_answers;
            TIDEMILL_VERIFY(page);
            for (const R &record : page->records)
                m_ids.append(net::continuityId(record));
        };
    }

    QUrl ask(const QByteArray &endpoint)
    {
        const Symbol symbol("BTCUSDT");
        if (endpoint == "historicalTrades") {
            m_history->fetchTrades(symbol, 7, 7, note<Trade>());
            return apiUrl(QUrl("https://api.example"), "historicalTrades", symbol, {{"fromId", "7"}});
        }
        if (endpoint == "aggTrades") {
            m_history->fetchAggTrades(symbol, 7, 7, note<AggTrade>());
            return apiUrl(QUrl("https://api.example"), "aggTrades", symbol, {{"fromId", "7"}});
        }
        const Timestamp from = Timestamp::fromSeconds(1772442900);
        m_history->fetchCandles(symbol, *parseStreamSuffix(QStringLiteral("kline_1m")), from,
                                from + std::chrono::minutes(1),
                                [this](const Result<History::CandlePage> &page) {
                                    ++m_answers;
                                    TIDEMILL_VERIFY(page);
                                    for (const Candle &candle : page->candles)
                                        m_ids.append(candle.ts_open.ns / 1000000000);
                                });
        return apiUrl(QUrl("https://api.example"), "klines", symbol,
                      {{"interval", "1m"}, {"startTime", "1772442900000"}, {"endTime", "1772442959999"}});
    }

    std::unique_ptr<net::RestClient> m_rest;
    std::unique_ptr<History> m_history;
    int m_answers = 0;
    QList<qint64> m_ids;
};

QTEST_GUILESS_MAIN(tst_BinanceRestPages)

#include "tst_binance_rest_pages.moc"
