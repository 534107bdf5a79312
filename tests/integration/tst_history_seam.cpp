// SPDX-License-Identifier: Apache-2.0
#include "history_rows.h"

#include <QElapsedTimer>

using namespace tidemill::testing;

namespace {

constexpr qint64 minute = 60000;
// The market opens so that the first client comes 25 s after a full minute, ten minutes later.
constexpr qint64 opening = 1700000000000 - 1700000000000 % minute + 25000;
constexpr qint64 from = opening + 2 * minute - 12345; // within a minute

} // namespace

// The shipped pipeline that takes the past and what happens from now on into one store. Where the two meet,
// and wherever kill -9 ends a run, nothing may be missing and nothing may be there twice.
class tst_HistorySeam : public QObject
{
    Q_OBJECT

private slots:
    void hasNoHoleWherePastAndPresentMeet()
    {
        QVERIFY(m_exchange.begin({"--generate", "31", "--symbols", historySymbol, "--rate", "50", "--warmup",
                                  "10m", "--epoch", QString::number(opening)}));
        // So that the past is not had before the present begins.
        QVERIFY(m_exchange.inject(QStringLiteral("slow:1s:5m:/api/v3/aggTrades")));

        // In the middle of the past, while the present is stored already.
        {
            HostProgram host(m_folder.path());
            QVERIFY2(begin(host), host.output().constData());
            QTRY_VERIFY_WITH_TIMEOUT(
                storedTrades("source = 'backfill'") >= 1500 && storedTrades("source = 'live'") >= 10, 60000);
            host.signal(SIGKILL);
            QVERIFY(host.waitForEnd());
        }
        const Rows first = trades();
        QVERIFY(!first.isEmpty());
        QVERIFY(first.size() < first.lastKey() - first.firstKey()); // the past has not met the present

        // While both bring the present, and over the end of a minute.
        QVERIFY(m_exchange.inject(QStringLiteral("slow:100ms:5m:/api/v3/aggTrades")));
        qint64 full = 0; // a candle ends then
        {
            HostProgram host(m_folder.path());
            QVERIFY2(begin(host), host.output().constData());
            waitUntilWhole();
            if (QTest::currentTestFailed())
                return;
            full = ((exchangeTime() + 3000) / minute + 1) * minute;
            QTRY_VERIFY_WITH_TIMEOUT(exchangeTime() >= full - 3000, 90000);
            QVERIFY(host.node(QStringLiteral("live"))["records_out"].toInteger() > 0);
            host.signal(SIGKILL);
            QVERIFY(host.waitForEnd());
        }
        QTRY_VERIFY_WITH_TIMEOUT(exchangeTime() >= full, 10000);

        HostProgram host(m_folder.path());
        QVERIFY2(begin(host), host.output().constData());
        waitUntilWhole();
        if (QTest::currentTestFailed())
            return;
        QTRY_VERIFY_WITH_TIMEOUT(lastOf(candles()) >= full - minute, 60000);
        const qint64 restarted = lastOf(trades());
        QTRY_VERIFY_WITH_TIMEOUT(lastOf(trades()) > restarted + 20, 60000);
        QVERIFY2(host.endWell(), host.output().constData());

        const Rows stored = trades();
        QVERIFY(!stored.isEmpty());
        QCOMPARE(storedTrades("true"), stored.size()); // no id twice
        Rows truth = tradesOfExchange(m_exchange, from);
        truth.erase(truth.upperBound(stored.lastKey()), truth.end());
        QCOMPARE(wrongRows(truth, stored), QString());
        const Rows closed = candles();
        QVERIFY(closed.lastKey() >= full - minute);
        Rows over = candlesOfExchange(m_exchange, "1m", from);
        over.erase(over.upperBound(closed.lastKey()), over.end());
        QCOMPARE(wrongRows(over, closed), QString());
        // One at the most was not over yet.
        QVERIFY(number("SELECT count(*) FROM klines") <= closed.size() + 1);
        QCOMPARE(number("SELECT count(*) FROM sqlite_master WHERE name = 'gap'"), 0);
        QVERIFY(number("SELECT count(*) FROM trades WHERE source = 'live'") > 20);
        QCOMPARE(request(m_exchange.rest + QStringLiteral("/__stats")).json()["violations"].toArray().size(),
                 0);
    }

private:
    bool begin(HostProgram &host)
    {
        host.setEnvironment(QStringLiteral("BINANCE_WS_URL"), m_exchange.ws);
        host.setEnvironment(QStringLiteral("BINANCE_REST_URL"), m_exchange.rest);
        host.setEnvironment(QStringLiteral("BINANCE_HISTORY_URL"), m_exchange.rest);
        host.setEnvironment(QStringLiteral("FROM"), QString::number(from));
        host.setEnvironment(QStringLiteral("ARCHIVE"), QString());
        host.setEnvironment(QStringLiteral("DATABASE_URL"), QStringLiteral("sqlite:history.db"));
        return host.runFile(sourceFile(QStringLiteral("pipelines/binance-history.yaml")));
    }

    // All trades that the exchange has had until this moment are there, from the first one on.
    void waitUntilWhole()
    {
        const qint64 newest =
            historyPage(m_exchange, QStringLiteral("aggTrades?limit=1")).at(0)["a"].toInteger();
        const qint64 oldest =
            historyPage(m_exchange, QStringLiteral("aggTrades?limit=1&startTime=%1").arg(from))
                .at(0)["a"]
                .toInteger();
        QVERIFY(newest > oldest + 3000); // some pages
        const auto condition =
            QStringLiteral("trade_id BETWEEN %1 AND %2").arg(oldest).arg(newest).toLatin1();
        QTRY_VERIFY_WITH_TIMEOUT(storedTrades(condition) == newest - oldest + 1, 90000);
    }

    // By the market's clock, which goes as fast as ours.
    qint64 exchangeTime()
    {
        if (!m_clock.isValid()) {
            m_clockAt = marketTime(m_exchange);
            m_clock.start();
        }
        return m_clockAt + m_clock.elapsed();
    }

    Rows trades() const
    {
        return storedRows(m_database,
                          "SELECT trade_id, " +
                              sqlText({"trade_id", "price", "qty", "first_trade_id || '-' || last_trade_id",
                                       "(event_ts / 1000000)", "side"}) +
                              " FROM trades");
    }

    // Those that are over.
    Rows candles() const
    {
        const QByteArray open = "(open_time / 1000000)";
        return storedRows(m_database, "SELECT " + open + ", " +
                                          sqlText({open, "open_price", "high_price", "low_price",
                                                   "close_price", "volume", "quote_volume", "trade_count"}) +
                                          " FROM klines WHERE closed");
    }

    qint64 storedTrades(const QByteArray &condition) const
    {
        return number("SELECT count(*) FROM trades WHERE " + condition);
    }

    qint64 number(const QByteArray &sql) const { return storedNumber(m_database, sql); }

    QTemporaryDir m_folder;
    const QString m_database = m_folder.filePath(QStringLiteral("history.db"));
    ExchangeProgram m_exchange;
    QElapsedTimer m_clock;
    qint64 m_clockAt = 0;
};

QTEST_GUILESS_MAIN(tst_HistorySeam)

#include "tst_history_seam.moc"
