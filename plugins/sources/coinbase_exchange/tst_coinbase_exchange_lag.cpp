// SPDX-License-Identifier: Apache-2.0
#include "exchange/http_server.h"
#include "history.h"

#include <tidemill/testing.h>

using namespace tidemill;
using coinbase_exchange::History;
using namespace std::chrono_literals;

namespace {

constexpr qint64 newest = 9000; // of the hole

} // namespace

// The exchange's history gets further from one question to the next, and a hole has many pages.
class tst_CoinbaseExchangeLag : public QObject
{
    Q_OBJECT

private slots:
    void fillsEveryPage_data()
    {
        QTest::addColumn<int>("reach"); // the newest trade that the first answer may have
        QTest::addColumn<int>("growth");
        QTest::addColumn<int>("leftOutFrom");
        QTest::addColumn<int>("leftOutTo");

        QTest::newRow("it is there already") << 20000 << 0 << 0 << -1;
        QTest::newRow("half a page between two questions") << 1 << 500 << 0 << -1;
        QTest::newRow("nearly a page") << 1 << 999 << 0 << -1;
        QTest::newRow("some pages") << 1 << 2500 << 0 << -1;
        QTest::newRow("ids that never were") << 20000 << 0 << 1500 << 5700;
        QTest::newRow("both") << 1 << 1500 << 1500 << 5700;
    }

    void fillsEveryPage()
    {
        QFETCH(int, reach);
        QFETCH(int, growth);
        QFETCH(int, leftOutFrom);
        QFETCH(int, leftOutTo);
        exchange::HttpServer server([&](const exchange::HttpRequest &request) {
            const qint64 after = request.parameter("after").isEmpty()
                                     ? std::numeric_limits<qint64>::max()
                                     : request.parameter("after").toLongLong();
            QByteArrayList rows;
            for (qint64 id = std::min<qint64>(reach, after - 1); id > 0 && rows.size() < 1000; --id) {
                if (id < leftOutFrom || id > leftOutTo)
                    rows.append(
                        R"({"trade_id":)" + QByteArray::number(id) +
                        R"(,"side":"buy","size":"1","price":"6100.4","time":"2026-03-02T09:15:00Z"})");
            }
            reach += growth;
            exchange::HttpResponse response;
            response.body = '[' + rows.join(',') + ']';
            return response;
        });
        QVERIFY(server.listen(QHostAddress::LocalHost));
        net::RestClient rest;
        TIDEMILL_VERIFY(rest.configure({}));
        History history(rest, this);
        history.setUrl(QUrl(QStringLiteral("http://127.0.0.1:%1").arg(server.serverPort())));
        QList<qint64> ids;
        QStringList gaps;
        net::Continuity<Trade> continuity(
            {}, {.record = [&ids](int, const Trade &trade) { ids.append(trade.trade_id); },
                 .gap =
                     [&gaps](int, const Gap &gap, const QByteArray &) {
                         gaps.append(QStringLiteral("%1-%2").arg(gap.first_missing).arg(gap.last_missing));
                     },
                 .fetch =
                     [&history](int, qint64 first, qint64 last, const History::Answer &answer) {
                         history.fetch("BTC-USD"_sym, first, last, answer);
                     }});
        continuity.open(0, {"coinbase_exchange"_sym, "BTC-USD"_sym, "matches"_sym});

        // What comes from history is stamped with the real time.
        const Timestamp begin = Timestamp::now();
        continuity.add(0, trade(1, begin));
        continuity.add(0, trade(newest + 1, begin));

        // History is asked again after a second; here that is over as soon as it has answered.
        for (auto time = 0s; time < 5s && ids.last() <= newest; time += 1s) {
            continuity.tick(begin + time);
            QTRY_COMPARE(rest.waiting(), 0);
        }
        QList<qint64> expected;
        for (qint64 id = 1; id <= newest + 1; ++id) {
            if (id < leftOutFrom || id > leftOutTo)
                expected.append(id);
        }
        QCOMPARE(ids, expected);
        QCOMPARE(gaps, leftOutTo < 0 ? QStringList()
                                     : QStringList{QStringLiteral("%1-%2").arg(leftOutFrom).arg(leftOutTo)});
    }

private:
    static Trade trade(qint64 id, Timestamp at)
    {
        return {.exchange = "coinbase_exchange"_sym,
                .symbol = "BTC-USD"_sym,
                .ts_event = at,
                .ts_recv = at,
                .trade_id = id};
    }
};

QTEST_GUILESS_MAIN(tst_CoinbaseExchangeLag)

#include "tst_coinbase_exchange_lag.moc"
